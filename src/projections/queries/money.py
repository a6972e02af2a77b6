"""Money: movements, and totals as sums over them; live and test never added (OR8, OR9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, LiteralString, cast
from uuid import UUID

from psycopg import sql
from psycopg.rows import tuple_row

from projections.movements import Kind, MovementRow
from projections.queries.paging import Count, List, Order, Page, Part, Turn
from projections.queries.reading import Rows, Source
from projections.spending import SpendingRow

Told = Literal[Kind, "dispute_won"]
"""What a movement is called: `dispute_won` is money back that a dispute had taken."""

TOTALS: LiteralString = """
SELECT currency, mode,
       coalesce(sum(minor) FILTER (WHERE kind IN ('payment', 'payment_reversed')), 0)::bigint,
       coalesce(-sum(minor) FILTER (WHERE kind IN ('refund', 'refund_failed')), 0)::bigint,
       coalesce(-sum(minor) FILTER (WHERE kind = 'dispute_lost'), 0)::bigint,
       coalesce(-sum(minor) FILTER (WHERE kind = 'fee'), 0)::bigint,
       count(*) FILTER (WHERE kind = 'payment')
           - count(*) FILTER (WHERE kind = 'payment_reversed')
  FROM movements AS view WHERE {condition}
 GROUP BY currency, mode ORDER BY currency, mode
"""
OF_MEMBER: LiteralString = """
SELECT {columns} FROM spending AS view
 WHERE member_id = %(member_id)s ORDER BY mode, currency
"""

FILTERS: dict[str, LiteralString] = {
    "member_id": "view.member_id = %(member_id)s",
    "order_id": "view.order_id = %(order_id)s",
    "kind": """CASE WHEN view.kind = 'dispute_lost' AND view.minor > 0 THEN 'dispute_won'
                    ELSE view.kind END = %(kind)s""",
    "mode": "view.mode = %(mode)s",
    "currency": "view.currency = %(currency)s",
    "since": "view.occurred_at >= %(since)s",
    "before": "view.occurred_at < %(before)s",
    "plan_id": """EXISTS (
        SELECT FROM orders
         WHERE orders.member_id = view.member_id AND orders.order_id = view.order_id
           AND orders.plan_id = %(plan_id)s)""",
}
ORDERS: dict[str, Order] = {
    "position": (Part("view.position", "bigint", lambda row: row.position),),
    "occurred": (Part("view.occurred_at", "timestamptz", lambda row: row.occurred_at),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementFilter:
    """Which movements; all that is given must hold. Instants are when it was true."""

    member_id: UUID | None = None
    order_id: UUID | None = None
    plan_id: UUID | None = None
    kind: Told | None = None
    mode: str | None = None
    currency: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def conditions(self) -> list[LiteralString]:
        """What must hold, as the database is asked."""
        return [FILTERS[name] for name in FILTERS if getattr(self, name) is not None]

    def parameters(self) -> dict[str, object]:
        """The values that the conditions name."""
        return {name: getattr(self, name) for name in FILTERS}


def told(row: MovementRow) -> Told:
    """What a movement is called. The view has one kind for all that disputes moved, as its sum
    is what they cost.
    """
    is_won = row.kind == "dispute_lost" and row.minor > 0
    return "dispute_won" if is_won else cast("Kind", row.kind)


@dataclass(frozen=True, slots=True)
class Total:
    """Money of one currency and mode, in minor units."""

    currency: str
    mode: str
    gross: int
    refunded: int
    disputed: int
    fees: int
    payments: int

    @property
    def net(self) -> int:
        """Payments less refunds less disputes lost; fees are costs and stand apart (OR8)."""
        return self.gross - self.refunded - self.disputed

    def __add__(self, other: Total) -> Total:
        """Both together; ValueError where they are not of the same currency and mode (OR9)."""
        if (self.currency, self.mode) != (other.currency, other.mode):
            message = f"{self.currency} {self.mode} and {other.currency} {other.mode} never add up"
            raise ValueError(message)
        return Total(
            self.currency,
            self.mode,
            gross=self.gross + other.gross,
            refunded=self.refunded + other.refunded,
            disputed=self.disputed + other.disputed,
            fees=self.fees + other.fees,
            payments=self.payments + other.payments,
        )


class MoneyQueries:
    """Asks about money that moved."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, MovementRow)
        self._spending = Rows(source, SpendingRow)
        self._list: List[MovementRow] = List(
            table="movements",
            orders=ORDERS,
            row_id="view.position",
            id_of=lambda row: row.position,
            id_type="bigint",
            rows=self._rows,
        )

    def page(self, asked: MovementFilter, turn: Turn) -> Page[MovementRow]:
        """A page of movements. Raises CursorMalformed."""
        with self._rows.source.connection() as connection:
            return self._list.page(connection, turn, asked.conditions(), asked.parameters())

    def count(self, asked: MovementFilter) -> Count:
        """How many movements there are."""
        with self._rows.source.connection() as connection:
            return self._list.counted(connection, asked.conditions(), asked.parameters())

    def totals(self, asked: MovementFilter) -> list[Total]:
        """What the movements add up to, by currency and mode."""
        conditions = asked.conditions() or ["true"]
        query = sql.SQL(TOTALS).format(
            condition=sql.SQL(" AND ").join(sql.SQL(one) for one in conditions)
        )
        with self._rows.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            return [Total(*row) for row in cursor.execute(query, asked.parameters())]

    def spending_of(self, member_id: UUID) -> list[SpendingRow]:
        """What somebody spent, by mode and currency."""
        return self._spending.all(OF_MEMBER, {"member_id": member_id})
