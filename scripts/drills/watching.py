"""Watching a rebuild from outside: its state, its parts, and whether it is at the swap."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import tuple_row

from ledger.store.pool import connect
from ledger.store.refusals import DatabaseUnreachable

LOOK = """
SELECT number, id::text, state, position, receipt, blocked_ms, EXISTS (
           SELECT FROM pg_locks
            WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted
              AND relation = to_regclass('views.members'))
  FROM views.rebuilds ORDER BY number DESC LIMIT 1
"""
# A row's xmin is the transaction that wrote it: written again, it has another.
DONE = """
SELECT parts.number, parts.xmin::text FROM views.rebuild_parts AS parts
  JOIN views.rebuilds ON rebuilds.id = rebuild_id WHERE done AND rebuilds.number = %(number)s
"""
LEFT_OVER = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuild\\_%%'"


class Seen(NamedTuple):
    """A rebuild at an instant. `stage` is its state, or `swapping`, or `receipt`: yet to write."""

    number: int
    id: str
    stage: str
    position: int
    blocked_ms: int


class Watch:
    """A connection of its own, made anew when the server comes back."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection[Any] | None = None

    def seen(self) -> Seen | None:
        """The last rebuild; None where there is none."""
        rows = self._asked(LOOK, {})
        if not rows:
            return None
        [(number, rebuild_id, state, position, receipt, blocked_ms, is_locked)] = rows
        stage = "swapping" if state == "verifying" and is_locked else state
        if state == "live" and receipt is None:
            stage = "receipt"
        return Seen(number, rebuild_id, stage, position, blocked_ms)

    def done(self, number: int) -> dict[int, str]:
        """The parts of a rebuild that are done, and which transaction said so."""
        return dict(self._asked(DONE, {"number": number}))

    def left_over(self) -> list[str]:
        """Schemas of rebuilds."""
        return [name for (name,) in self._asked(LEFT_OVER, {})]

    def close(self) -> None:
        """Let go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _asked(self, query: str, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
        until = time.monotonic() + 60
        while True:
            try:
                if self._connection is None:
                    self._connection = connect(self._dsn)
                cursor = self._connection.cursor(row_factory=tuple_row)
                return cursor.execute(query.encode(), parameters).fetchall()
            except (psycopg.OperationalError, DatabaseUnreachable):
                self.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
