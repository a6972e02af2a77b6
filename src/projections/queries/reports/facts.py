"""The facts that a report's figure is the sum of (NU4).

The facts of a line of revenue are the movements that it names: `RevenueLine.movements`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal, LiteralString, NamedTuple
from uuid import UUID

from projections.courses import Change, Kind, changes, presences
from projections.movements import MovementRow
from projections.queries.reading import Rows, Source
from projections.timelines import TimelineRow

CHANGED: LiteralString = """
SELECT {columns} FROM timelines AS view
 WHERE (%(after)s::uuid IS NULL OR member_id > %(after)s)
   AND EXISTS (SELECT FROM generate_subscripts(changed_at, 1) AS place
                WHERE changed_at[place] < %(before)s AND changed_at[place] <= %(now)s
                  AND (%(since)s::timestamptz IS NULL OR changed_at[place] >= %(since)s)
                  AND (%(plan_id)s::uuid IS NULL OR plan_ids[place] = %(plan_id)s)
                  AND (%(kind)s::text IS NULL OR kinds[place] = %(kind)s)
                  AND currencies[place] = %(currency)s)
 ORDER BY member_id LIMIT %(limit)s
"""
CAME: LiteralString = """
SELECT {columns} FROM timelines AS view
 WHERE (%(after)s::uuid IS NULL OR member_id > %(after)s)
   AND EXISTS (SELECT FROM unnest(began) AS at
                WHERE at >= %(since)s AND at < %(before)s AND at <= %(now)s)
 ORDER BY member_id LIMIT %(limit)s
"""
LEFT: LiteralString = """
SELECT {columns} FROM timelines AS view
 WHERE (%(after)s::uuid IS NULL OR member_id > %(after)s)
   AND EXISTS (SELECT FROM unnest(ended) AS at
                WHERE at >= %(since)s AND at < %(before)s AND at <= %(now)s)
 ORDER BY member_id LIMIT %(limit)s
"""
OF_COHORT: LiteralString = """
SELECT {columns} FROM movements AS view JOIN timelines USING (member_id)
 WHERE joined_at >= %(since)s AND joined_at < %(before)s AND joined_at <= %(now)s
   AND (%(plan_id)s::uuid IS NULL OR first_plan_id = %(plan_id)s)
   AND currency = %(currency)s AND mode = %(mode)s AND kind <> 'fee'
   AND (%(after)s::bigint IS NULL OR view.position > %(after)s)
 ORDER BY view.position LIMIT %(limit)s
"""

Turnover = Literal["new", "returned", "left"]
"""How the number of members changes."""


class Contribution(NamedTuple):
    """What a fact adds to a figure: minor units, or persons. `at` is when it takes effect, which
    may be long after the fact.
    """

    fact_id: str
    member_id: UUID
    membership_id: UUID | None
    at: datetime
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Contributions:
    """Some of them, and after what to ask for more; None at the end."""

    facts: list[Contribution]
    next_after: UUID | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From an instant up to another, not included; `since` None is from the beginning. Nothing
    after `now` counts.
    """

    since: datetime | None
    before: datetime
    now: datetime

    def holds(self, at: datetime) -> bool:
        """Whether an instant counts."""
        return (self.since is None or self.since <= at) and at < self.before and at <= self.now

    @property
    def parameters(self) -> dict[str, object]:
        """As queries name them."""
        return {"since": self.since, "before": self.before, "now": self.now}


class ReportFacts:
    """Asks which facts add up to a figure, so many members (or movements) at a time."""

    def __init__(self, source: Source) -> None:
        self._timelines = Rows(source, TimelineRow)
        self._movements = Rows(source, MovementRow)

    def recurring(
        self,
        span: Span,
        *,
        currency: str,
        plan_id: UUID | None = None,
        after: UUID | None = None,
        limit: int = 200,
    ) -> Contributions:
        """Those whose amounts are the MRR at `span.now`: of memberships that count then."""
        asked = {"currency": currency, "plan_id": plan_id, "kind": None}

        def told(row: TimelineRow) -> Iterator[Contribution]:
            by_stay: dict[UUID, list[Change]] = defaultdict(list)
            for change in changes(row.worth):
                if span.holds(change.at) and _fits(change, currency, plan_id, None):
                    by_stay[change.membership_id].append(change)
            for own in by_stay.values():
                if sum(change.delta for change in own):
                    yield from (_of(row, change) for change in own)

        return self._of_members(CHANGED, {**asked, **span.parameters}, told, after, limit)

    def moved(
        self,
        span: Span,
        *,
        currency: str,
        kind: Kind,
        after: UUID | None = None,
        limit: int = 200,
    ) -> Contributions:
        """Those whose amounts are a movement of a month; contraction and churned are negative."""
        asked = {"currency": currency, "plan_id": None, "kind": kind}

        def told(row: TimelineRow) -> Iterator[Contribution]:
            for change in changes(row.worth):
                if span.holds(change.at) and _fits(change, currency, None, kind):
                    yield _of(row, change)

        return self._of_members(CHANGED, {**asked, **span.parameters}, told, after, limit)

    def members(
        self,
        span: Span,
        kind: Turnover,
        *,
        after: UUID | None = None,
        limit: int = 200,
    ) -> Contributions:
        """Those by which people became members, for the first time or again, or left."""

        def told(row: TimelineRow) -> Iterator[Contribution]:
            for place, one in enumerate(presences(row.courses)):
                came = "returned" if place else "new"
                at, version = (
                    (one.ended, one.ended_by) if kind == "left" else (one.began, one.began_by)
                )
                if kind in {"left", came} and span.holds(at):
                    fact_id = f"{row.member_id}/{version}"
                    yield Contribution(fact_id, row.member_id, None, at, Fraction(1))

        query = LEFT if kind == "left" else CAME
        return self._of_members(query, span.parameters, told, after, limit)

    def lifetime(
        self,
        cohorts: Span,
        *,
        currency: str,
        mode: str,
        plan_id: UUID | None = None,
        after: int | None = None,
        limit: int = 200,
    ) -> Contributions:
        """The movements of people who joined first in a stretch, and in a plan; signed."""
        asked = {"currency": currency, "mode": mode, "plan_id": plan_id}
        own = {"after": after, "limit": limit}
        rows = self._movements.all(OF_COHORT, {**cohorts.parameters, **asked, **own})
        facts = [
            Contribution(one.fact_id, one.member_id, None, one.occurred_at, Fraction(one.minor))
            for one in rows
        ]
        return Contributions(facts, rows[-1].position if len(rows) == limit else None)

    def _of_members(
        self,
        query: LiteralString,
        parameters: Mapping[str, object],
        told: Callable[[TimelineRow], Iterable[Contribution]],
        after: UUID | None,
        limit: int,
    ) -> Contributions:
        rows = self._timelines.all(query, {**parameters, "after": after, "limit": limit})
        facts = [one for row in rows for one in told(row)]
        return Contributions(facts, rows[-1].member_id if len(rows) == limit else None)


def _fits(change: Change, currency: str, plan_id: UUID | None, kind: Kind | None) -> bool:
    return (
        change.currency == currency
        and plan_id in {None, change.plan_id}
        and kind in {None, change.kind}
    )


def _of(row: TimelineRow, change: Change) -> Contribution:
    fact_id = f"{row.member_id}/{change.version}"
    return Contribution(fact_id, row.member_id, change.membership_id, change.at, change.delta)
