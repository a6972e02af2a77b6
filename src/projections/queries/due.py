"""What waits to be done: charges, lapses, and orders whose outcome nobody knows yet.

Each question is answered by an index that holds what is asked for and nothing else. Who asks does
what is found through the books, which check again: a row may be a moment old.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import tuple_row

from projections.queries.reading import Source

# What has an order whose outcome is not known is taken up with that order, not charged again.
CHARGES = """
(SELECT period_end AS due_at, member_id, membership_id FROM memberships
  WHERE billing = 'current' AND ended_at IS NULL AND cancelled_at IS NULL AND period_end <= %(now)s
    AND NOT EXISTS (SELECT FROM orders WHERE orders.membership_id = memberships.membership_id
                       AND charge_index > memberships.charge_index AND undecided_since IS NOT NULL)
  ORDER BY period_end, membership_id LIMIT %(limit)s::bigint + %(skip)s)
UNION ALL
(SELECT retry_at, member_id, membership_id FROM memberships
  WHERE billing = 'past_due' AND ended_at IS NULL AND cancelled_at IS NULL AND retry_at <= %(now)s
    AND NOT EXISTS (SELECT FROM orders WHERE orders.membership_id = memberships.membership_id
                       AND charge_index > memberships.charge_index AND undecided_since IS NOT NULL)
  ORDER BY retry_at, membership_id LIMIT %(limit)s::bigint + %(skip)s)
ORDER BY due_at, membership_id LIMIT %(limit)s OFFSET %(skip)s
"""
EARLY = """
SELECT period_end, member_id, membership_id FROM memberships JOIN members USING (member_id)
 WHERE billing = 'current' AND memberships.ended_at IS NULL AND cancelled_at IS NULL
   AND period_end > %(now)s AND period_end <= %(begins)s AND method_country = ANY (%(countries)s)
   AND NOT EXISTS (SELECT FROM orders WHERE orders.membership_id = memberships.membership_id
                      AND charge_index > memberships.charge_index AND undecided_since IS NOT NULL)
 ORDER BY period_end, membership_id LIMIT %(limit)s OFFSET %(skip)s
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
LATELY_REFUNDED = """
SELECT order_id FROM movements WHERE kind = 'refund' AND occurred_at >= %(since)s
 GROUP BY order_id ORDER BY min(position), order_id LIMIT %(limit)s OFFSET %(skip)s
"""
# The order that bought the period is the cause of the reminder that it ends.
REMINDERS = """
SELECT period_end, member_id, membership_id FROM memberships
 WHERE billing = 'current' AND ended_at IS NULL AND cancelled_at IS NULL
   AND period_end > %(now)s AND period_end <= %(until)s
   AND (unit = 'year' OR (unit = 'month' AND every >= 6) OR (unit = 'week' AND every >= 26)
        OR (began_free AND charge_index = 0))
   AND NOT EXISTS (SELECT FROM notices WHERE notices.member_id = memberships.member_id
                      AND because_of = memberships.order_id::text || '/1'
                      AND kind = 'renewal_reminder')
 ORDER BY period_end, membership_id LIMIT %(limit)s OFFSET %(skip)s
"""
PRICE_MOVES = """
SELECT period_end, member_id, membership_id FROM memberships
 WHERE plan_id = %(plan_id)s AND price_version < %(version)s
   AND billing = 'current' AND ended_at IS NULL AND cancelled_at IS NULL
   AND period_end > %(now)s AND period_end >= %(effective)s AND period_end <= %(until)s
   AND NOT EXISTS (SELECT FROM notices WHERE notices.member_id = memberships.member_id
                      AND because_of = %(because_of)s AND kind = 'price_change')
 ORDER BY period_end, membership_id LIMIT %(limit)s OFFSET %(skip)s
"""
# A renewal whose order does not follow the one before leaves out what lies between (DU10). Most do,
# which indexes alone tell; a first renewal follows the order by which its member joined.
MISSED = """
WITH leaping AS MATERIALIZED (
  SELECT order_id FROM orders AS later
   WHERE charge = 'renewal' AND charge_index > 1 AND placed_at >= %(since)s
     AND NOT EXISTS (SELECT FROM orders AS preceding
                      WHERE preceding.membership_id = later.membership_id
                        AND preceding.charge_index = later.charge_index - 1))
SELECT orders.member_id, orders.membership_id, orders.plan_id, orders.plan_name, orders.order_id,
       before.period_end, orders.period_start, orders.charge_index - before.charge_index - 1,
       orders.list_price, orders.currency, orders.placed_at
  FROM leaping JOIN orders USING (order_id)
  JOIN LATERAL (SELECT charge_index, period_end FROM orders AS earlier
                 WHERE earlier.membership_id = orders.membership_id
                   AND earlier.charge_index < orders.charge_index
                 ORDER BY charge_index DESC LIMIT 1) AS before ON true
 ORDER BY orders.placed_at DESC, orders.order_id LIMIT %(limit)s OFFSET %(skip)s
"""


