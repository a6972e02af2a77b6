"""Revenue: gross, refunded, disputed and net by day, currency and plan (NU1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from projections.queries.money import MovementFilter, Total
from projections.queries.reading import Source
from projections.queries.reports.asking import asked, plan_names
from projections.queries.reports.calendar import Calendar

BY_DAY: LiteralString = """
SELECT day, currency, mode, plan_id,
       coalesce(sum(minor) FILTER (WHERE kind IN ('payment', 'payment_reversed')), 0)::bigint,
       coalesce(-sum(minor) FILTER (WHERE kind IN ('refund', 'refund_failed')), 0)::bigint,
       coalesce(-sum(minor) FILTER (WHERE kind = 'dispute_lost'), 0)::bigint,
       coalesce(-sum(minor) FILTER (WHERE kind = 'fee'), 0)::bigint,
       count(*) FILTER (WHERE kind = 'payment')
           - count(*) FILTER (WHERE kind = 'payment_reversed')
  FROM (SELECT width_bucket(moved.occurred_at, %(bounds)s::timestamptz[]) AS day, moved.currency,
               moved.mode, moved.kind, moved.minor, placed.plan_id
          FROM movements AS moved JOIN orders AS placed USING (order_id)
         WHERE moved.occurred_at >= %(since)s AND moved.occurred_at < %(before)s
           AND moved.occurred_at <= %(now)s
           AND (%(currency)s::text IS NULL OR moved.currency = %(currency)s)
           AND (%(plan_id)s::uuid IS NULL OR placed.plan_id = %(plan_id)s)) AS moves
 GROUP BY day, currency, mode, plan_id
"""


@dataclass(frozen=True, slots=True)
class RevenueFilter:
    """Which money; all that is given must hold."""

    currency: str | None = None
    plan_id: UUID | None = None

    def holds(self, line: RevenueLine) -> bool:
        """Whether a line is of this money."""
        is_of_plan = self.plan_id in {None, line.plan_id}
        return is_of_plan and self.currency in {None, line.total.currency}


@dataclass(frozen=True, slots=True)
class RevenueLine:
    """What a day, or a month, brought of a plan in a currency and mode, in minor units."""

    start: date
    since: datetime
    before: datetime
    plan_id: UUID
    plan_name: str
    total: Total

    @property
    def order(self) -> tuple[str, ...]:
        """Its place among the lines."""
        start, total = self.start.isoformat(), self.total
        return start, total.currency, total.mode, self.plan_name, str(self.plan_id)

    @property
    def movements(self) -> MovementFilter:
        """The movements that it is the sum of (NU4)."""
        return MovementFilter(
            plan_id=self.plan_id,
            currency=self.total.currency,
            mode=self.total.mode,
            since=self.since,
            before=self.before,
        )


class RevenueQueries:
    """Asks what came in."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def lines(
        self, calendar: Calendar, now: datetime, asked_for: RevenueFilter
    ) -> list[RevenueLine]:
        """By day (or month) of a calendar, currency, mode and plan; nothing after `now` counts."""
        parameters = {
            "bounds": list(calendar.bounds),
            "since": calendar.since,
            "before": calendar.before,
            "now": now,
            "currency": asked_for.currency,
            "plan_id": asked_for.plan_id,
        }
        rows, names = asked(self._source, BY_DAY, parameters), plan_names(self._source)
        lines = [
            RevenueLine(
                calendar.starts[day - 1],
                calendar.bounds[day - 1],
                calendar.bounds[day],
                plan_id,
                names.get(plan_id, ""),
                Total(currency, mode, *amounts),
            )
            for day, currency, mode, plan_id, *amounts in rows
        ]
        return sorted(lines, key=lambda line: line.order)


def totals(lines: Iterable[RevenueLine]) -> list[Total]:
    """What lines add up to, by currency and mode."""
    found: dict[tuple[str, str], Total] = {}
    for line in lines:
        key = (line.total.currency, line.total.mode)
        found[key] = found[key] + line.total if key in found else line.total
    return [found[key] for key in sorted(found)]
