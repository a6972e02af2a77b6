"""What stands beside the views' own tables: made once, and before anything reads them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection, errors
from psycopg.rows import tuple_row

from projections.positions import put_all, standings
from projections.tables import Table

LAYOUT_LOCK = 21 << 48
"""Advisory lock of who makes the tables; classes 17 to 20 are the store's."""

LOCK = "SELECT pg_advisory_xact_lock(%(key)s)"
LAY_OUT = """
CREATE SCHEMA IF NOT EXISTS views;
CREATE TABLE IF NOT EXISTS views.positions (
    name       text COLLATE "C" NOT NULL PRIMARY KEY,
    version    integer NOT NULL,
    shape      text COLLATE "C" NOT NULL,
    position   bigint NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);
ALTER TABLE views.positions ADD COLUMN IF NOT EXISTS parameters text[] NOT NULL DEFAULT '{}';
CREATE TABLE IF NOT EXISTS views.parked (
    position   bigint NOT NULL PRIMARY KEY,
    subject_id uuid NOT NULL,
    topic      text COLLATE "C" NOT NULL,
    why        text COLLATE "C" NOT NULL,
    parked_at  timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS views.asked_again (subject_id uuid NOT NULL PRIMARY KEY);
CREATE INDEX IF NOT EXISTS parked_subject ON views.parked (subject_id, position);
CREATE TABLE IF NOT EXISTS views.rebuilds (
    id          uuid NOT NULL PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    state       text COLLATE "C" NOT NULL,
    names       text[] NOT NULL,
    shapes      text[] NOT NULL,
    versions    integer[] NOT NULL,
    workers     integer NOT NULL,
    replaces_damaged boolean NOT NULL,
    target      bigint NOT NULL,
    position    bigint NOT NULL,
    facts       bigint NOT NULL,
    aside       bigint[] NOT NULL,
    cancelled   boolean NOT NULL DEFAULT false,
    why         text,
    mismatches  jsonb NOT NULL DEFAULT '[]',
    replaced    jsonb NOT NULL DEFAULT '[]',
    folding_ms  bigint NOT NULL DEFAULT 0,
    blocked_ms  bigint NOT NULL DEFAULT 0,
    receipt     bigint,
    planned_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);
ALTER TABLE views.rebuilds ADD COLUMN IF NOT EXISTS manner text COLLATE "C" NOT NULL DEFAULT '';
CREATE UNIQUE INDEX IF NOT EXISTS rebuilds_one_at_a_time ON views.rebuilds ((true))
    WHERE state IN ('planned', 'building', 'catching_up', 'verifying');
CREATE TABLE IF NOT EXISTS views.rebuild_parts (
    rebuild_id   uuid NOT NULL REFERENCES views.rebuilds ON DELETE CASCADE,
    number       integer NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    lower        uuid,
    upper        uuid,
    done         boolean NOT NULL DEFAULT false,
    facts        bigint NOT NULL DEFAULT 0,
    milliseconds bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (rebuild_id, number)
);
CREATE TABLE IF NOT EXISTS views.rebuild_digests (
    rebuild_id uuid NOT NULL REFERENCES views.rebuilds ON DELETE CASCADE,
    part       integer NOT NULL,
    name       text COLLATE "C" NOT NULL,
    bucket     integer NOT NULL,
    rows       bigint NOT NULL,
    hash       numeric NOT NULL,
    PRIMARY KEY (rebuild_id, part, name, bucket)
);
CREATE TABLE IF NOT EXISTS views.damages (
    name     text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    what     jsonb NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (name, key)
);
CREATE TABLE IF NOT EXISTS views.checks (
    only_row   boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    last       uuid NOT NULL,
    people     bigint NOT NULL,
    rounds     bigint NOT NULL,
    checked_at timestamptz NOT NULL
);
"""
SEARCH_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public"
SMALL = 20_000
"""So many facts are followed in a moment: new books' views need no rebuild."""
ARE_SMALL = """
SELECT count(*) <= %(small)s
  FROM (SELECT FROM ledger.facts LIMIT %(small)s + 1) AS counted
"""
FORGET = "DELETE FROM views.positions WHERE name = %(name)s"
LAYOUT = "layout 2"
"""Marks the schema once all this is made; another one where LAY_OUT is changed."""
IS_LAID_OUT = """
SELECT obj_description(to_regnamespace('views'), 'pg_namespace') IS NOT DISTINCT FROM %(layout)s
"""
MARK = "COMMENT ON SCHEMA views IS 'layout 2'"


def lay_out(connection: Connection[Any], tables: Iterable[Table], now: datetime) -> None:
    """Make the schema, and for new books every view's table; many processes may ask at once.

    Elsewhere a view that was never built gets no table: it answers nothing, rather than little,
    until a rebuild has put it in place.
    """
    with connection.transaction():
        connection.execute(LOCK, {"key": LAYOUT_LOCK})
        if not _is(connection, IS_LAID_OUT, {"layout": LAYOUT}):
            connection.execute(LAY_OUT)
            _have_extension(connection)
            connection.execute(MARK)
        known = {standing.name for standing in standings(connection)}
        is_new = not known and _is(connection, ARE_SMALL, {"small": SMALL})
        for table in tables:
            if is_new:
                table.create(connection, indexed=True)
                put_all(connection, [table], position=0, now=now)
            elif not table.exists(connection):
                connection.execute(FORGET, {"name": table.view.name})


def _is(connection: Connection[Any], question: LiteralString, asked: dict[str, object]) -> bool:
    row = connection.cursor(row_factory=tuple_row).execute(question, asked).fetchone()
    return bool(row and row[0])


def _have_extension(connection: Connection[Any]) -> None:
    """Search by an index where the server lets us; without one it looks through the list."""
    try:
        with connection.transaction():
            connection.execute(SEARCH_EXTENSION)
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile):
        return
