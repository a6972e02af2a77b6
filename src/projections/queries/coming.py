"""What the memberships of a plan will pay, and when; and who moves to another price from a day on.

The database counts those that pay alike on the same day; what such a group pays later is reckoned
from its next charge, by the arithmetic of months that charges follow (DU11).
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import LiteralString, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import tuple_row

from ledger.money import Money
from projections.plans import PriceLine
from projections.queries.reading import Source, in_zone

MONTHS = 12

STANDING: LiteralString = """
SELECT price_version, min(price), currency, count(*),
       count(*) FILTER (WHERE cancelled_at IS NULL AND period_end IS NOT NULL)
  FROM memberships WHERE plan_id = %(plan_id)s AND runs_until > %(now)s
 GROUP BY price_version, currency ORDER BY price_version, currency
"""
GROUPS: LiteralString = """
SELECT price_version, price, currency, unit, every,
       CASE WHEN payments IS NOT NULL THEN payments - charge_index - 1 END,
       CASE WHEN discount_every_payment THEN discount_percent END,
       CASE WHEN discount_every_payment THEN discount_amount END,
       period_end::date,
       date_part('day', joined_at)::integer,
       count(*)
  FROM memberships
 WHERE plan_id = %(plan_id)s AND runs_until > %(now)s
   AND cancelled_at IS NULL AND period_end IS NOT NULL
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""


class Standing(NamedTuple):
    """How many run at a price version; `renewing` of them will be charged again."""

    version: int
    price: int
    currency: str
    running: int
    renewing: int


class Alike(NamedTuple):
    """Memberships whose next charges are the same, from the day `due` of the site.

    `left` charges are still to come, None for as long as they stay. The cuts, in percent or minor
    units, are those that lower every payment.
    """

    version: int
    price: int
    currency: str
    unit: str
    every: int
    left: int | None
    percent: int | None
    cut: int | None
    due: date
    began_on: int
    memberships: int

    def days(self) -> Iterator[date]:
        """The days of their charges, from the next one on, up to the year 9999."""
        place = 0
        while self.left is None or place < self.left:
            found = self._day(place)
            if found is None:
                return
            yield found
            place += 1

    def first_from(self, day: date) -> date | None:
        """Their first charge on or after a day."""
        return next((found for found in self.days() if found >= day), None)

    def charged(self, price: int) -> int:
        """What a charge at a price takes from each of them."""
        amount = Money(price, self.currency)
        if self.percent is not None:
            amount = amount.percent_off(self.percent)
        if self.cut is not None:
            amount = amount.less(Money(self.cut, self.currency))
        return amount.minor

    def _day(self, place: int) -> date | None:
        steps = place * self.every
        try:
            if self.unit == "week":
                return self.due + timedelta(weeks=steps)
            months = steps * (12 if self.unit == "year" else 1)
            year, month = divmod(self.due.year * 12 + self.due.month - 1 + months, 12)
            return date(year, month + 1, min(self.began_on, monthrange(year, month + 1)[1]))
        except (OverflowError, ValueError):
            return None


class Moves(NamedTuple):
    """Members of a price version who move to another: how many, the first day and the last."""

    version: int
    memberships: int
    first: date
    last: date


class MonthOfCharges(NamedTuple):
    """Charges of one amount in a month of the site; `minor` is what each takes."""

    month: date
    minor: int
    currency: str
    charges: int

    @property
    def total(self) -> int:
        """All of them together, in minor units."""
        return self.minor * self.charges


class ComingQueries:
    """Asks what a plan's memberships will pay."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def standing(self, plan_id: UUID, now: datetime) -> list[Standing]:
        """How many run at each price version."""
        with self._source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            rows = cursor.execute(STANDING, {"plan_id": plan_id, "now": now}).fetchall()
        return [Standing(*row) for row in rows]

    def alike(self, plan_id: UUID, now: datetime, zone: ZoneInfo) -> list[Alike]:
        """Those who will be charged again, by what they pay and when."""
        asked = {"plan_id": plan_id, "now": now}
        with self._source.connection() as connection, in_zone(connection, zone):
            cursor = connection.cursor(row_factory=tuple_row)
            rows = cursor.execute(GROUPS, asked).fetchall()
        return [Alike(*row) for row in rows]


def moving(groups: Iterable[Alike], day: date, *, below: int) -> list[Moves]:
    """Who moves to a price that holds for members from a day on: those at versions below it."""
    found: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for group in groups:
        first = group.first_from(day)
        if group.version < below and first is not None:
            found[group.version].append((first, group.memberships))
    return [
        Moves(version, sum(count for _, count in some), min(some)[0], max(some)[0])
        for version, some in sorted(found.items())
    ]


def by_month(
    groups: Iterable[Alike], prices: Sequence[PriceLine], today: date, zone: ZoneInfo
) -> list[MonthOfCharges]:
    """The charges of this month and the eleven after it; one that is late counts today.

    Each at the price to which its members will have moved by then (PL4).
    """
    end = _months_after(today.replace(day=1), MONTHS)
    moves = [
        (line.version, line.effective_for_existing_from.astimezone(zone).date(), line.minor)
        for line in prices
        if line.effective_for_existing_from is not None
    ]
    found: dict[tuple[date, str, int], int] = defaultdict(int)
    for group in groups:
        charged = cache(group.charged)
        for day in _asked_for(group, today, end):
            moved = [
                minor for version, since, minor in moves if version > group.version and since <= day
            ]
            minor = charged(moved[-1] if moved else group.price)
            found[day.replace(day=1), group.currency, minor] += group.memberships
    return [
        MonthOfCharges(month, minor, currency, charges)
        for (month, currency, minor), charges in sorted(found.items())
    ]


def _asked_for(group: Alike, today: date, end: date) -> Iterator[date]:
    """The days before an end on which they are charged: of those that are over, the latest alone,
    and that today (DU10).
    """
    late = False
    for day in group.days():
        if day >= today and late:
            late = False
            yield today
        if day >= end:
            return
        if day >= today:
            yield day
        else:
            late = True
    if late:
        yield today


def _months_after(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
