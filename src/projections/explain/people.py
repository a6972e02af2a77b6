"""How many were members, and what those who joined together brought, explained (NU4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from ledger.store.records import FactRecord
from projections.courses import presences
from projections.explain import figures as money
from projections.explain.adding import SETTLING, TOTALS, total_lines
from projections.explain.answers import (
    Amounts,
    Definition,
    Line,
    Lines,
    Sum,
    Turn,
    Unit,
    compared,
)
from projections.explain.books import Books, Scope
from projections.explain.broken import BROKEN_STAYS
from projections.explain.moved import INSTANT
from projections.explain.recurring import records_of
from projections.explain.recurring_sql import STAYS, TOLD, TOPICS
from projections.explain.refolded import Apart, Refolding
from projections.explain.stored import one_instant
from projections.explain.stored_facts import StoredFacts
from projections.queries.reports.definitions import LIFETIME, MEMBERS
from projections.queries.reports.facts import Contribution, Span, Turnover
from projections.site import Site
from projections.timelines import TimelineRow

TURNOVER = Definition(MEMBERS.name, MEMBERS.version)
BROUGHT = Definition(LIFETIME.name, LIFETIME.version)

POSITION = """
SELECT coalesce(%(known_position)s::bigint, min(position), 0)
  FROM views.positions WHERE name IN ('timelines', 'spending')
"""
STATED: LiteralString = """
SELECT count(*) FROM timelines
 WHERE EXISTS (SELECT FROM unnest(began, ended) AS stood (since, until)
                WHERE stood.since <= %(at)s AND stood.until > %(at)s)
"""
# A charge or a retry that is merely late ends nothing.
STANDING: LiteralString = """
WITH told AS ({told}), stays AS ({stays})
SELECT count(DISTINCT member_id) FROM stays
 WHERE (ended_at IS NULL OR ended_at > %(at)s)
   AND (access_until IS NULL OR access_until > %(at)s
        OR NOT (is_cancelled OR retry_at IS NULL
                AND billing IN ('member.past_due', 'member.action_required')))
"""
MOVED = """
SELECT count(*) FILTER (WHERE place = 1 AND came), count(*) FILTER (WHERE place > 1 AND came),
       count(*) FILTER (WHERE went)
  FROM (SELECT place,
               since >= %(since)s AND since < %(before)s AND since <= %(now)s AS came,
               until >= %(since)s AND until < %(before)s AND until <= %(now)s AS went
          FROM timelines, unnest(began, ended) WITH ORDINALITY AS stood (since, until, place))
       AS stays
"""
CAME_OR_WENT: LiteralString = (
    BROKEN_STAYS
    + """ OR EXISTS (
    SELECT FROM unnest(began, ended) AS stood (since, until), unnest(ARRAY[since, until]) AS at
     WHERE at >= %(since)s AND at < %(before)s AND at <= %(now)s)"""
)
SPENT: LiteralString = """
SELECT currency, mode, sum(gross), sum(refunded), sum(disputed), sum(net)
  FROM timelines JOIN spending USING (member_id)
 WHERE joined_at >= %(since)s AND joined_at < %(before)s AND joined_at <= %(now)s
   AND (%(plan_id)s::uuid IS NULL OR first_plan_id = %(plan_id)s)
   AND (%(currency)s::text IS NULL OR currency = %(currency)s)
   AND (%(mode)s::text IS NULL OR mode = %(mode)s)
 GROUP BY currency, mode
"""
JOINED_FIRST: LiteralString = """facts.subject_id IN (
    SELECT stream_id
      FROM (SELECT DISTINCT ON (joined.stream_id) joined.stream_id,
                   joined.state ->> 'plan_id' AS plan,
                   (joined.state ->> 'occurred_at')::timestamptz AS at
              FROM (SELECT position, stream_id, convert_from(state, 'UTF8')::jsonb AS state
                      FROM ledger.facts
                     WHERE topic = 'member.joined' AND position <= %(position)s
                       AND position <> ALL (%(left_out)s)) AS joined
             ORDER BY joined.stream_id, at, joined.position) AS first
     WHERE at >= %(since)s AND at < %(before)s AND at <= %(now)s
       AND (%(plan_id)s::uuid IS NULL OR plan = %(plan_id)s::text))"""
OF_UNIT: tuple[LiteralString, ...] = (
    money.AS_OF,
    "(%(currency)s::text IS NULL OR told.state -> 'amount' ->> 'currency' = %(currency)s)",
    "(%(mode)s::text IS NULL OR told.state ->> 'mode' = %(mode)s)",
)


NOTHING: LiteralString = """
SELECT ''::text AS currency, ''::text AS mode, 0::bigint AS position, ''::text AS figure,
       0::bigint AS minor WHERE false
