-- The books: facts, and what must be unique beside them. Forward only: later changes are later files.

create schema if not exists ledger;
create schema vault;

-- CACHE 1: a session that kept numbers in hand would hand out old ones behind a reader's back.
create sequence ledger.position as bigint cache 1;

create table ledger.facts (
    position    bigint      not null primary key,
    stream_id   uuid        not null,
    version     int         not null,
    topic       text        collate "C" not null,
    subject_id  uuid,
    recorded_at timestamptz not null,
    state       bytea       not null,
    -- How many facts of the same save come after this one: 0 is a place to cut.
    following   int         not null default 0 check (following >= 0),
    constraint facts_stream_version unique (stream_id, version)
);

create index facts_subject_position on ledger.facts (subject_id, position);

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'nothing recorded is ever changed or removed'
        using errcode = 'restrict_violation';
end $$;

create trigger facts_stay before update or delete or truncate on ledger.facts
    for each statement execute function ledger.refuse_change();

-- What may exist once: the key says what (a keyed hash where it is personal), the owner says whose.
create table ledger.claims (
    kind  text  collate "C" not null,
    key   bytea not null,
    owner uuid  not null,
    primary key (kind, key)
);

create index claims_owner on ledger.claims (owner);

-- Commands that were carried out, so that one sent again answers as the first time.
create table ledger.commands (
    id          uuid        not null primary key,
    position    bigint      not null,
    recorded_at timestamptz not null
);

-- A person's key, wrapped by the master key. Destroying the row erases the person.
create table vault.keys (
    subject_id uuid  not null primary key,
    wrapped    bytea not null
);
