"""Spending figures of the whole site explained day by day: from a figure to a day, to its facts.

Both sides are added up by day, plan, currency and mode: the view's movements, and the stored facts
themselves, which never look at a view. What a period comes to is then a matter of adding days.
Facts never change: what they added up to is kept, and only those that came since are added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from projections.explain.adding import NET, SETTLING
from projections.explain.answers import Amounts, Lines, Turn, Unit, compared
from projections.explain.figures import (
    AS_OF,
    FIGURES,
    MOVED,
    POSITION,
    SPENDING,
    STATED,
    TOLD,
    ExplainFigures,
    SpendingSum,
)
from projections.explain.stored import one_instant
from projections.queries.money import MovementFilter
from projections.queries.reports.calendar import ONE_DAY, day_of, month_after
from projections.site import Site

MOST_DAYS = 31
"""A longer period is told month by month."""

STATED_BY_DAY: LiteralString = """
SELECT (stated.occurred_at AT TIME ZONE %(zone)s)::date::text, placed.plan_id::text,
       stated.currency, stated.mode, stated.figure, sum(stated.minor), count(*),
       min(stated.position), max(stated.position)
  FROM ({stated}) AS stated LEFT JOIN orders AS placed USING (member_id, order_id)
 GROUP BY 1, 2, 3, 4, 5
"""
MOVED_BY_DAY: LiteralString = """
SELECT (moved.occurred_at::timestamptz AT TIME ZONE %(zone)s)::date::text, placed.plan,
       moved.currency, moved.mode, moved.figure, sum(moved.minor), count(*),
       min(moved.position), max(moved.position)
  FROM ({moved}) AS moved LEFT JOIN LATERAL (
           SELECT convert_from(placed.state, 'UTF8')::jsonb ->> 'plan_id' AS plan
             FROM ledger.facts AS placed
            WHERE placed.stream_id = moved.stream_id AND placed.version = 1) AS placed ON true
 GROUP BY 1, 2, 3, 4, 5
"""
SINCE: LiteralString = "facts.position > %(since)s"


class Part(NamedTuple):
    """What a sum is apart by: a day of the site, which is None for one that no calendar has."""

    day: date | None
    plan_id: str | None
    unit: Unit
    figure: str


class Added(NamedTuple):
    """Some amounts added up: in minor units, how many, and the positions they lie between."""

    minor: int
    facts: int
    first: int
    last: int

    def __add__(self, other: object) -> Added:
        """Both together."""
        if not isinstance(other, Added):
            return NotImplemented
        return Added(
            self.minor + other.minor,
            self.facts + other.facts,
            min(self.first, other.first),
            max(self.last, other.last),
        )


Sums = Mapping[Part, Added]


class DayLine(NamedTuple):
    """The net of a day, or of a month, from its first day to its last: by the view, and re-added
    from so many facts.
    """

    first: date
    last: date
    unit: Unit
    stated: int
    readded: int
    facts: int


@dataclass(frozen=True)
class DaysExplained(SpendingSum):
    """Figures with what each day, or each month of a long period, has of them."""

    days: Sequence[DayLine] = ()
    at: datetime | None = None
    """When both sides were added up, if that was not just now."""

    @property
    def agrees(self) -> bool:
        """Whether every figure is what its facts add up to, and every day's net is."""
        are_alike = all(line.stated == line.readded for line in self.days)
        return are_alike and super().agrees


@dataclass(frozen=True)
class Days:
    """Both sides day by day, up to a position of the books, at an instant."""

    at: datetime
    position: int
    left_out: frozenset[int]
    stated: Sums
    readded: Sums


