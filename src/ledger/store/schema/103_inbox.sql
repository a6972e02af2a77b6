-- What the payment company told us, as it came: evidence, and work that is left. None of it is a
-- fact: facts come of the objects that are fetched. Bodies are sealed, and forgotten after a while,
-- for they name people; their digests stay. Every instant comes from the application's clock.

create schema inbox;

create table inbox.notices (
    number      bigint      generated always as identity primary key,
    account     text        collate "C" not null,
    notice_id   text        collate "C" not null,
    mode        text        collate "C" not null check (mode in ('test', 'live')),
    kind        text        collate "C" not null,
    object_id   text        collate "C" not null,
    made_at     timestamptz not null,
    received_at timestamptz not null,
    -- Posted to us, or found when we asked what we had missed.
    came        text        collate "C" not null check (came in ('posted', 'fetched')),
    headers     jsonb       not null,
    digest      bytea       not null,
    sealed      bytea,
    state       text        collate "C" not null
                check (state in ('received', 'retrying', 'processed', 'ignored_foreign', 'dead')),
    -- When it was first worked on, or again because somebody asked: patience counts from here.
    tried_from  timestamptz not null,
    tries       int         not null default 0,
    next_at     timestamptz not null,
    -- Until when whoever works on it may take; nobody else works on the same object meanwhile.
    held_until  timestamptz,
    why         text        collate "C",
    done_at     timestamptz,
    unique (account, notice_id)
);

create index notices_waiting on inbox.notices (next_at, number)
    where state in ('received', 'retrying');
create index notices_held on inbox.notices (object_id) where held_until is not null;
create index notices_dead on inbox.notices (number) where state = 'dead';
create index notices_done on inbox.notices (done_at) where sealed is not null;

-- Up to when everything that the company tells is here.
create table inbox.progress (
    account      text        collate "C" primary key,
    caught_up_at timestamptz not null
);
