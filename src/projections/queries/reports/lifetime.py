"""Lifetime value: what people who joined in the same month, or the same plan, have brought."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from operator import add
from typing import Literal, LiteralString, NamedTuple
from uuid import UUID

from projections.queries.money import Total
from projections.queries.reading import Source
from projections.queries.reports.asking import asked, plan_names
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.rounding import rounded

JOINED: LiteralString = """
SELECT width_bucket(joined_at, %(bounds)s::timestamptz[]), first_plan_id, count(*)
  FROM timelines
 WHERE joined_at >= %(since)s AND joined_at < %(before)s AND joined_at <= %(now)s
 GROUP BY 1, 2
"""
SPENT: LiteralString = """
SELECT width_bucket(joined_at, %(bounds)s::timestamptz[]), first_plan_id, currency, mode,
       count(*) FILTER (WHERE payments > 0), sum(gross)::bigint, sum(refunded)::bigint,
       sum(disputed)::bigint, sum(payments)::bigint
  FROM timelines JOIN spending USING (member_id)
 WHERE joined_at >= %(since)s AND joined_at < %(before)s AND joined_at <= %(now)s
   AND (%(currency)s::text IS NULL OR currency = %(currency)s)
 GROUP BY 1, 2, 3, 4
"""

By = Literal["cohort", "plan"]
Group = tuple[date | None, UUID | None]
"""Those who joined first in a month, or in a plan."""


@dataclass(frozen=True, slots=True)
class LifetimeLine:
    """What `members` people have brought in a currency and mode; `payers` of them paid in it.

    They joined first in the month `cohort`, or in the plan `plan_id`; the other is None.
    """

    cohort: date | None
    plan_id: UUID | None
    plan_name: str | None
    members: int
    payers: int
    total: Total

    @property
    def average(self) -> int:
        """Net a member, in minor units; rounded once, half of one goes up."""
        return rounded(Fraction(self.total.net, self.members))


class _Spent(NamedTuple):
    payers: int = 0
    gross: int = 0
    refunded: int = 0
    disputed: int = 0
    payments: int = 0


class LifetimeQueries:
    """Asks what people were worth so far."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def lines(
        self, cohorts: Calendar, now: datetime, *, by: By, currency: str | None = None
    ) -> list[LifetimeLine]:
        """Who joined first in the months of a calendar, by month or by the plan they joined first.

        Money is all that has settled as far as the source knows.
        """
        parameters = {
            "bounds": list(cohorts.bounds),
            "since": cohorts.since,
            "before": cohorts.before,
            "now": now,
            "currency": currency,
        }

        def group(month: int, plan_id: UUID) -> Group:
            return (cohorts.starts[month - 1], None) if by == "cohort" else (None, plan_id)

        sizes: dict[Group, int] = defaultdict(int)
        for month, plan_id, members in asked(self._source, JOINED, parameters):
            sizes[group(month, plan_id)] += members
        sums: dict[tuple[Group, str, str], _Spent] = defaultdict(_Spent)
        for month, plan_id, of, mode, *amounts in asked(self._source, SPENT, parameters):
            key = (group(month, plan_id), of, mode)
            sums[key] = _Spent(*map(add, sums[key], amounts))
        return self._told(sizes, sums)

    def _told(
        self, sizes: dict[Group, int], sums: dict[tuple[Group, str, str], _Spent]
    ) -> list[LifetimeLine]:
        names = plan_names(self._source)
        lines = [
            LifetimeLine(
                *group,
                names.get(group[1], "") if group[1] else None,
                sizes[group],
                spent.payers,
                Total(
                    of,
                    mode,
                    gross=spent.gross,
                    refunded=spent.refunded,
                    disputed=spent.disputed,
                    fees=0,
                    payments=spent.payments,
                ),
            )
            for (group, of, mode), spent in sums.items()
        ]
        return sorted(lines, key=_order)


def _order(line: LifetimeLine) -> tuple[str, str, str, str]:
    cohort = line.cohort.isoformat() if line.cohort else line.plan_name or ""
    return cohort, str(line.plan_id), line.total.currency, line.total.mode
