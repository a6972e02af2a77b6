-- What the schedule remembers of its jobs, and how far ahead a test site's clock was moved. No row
-- tells of a person: outcomes are counted by their names, an error is a code.

CREATE TABLE web.jobs (
    name         text COLLATE "C" PRIMARY KEY,
    slot         timestamptz NOT NULL,
    holder       uuid NOT NULL,
    began_at     timestamptz NOT NULL,
    ended_at     timestamptz,
    milliseconds bigint NOT NULL DEFAULT 0,
    runs         bigint NOT NULL DEFAULT 0,
    failures     bigint NOT NULL DEFAULT 0,
    outcomes     jsonb NOT NULL DEFAULT '{}',
    total        jsonb NOT NULL DEFAULT '{}',
    error        text COLLATE "C",
    error_at     timestamptz,
    mark         bigint NOT NULL DEFAULT 0
);

CREATE TABLE web.clock (
    one                boolean PRIMARY KEY DEFAULT true CHECK (one),
    ahead_microseconds bigint NOT NULL DEFAULT 0 CHECK (ahead_microseconds >= 0),
    began_at           timestamptz,
    target             timestamptz,
    span               text COLLATE "C"
);
INSERT INTO web.clock DEFAULT VALUES;
