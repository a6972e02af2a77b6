"""Timelines folded anew from the books, beside those that are stored (NU4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.store.records import FactRecord
from projections.explain.books import Books, Scope, Told
from projections.explain.recurring_sql import TOPICS
from projections.queries.reading import Rows
from projections.queries.reports.facts import Span
from projections.site import Site
from projections.timelines import TimelineRow, Timelines
from projections.view import Recorded, fold_work, work_of

MOST_REFOLDED = 300
"""Who had a share in a stretch of time is folded anew for one answer, and so are as many to whom
something happened in it. Of more, those after them are proved by `ledger views verify` alone.
"""

# Who is listed, who had a share by the view, and to whom something happened by the books.
CONCERNED: LiteralString = """
(SELECT member_id FROM timelines
  WHERE {listed} AND (%(after)s::uuid IS NULL OR member_id > %(after)s)
  ORDER BY member_id LIMIT %(limit)s)
UNION
(SELECT member_id FROM timelines WHERE {moved} ORDER BY member_id LIMIT %(most)s)
UNION
(SELECT DISTINCT facts.stream_id
   FROM ledger.facts CROSS JOIN LATERAL (
            SELECT (convert_from(facts.state, 'UTF8')::jsonb ->> 'occurred_at')::timestamptz AS at
            OFFSET 0) AS told
  WHERE facts.topic = ANY (%(topics)s) AND facts.position <= %(position)s
    AND facts.position <> ALL (%(left_out)s)
    AND told.at >= %(since)s AND told.at < %(before)s AND told.at <= %(now)s
  ORDER BY 1 LIMIT %(most)s)
"""

FACTS = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state
  FROM ledger.facts
 WHERE subject_id = ANY (%(member_ids)s) AND topic = ANY (%(topics)s)
   AND position <= %(position)s
 ORDER BY position
"""
OF_MEMBERS: LiteralString = """
SELECT {columns} FROM timelines AS view WHERE view.member_id = ANY (%(member_ids)s)
"""

Says = Callable[[TimelineRow], object]
"""What an answer takes from a row."""


@dataclass(frozen=True)
class Refolding:
    """Holds stored timelines against their facts."""

    scope: Scope
    books: Books
    site: Site

    def concerned(
        self,
        connection: Connection[Any],
        span: Span,
        named: Mapping[str, object],
        *,
        listed: LiteralString,
        moved: LiteralString,
    ) -> list[UUID]:
        """Who may have a share in a stretch of time. `listed` and `moved` are conditions on rows;
        `named` says the position, and of the list `after` and `limit`.
        """
        asked = {
            **span.parameters,
            **named,
            "topics": [topic for topic in TOPICS if topic != "order.placed"],
            "left_out": list(self.scope.left_out),
            "most": MOST_REFOLDED,
        }
        query = sql.SQL(CONCERNED).format(listed=sql.SQL(listed), moved=sql.SQL(moved))
        found = connection.cursor(row_factory=tuple_row).execute(query, asked)
        return [member_id for (member_id,) in found]

    def apart(
        self, connection: Connection[Any], position: int, member_ids: Iterable[UUID], says: Says
    ) -> list[UUID]:
        """Those of whom the view says something else than their facts make of it.

        So is everybody whose facts can't be read or folded: nothing is vouched for.
        """
        asked = sorted(set(member_ids))
        rows = Rows(self.scope.source, TimelineRow)
        query = sql.SQL(OF_MEMBERS).format(columns=rows.columns)
        stored = {one.member_id: one for one in rows.on(connection, query, {"member_ids": asked})}
        told = self._told(connection, position, asked)
        found = []
        for member_id in asked:
            made = self._made(member_id, told[member_id])
            if made is None or says(stored.get(member_id, TimelineRow(member_id))) != says(made):
                found.append(member_id)
        return found

    def _told(
        self, connection: Connection[Any], position: int, member_ids: Sequence[UUID]
    ) -> dict[UUID, list[Told]]:
        topics = [fact_class.TOPIC for fact_class in Timelines.handlers]
        asked = {"member_ids": member_ids, "topics": topics, "position": position}
        found = connection.cursor(row_factory=tuple_row).execute(FACTS, asked)
        records = [FactRecord(*row) for row in found]
        by_member: dict[UUID, list[Told]] = defaultdict(list)
        for told in self.books.opened(records, self.scope.reach(position)):
            if told.record.subject_id is not None:
                by_member[told.record.subject_id].append(told)
        return by_member

    def _made(self, member_id: UUID, told: Sequence[Told]) -> TimelineRow | None:
        """The row that facts make, a blank one for none; None where that can't be known."""
        if any(one.fault for one in told):
            return None
        view, lenient = Timelines(self.site), self.scope.as_of is not None
        work = work_of(view, [Recorded(one.record.position, one.fact) for one in told if one.fact])
        try:
            made = fold_work(view, {}, work, lenient=lenient)
        except Exception:  # noqa: BLE001 -- whatever it is, the row is not proved
            return None
        return made.get((member_id,)) or TimelineRow(member_id)