"""


class Stretch(NamedTuple):
    """From an instant up to another, not included; nothing after `now` counts."""

    since: datetime
    before: datetime
    now: datetime

    @property
    def span(self) -> Span:
        """The same, as reports name it."""
        return Span(since=self.since, before=self.before, now=self.now)

    def told(self, row: TimelineRow) -> object:
        """Where somebody came and went in it: as it is counted, and as it is told."""
        stays = list(zip(row.began, row.ended, strict=True))
        counted = (
            [place > 0 for place, (began, _) in enumerate(stays) if self.span.holds(began)],
            sum(self.span.holds(ended) for _, ended in stays),
        )
        course = presences(row.courses)
        return (
            counted,
            [(one.began, one.began_by) for one in course if self.span.holds(one.began)],
            [(one.ended, one.ended_by) for one in course if self.span.holds(one.ended)],
        )


class Count(NamedTuple):
    """How many members there were, as the view states it, and by the stored facts."""

    stated: int
    readded: int


@dataclass(frozen=True, slots=True)
class TurnoverExplained:
    """A month's members; `parts` and their facts are those of the kind that was asked for.

    Everybody who may have come or gone was folded anew: `refolded` people, or fewer where too many
    are `apart`, of whom the view says something else than their facts make of it.
    """

    definition: Definition
    position: int
    starting: Count
    ending: Count
    moved: Mapping[str, int]
    parts: Sequence[Contribution]
    apart: Sequence[Apart]
    refolded: int
    facts: Sequence[Line]
    next_after: UUID | None

    @property
    def agrees(self) -> bool:
        """Whether the month begins and ends as the books say, what happened leads there, and each
        came, came back or left.
        """
        came_to = self.starting.readded + self.moved["new"] + self.moved["returned"]
        ends_agree = all(one.stated == one.readded for one in (self.starting, self.ending))
        led_to = came_to - self.moved["left"]
        return ends_agree and led_to == self.ending.readded and not self.apart


class Cohort(NamedTuple):
    """Who joined first in a stretch of time, and in a plan; their money of a currency and mode."""

    stretch: Stretch
    plan_id: UUID | None = None
    currency: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class ExplainPeople:
    """Explains figures about people together."""

    scope: Scope
    books: Books
    site: Site

    def turnover(
        self, month: Stretch, kind: Turnover, *, limit: int, after: UUID | None
    ) -> TurnoverExplained:
        """A month, and the facts by which people came, came back or left, some at a time."""
        source = self.scope.source
        found = StoredFacts(source).members(month.span, kind, after=after, limit=limit)
        with one_instant(source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            named = self._named(cursor)
            ends = (month.since - INSTANT, min(month.before - INSTANT, month.now))
            starting, ending = (_count(cursor, {**named, "at": at}) for at in ends)
            [moved] = cursor.execute(MOVED, month._asdict())
            refolding = Refolding(self.scope, self.books, self.site)
            held = refolding.held(
                connection, month.span, named["position"], moved=CAME_OR_WENT, says=month.told
            )
            records = records_of(cursor, [one.fact_id for one in found.facts])
        told = self.books.opened(records, self.scope.reach(named["position"]))
        return TurnoverExplained(
            definition=TURNOVER,
            position=named["position"],
            starting=starting,
            ending=ending,
            moved=dict(zip(("new", "returned", "left"), moved, strict=True)),
            parts=found.facts,
            apart=held.apart,
            refolded=held.people,
            facts=[one.line for one in told],
            next_after=found.next_after if isinstance(found.next_after, UUID) else None,
        )

    def lifetime(self, cohort: Cohort, turn: Turn) -> Sum:
        """What a cohort has brought, with the facts that add up to it."""
        sides = _sides()
        with one_instant(self.scope.source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            named = {
                **self._named(cursor),
                **cohort._asdict(),
                **cohort.stretch._asdict(),
                "topics": sorted(SETTLING - {"order.fee_recorded"}),
                "after": turn.after,
                "limit": turn.limit + 1,
            }
            stated = cursor.execute(SPENT, named).fetchall()
            sums = cursor.execute(sql.SQL(money.SUMS).format(**sides), named).fetchall()
            page = cursor.execute(sql.SQL(money.PAGE).format(**sides), named).fetchall()
        return Sum(
            definition=BROUGHT,
            position=named["position"],
            figures=compared("spending", TOTALS, _stated(stated), money.side(sums, 4)),
            facts=self._page(page, int(sum(row[5] for row in sums)), turn, named["position"]),
        )

    def _named(self, cursor: Cursor[tuple[Any, ...]]) -> dict[str, Any]:
        [(position,)] = cursor.execute(POSITION, {"known_position": self.scope.position})
        return {
            "position": position,
            "left_out": list(self.scope.left_out),
            "as_of": self.scope.as_of,
            "topics": [topic for topic in TOPICS if topic != "order.placed"],
            "mode": None,
        }

    def _page(self, rows: Sequence[Any], count: int, turn: Turn, position: int) -> Lines:
        records = [FactRecord(*row) for row in rows[: turn.limit]]
        told = self.books.opened(records, self.scope.reach(position))
        after = rows[turn.limit - 1][0] if len(rows) > turn.limit else None
        return Lines(total_lines(told, TOTALS), count, after)


def _count(cursor: Cursor[tuple[Any, ...]], named: Mapping[str, Any]) -> Count:
    standing = sql.SQL(STANDING).format(told=sql.SQL(TOLD), stays=sql.SQL(STAYS))
    [(stated,)] = cursor.execute(STATED, named)
    [(readded,)] = cursor.execute(standing, named)
    return Count(stated, readded)


def _sides() -> dict[str, sql.Composable]:
    """The books' side alone: the view's stands in rows of another kind."""
    told = sql.SQL(money.TOLD).format(subject=sql.SQL(JOINED_FIRST))
    moved = sql.SQL(money.MOVED).format(told=told, condition=money.every(OF_UNIT))
    nothing = sql.SQL(NOTHING)
    return {"stated": nothing, "moved": moved}


def _stated(rows: Sequence[Any]) -> Amounts:
    amounts: Counter[tuple[Unit, str]] = Counter()
    for currency, mode, *sums in rows:
        for name, minor in zip(TOTALS, sums, strict=True):
            amounts[Unit(currency, mode), name] = int(minor)
    return amounts
