"""Spending figures explained: the view's movements beside the books, both added up by the database.

The books' side never looks at a view: it reads the stored facts themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import tuple_row

from ledger.store.records import FactRecord
from projections.explain.adding import FEES, NET, SETTLING, TOTALS, total_lines
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
from projections.explain.stored import one_instant
from projections.queries.money import FILTERS, MovementFilter

SPENDING = Definition("spending-figures", 1)
FIGURES = (*TOTALS, FEES)
MOST_DIFFERENCES = 50

POSITION = """
SELECT coalesce(%(known_position)s::bigint, min(position), 0)
  FROM views.positions WHERE name IN ('movements', 'orders')
"""
STATED: LiteralString = """
SELECT view.currency, view.mode, view.position, view.member_id, view.order_id, view.occurred_at,
       CASE view.kind WHEN 'payment' THEN 'gross' WHEN 'payment_reversed' THEN 'gross'
                      WHEN 'dispute_lost' THEN 'disputed'
                      WHEN 'fee' THEN 'fees' ELSE 'refunded' END AS figure,
       CASE WHEN view.kind IN ('payment', 'payment_reversed') THEN view.minor
            ELSE -view.minor::numeric END AS minor
  FROM movements AS view WHERE view.position <= %(position)s AND {condition}
"""
# Without OFFSET 0 each state would be parsed as often as it is named.
TOLD: LiteralString = """
SELECT facts.position, facts.topic, facts.stream_id, read.state
  FROM ledger.facts CROSS JOIN LATERAL (
           SELECT convert_from(facts.state, 'UTF8')::jsonb AS state OFFSET 0) AS read
 WHERE facts.topic = ANY (%(topics)s) AND facts.position <= %(position)s
   AND facts.position <> ALL (%(left_out)s) AND {subject}
"""
MOVED: LiteralString = """
SELECT told.state -> 'amount' ->> 'currency' AS currency, told.state ->> 'mode' AS mode,
       told.position, told.stream_id, told.state ->> 'occurred_at' AS occurred_at,
       CASE told.topic WHEN 'order.paid' THEN 'gross' WHEN 'order.payment_reversed' THEN 'gross'
                       WHEN 'order.dispute_closed' THEN 'disputed'
                       WHEN 'order.fee_recorded' THEN 'fees' ELSE 'refunded' END AS figure,
       CASE WHEN told.topic IN ('order.refund_failed', 'order.payment_reversed')
              OR told.state ->> 'outcome' = 'won' THEN -1 ELSE 1 END
           * (told.state -> 'amount' ->> 'minor')::bigint AS minor
  FROM ({told}) AS told
 WHERE (told.topic <> 'order.refund_failed' OR (told.state ->> 'was_settled')::boolean)
   AND (told.topic <> 'order.dispute_closed' OR told.state ->> 'outcome' = 'lost'
        OR (told.state ->> 'was_lost')::boolean)
   AND {condition}
"""
SUMS: LiteralString = """
SELECT currency, mode, figure, sum(stated), sum(readded), sum(one)
  FROM (SELECT currency, mode, figure, minor AS stated, 0 AS readded, 0 AS one
          FROM ({stated}) AS stated
         UNION ALL
        SELECT currency, mode, figure, 0, minor, 1 FROM ({moved}) AS moved) AS both_sides
 GROUP BY currency, mode, figure ORDER BY currency, mode, figure
"""
PAGE: LiteralString = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state
  FROM ledger.facts
 WHERE position IN (SELECT position FROM ({moved}) AS moved WHERE position > %(after)s
                     ORDER BY position LIMIT %(limit)s)
 ORDER BY position
"""
APART: LiteralString = """
SELECT position
  FROM ({stated}) AS stated FULL JOIN ({moved}) AS moved USING (position)
 WHERE (stated.currency, stated.mode, stated.figure, stated.minor)
       IS DISTINCT FROM (moved.currency, moved.mode, moved.figure, moved.minor)
 ORDER BY position LIMIT %(most)s
"""

SUBJECT: dict[str, LiteralString] = {
    "member_id": "facts.subject_id = %(member_id)s",
    "order_id": "facts.stream_id = %(order_id)s",
}
CONDITIONS: dict[str, LiteralString] = {
    "kind": """CASE WHEN told.topic = 'order.dispute_closed' AND told.state ->> 'outcome' = 'won'
                    THEN 'dispute_won' ELSE told.topic END = %(topic)s""",
    "mode": "told.state ->> 'mode' = %(mode)s",
    "currency": "told.state -> 'amount' ->> 'currency' = %(currency)s",
    "since": "(told.state ->> 'occurred_at')::timestamptz >= %(since)s",
    "before": "(told.state ->> 'occurred_at')::timestamptz < %(before)s",
    "plan_id": """EXISTS (
        SELECT FROM ledger.facts AS placed
         WHERE placed.stream_id = told.stream_id AND placed.version = 1
           AND convert_from(placed.state, 'UTF8')::jsonb ->> 'plan_id' = %(plan_id)s::text)""",
}
"""What a filter of movements means to the stored facts themselves."""

