"""A month's movement of MRR explained: where it began, what moved it, where that led (NU3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

from projections.courses import Kind, changes
from projections.explain.answers import Definition, Line
from projections.explain.broken import BROKEN_CHANGES
from projections.explain.recurring import (
    NOTHING,
    ExplainRecurring,
    RecurringFigure,
    records_of,
)
from projections.explain.refolded import Apart, Held, Refolding
from projections.explain.stored import one_instant
from projections.explain.stored_facts import StoredFacts
from projections.queries.reports.definitions import MOVEMENTS
from projections.queries.reports.facts import Contribution, Span
from projections.timelines import TimelineRow

DEFINITION = Definition(MOVEMENTS.name, MOVEMENTS.version)
INSTANT = timedelta(microseconds=1)
"""The shortest time that is told apart: what comes before an instant is true this much earlier."""

# What is no amount is left out: whose it is, is apart.
MOVED = """
SELECT kinds[place], denominators[place], sum(numerators[place])
  FROM timelines, generate_subscripts(changed_at, 1) AS place
 WHERE changed_at[place] >= %(since)s AND changed_at[place] < %(before)s
   AND changed_at[place] <= %(now)s AND currencies[place] = %(currency)s
   AND kinds[place] IS NOT NULL AND numerators[place] IS NOT NULL AND denominators[place] <> 0
 GROUP BY 1, 2 ORDER BY 1, 2
"""
CHANGED: LiteralString = (
    BROKEN_CHANGES
    + """ OR EXISTS (
    SELECT FROM unnest(changed_at) AS moved (at)
     WHERE at >= %(since)s AND at < %(before)s AND at <= %(now)s)"""
)


class Month(NamedTuple):
    """From an instant up to another, not included, in a currency; nothing after `now` counts."""

    since: datetime
    before: datetime
    now: datetime
    currency: str

    @property
    def span(self) -> Span:
        """The stretch of time."""
        return Span(since=self.since, before=self.before, now=self.now)

    def told(self, row: TimelineRow) -> object:
        """What a member brings to the month: as its figures are added up, and as they are told."""
        moves = zip(
            row.changed_at,
            row.currencies,
            row.kinds,
            row.numerators,
            row.denominators,
            strict=True,  # a hand may have made them of unequal length
        )
        added: dict[str, Fraction] = defaultdict(Fraction)
        for at, currency, kind, numerator, denominator in moves:
            if currency == self.currency and self.span.holds(at):
                added[kind] += Fraction(numerator, denominator)
        course = [one for one in changes(row.worth) if one.currency == self.currency]
        sums = {kind: amount for kind, amount in added.items() if amount}
        return sums, [one for one in course if self.span.holds(one.at)]


@dataclass(frozen=True, slots=True)
class MovementExplained:
    """A month in a currency: exact amounts, in minor units.

    `starting` and `ending` stand beside what the books say of these instants; `moved` are the
    view's, signed, by kind; `parts` and their facts are those of the kind that was asked for.
    Everybody who may have a share in the month was folded anew: `refolded` people, or fewer where
    too many are `apart`, whose share is not what their facts make of it.
    """

    definition: Definition
    position: int
    starting: RecurringFigure
    ending: RecurringFigure
    moved: dict[str, Fraction]
    parts: Sequence[Contribution]
    apart: Sequence[Apart]
    refolded: int
    facts: Sequence[Line]
    next_after: UUID | None

    @property
    def agrees(self) -> bool:
        """Whether the month begins and ends as the books say, its movements lead there, and each
        is of its kind.
        """
        led_to = self.starting.readded.exact + sum(self.moved.values())
        ends_agree = self.starting.agrees and self.ending.agrees
        return ends_agree and led_to == self.ending.readded.exact and not self.apart


@dataclass(frozen=True)
class ExplainMoved:
    """Explains movements of MRR."""

    recurring: ExplainRecurring

    def month(
        self, month: Month, kind: Kind, *, limit: int, after: UUID | None
    ) -> MovementExplained:
        """A month, and the facts of one kind of movement, so many members at a time."""
        source = self.recurring.scope.source
        with one_instant(source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            position = self.recurring.position(cursor)
            starting, ending = self._ends(cursor, month, position)
            moved = _moved(cursor, month)
            held = self._held(connection, month, position)
        found = StoredFacts(source).moved(
            month.span, currency=month.currency, kind=kind, after=after, limit=limit
        )
        with source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            records = records_of(cursor, [one.fact_id for one in found.facts])
        told = self.recurring.books.opened(records, self.recurring.scope.reach(position))
        return MovementExplained(
            definition=DEFINITION,
            position=position,
            starting=starting,
            ending=ending,
            moved=moved,
            parts=found.facts,
            apart=held.apart,
            refolded=held.people,
            facts=[one.line for one in told],
            next_after=found.next_after if isinstance(found.next_after, UUID) else None,
        )

    def _ends(
        self, cursor: Cursor[tuple[Any, ...]], month: Month, position: int
    ) -> tuple[RecurringFigure, RecurringFigure]:
        ends = (month.since - INSTANT, min(month.before - INSTANT, month.now))
        starting, ending = (
            self.recurring.figures(cursor, at, month.currency, position) for at in ends
        )
        return _only(starting, month.currency), _only(ending, month.currency)

    def _held(self, connection: Connection[Any], month: Month, position: int) -> Held:
        recurring = self.recurring
        refolding = Refolding(recurring.scope, recurring.books, recurring.site)
        return refolding.held(connection, month.span, position, moved=CHANGED, says=month.told)


def _moved(cursor: Cursor[tuple[Any, ...]], month: Month) -> dict[str, Fraction]:
    moved: dict[str, Fraction] = {}
    for name, denominator, numerator in cursor.execute(MOVED, month._asdict()):
        moved[name] = moved.get(name, Fraction(0)) + Fraction(int(numerator), denominator)
    return moved


def _only(figures: Sequence[RecurringFigure], currency: str) -> RecurringFigure:
    return next(iter(figures), RecurringFigure(currency, NOTHING, NOTHING))
