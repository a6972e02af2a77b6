-- The vault: what opens it, and that a destroyed key stays destroyed.
--
-- vault.keys holds one row a person. An empty `wrapped` is a tombstone: this person's key was
-- destroyed, and no other will ever be made.

-- One row: random bytes, wrapped by the master key. Opening it proves the master key; the secrets
-- that are not a person's come from it, so that replacing the master key leaves them as they are.
create table vault.master (
    only_row boolean not null primary key default true check (only_row),
    root     bytea   not null
);

-- The first nine bytes of whatever is wrapped name the format and the master key. A process that
-- still holds a replaced master key must not add rows that nobody could open.
create function vault.guard_key() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'a key leaves a tombstone' using errcode = 'restrict_violation';
    end if;
    if new.wrapped = '' then
        return new;
    end if;
    if tg_op = 'UPDATE' and old.wrapped = '' then
        raise exception 'a destroyed key stays destroyed' using errcode = 'restrict_violation';
    end if;
    if exists (select from vault.master
                where substring(root for 9) <> substring(new.wrapped for 9)) then
        raise exception 'wrapped by a master key that was replaced'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return new;
end $$;

create trigger keys_guard before insert or update or delete on vault.keys
    for each row execute function vault.guard_key();
