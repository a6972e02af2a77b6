"""From an instant to a position: what the ledger knew then (AU3).

Recorded times go back and forth, for clocks of processes differ. What was known at an instant is
the log up to the last save before the first fact recorded after it. That is a function of the log
alone; marks are only an index for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from ledger.store.recorder import LAST
from projections.instants import NEVER

EVERY = 1_000
"""About how many positions lie between two marks: what an answer looks through."""

CHUNK = 50_000
"""Facts that are read for one statement's marks."""

LAY_OUT = """
CREATE TABLE IF NOT EXISTS views.marks (
    position bigint NOT NULL PRIMARY KEY,
    at       timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS marks_at ON views.marks (at, position)
"""
LAST_MARK = "SELECT position, at FROM views.marks ORDER BY position DESC LIMIT 1"
LAST_BY = """
SELECT position, at FROM views.marks WHERE at <= %(instant)s
 ORDER BY at DESC, position DESC LIMIT 1
"""
FIRST_AFTER = """
SELECT position, at FROM views.marks WHERE at > %(instant)s ORDER BY at, position LIMIT 1
"""
# Only where a save ends: nothing is ever known by half.
MARK = """
WITH next AS (
    SELECT position, following, recorded_at FROM ledger.facts
     WHERE position > %(position)s AND position <= %(horizon)s
     ORDER BY position LIMIT %(chunk)s
), told AS (
    SELECT position, following,
           greatest(%(at)s, max(recorded_at) OVER (ORDER BY position)) AS at
      FROM next
)
INSERT INTO views.marks (position, at)
SELECT DISTINCT ON (position / %(every)s) position, at FROM told WHERE following = 0
 ORDER BY position / %(every)s, position DESC
ON CONFLICT (position) DO NOTHING
"""
KNOWN = """
WITH told AS (
    SELECT position, following, max(recorded_at) OVER (ORDER BY position) AS at
      FROM ledger.facts WHERE position > %(position)s AND position <= %(upto)s
)
SELECT max(position) FROM told WHERE following = 0 AND at <= %(instant)s
"""


class Mark(NamedTuple):
    """The end of a save, and the latest time at which anything up to it was recorded."""

    position: int
    at: datetime


BEGINNING = Mark(0, NEVER)


def lay_out(connection: Connection[Any]) -> None:
    """Make the table, within the schema `views`."""
    connection.execute(LAY_OUT)


def extend(connection: Connection[Any], horizon: int) -> None:
    """Mark what was settled since the last mark. Any number may do it at once."""
    last = _one(connection, LAST_MARK, {}) or BEGINNING
    while last.position + EVERY <= horizon:
        asked = {**last._asdict(), "horizon": horizon, "chunk": CHUNK, "every": EVERY}
        connection.execute(MARK, asked)
        before, last = last, _one(connection, LAST_MARK, {}) or BEGINNING
        if last.position <= before.position:
            return


def known_position(connection: Connection[Any], instant: datetime, horizon: int) -> int:
    """The last position that the ledger knew at an instant; 0 if it knew nothing yet.

    For the last seconds the answer may still grow: a save that is under way was perhaps recorded
    before them. As soon as a later fact is settled, it is the same for ever.
    """
    extend(connection, horizon)
    before = _one(connection, LAST_BY, {"instant": instant}) or BEGINNING
    after = _one(connection, FIRST_AFTER, {"instant": instant})
    upto = min(horizon, after.position if after else LAST)
    asked = {"position": before.position, "upto": upto, "instant": instant}
    row = connection.cursor(row_factory=tuple_row).execute(KNOWN, asked).fetchone()
    return int(row[0]) if row and row[0] is not None else before.position


def _one(
    connection: Connection[Any], query: LiteralString, parameters: Mapping[str, object]
) -> Mark | None:
    row = connection.cursor(row_factory=tuple_row).execute(query, parameters).fetchone()
    return Mark(*row) if row else None