class DueMembership(NamedTuple):
    """A membership to be charged, or to lapse."""

    member_id: UUID
    membership_id: UUID


class PriceMove(NamedTuple):
    """A price version to which existing members of a plan move from an instant on (PL4).

    `because_of` is the fact that set it.
    """

    plan_id: UUID
    version: int
    effective: datetime
    because_of: str


class MissedPeriods(NamedTuple):
    """Periods of a membership that nobody charged, for staff to decide (DU10).

    `periods` of them, from `missed_from` up to `missed_until`, at `list_price` minor units each;
    `order_id` is the charge that was made instead, for the latest.
    """

    member_id: UUID
    membership_id: UUID
    plan_id: UUID
    plan_name: str
    order_id: UUID
    missed_from: datetime
    missed_until: datetime
    periods: int
    list_price: int
    currency: str
    charged_at: datetime


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

    def early_charges(
        self, now: datetime, ahead: timedelta, countries: Collection[str], limit: int, skip: int = 0
    ) -> list[DueMembership]:
        """Due within a while, and paid with a card from a country whose banks need it (DU4)."""
        asked = {"now": now, "begins": now + ahead, "countries": sorted(countries)}
        rows = self._asked(EARLY, {**asked, "limit": limit, "skip": skip})
        return [DueMembership(*ids) for _, *ids in rows]

    def lately_refunded(self, since: datetime, limit: int, *, skip: int = 0) -> list[UUID]:
        """Orders with a refund that was made since an instant, and may still come back (OR2)."""
        rows = self._asked(LATELY_REFUNDED, {"since": since, "limit": limit, "skip": skip})
        return [order_id for (order_id,) in rows]

    def reminders(
        self, now: datetime, until: datetime, limit: int, *, skip: int = 0
    ) -> list[DueMembership]:
        """Who renews by an instant, is to be told before (DU8), and was not told yet."""
        rows = self._asked(REMINDERS, {"now": now, "until": until, "limit": limit, "skip": skip})
        return [DueMembership(*ids) for _, *ids in rows]

    def price_moves(
        self, move: PriceMove, now: datetime, until: datetime, limit: int, *, skip: int = 0
    ) -> list[DueMembership]:
        """Who renews by an instant at another price (PL4), and was not told yet."""
        asked = {**move._asdict(), "now": now, "until": until}
        rows = self._asked(PRICE_MOVES, {**asked, "limit": limit, "skip": skip})
        return [DueMembership(*ids) for _, *ids in rows]

    def missed(self, since: datetime, limit: int, *, skip: int = 0) -> list[MissedPeriods]:
        """Periods that were passed over by a charge made since an instant, the last first."""
        rows = self._asked(MISSED, {"since": since, "limit": limit, "skip": skip})
        return [MissedPeriods(*row) for row in rows]

    def _asked(self, query: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        with self._source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            rows: list[tuple[Any, ...]] = cursor.execute(query.encode(), parameters).fetchall()
        return rows
