-- Appending without a table lock, and how far a reader may read (the horizon).
--
-- Keys of advisory locks carry a class in their highest sixteen bits:
--   17  shared, to the end of the transaction: "a save that began after this position is not settled"
--   18  for the instant in which positions are drawn: shared for one, exclusive for a block
--   19  one stream: exclusive for who writes to it, shared for who relies on its version
--   20  the schema (upgrade.py)

create function ledger.last_position() returns bigint language sql volatile as
$$ select coalesce(pg_sequence_last_value('ledger.position'), 0) $$;

create function ledger.stream_key(stream uuid) returns bigint language sql immutable as
$$ select 19::bigint << 48 | uuid_hash_extended(stream, 0) & 281474976710655 $$;

-- Written streams exclusively, expected streams shared, in one order for everybody.
create function ledger.hold_streams(written uuid[], expected uuid[]) returns void
language plpgsql volatile as $$
declare
    held record;
begin
    for held in
        select ledger.stream_key(stream) as key, bool_or(writes) as writes
          from (select unnest(written), true union all select unnest(expected), false)
               as touched (stream, writes)
         group by 1 order by 1
    loop
        if held.writes then
            perform pg_advisory_xact_lock(held.key);
        else
            perform pg_advisory_xact_lock_shared(held.key);
        end if;
    end loop;
end $$;

-- A block of positions without a hole; the lock is let go at once, long before the flush.
create function ledger.draw_positions(size int) returns bigint language plpgsql volatile as $$
declare
    first bigint;
begin
    if size = 1 then
        perform pg_advisory_lock_shared(18::bigint << 48);
        first := nextval('ledger.position');
        perform pg_advisory_unlock_shared(18::bigint << 48);
    else
        perform pg_advisory_lock(18::bigint << 48);
        select min(nextval('ledger.position')) into first from generate_series(1, size);
        perform pg_advisory_unlock(18::bigint << 48);
    end if;
    return first;
end $$;

create function ledger.refuse_moved(streams uuid[], versions int[]) returns void
language plpgsql volatile as $$
declare
    moved uuid;
begin
    select relied.stream into moved
      from unnest(streams, versions) with ordinality as relied (stream, version, place)
     where relied.version <> coalesce(
               (select max(version) from ledger.facts where stream_id = relied.stream), 0)
     order by relied.place limit 1;
    if found then
        raise exception 'stream moved'
            using errcode = 'LG002', detail = jsonb_build_object('stream_id', moved);
    end if;
end $$;

-- One order for everybody, a key's release before its claim: savers wait for each other, never in a ring.
create function ledger.settle_claims(kinds text[], keys bytea[], owners uuid[], taking boolean[])
returns void language plpgsql volatile as $$
declare
    asked record;
    held_by uuid;
begin
    for asked in
        select * from unnest(kinds, keys, owners, taking) as asked (kind, key, owner, takes)
         order by kind, key, takes
    loop
        if not asked.takes then
            delete from ledger.claims
             where kind = asked.kind and key = asked.key and owner = asked.owner;
            continue;
        end if;
        loop
            insert into ledger.claims values (asked.kind, asked.key, asked.owner)
                on conflict do nothing;
            exit when found;
            select owner into held_by from ledger.claims
             where kind = asked.kind and key = asked.key;
            if found then
                raise exception 'claim taken' using errcode = 'LG003',
                    detail = jsonb_build_object('kind', asked.kind, 'owner', held_by);
            end if;
            -- its holder let go between the two statements: ask again
        end loop;
    end loop;
end $$;

create function ledger.carry_out_once(command uuid, first bigint, recorded_at timestamptz)
returns void language plpgsql volatile as $$
begin
    insert into ledger.commands values (command, first, recorded_at) on conflict do nothing;
    if not found then
        raise exception 'command repeated' using errcode = 'LG001', detail = jsonb_build_object(
            'position', (select position from ledger.commands where id = command));
    end if;
end $$;

-- One save, all or nothing. Answers the first of its positions, which have no hole.
-- Refusals, in the order in which they are looked for: LG001 the command was carried out before,
-- LG002 a stream that was relied on has moved, 23505 facts_stream_version, LG003 a claim is taken.
create function ledger.append(
    stream_ids uuid[], versions int[], topics text[],
    subject_ids uuid[], recorded_ats timestamptz[], states bytea[],
    command uuid, expected_ids uuid[], expected_versions int[],
    claim_kinds text[], claim_keys bytea[], claim_owners uuid[], claim_takes boolean[],
    key_subjects uuid[], key_wrapped bytea[]
) returns bigint language plpgsql volatile as $$
declare
    size int := cardinality(stream_ids);
    first bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'ledger.append needs read committed: it looks again after it has waited';
    end if;
    perform ledger.hold_streams(stream_ids, expected_ids);
    perform pg_advisory_xact_lock_shared(17::bigint << 48 | ledger.last_position());
    first := ledger.draw_positions(size);
    if command is not null then
        perform ledger.carry_out_once(command, first, recorded_ats[1]);
    end if;
    if expected_ids is not null then
        perform ledger.refuse_moved(expected_ids, expected_versions);
    end if;
    insert into ledger.facts
    select first + place - 1, stream_id, version, topic, subject_id, recorded_at, state, size - place
      from unnest(stream_ids, versions, topics, subject_ids, recorded_ats, states)
           with ordinality
           as fact (stream_id, version, topic, subject_id, recorded_at, state, place);
    if claim_kinds is not null then
        perform ledger.settle_claims(claim_kinds, claim_keys, claim_owners, claim_takes);
    end if;
    if key_subjects is not null then
        insert into vault.keys select * from unnest(key_subjects, key_wrapped);
    end if;
    return first;
end $$;

-- The same for one fact that nothing goes with but its command, at two thirds of the cost: no arrays,
-- no loops, no calls but those for locks.
create function ledger.append_one(
    stream_id uuid, version int, topic text, subject_id uuid, recorded_at timestamptz, state bytea,
    command uuid
) returns bigint language plpgsql volatile as $$
declare
    first bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'ledger.append needs read committed: it looks again after it has waited';
    end if;
    perform pg_advisory_xact_lock(ledger.stream_key(stream_id));
    perform pg_advisory_xact_lock_shared(17::bigint << 48 | ledger.last_position());
    perform pg_advisory_lock_shared(18::bigint << 48);
    first := nextval('ledger.position');
    perform pg_advisory_unlock_shared(18::bigint << 48);
    if command is not null then
        perform ledger.carry_out_once(command, first, recorded_at);
    end if;
    insert into ledger.facts
    values (first, stream_id, version, topic, subject_id, recorded_at, state, 0);
    return first;
end $$;

-- The position up to which everything is settled and visible to a statement that begins after this
-- one, cut after a whole save. It may step back for an instant: a writer can be slow between asking
-- for the last position and locking it, but will then draw a later one. So a follower keeps the last
-- position it read, never this. Advisory locks are not replicated: ask the primary.
create function ledger.horizon() returns bigint language plpgsql volatile as $$
declare
    settled bigint := ledger.last_position();
    unsettled bigint;
    cut bigint;
begin
    select min((classid::bigint & 65535) << 32 | objid::bigint) into unsettled
      from pg_locks
     where locktype = 'advisory' and objsubid = 1 and classid::bigint >> 16 = 17
       and database = (select oid from pg_database where datname = current_database());
    settled := least(settled, unsettled);
    select position into cut from ledger.facts
     where position <= settled and following = 0
     order by position desc limit 1;
    return coalesce(cut, 0);
end $$;
