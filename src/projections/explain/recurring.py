"""MRR explained: membership by membership, the view's value beside that of the books (NU2, NU4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor, sql
from psycopg.rows import tuple_row

from ledger.store.records import FactRecord
from projections.courses import Change, changes
from projections.explain import recurring_sql as queries
from projections.explain.answers import Definition, Line
from projections.explain.as_stored import BEYOND_RECKONING, AsStored
from projections.explain.books import Books, Scope
from projections.explain.broken import BROKEN_CHANGES
from projections.explain.refolded import Apart, Refolding
from projections.explain.stored import one_instant
from projections.queries.reports.definitions import MRR
from projections.queries.reports.rounding import rounded
from projections.site import Site
from projections.timelines import TimelineRow

DEFINITION = Definition(MRR.name, MRR.version)
MOST_APART = 50
POSITION = """
SELECT coalesce(%(known_position)s::bigint, min(position), 0)
  FROM views.positions WHERE name = 'timelines'
"""
OF_MEMBERS: LiteralString = """
SELECT {columns} FROM timelines AS view WHERE view.member_id = ANY (%(member_ids)s)
"""
BROKEN: LiteralString = """
SELECT member_id FROM timelines WHERE {broken} ORDER BY member_id LIMIT %(most)s
"""
LARGEST = 2**63 - 1


class Amount(NamedTuple):
    """Minor units a month, exact; shown rounded."""

    exact: Fraction
    memberships: int

    @property
    def minor(self) -> int:
        """Rounded once."""
        return rounded(self.exact)


NOTHING = Amount(Fraction(0), 0)


class RecurringFigure(NamedTuple):
    """The MRR of a currency, as the view states it and as the books have it."""

    currency: str
    stated: Amount
    readded: Amount

    @property
    def agrees(self) -> bool:
        """Whether both are exactly the same, and made of as many memberships."""
        return self.stated == self.readded


class Part(NamedTuple):
    """What a fact adds to a membership's monthly value, from `at` on."""

    fact_id: str
    at: datetime
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Worth:
    """What a membership is worth a month, in minor units: `parts` add up to what is stated."""

    membership_id: UUID
    member_id: UUID
    plan_id: UUID
    currency: str
    stated: Fraction
    readded: Fraction
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class RecurringExplained:
    """The MRR at an instant, with a page of the memberships that it is the sum of.

    `apart` are members, the first few, whose value in the view is not that of the books or can't be
    reckoned with, and what of their row their facts make otherwise.
    """

    definition: Definition
    position: int
    at: datetime
    figures: Sequence[RecurringFigure]
    memberships: Sequence[Worth]
    count: int
    next_after: UUID | int | None
    apart: Sequence[Apart]
    facts: Sequence[Line]

    @property
    def agrees(self) -> bool:
        """Whether every currency's MRR is what its memberships add up to, each that is listed is
        worth what its facts say, and nobody's row is beyond reckoning.
        """
        are_worth_it = all(one.stated == one.readded for one in self.memberships)
        return are_worth_it and not self.apart and all(figure.agrees for figure in self.figures)


class Asked(NamedTuple):
    """Of which currency and plan; and which memberships to list: so many after one of them."""

    currency: str | None = None
    plan_id: UUID | None = None
    limit: int = 200
    after: UUID | None = None


