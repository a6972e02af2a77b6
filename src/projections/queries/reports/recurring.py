"""Monthly recurring revenue at an instant, and how it moved, month by month (NU2, NU3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby
from typing import LiteralString, get_args
from uuid import UUID

from projections.courses import Kind
from projections.queries.reading import Source
from projections.queries.reports.asking import asked, plan_names
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.rounding import rounded, shares

AT: LiteralString = """
SELECT currencies[place], plan_ids[place], denominators[place],
       sum(numerators[place])::bigint, sum(steps[place])::bigint
  FROM timelines, generate_subscripts(changed_at, 1) AS place
 WHERE changed_at[place] <= %(now)s
   AND (%(currency)s::text IS NULL OR currencies[place] = %(currency)s)
 GROUP BY 1, 2, 3
"""
MOVED: LiteralString = """
SELECT width_bucket(changed_at[place], %(bounds)s::timestamptz[]), currencies[place],
       kinds[place], denominators[place], sum(numerators[place])::bigint
  FROM timelines, generate_subscripts(changed_at, 1) AS place
 WHERE changed_at[place] < %(before)s AND changed_at[place] <= %(now)s
   AND (%(currency)s::text IS NULL OR currencies[place] = %(currency)s)
 GROUP BY 1, 2, 3, 4
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
LESS: tuple[Kind, ...] = ("contraction", "churned")
NONE = Fraction(0)
Moved = dict[tuple[int, str, Kind], Fraction]
"""Signed amounts by month, currency and kind: 1 is the first month, 0 all that was before it."""


@dataclass(frozen=True, slots=True)
class PlanWorth:
    """What one plan's memberships bring a month, in minor units."""

    currency: str
    plan_id: UUID
    plan_name: str
    memberships: int
    exact: Fraction


@dataclass(frozen=True, slots=True)
class TotalWorth:
    """What all memberships of a currency bring a month, in minor units."""

    currency: str
    memberships: int
    exact: Fraction

    @property
    def minor(self) -> int:
        """Rounded once."""
        return rounded(self.exact)


@dataclass(frozen=True, slots=True)
class Recurring:
    """The MRR at an instant, by currency and plan."""

    at: datetime
    plans: Sequence[PlanWorth]

    @property
    def totals(self) -> list[TotalWorth]:
        """By currency."""
        return [
            TotalWorth(
                currency,
                sum(line.memberships for line in own),
                sum((line.exact for line in own), Fraction(0)),
            )
            for currency, own in self._by_currency()
        ]

    @property
    def shown(self) -> list[tuple[PlanWorth, int]]:
        """Each plan with whole minor units, which add up to the total of its currency."""
        return [
            pair
            for total, (_, own) in zip(self.totals, self._by_currency(), strict=True)
            for pair in zip(own, shares([one.exact for one in own], total.minor), strict=True)
        ]

    def _by_currency(self) -> list[tuple[str, list[PlanWorth]]]:
        grouped = groupby(self.plans, lambda line: line.currency)
        return [(currency, list(own)) for currency, own in grouped]


@dataclass(frozen=True, slots=True)
class Movement:
    """How the MRR of a currency went in a month: `moved` holds every kind, signed."""

    month: date
    currency: str
    starting: Fraction
    moved: dict[Kind, Fraction]

    @property
    def ending(self) -> Fraction:
        """At the end of the month, or now if that is earlier."""
        return self.starting + sum(self.moved.values())

    @property
    def minor(self) -> dict[str, int]:
        """Whole minor units, rounded so that they add up as well; contraction and churned say how
        much was lost.
        """
        starting, ending = rounded(self.starting), rounded(self.ending)
        parts = shares([self.moved[kind] for kind in KINDS], ending - starting)
        signed = dict(zip(KINDS, parts, strict=True))
        lost = {kind: -minor if kind in LESS else minor for kind, minor in signed.items()}
        return {"starting": starting, "ending": ending, **{str(kind): lost[kind] for kind in lost}}


class RecurringQueries:
    """Asks about MRR."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def at(self, now: datetime, *, currency: str | None = None) -> Recurring:
        """The MRR at an instant, by what the source knows of it."""
        values: dict[tuple[str, UUID], Fraction] = defaultdict(Fraction)
        counts: dict[tuple[str, UUID], int] = defaultdict(int)
        found = asked(self._source, AT, {"now": now, "currency": currency})
        for of_currency, plan_id, denominator, numerator, memberships in found:
            values[of_currency, plan_id] += Fraction(numerator, denominator)
            counts[of_currency, plan_id] += memberships
        names = plan_names(self._source)
        lines = [
            PlanWorth(*key, names.get(key[1], ""), counts[key], value)
            for key, value in values.items()
            if counts[key]
        ]
        lines.sort(key=lambda line: (line.currency, line.plan_name, line.plan_id))
        return Recurring(now, lines)

    def movements(
        self, months: Calendar, now: datetime, *, currency: str | None = None
    ) -> list[Movement]:
        """Month by month and currency by currency; nothing after `now` counts."""
        return movements_of(self.moved(months, now, currency=currency), months.starts)

    def moved(self, months: Calendar, now: datetime, *, currency: str | None = None) -> Moved:
        """What every kind of change came to in each month, and before the first of them."""
        moved: Moved = defaultdict(Fraction)
        parameters = {
            "bounds": list(months.bounds),
            "before": months.before,
            "now": now,
            "currency": currency,
        }
        for month, of_currency, kind, denominator, numerator in asked(
            self._source, MOVED, parameters
        ):
            moved[month, of_currency, kind] += Fraction(numerator, denominator)
        return moved


def movements_of(moved: Moved, months: Sequence[date]) -> list[Movement]:
    """The months of some changes, each beginning where the one before it ended."""
    found: list[Movement] = []
    for one in sorted({key[1] for key, amount in moved.items() if amount}):
        starting = sum((moved.get((0, one, kind), NONE) for kind in KINDS), NONE)
        for place, month in enumerate(months, 1):
            own = {kind: moved.get((place, one, kind), NONE) for kind in KINDS}
            found.append(Movement(month, one, starting, own))
            starting = found[-1].ending
    return sorted(found, key=lambda line: (line.month, line.currency))
