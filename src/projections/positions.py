"""How far each view has read, and by which version it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from ledger.errors import LedgerError
from projections.tables import Table

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


SPOIL = """
UPDATE views.positions SET shape = %(incomplete)s
 WHERE name <> ALL (%(names)s) AND position >= %(since)s
"""
INCOMPLETE = ""
"""The shape of rows that lack a fact which was taken in since: to be folded anew by any program."""


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


def standings(connection: Connection[Any]) -> list[Standing]:
    """Where every view that was ever built stands."""
    cursor = connection.cursor(row_factory=tuple_row)
    return [Standing(*row) for row in cursor.execute(ALL)]


def hold(connection: Connection[Any], names: Iterable[str]) -> dict[str, Standing]:
    """Where some views stand, and let nobody move them before the transaction ends."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(HOLD, {"names": list(names)})
    return {row[0]: Standing(*row) for row in rows}


def hold_own(connection: Connection[Any], shapes: Mapping[str, str]) -> None:
    """Let nobody move or swap these views before the transaction ends.

    Raises ViewsTaken if one was made otherwise.
    """
    held = hold(connection, shapes)
    if {name: one.shape for name, one in held.items()} != shapes:
        raise ViewsTaken


def spoil_others(connection: Connection[Any], names: Iterable[str], since: int) -> None:
    """Facts from a position on were taken in by these views alone: others that are past it, and
    whose time for them has gone, are incomplete.
    """
    asked = {"names": list(names), "since": since, "incomplete": INCOMPLETE}
    connection.execute(SPOIL, asked)


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
