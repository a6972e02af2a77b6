"""All that the overview shows, tallied at an instant by day and by month.

One tally answers for every period, currency and plan without another look at the views.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from projections.queries.reading import Source
from projections.queries.reports.asking import asked
from projections.queries.reports.calendar import Calendar, day_of, months_between
from projections.queries.reports.every import Reports
from projections.queries.reports.membership import Stays
from projections.queries.reports.recurring import Moved, Recurring
from projections.queries.reports.revenue import RevenueFilter, RevenueLine

# Whatever a hand has left: nothing is told of the time before, or to come.
FIRST: LiteralString = """
SELECT greatest('1970-01-02Z', least(%(now)s::timestamptz,
                                     (SELECT min(occurred_at) FROM movements),
                                     (SELECT min(joined_at) FROM timelines)))
"""


@dataclass(frozen=True)
class Tally:
    """The figures of all days and months until an instant."""

    at: datetime
    months: Calendar
    days: Sequence[RevenueLine]
    """What each day brought, of every plan, in every currency and mode."""
    worth: Recurring
    changes: Moved
    presences: Sequence[Stays]

    @classmethod
    def of(cls, source: Source, reports: Reports, now: datetime, zone: ZoneInfo) -> Tally:
        """Ask each report once about everything until now."""
        [[earliest]] = asked(source, FIRST, {"now": now})
        first, today = day_of(earliest, zone), day_of(now, zone)
        days, months = (made(first, today, zone) for made in (Calendar.days, Calendar.months))
        return cls(
            at=now,
            months=months,
            days=reports.revenue.lines(days, now, RevenueFilter()),
            worth=reports.recurring.at(now),
            changes=reports.recurring.moved(months, now),
            presences=reports.membership.stays(months, now),
        )

    def revenue(self, calendar: Calendar, wanted: RevenueFilter) -> list[RevenueLine]:
        """By day (or month) of a calendar, as the report of revenue has it."""
        found: dict[tuple[int, UUID, str, str], RevenueLine] = {}
        for day in self.days:
            if not (calendar.since <= day.since < calendar.before and wanted.holds(day)):
                continue
            place = bisect_right(calendar.bounds, day.since) - 1
            key = (place, day.plan_id, day.total.currency, day.total.mode)
            before = found.get(key)
            found[key] = RevenueLine(
                calendar.starts[place],
                calendar.bounds[place],
                calendar.bounds[place + 1],
                day.plan_id,
                day.plan_name,
                before.total + day.total if before else day.total,
            )
        return sorted(found.values(), key=lambda line: line.order)

    def recurring(self, currency: str) -> Recurring:
        """The MRR of a currency."""
        return Recurring(self.at, [one for one in self.worth.plans if one.currency == currency])

    def moved(self, months: Calendar, currency: str) -> Moved:
        """What changed the MRR of a currency in each month of a calendar."""
        moved: Moved = defaultdict(Fraction)
        for (place, of_currency, kind), amount in self.changes.items():
            seen = self._seen_from(months, place)
            if of_currency == currency and seen <= len(months.starts):
                moved[seen, currency, kind] += amount
        return moved

    def stays(self, months: Calendar) -> list[Stays]:
        """Who came and who left, as seen from the months of a calendar."""
        last = len(months.starts)
        return [
            one._replace(
                joined=self._seen_from(months, one.joined),
                began=began,
                ended=None if one.ended is None else self._seen_from(months, one.ended),
            )
            for one in self.presences
            if (began := self._seen_from(months, one.began)) <= last
        ]

    def _seen_from(self, months: Calendar, place: int) -> int:
        """Which of a calendar's months it is: 0 if it comes before them, one more if after."""
        earlier = months_between(self.months.starts[0], months.starts[0])
        return min(max(0, place - earlier), len(months.starts) + 1) if place else 0
