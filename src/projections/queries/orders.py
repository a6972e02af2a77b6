"""The order list, and one order with its attempts, payments, refunds and disputes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, LiteralString
from uuid import UUID

from psycopg.rows import tuple_row

from projections.orders import OrderRow, State
from projections.queries.paging import Count, List, Order, Page, Part, Turn
from projections.queries.reading import Rows, Source

OrderSort = Literal["placed", "amount"]

ONE: LiteralString = "SELECT {columns} FROM orders AS view WHERE order_id = %(order_id)s"
PEOPLE = """
SELECT member_id, name, email FROM members WHERE member_id = ANY (%(member_ids)s)
"""

FILTERS: dict[str, LiteralString] = {
    "member_id": "view.member_id = %(member_id)s",
    "membership_id": "view.membership_id = %(membership_id)s",
    "plan_id": "view.plan_id = %(plan_id)s",
    "discount_code": "view.discount_code = %(discount_code)s",
    "state": "view.state = %(state)s",
    "mode": "view.mode = %(mode)s",
    "currency": "view.currency = %(currency)s",
    "placed_from": "view.placed_at >= %(placed_from)s",
    "placed_before": "view.placed_at < %(placed_before)s",
}
ORDERS: dict[str, Order] = {
    "placed": (Part("view.placed_at", "timestamptz", lambda row: row.placed_at),),
    "amount": (Part("view.amount", "bigint", lambda row: row.amount),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders; all that is given must hold. Sorting by amount wants one currency."""

    member_id: UUID | None = None
    membership_id: UUID | None = None
    plan_id: UUID | None = None
    discount_code: str | None = None
    state: State | None = None
    mode: str | None = None
    currency: str | None = None
    placed_from: datetime | None = None
    placed_before: datetime | None = None

    def conditions(self) -> list[LiteralString]:
        """What must hold, as the database is asked."""
        return [FILTERS[name] for name in FILTERS if getattr(self, name) is not None]

    def parameters(self) -> dict[str, object]:
        """The values that the conditions name."""
        return {name: getattr(self, name) for name in FILTERS}


@dataclass(frozen=True, slots=True)
class Person:
    """Whose order it is."""

    member_id: UUID
    name: str
    email: str


class OrderQueries:
    """Asks about orders."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, OrderRow)
        self._list: List[OrderRow] = List(
            table="orders",
            orders=ORDERS,
            row_id="view.order_id",
            id_of=lambda row: row.order_id,
            rows=self._rows,
        )

    def page(self, asked: OrderFilter, turn: Turn) -> Page[OrderRow]:
        """A page of the list. Raises CursorMalformed."""
        with self._rows.source.connection() as connection:
            return self._list.page(connection, turn, asked.conditions(), asked.parameters())

    def count(self, asked: OrderFilter) -> Count:
        """How many the list has."""
        with self._rows.source.connection() as connection:
            return self._list.counted(connection, asked.conditions(), asked.parameters())

    def one(self, order_id: UUID) -> OrderRow | None:
        """One order with all its papers."""
        return self._rows.one(ONE, {"order_id": order_id})

    def people(self, orders: list[OrderRow]) -> dict[UUID, Person]:
        """Whose orders these are, by member id."""
        wanted = list({order.member_id for order in orders})
        with self._rows.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            found = cursor.execute(PEOPLE, {"member_ids": wanted}).fetchall()
        return {row[0]: Person(*row) for row in found}
