"""How far each view has read, and by which version it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection, errors
from psycopg.rows import tuple_row

from ledger.errors import LedgerError
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
ALL = """
SELECT name, version, shape, position, updated_at, parameters FROM views.positions ORDER BY name
"""
PUT = """
INSERT INTO views.positions (name, version, shape, parameters, position, updated_at)
VALUES (%(name)s, %(version)s, %(shape)s, %(parameters)s, %(position)s, %(now)s)
ON CONFLICT (name) DO UPDATE
   SET version = excluded.version, shape = excluded.shape, parameters = excluded.parameters,
       position = excluded.position, updated_at = excluded.updated_at
"""
FORGET = "DELETE FROM views.positions WHERE name = %(name)s"
MOVE = """
UPDATE views.positions SET position = %(position)s, updated_at = %(now)s
  FROM unnest(%(names)s::text[], %(shapes)s::text[]) AS own (name, shape)
 WHERE positions.name = own.name AND positions.shape = own.shape
   AND positions.position = %(before)s
"""
HOLD = """
SELECT name, version, shape, position, updated_at, parameters FROM views.positions
 WHERE name = ANY (%(names)s) ORDER BY name FOR UPDATE
"""


class Standing(NamedTuple):
    """A view's version and the last fact it has read."""

    name: str
    version: int
    shape: str
    position: int
    updated_at: datetime
    parameters: list[str]


class ViewsTaken(LedgerError):
    """Another process has moved these views on, or made them by another version."""

    code = "views_taken"


class ViewNewer(LedgerError):
    """{view} stands at version {found}, and this program knows {known}: start the newer one."""

    code = "view_newer"


def lay_out(connection: Connection[Any], tables: Iterable[Table], now: datetime) -> None:
    """Make the schema, and for new books every view's table; many processes may ask at once.

    Elsewhere a view that was never built gets no table: it answers nothing, rather than little,
    until a rebuild has put it in place.
    """
    with connection.transaction():
        connection.execute(LOCK, {"key": LAYOUT_LOCK})
        connection.execute(LAY_OUT)
        _have_extension(connection)
        known = {standing.name for standing in standings(connection)}
        is_new = not known and _are_small(connection)
        for table in tables:
            if is_new:
                table.create(connection, indexed=True)
                put_all(connection, [table], position=0, now=now)
            elif not table.exists(connection):
                connection.execute(FORGET, {"name": table.view.name})


def standings(connection: Connection[Any]) -> list[Standing]:
    """Where every view that was ever built stands."""
    cursor = connection.cursor(row_factory=tuple_row)
    return [Standing(*row) for row in cursor.execute(ALL)]


def hold(connection: Connection[Any], names: Iterable[str]) -> dict[str, Standing]:
    """Where some views stand, and let nobody move them before the transaction ends."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(HOLD, {"names": list(names)})
    return {row[0]: Standing(*row) for row in rows}


def current(tables: Iterable[Table], found: Iterable[Standing]) -> list[Table]:
    """The tables that were made by this program's version of their view.

    Raises ViewNewer where one was made by a later version.
    """
    by_name = {standing.name: standing for standing in found}
    return [table for table in tables if _is_current(table, by_name)]


def _is_current(table: Table, found: Mapping[str, Standing]) -> bool:
    standing = found.get(table.view.name)
    if standing is None:
        return False
    if standing.version > table.view.version:
        raise ViewNewer(view=standing.name, found=standing.version, known=table.view.version)
    return standing.shape == table.shape


def put_all(
    connection: Connection[Any], tables: Iterable[Table], *, position: int, now: datetime
) -> None:
    """Write down that tables were made by the present version and hold all up to a position."""
    connection.cursor().executemany(
        PUT,
        [
            {
                "name": table.view.name,
                "version": table.view.version,
                "shape": table.shape,
                "parameters": list(table.view.parameters),
                "position": position,
                "now": now,
            }
            for table in tables
        ],
    )


def move(
    connection: Connection[Any],
    shapes: dict[str, str],
    *,
    before: int,
    position: int,
    now: datetime,
) -> None:
    """Move views on together. Raises ViewsTaken if one is not where and what it should be."""
    moved = connection.execute(
        MOVE,
        {
            "names": list(shapes),
            "shapes": list(shapes.values()),
            "before": before,
            "position": position,
            "now": now,
        },
    ).rowcount
    if moved != len(shapes):
        raise ViewsTaken


def _are_small(connection: Connection[Any]) -> bool:
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(ARE_SMALL, {"small": SMALL}).fetchone()
    return bool(row and row[0])


def _have_extension(connection: Connection[Any]) -> None:
    """Search by an index where the server lets us; without one it looks through the list."""
    try:
        with connection.transaction():
            connection.execute(SEARCH_EXTENSION)
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile):
        return
