"""How far the views have read, and waiting until they have read one's own command."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from ledger.clock import Clock
from projections.tables import Table
from projections.view import View

MOST_COUNTED = 100_000
SHORTEST_NAP, LONGEST_NAP = 0.002, 0.02

# Of views that another version made, only their own position says how old they are.
POSITION = """
SELECT coalesce(min(position) FILTER (WHERE shape = ANY (%(shapes)s)), min(position), 0)
  FROM views.positions
"""
STATE = """
SELECT coalesce(min(position) FILTER (WHERE shape = ANY (%(shapes)s)), min(position), 0),
       coalesce(array_agg(name ORDER BY name) FILTER (WHERE shape <> ALL (%(shapes)s)), '{}'),
       (SELECT coalesce(array_agg(DISTINCT damages.name), '{}') FROM views.damages)
  FROM views.positions
"""
WAITING = """
SELECT count(*), min(recorded_at)
  FROM (SELECT recorded_at FROM ledger.facts
         WHERE position > %(position)s ORDER BY position LIMIT %(most)s) AS waiting
"""
IS_STALE = "SELECT EXISTS (SELECT FROM views.parked WHERE subject_id = %(subject_id)s)"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the views have read. Rows asked for afterwards may be newer than this, never older.

    `lag` counts the facts that wait (at most MOST_COUNTED), `age_seconds` how long the first of
    them has been waiting; both are 0 at rest.
    """

    position: int
    lag: int
    age_seconds: int
    outdated: tuple[str, ...] = ()
    """Views that another version made, and that are read as they are until they are rebuilt."""
    damaged: tuple[str, ...] = ()
    """Views in which a check found rows that are not what the books say."""


class Views:
    """All views as one: they move on together."""

    def __init__(self, pool: ConnectionPool[Any], clock: Clock, views: Sequence[View[Any]]) -> None:
        self._pool = pool
        self._clock = clock
        self._shapes = [Table(view).shape for view in views]

    def freshness(self) -> Freshness:
        """How far the views have read; to be asked before the rows."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            state = cursor.execute(STATE, {"shapes": self._shapes}).fetchone()
            position, outdated, damaged = state or (0, (), ())
            row = cursor.execute(WAITING, {"position": position, "most": MOST_COUNTED}).fetchone()
        lag, since = row or (0, None)
        age = max(0, int((self._clock.now() - since).total_seconds())) if since else 0
        return Freshness(position, lag, age, tuple(outdated), tuple(damaged))

    def wait_for(self, position: int, *, wait_seconds: float) -> Freshness:
        """Return once the views have read `position`, or when the time is up: look which."""
        deadline = time.monotonic() + wait_seconds
        nap = SHORTEST_NAP
        with self._pool.connection() as connection:
            while self._position(connection) < position and time.monotonic() < deadline:
                time.sleep(min(nap, max(0.0, deadline - time.monotonic())))
                nap = min(2 * nap, LONGEST_NAP)
        return self.freshness()

    def is_stale(self, subject_id: UUID) -> bool:
        """Whether somebody's facts are set aside, because one of them can't be folded."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            row = cursor.execute(IS_STALE, {"subject_id": subject_id}).fetchone()
        return bool(row and row[0])

    def _position(self, connection: Connection[Any]) -> int:
        cursor = connection.cursor(row_factory=tuple_row)
        row = cursor.execute(POSITION, {"shapes": self._shapes}).fetchone()
        return int(row[0]) if row else 0
