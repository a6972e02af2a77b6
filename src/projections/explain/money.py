"""What somebody spent, and what an order's figures are, explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import LiteralString
from uuid import UUID

from psycopg import sql

from ledger.order.facts import OrderPlaced
from projections.explain.adding import ORDER_FIGURES, SETTLING, TOTALS, order_lines, total_lines
from projections.explain.answers import (
    Amounts,
    Definition,
    Figure,
    Line,
    Stated,
    Sum,
    Turn,
    Unit,
    added,
    compared,
    turned,
)
from projections.explain.as_stored import BEYOND_RECKONING, broken
from projections.explain.books import Books, Scope, Told
from projections.explain.stored import StoredRows
from projections.members import MemberRow, Members
from projections.orders import OrderRow, Orders
from projections.site import Site
from projections.spending import Spending, SpendingRow

TOTAL_SPENT = Definition("total-spent", 1)
ORDER = Definition("order-figures", 1)

OF_MEMBER: LiteralString = "view.member_id = %(member_id)s"
OF_ORDER: LiteralString = "view.order_id = %(order_id)s"


@dataclass(frozen=True)
class ExplainMoney:
    """Explains totals and orders: the rows as they are stored beside the facts, added up anew."""

    scope: Scope
    books: Books
    site: Site

    def total_of(self, member_id: UUID, turn: Turn) -> Sum:
        """What somebody spent, by currency and mode, as the total and the member list state it."""
        named = {"member_id": member_id}
        reach, rows, _ = StoredRows(self.scope, Spending()).read(sql.SQL(OF_MEMBER), named)
        later, wide, _ = StoredRows(self.scope, Members(self.site)).read(sql.SQL(OF_MEMBER), named)
        furthest = max(reach, later, key=attrgetter("position"))
        facts = self.books.of_subject(member_id, furthest, topics=SETTLING)
        lines = total_lines(reach.of(facts), TOTALS)
        figures = compared("spending", TOTALS, _stated(rows), added(lines))
        listed = self._listed(wide, total_lines(later.of(facts), TOTALS))
        return Sum(
            definition=TOTAL_SPENT,
            position=reach.position,
            figures=[*figures, *listed],
            facts=turned(lines, turn),
            unread=sum(line.fault is not None for line in lines),
            broken=[*broken("spending", rows), *broken("members", wide)],
        )

    def order(self, order_id: UUID, turn: Turn) -> Sum | None:
        """An order's figures; None where there is no such order."""
        reach, rows, _ = StoredRows(self.scope, Orders()).read(
            sql.SQL(OF_ORDER), {"order_id": order_id}
        )
        facts = self.books.of_stream(order_id, reach)
        unit = _unit_of(rows, facts)
        if unit is None:
            return None
        lines = [replace(line, unit=unit) for line in order_lines(facts)]
        readded = dict(added(lines))
        readded[unit, "refundable"] = max(0, readded.get((unit, "refundable"), 0))
        return Sum(
            definition=ORDER,
            position=reach.position,
            figures=compared("orders", ORDER_FIGURES, _of_row(rows), readded),
            facts=turned(lines, turn),
            unread=sum(line.fault is not None for line in lines),
            broken=broken("orders", rows),
        )

    def _listed(self, rows: Sequence[MemberRow], lines: Sequence[Line]) -> Sequence[Figure]:
        """What the member list states, which is of the site's currency and mode alone."""
        unit = Unit(self.site.currency, self.site.mode)
        sums = added(lines)
        readded = {(unit, name): sums.get((unit, name), 0) for name in TOTALS}
        return compared("members", TOTALS, _of_list(rows, unit), readded)


def _stated(rows: Sequence[SpendingRow]) -> Amounts:
    return {
        (Unit(row.currency, row.mode), name): getattr(row, name) for row in rows for name in TOTALS
    }


def _of_list(rows: Sequence[MemberRow], unit: Unit) -> Amounts:
    columns = {**{name: name for name in TOTALS}, "net": "spent"}
    return {(unit, name): getattr(row, column) for row in rows for name, column in columns.items()}


def _of_row(rows: Sequence[OrderRow]) -> Stated:
    return {
        (Unit(row.currency, row.mode), name): _reckoned(row, name)
        for row in rows
        for name in ORDER_FIGURES
    }


def _reckoned(row: OrderRow, name: str) -> int | None:
    """A figure of a row; None where what it is reckoned from is broken."""
    try:
        return int(getattr(row, name))
    except BEYOND_RECKONING:
        return None


def _unit_of(rows: Sequence[OrderRow], facts: Sequence[Told]) -> Unit | None:
    """What the order was placed in; what its row says, where that fact can't be read."""
    for told in facts:
        if isinstance(told.fact, OrderPlaced):
            return Unit(told.fact.amount.currency, told.fact.mode)
    return next((Unit(row.currency, row.mode) for row in rows), None)