AS_OF: LiteralString = """(%(as_of)s::timestamptz IS NULL
    OR (told.state ->> 'occurred_at')::timestamptz <= %(as_of)s)"""
TOPICS = {
    "payment": "order.paid",
    "payment_reversed": "order.payment_reversed",
    "refund": "order.refunded",
    "refund_failed": "order.refund_failed",
    "dispute_lost": "order.dispute_closed",
    "dispute_won": "dispute_won",
    "fee": "order.fee_recorded",
}


@dataclass(frozen=True)
class SpendingSum(Sum):
    """`apart` are facts by position that the view misses, has wrong or made up: the first few."""

    apart: Sequence[int] = ()


@dataclass(frozen=True)
class ExplainFigures:
    """Explains spending figures of any filter."""

    scope: Scope
    books: Books

    def spending(self, asked: MovementFilter, turn: Turn) -> SpendingSum:
        """The figures, whole, with a page of the facts that add up to them."""
        with one_instant(self.scope.source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            [(position,)] = cursor.execute(POSITION, {"known_position": self.scope.position})
            sides, named = _sides(asked), self._parameters(asked, turn, position)
            sums = cursor.execute(sql.SQL(SUMS).format(**sides), named).fetchall()
            page = cursor.execute(sql.SQL(PAGE).format(**sides), named).fetchall()
            figures = compared("movements", FIGURES, side(sums, 3), side(sums, 4))
            apart = []
            if not all(figure.agrees for figure in figures):
                apart = cursor.execute(sql.SQL(APART).format(**sides), named).fetchall()
        return SpendingSum(
            definition=SPENDING,
            position=position,
            figures=figures,
            facts=self._page(page, int(sum(row[5] for row in sums)), turn, position),
            apart=[place for (place,) in apart],
        )

    def page(self, asked: MovementFilter, turn: Turn, position: int, count: int) -> Lines:
        """A page of the facts of a figure alone, which are so many up to a position."""
        named = self._parameters(asked, turn, position)
        with self.scope.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            found = cursor.execute(sql.SQL(PAGE).format(**_sides(asked)), named).fetchall()
        return self._page(found, count, turn, position)

    def _parameters(self, asked: MovementFilter, turn: Turn, position: int) -> dict[str, object]:
        return {
            **asked.parameters(),
            "position": position,
            "as_of": self.scope.as_of,
            "left_out": list(self.scope.left_out),
            "topics": sorted(SETTLING),
            "topic": TOPICS.get(asked.kind or ""),
            "after": turn.after,
            "limit": turn.limit + 1,
            "most": MOST_DIFFERENCES,
        }

    def _page(self, rows: Sequence[Any], count: int, turn: Turn, position: int) -> Lines:
        records = [FactRecord(*row) for row in rows[: turn.limit]]
        told = self.books.opened(records, self.scope.reach(position))
        lines: list[Line] = total_lines(told, FIGURES)
        more = len(rows) > turn.limit
        return Lines(lines, count, rows[turn.limit - 1][0] if more else None)


def _sides(asked: MovementFilter) -> dict[str, sql.Composable]:
    given = [name for name in FILTERS if getattr(asked, name) is not None]
    subject = [SUBJECT[name] for name in given if name in SUBJECT]
    conditions = [CONDITIONS[name] for name in given if name in CONDITIONS]
    told = sql.SQL(TOLD).format(subject=every(subject))
    return {
        "stated": sql.SQL(STATED).format(condition=every(asked.conditions())),
        "moved": sql.SQL(MOVED).format(told=told, condition=every([*conditions, AS_OF])),
    }


def every(conditions: Sequence[LiteralString]) -> sql.Composed:
    """All of these conditions."""
    return sql.SQL(" AND ").join([sql.SQL("true"), *(sql.SQL(one) for one in conditions)])


def side(sums: Sequence[Any], place: int) -> Amounts:
    """One side's sums by unit and figure, with what they come to."""
    amounts: Counter[tuple[Unit, str]] = Counter()
    for row in sums:
        unit, figure = Unit(row[0], row[1]), row[2]
        minor = int(row[place])  # a hand may have left more than any whole column holds
        amounts[unit, figure] += minor
        amounts[unit, "net"] += NET.get(figure, 0) * minor
    return amounts