@dataclass(frozen=True)
class ExplainRecurring:
    """Explains MRR."""

    scope: Scope
    books: Books
    site: Site

    def at(self, at: datetime, asked: Asked) -> RecurringExplained:
        """The MRR at an instant."""
        with one_instant(self.scope.source) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            position = self.position(cursor)
            named = self.parameters(at, asked, position)
            figures, page = _figures(cursor, named)
            shown, more = page[: asked.limit], len(page) > asked.limit
            apart = self.apart(connection, named, figures)
            found = worths(shown, self.parts(connection, at, {row[1] for row in shown}))
            # Those that decide by either side.
            named_by_view = [part.fact_id for worth in found for part in worth.parts]
            named_by_books = [place for row in shown for place in row[6:8]]
            records = records_of(cursor, named_by_view, named_by_books)
        told = self.books.opened(records, self.scope.reach(position))
        return RecurringExplained(
            definition=DEFINITION,
            position=position,
            at=at,
            figures=figures,
            memberships=found,
            count=sum(figure.readded.memberships for figure in figures),
            next_after=shown[-1][0] if more else None,
            apart=apart,
            facts=[one.line for one in told],
        )

    def apart(
        self,
        connection: Connection[Any],
        named: Mapping[str, Any],
        figures: Sequence[RecurringFigure],
    ) -> list[Apart]:
        """Whose value is not that of the books, if any figure isn't, and who has none at all."""
        cursor = connection.cursor(row_factory=tuple_row)
        broken = sql.SQL(BROKEN).format(broken=sql.SQL(BROKEN_CHANGES))
        found = cursor.execute(broken, named).fetchall()
        if not all(figure.agrees for figure in figures):
            found += ask(cursor, queries.APART, named)
        refolding = Refolding(self.scope, self.books, self.site)
        member_ids = [member_id for (member_id,) in found]
        return refolding.of(connection, named["position"], member_ids)[:MOST_APART]

    def position(self, cursor: Cursor[tuple[Any, ...]]) -> int:
        """Up to where the view has read."""
        [(position,)] = cursor.execute(POSITION, {"known_position": self.scope.position})
        return int(position)

    def figures(
        self, cursor: Cursor[tuple[Any, ...]], at: datetime, currency: str, position: int
    ) -> list[RecurringFigure]:
        """The MRR of a currency at an instant; none where there is nothing."""
        asked = Asked(currency, limit=0)
        return _figures(cursor, self.parameters(at, asked, position))[0]

    def parameters(self, at: datetime, asked: Asked, position: int) -> dict[str, object]:
        """What every query of them names."""
        return {
            "at": at,
            "topics": list(queries.TOPICS),
            "position": position,
            "left_out": list(self.scope.left_out),
            "mode": self.site.mode,
            "currency": asked.currency,
            "plan_id": asked.plan_id,
            "after": asked.after,
            "limit": asked.limit + 1,
            "most": MOST_APART,
        }

    def parts(
        self, connection: Connection[Any], at: datetime, member_ids: Iterable[UUID]
    ) -> Mapping[UUID, list[Part]]:
        """What the view says of some members, by membership."""
        rows = AsStored(TimelineRow)
        query = sql.SQL(OF_MEMBERS).format(columns=rows.columns)
        parts: dict[UUID, list[Part]] = defaultdict(list)
        for row in rows.on(connection, query, {"member_ids": list(member_ids)}):
            for change in _changes(row):
                if change.at <= at:
                    fact_id = f"{row.member_id}/{change.version}"
                    parts[change.membership_id].append(Part(fact_id, change.at, change.delta))
        return parts


def _changes(row: TimelineRow) -> list[Change]:
    """What a row says; nothing where that can't be reckoned with, which is what the facts don't."""
    try:
        return changes(row.worth)
    except BEYOND_RECKONING:
        return []


def worths(page: Sequence[Any], parts: Mapping[UUID, list[Part]]) -> list[Worth]:
    """Memberships of a page, by both sides."""
    found = []
    for membership_id, member_id, plan_id, currency, numerator, denominator, *_ in page:
        own = parts[membership_id]
        stated = sum((part.amount for part in own), Fraction(0))
        readded = Fraction(numerator, denominator)
        found.append(Worth(membership_id, member_id, plan_id, currency, stated, readded, own))
    return found


def records_of(
    cursor: Cursor[tuple[Any, ...]], fact_ids: Iterable[str], positions: Sequence[int] = ()
) -> list[FactRecord]:
    """Facts by their ids, and by their positions, in their order."""
    named = [fact_id.split("/") for fact_id in fact_ids]
    known = [one for one in named if abs(int(one[1])) <= LARGEST]
    asked = {
        "positions": list(positions),
        "streams": [stream_id for stream_id, _ in known],
        "versions": [int(version) for _, version in known],
    }
    return [FactRecord(*row) for row in cursor.execute(queries.RECORDS, asked)]


def ask(
    cursor: Cursor[tuple[Any, ...]],
    query: LiteralString,
    named: Mapping[str, object],
    *,
    whose: LiteralString = "",
) -> list[tuple[Any, ...]]:
    """The rows of a query over what memberships are worth by the books, and by the view."""
    worth = sql.SQL(queries.WORTH).format(
        told=sql.SQL(queries.TOLD + whose),
        stays=sql.SQL(queries.STAYS),
        priced=sql.SQL(queries.PRICED),
    )
    composed = sql.SQL(query).format(worth=worth, stated=sql.SQL(queries.STATED))
    return cursor.execute(composed, named).fetchall()


def _figures(
    cursor: Cursor[tuple[Any, ...]], named: Mapping[str, object]
) -> tuple[list[RecurringFigure], list[tuple[Any, ...]]]:
    """The figures, and a page of what the books' side is made of."""
    found = ask(cursor, queries.SUMS_AND_PAGE, named)
    sums = [(one[3], one[5], one[4], one[8]) for one in found if one[0] is None]
    sides = [_amounts(ask(cursor, queries.STATED_SUMS, named)), _amounts(sums)]
    figures = [
        RecurringFigure(currency, *(side.get(currency, NOTHING) for side in sides))
        for currency in sorted({*sides[0], *sides[1]})
    ]
    return figures, sorted(one for one in found if one[0] is not None)


def _amounts(sums: Sequence[Any]) -> dict[str, Amount]:
    found: dict[str, Amount] = {}
    for currency, denominator, numerator, memberships in sums:
        before = found.get(currency, NOTHING)
        found[currency] = Amount(
            before.exact + Fraction(int(numerator), denominator),
            before.memberships + int(memberships),
        )
    return {currency: amount for currency, amount in found.items() if amount != NOTHING}
