"""How far each view has read, and by which version it was made."""

from __future__ import annotations

from collections.abc import Iterable
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
CREATE TABLE IF NOT EXISTS views.parked (
    position   bigint NOT NULL PRIMARY KEY,
    subject_id uuid NOT NULL,
    topic      text COLLATE "C" NOT NULL,
    why        text COLLATE "C" NOT NULL,
    parked_at  timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS views.asked_again (subject_id uuid NOT NULL PRIMARY KEY);
CREATE INDEX IF NOT EXISTS parked_subject ON views.parked (subject_id, position);
"""
SEARCH_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public"
ALL = "SELECT name, version, shape, position, updated_at FROM views.positions ORDER BY name"
PUT = """
INSERT INTO views.positions (name, version, shape, position, updated_at)
VALUES (%(name)s, %(version)s, %(shape)s, %(position)s, %(now)s)
ON CONFLICT (name) DO UPDATE
   SET version = excluded.version, shape = excluded.shape,
       position = excluded.position, updated_at = excluded.updated_at
"""
MOVE = """
UPDATE views.positions SET position = %(position)s, updated_at = %(now)s
  FROM unnest(%(names)s::text[], %(shapes)s::text[]) AS own (name, shape)
 WHERE positions.name = own.name AND positions.shape = own.shape
   AND positions.position = %(before)s
"""


class Standing(NamedTuple):
    """A view's version and the last fact it has read."""

    name: str
    version: int
    shape: str
    position: int
    updated_at: datetime


class ViewsTaken(LedgerError):
    """Another process has moved these views on, or made them by another version."""

    code = "views_taken"


def lay_out(connection: Connection[Any], tables: Iterable[Table], now: datetime) -> None:
    """Make the schema and every missing table, empty; any number of processes may ask at once."""
    with connection.transaction():
        connection.execute(LOCK, {"key": LAYOUT_LOCK})
        connection.execute(LAY_OUT)
        _have_extension(connection)
        known = {standing.name for standing in standings(connection)}
        for table in tables:
            if table.view.name not in known or not table.exists(connection):
                table.create(connection, indexed=True)
                put(connection, table, position=0, now=now)


def standings(connection: Connection[Any]) -> list[Standing]:
    """Where every view that was ever laid out stands."""
    cursor = connection.cursor(row_factory=tuple_row)
    return [Standing(*row) for row in cursor.execute(ALL)]


def put(connection: Connection[Any], table: Table, *, position: int, now: datetime) -> None:
    """Write down that a table was made by the present version and holds all up to a position."""
    view = table.view
    connection.execute(
        PUT,
        {
            "name": view.name,
            "version": view.version,
            "shape": table.shape,
            "position": position,
            "now": now,
        },
    )


def move(
    connection: Connection[Any],
    shapes: dict[str, str],
    *,
    before: int,
    position: int,
    now: datetime,
) -> None:
    """Move all views on together. Raises ViewsTaken if one is not where and what it should be."""
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


def _have_extension(connection: Connection[Any]) -> None:
    """Search by an index where the server lets us; without one it looks through the list."""
    try:
        with connection.transaction():
            connection.execute(SEARCH_EXTENSION)
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile):
        return
