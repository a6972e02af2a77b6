-- The sandbox payment company's own books: what a real company would keep on its side. They are
-- apart from the ledger's books on purpose, and written in transactions of their own.

create schema sandbox;

-- One sheet holds all the state of one customer, setup or payment, refunds included.
create table sandbox.sheets (
    key         uuid        not null primary key,
    state       jsonb       not null,
    -- The first and the last instant at which it moves money, if it does; the last may be to come.
    moved_from  timestamptz,
    moved_until timestamptz,
    version     int         not null
);

create index sheets_moved on sandbox.sheets (moved_until, moved_from)
    where moved_until is not null;

-- A refund's key, unique over all payments: the same refund can't be made twice.
create table sandbox.claims (
    key       uuid not null primary key,
    sheet_key uuid not null references sandbox.sheets (key)
);
