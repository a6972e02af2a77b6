"""The session locks by which one process leads, and goes on leading until it is gone."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

FOLLOWER = 22 << 48
"""The one who follows the books with every view."""
COORDINATOR = 23 << 48
"""The one who carries out a rebuild. Classes 17 to 20 are the store's, 21 is that of the layout."""

SCHEDULE = 24 << 48
"""The one who runs the schedule's jobs."""

ACTS = 33 << 48
"""Whoever is at work on an act on many members, by the last 48 bits of its id."""

TRY = "SELECT pg_try_advisory_lock(%(key)s)"
IS_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
     WHERE datname = current_database() AND locktype = 'advisory' AND granted AND objsubid = 1
       AND classid::bigint << 32 | objid::bigint = %(key)s::bigint)
"""


def is_held(connection: Connection[Any], key: int) -> bool:
    """Whether a session of this database holds the advisory lock of a key."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(IS_HELD, {"key": key}).fetchone()
    return bool(row and row[0])


def leads(connection: Connection[Any], key: int) -> bool:
    """Whether this session holds the lock of a key, from now on if nobody did."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(TRY, {"key": key}).fetchone()
    return bool(row and row[0])
