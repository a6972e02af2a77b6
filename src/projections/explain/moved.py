"""A month's movement of MRR explained: where it began, what moved it, where that led (NU3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import tuple_row

from projections.courses import Kind
from projections.explain.answers import Definition, Line
from projections.explain.recurring import (
    NOTHING,
    ExplainRecurring,
    RecurringFigure,
    records_of,
)
from projections.explain.stored import one_instant
from projections.queries.reports.definitions import MOVEMENTS
from projections.queries.reports.facts import Contribution, ReportFacts, Span

DEFINITION = Definition(MOVEMENTS.name, MOVEMENTS.version)
INSTANT = timedelta(microseconds=1)
"""The shortest time that is told apart: what comes before an instant is true this much earlier."""

MOVED = """
SELECT kinds[place], denominators[place], sum(numerators[place])::bigint
  FROM timelines, generate_subscripts(changed_at, 1) AS place
 WHERE changed_at[place] >= %(since)s AND changed_at[place] < %(before)s
   AND changed_at[place] <= %(now)s AND currencies[place] = %(currency)s
 GROUP BY 1, 2 ORDER BY 1, 2
"""


class Month(NamedTuple):
    """From an instant up to another, not included, in a currency; nothing after `now` counts."""

    since: datetime
    before: datetime
    now: datetime
    currency: str


@dataclass(frozen=True, slots=True)
class MovementExplained:
    """A month in a currency: exact amounts, in minor units.

    `starting` and `ending` stand beside what the books say of these instants; `moved` are the
    view's, signed, by kind; `parts` and their facts are those of the kind that was asked for.
    """

    definition: Definition
    position: int
    starting: RecurringFigure
    ending: RecurringFigure
    moved: dict[str, Fraction]
    parts: Sequence[Contribution]
    facts: Sequence[Line]
    next_after: UUID | None

    @property
    def agrees(self) -> bool:
        """Whether the month begins and ends as the books say, and its movements lead there."""
        led_to = self.starting.readded.exact + sum(self.moved.values())
        return self.starting.agrees and self.ending.agrees and led_to == self.ending.readded.exact


@dataclass(frozen=True)
class ExplainMoved:
    """Explains movements of MRR."""

    recurring: ExplainRecurring

    def month(
        self, month: Month, kind: Kind, *, limit: int, after: UUID | None
    ) -> MovementExplained:
        """A month, and the facts of one kind of movement, so many members at a time."""
        source, named = self.recurring.scope.source, month._asdict()
        with one_instant(source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            position = self.recurring.position(cursor)
            ends = (month.since - INSTANT, min(month.before - INSTANT, month.now))
            starting, ending = (
                self.recurring.figures(cursor, at, month.currency, position) for at in ends
            )
            moved: dict[str, Fraction] = {}
            for name, denominator, numerator in cursor.execute(MOVED, named):
                moved[name] = moved.get(name, Fraction(0)) + Fraction(numerator, denominator)
        span = Span(since=month.since, before=month.before, now=month.now)
        found = ReportFacts(source).moved(
            span, currency=month.currency, kind=kind, after=after, limit=limit
        )
        with source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            records = records_of(cursor, [one.fact_id for one in found.facts])
        told = self.recurring.books.opened(records, self.recurring.scope.reach(position))
        return MovementExplained(
            definition=DEFINITION,
            position=position,
            starting=_only(starting, month.currency),
            ending=_only(ending, month.currency),
            moved=moved,
            parts=found.facts,
            facts=[one.line for one in told],
            next_after=found.next_after if isinstance(found.next_after, UUID) else None,
        )


def _only(figures: Sequence[RecurringFigure], currency: str) -> RecurringFigure:
    return next(iter(figures), RecurringFigure(currency, NOTHING, NOTHING))