@dataclass(frozen=True)
class ExplainDays:
    """Explains spending figures of the whole site, or of a plan."""

    figures: ExplainFigures
    site: Site

    def added(self, now: datetime, before: Days | None = None) -> Days:
        """Both sides as they are now; what was re-added `before` stands."""
        scope = self.figures.scope
        with one_instant(scope.source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            [(position,)] = cursor.execute(POSITION, {"known_position": scope.position})
            if before and (before.left_out != scope.left_out or before.position > position):
                before = None
            named = {
                "zone": self.site.time_zone.key,
                "position": position,
                "since": before.position if before else 0,
                "as_of": scope.as_of,
                "left_out": list(scope.left_out),
                "topics": sorted(SETTLING),
            }
            stated = _sums(cursor, _stated(), named)
            readded = _sums(cursor, _moved(), named)
        known = before.readded if before else {}
        return Days(now, position, scope.left_out, stated, _together(known, readded))

    def explain(self, asked: MovementFilter, days: Days, turn: Turn) -> DaysExplained:
        """The figures of whole days, of a plan, currency and mode, with a page of the facts."""
        stated, readded = self._sides(asked, days)
        figures = compared("movements", FIGURES, _amounts(stated), _amounts(readded))
        if all(figure.agrees for figure in figures):
            facts, lines = self._facts(asked, readded, turn), _lines(stated, readded)
            return DaysExplained(SPENDING, days.position, figures, facts, days=lines, at=days.at)
        # Somebody has to look: nothing is spared, and nothing that was kept is believed.
        exact = self.figures.spending(asked, turn)
        return DaysExplained(
            SPENDING,
            exact.position,
            exact.figures,
            exact.facts,
            apart=exact.apart,
            days=_lines(*self._sides(asked, self.added(days.at))),
        )

    def _sides(self, asked: MovementFilter, days: Days) -> tuple[Sums, Sums]:
        return self._of(asked, days.stated), self._of(asked, days.readded)

    def _of(self, asked: MovementFilter, sums: Sums) -> Sums:
        """Those of the days, plan, currency and mode that are asked for."""
        zone = self.site.time_zone
        first = day_of(asked.since, zone) if asked.since else None
        beyond = day_of(asked.before, zone) if asked.before else None
        plan = str(asked.plan_id) if asked.plan_id else None
        return {
            part: one
            for part, one in sums.items()
            if plan in {None, part.plan_id}
            and asked.currency in {None, part.unit.currency}
            and asked.mode in {None, part.unit.mode}
            and (first is None or (part.day is not None and part.day >= first))
            and (beyond is None or (part.day is not None and part.day < beyond))
        }

    def _facts(self, asked: MovementFilter, readded: Sums, turn: Turn) -> Lines:
        """A page of them: nothing before the first or after the last is looked at."""
        first = min((one.first for one in readded.values()), default=1)
        last = max((one.last for one in readded.values()), default=0)
        count = sum(one.facts for one in readded.values())
        after = max(turn.after, first - 1)
        return self.figures.page(asked, turn._replace(after=after), last, count)


def _sums(
    cursor: Cursor[tuple[Any, ...]], query: sql.Composed, named: Mapping[str, object]
) -> dict[Part, Added]:
    return {
        Part(_day(day), plan_id, Unit(currency, mode), figure): Added(int(minor), *more)
        for day, plan_id, currency, mode, figure, minor, *more in cursor.execute(query, named)
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None  # as a hand may leave it


def _stated() -> sql.Composed:
    stated = sql.SQL(STATED).format(condition=sql.SQL("true"))
    return sql.SQL(STATED_BY_DAY).format(stated=stated)


def _moved() -> sql.Composed:
    told = sql.SQL(TOLD).format(subject=sql.SQL(SINCE))
    moved = sql.SQL(MOVED).format(told=told, condition=sql.SQL(AS_OF))
    return sql.SQL(MOVED_BY_DAY).format(moved=moved)


def _together(known: Sums, fresh: Sums) -> Sums:
    more = {part: known[part] + one if part in known else one for part, one in fresh.items()}
    return {**known, **more}


def _amounts(sums: Sums) -> Amounts:
    amounts: Counter[tuple[Unit, str]] = Counter()
    for part, one in sums.items():
        amounts[part.unit, part.figure] += one.minor
        amounts[part.unit, "net"] += NET.get(part.figure, 0) * one.minor
    return amounts


def _lines(stated: Sums, readded: Sums) -> list[DayLine]:
    """By day, or by month where there are many days; each currency and mode apart."""
    days = {part.day for part in (*stated, *readded) if part.day}
    by_month = len(days) > MOST_DAYS
    nets = [_nets(sums, by_month=by_month) for sums in (stated, readded)]
    facts: Counter[tuple[date, Unit]] = Counter()
    for part, one in readded.items():
        if part.day:
            facts[_start(part.day, by_month=by_month), part.unit] += one.facts
    return [
        DayLine(
            start,
            month_after(start, 1) - ONE_DAY if by_month else start,
            unit,
            stated=nets[0][start, unit],
            readded=nets[1][start, unit],
            facts=facts[start, unit],
        )
        for start, unit in sorted({*nets[0], *nets[1]})
    ]


def _nets(sums: Sums, *, by_month: bool) -> Counter[tuple[date, Unit]]:
    nets: Counter[tuple[date, Unit]] = Counter()
    for part, one in sums.items():
        if part.day:
            nets[_start(part.day, by_month=by_month), part.unit] += (
                NET.get(part.figure, 0) * one.minor
            )
    return nets


def _start(day: date, *, by_month: bool) -> date:
    return day.replace(day=1) if by_month else day
