"""Timelines folded anew from the books, beside those that are stored (NU4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.store.records import FactRecord
from projections.explain.as_stored import BEYOND_RECKONING, AsStored
from projections.explain.books import Books, Scope, Told
from projections.explain.recurring_sql import TOPICS
from projections.queries.reports.facts import Span
from projections.site import Site
from projections.timelines import TimelineRow, Timelines
from projections.view import Recorded, fold_work, work_of

A_PAGE = 300
"""So many people are folded anew at a time, so that memory stays what it is."""
MOST_APART = 50
"""Where so many are not what their facts make of them, nobody else is looked at."""

# Who had a share by the view or may have had, and to whom something happened by the books.
CONCERNED: LiteralString = """
SELECT member_id FROM timelines WHERE {moved}
UNION
SELECT facts.stream_id
  FROM ledger.facts CROSS JOIN LATERAL (
           SELECT (convert_from(facts.state, 'UTF8')::jsonb ->> 'occurred_at')::timestamptz AS at
           OFFSET 0) AS told
 WHERE facts.topic = ANY (%(topics)s) AND facts.position <= %(position)s
   AND facts.position <> ALL (%(left_out)s)
   AND told.at >= %(since)s AND told.at < %(before)s AND told.at <= %(now)s
 ORDER BY 1
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
"""What an answer takes from a row. It may raise for one that a hand has left."""


class Column(NamedTuple):
    """A column of a row: as it is stored, and as the facts make it; None where there is no row."""

    name: str
    stored: Any
    refolded: Any


class Apart(NamedTuple):
    """Somebody of whom the view says something else than their facts, and the columns that differ.

    None where only the sum does, or where the facts can't be read or folded.
    """

    member_id: UUID
    columns: Sequence[Column]


class Held(NamedTuple):
    """How many people were folded anew, and the first MOST_APART who are apart: nobody is looked
    at after them.
    """

    people: int
    apart: Sequence[Apart]


@dataclass(frozen=True)
class Refolding:
    """Holds stored timelines against their facts."""

    scope: Scope
    books: Books
    site: Site

    def held(
        self,
        connection: Connection[Any],
        span: Span,
        position: int,
        *,
        moved: LiteralString,
        says: Says,
    ) -> Held:
        """Everybody who may have a share in a stretch of time, folded anew, some at a time.

        `moved` is the condition on rows that have one. The connection is in a transaction.
        """
        asked = {
            **span.parameters,
            "position": position,
            "topics": [topic for topic in TOPICS if topic != "order.placed"],
            "left_out": list(self.scope.left_out),
        }
        query = sql.SQL(CONCERNED).format(moved=sql.SQL(moved))
        people, found = 0, list[Apart]()
        with connection.cursor(name="concerned", row_factory=tuple_row) as concerned:
            concerned.execute(query, asked)
            while len(found) < MOST_APART and (some := concerned.fetchmany(A_PAGE)):
                member_ids = [member_id for (member_id,) in some]
                found += self.apart(connection, position, member_ids, says)
                people += len(some)
        return Held(people, found[:MOST_APART])

    def apart(
        self, connection: Connection[Any], position: int, member_ids: Iterable[UUID], says: Says
    ) -> list[Apart]:
        """Those of whom the view says something else than their facts make of it.

        So is everybody whose facts can't be read or folded: nothing is vouched for.
        """
        rows = self._rows(connection, position, member_ids)
        return [
            Apart(member_id, _differing(stored, made))
            for member_id, (stored, made) in rows.items()
            if made is None or not _says_alike(says, stored or TimelineRow(member_id), made)
        ]

    def of(
        self, connection: Connection[Any], position: int, member_ids: Iterable[UUID]
    ) -> list[Apart]:
        """These, who are known to be apart, with the columns that differ."""
        rows = self._rows(connection, position, member_ids)
        return [Apart(member_id, _differing(*both)) for member_id, both in rows.items()]

    def _rows(
        self, connection: Connection[Any], position: int, member_ids: Iterable[UUID]
    ) -> dict[UUID, tuple[TimelineRow | None, TimelineRow | None]]:
        """Of each their row as it is stored, if it is, and as the facts make it, if they do."""
        asked = sorted(set(member_ids))
        rows = AsStored(TimelineRow)
        query = sql.SQL(OF_MEMBERS).format(columns=rows.columns)
        stored = {one.member_id: one for one in rows.on(connection, query, {"member_ids": asked})}
        told = self._told(connection, position, asked)
        return {one: (stored.get(one), self._made(one, told[one])) for one in asked}

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


def _says_alike(says: Says, stored: TimelineRow, made: TimelineRow) -> bool:
    expected = says(made)
    try:
        return says(stored) == expected
    except BEYOND_RECKONING:
        return False  # what can't be reckoned with is not what the facts make


def _differing(stored: TimelineRow | None, made: TimelineRow | None) -> list[Column]:
    """The columns that differ; all of them where one of both is missing, which is then None."""
    if made is None:
        return []
    blank = (None,) * len(made)
    pairs = zip(made._fields, stored or blank, made, strict=True)
    return [Column(*one) for one in pairs if one[1] != one[2]]
