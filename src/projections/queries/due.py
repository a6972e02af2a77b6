"""What waits to be done: charges, lapses, and orders whose outcome nobody knows yet.

Each question is answered by an index that holds what is asked for and nothing else. Who asks does
what is found through the books, which check again: a row may be a moment old.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import tuple_row

from projections.queries.reading import Source

CHARGES = """
(SELECT period_end AS due_at, member_id, membership_id FROM memberships
  WHERE billing = 'current' AND ended_at IS NULL AND cancelled_at IS NULL AND period_end <= %(now)s
  ORDER BY period_end, membership_id LIMIT %(limit)s::bigint + %(skip)s)
UNION ALL
(SELECT retry_at, member_id, membership_id FROM memberships
  WHERE billing = 'past_due' AND ended_at IS NULL AND cancelled_at IS NULL AND retry_at <= %(now)s
  ORDER BY retry_at, membership_id LIMIT %(limit)s::bigint + %(skip)s)
ORDER BY due_at, membership_id LIMIT %(limit)s OFFSET %(skip)s
"""
LAPSES = """
SELECT access_until, member_id, membership_id FROM memberships
 WHERE billing IN ('past_due', 'action_required') AND retry_at IS NULL
   AND ended_at IS NULL AND cancelled_at IS NULL AND access_until <= %(now)s
 ORDER BY access_until, membership_id LIMIT %(limit)s OFFSET %(skip)s
"""
UNDECIDED = """
SELECT order_id FROM orders WHERE undecided_since IS NOT NULL
 ORDER BY undecided_since, order_id LIMIT %(limit)s OFFSET %(skip)s
"""


class DueMembership(NamedTuple):
    """A membership to be charged, or to lapse."""

    member_id: UUID
    membership_id: UUID


class DueQueries:
    """Asks what is due, what has waited longest first.

    `skip` passes over as many: those that were tried just now and are as they were.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def charges(self, now: datetime, limit: int, *, skip: int = 0) -> list[DueMembership]:
        """Whose period is over, or whose failed charge is to be tried again by now."""
        rows = self._asked(CHARGES, {"now": now, "limit": limit, "skip": skip})
        return [DueMembership(*ids) for _, *ids in rows]

    def lapses(self, now: datetime, limit: int, *, skip: int = 0) -> list[DueMembership]:
        """Unpaid with no retry to come, and the grace is over (DU1)."""
        rows = self._asked(LAPSES, {"now": now, "limit": limit, "skip": skip})
        return [DueMembership(*ids) for _, *ids in rows]

    def undecided(self, limit: int, *, skip: int = 0) -> list[UUID]:
        """Orders with an attempt or a refund of which nobody knows yet what came of it."""
        rows = self._asked(UNDECIDED, {"limit": limit, "skip": skip})
        return [order_id for (order_id,) in rows]

    def _asked(self, query: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        with self._source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            rows: list[tuple[Any, ...]] = cursor.execute(query.encode(), parameters).fetchall()
        return rows
