"""What is due in the days to come, by day: the memberships to be charged, and what that brings.

Those that pay alike on the same day are counted by the database; what such a group pays is reckoned
once for all of it, as its charge will be.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import tuple_row

from ledger.money import Money
from projections.plans import PriceLine
from projections.queries.reading import Source, in_zone

CHARGING: LiteralString = """
SELECT 0, period_end::date, plan_id, price_version, price, currency,
       CASE WHEN discount_every_payment THEN discount_percent END,
       CASE WHEN discount_every_payment THEN discount_amount END, count(*)
  FROM memberships
 WHERE billing = 'current' AND ended_at IS NULL AND cancelled_at IS NULL
   AND period_end < %(before)s
 GROUP BY 2, 3, 4, 5, 6, 7, 8
UNION ALL
SELECT 1, retry_at::date, plan_id, price_version, price, currency,
       CASE WHEN discount_every_payment THEN discount_percent END,
       CASE WHEN discount_every_payment THEN discount_amount END, count(*)
  FROM memberships
 WHERE billing = 'past_due' AND ended_at IS NULL AND cancelled_at IS NULL AND retry_at < %(before)s
 GROUP BY 2, 3, 4, 5, 6, 7, 8
"""
PAST_DUE: LiteralString = """
SELECT memberships.member_id, members.name, membership_id, plan_name, retry_at,
       memberships.access_until, unpaid_order_id, price, currency, failures
  FROM memberships JOIN members USING (member_id)
 WHERE billing = 'past_due' AND memberships.ended_at IS NULL AND cancelled_at IS NULL
 ORDER BY retry_at, membership_id LIMIT %(limit)s OFFSET %(skip)s
"""
ACTION_REQUIRED: LiteralString = """
SELECT memberships.member_id, members.name, membership_id, plan_name, retry_at,
       memberships.access_until, unpaid_order_id, price, currency, failures
  FROM memberships JOIN members USING (member_id)
 WHERE billing = 'action_required' AND retry_at IS NULL
   AND memberships.ended_at IS NULL AND cancelled_at IS NULL
 ORDER BY memberships.access_until, membership_id LIMIT %(limit)s OFFSET %(skip)s
"""
HOW_MANY: LiteralString = """
SELECT (SELECT count(*) FROM memberships
         WHERE billing = 'past_due' AND ended_at IS NULL AND cancelled_at IS NULL),
       (SELECT count(*) FROM memberships
         WHERE billing = 'action_required' AND retry_at IS NULL
           AND ended_at IS NULL AND cancelled_at IS NULL)
"""


class DueDay(NamedTuple):
    """A day of the site: how many renewals and tries, and what they bring in minor units."""

    day: date
    currency: str
    renewals: int
    retries: int
    minor: int


class Unpaid(NamedTuple):
    """A membership whose charge failed. `retry_at` None where only the member can mend it, or
    where nothing is tried any more; `access_until` is the end of the grace.
    """

    member_id: UUID
    name: str
    membership_id: UUID
    plan_name: str
    retry_at: datetime | None
    access_until: datetime | None
    order_id: UUID | None
    price: int
    currency: str
    failures: int


class Owing(NamedTuple):
    """How many memberships are unpaid, and how."""

    past_due: int
    action_required: int


Prices = dict[UUID, tuple[PriceLine, ...]]


class AgendaQueries:
    """Asks what is due, and what was not paid."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def days(self, now: datetime, before: datetime, zone: ZoneInfo, prices: Prices) -> list[DueDay]:
        """Every day with a charge before an instant; what is late counts today.

        Each charge at the price to which its members will have moved by then (PL4).
        """
        asked, today = {"before": before}, now.astimezone(zone).date()
        found: dict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for place, day, plan_id, version, price, currency, percent, cut, count in self._rows(
            CHARGING, asked, zone
        ):
            moved = _moved(prices.get(plan_id, ()), version, day, price, zone)
            own = found[max(day, today), currency]
            own[place] += count
            own[2] += _charged(moved, currency, percent, cut) * count
        return [DueDay(*key, *sums) for key, sums in sorted(found.items())]

    def owing(self) -> Owing:
        """How many are past due, and how many wait for their member."""
        [row] = self._rows(HOW_MANY, {})
        return Owing(*row)

    def past_due(self, limit: int, *, skip: int = 0) -> list[Unpaid]:
        """Whose charge failed, in the order in which they are tried again."""
        return [Unpaid(*row) for row in self._rows(PAST_DUE, {"limit": limit, "skip": skip})]

    def action_required(self, limit: int, *, skip: int = 0) -> list[Unpaid]:
        """Who must do something themself, in the order in which their access ends."""
        asked = {"limit": limit, "skip": skip}
        return [Unpaid(*row) for row in self._rows(ACTION_REQUIRED, asked)]

    def _rows(
        self, query: LiteralString, parameters: dict[str, Any], zone: ZoneInfo | None = None
    ) -> list[tuple[Any, ...]]:
        """What a query finds; its dates are those of a zone."""
        with self._source.connection() as connection, in_zone(connection, zone):
            cursor = connection.cursor(row_factory=tuple_row)
            return cursor.execute(query, parameters).fetchall()


def _moved(
    lines: tuple[PriceLine, ...], version: int, day: date, price: int, zone: ZoneInfo
) -> int:
    """What a renewal costs on a day."""
    for line in reversed(lines):
        since = line.effective_for_existing_from
        if line.version > version and since and since.astimezone(zone).date() <= day:
            return line.minor
    return price


def _charged(price: int, currency: str, percent: int | None, cut: int | None) -> int:
    amount = Money(price, currency)
    if percent is not None:
        amount = amount.percent_off(percent)
    if cut is not None:
        amount = amount.less(Money(cut, currency))
    return amount.minor
