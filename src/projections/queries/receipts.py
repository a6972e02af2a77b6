"""Receipts: one a payment, numbered without a gap per site, mode and year (OR10).

The number is the payment's place among those of its year, by position: positions only grow, so a
number never changes, and a payment learned late is the last of its year. It is counted among the
live rows also where a receipt is read as of a moment: what is left out there has its number too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from ledger.money import Money
from ledger.order.order import inclusive_tax
from projections.queries.reading import Source

COLUMNS: LiteralString = """
payment.year, payment.mode, payment.member_id, payment.order_id, payment.fact_version,
payment.position, payment.minor, payment.currency, payment.occurred_at AS paid_at,
placed.plan_name, placed.tax_basis_points, placed.discount_code, placed.period_start,
placed.period_end
"""
RECEIPTS: LiteralString = """
WITH asked AS (
  SELECT {columns}
    FROM movements AS payment JOIN orders AS placed USING (member_id, order_id)
   WHERE payment.kind = 'payment' AND {which}),
around AS (
  SELECT mode, year, min(position) AS first, max(position) AS last FROM asked GROUP BY mode, year),
counted AS (
  SELECT around.mode, around.year, one.position,
         before.payments
           + row_number() OVER (PARTITION BY around.mode, around.year ORDER BY one.position)
           AS number
    FROM around
   CROSS JOIN LATERAL (
      SELECT count(*) AS payments FROM views.movements AS earlier
       WHERE earlier.kind = 'payment' AND earlier.mode = around.mode
         AND earlier.year = around.year AND earlier.position < around.first) AS before
    JOIN views.movements AS one
      ON one.kind = 'payment' AND one.mode = around.mode AND one.year = around.year
     AND one.position BETWEEN around.first AND around.last)
SELECT asked.*, counted.number FROM asked JOIN counted USING (mode, year, position)
 ORDER BY position
"""
OF_ORDERS: LiteralString = "placed.order_id = ANY(%(order_ids)s)"
OF_MEMBER: LiteralString = "payment.member_id = %(member_id)s"
# What has a number is the payment at that place: to find it, those before it are passed over once.
NUMBERED: LiteralString = """
SELECT {columns}, %(number)s::bigint AS number
  FROM movements AS payment JOIN orders AS placed USING (member_id, order_id)
 WHERE payment.kind = 'payment' AND payment.position = (
          SELECT position FROM views.movements
           WHERE kind = 'payment' AND mode = %(mode)s AND year = %(year)s
           ORDER BY position OFFSET %(number)s - 1 LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment's receipt; `minor` in minor units, the tax included."""

    year: int
    mode: str
    member_id: UUID
    order_id: UUID
    fact_version: int
    position: int
    minor: int
    currency: str
    paid_at: datetime
    plan_name: str
    tax_basis_points: int | None
    discount_code: str | None
    period_start: datetime
    period_end: datetime | None
    number: int

    @property
    def label(self) -> str:
        """How it is cited: `2026-000042`, with `T` before it in test mode."""
        return f"{'T' if self.mode == 'test' else ''}{self.year}-{self.number:06}"

    @property
    def amount(self) -> Money:
        """What was paid."""
        return Money(self.minor, self.currency)

    @property
    def tax(self) -> Money | None:
        """The tax inside the amount, where the plan names a rate; half up to a minor unit."""
        rate = self.tax_basis_points
        return None if rate is None else inclusive_tax(self.amount, rate)


class ReceiptQueries:
    """Asks for receipts."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def of_order(self, order_id: UUID) -> list[Receipt]:
        """An order's receipts: one a payment."""
        return self.of_orders([order_id])

    def of_orders(self, order_ids: Collection[UUID]) -> list[Receipt]:
        """The receipts of several orders, the earliest first."""
        return self._asked(OF_ORDERS, {"order_ids": [*order_ids]})

    def of_member(self, member_id: UUID) -> list[Receipt]:
        """Somebody's receipts, the latest first."""
        return self._asked(OF_MEMBER, {"member_id": member_id})[::-1]

    def numbered(self, year: int, number: int, *, mode: str) -> Receipt | None:
        """The receipt of a number, from 1."""
        asked = {"year": year, "number": number, "mode": mode}
        return next(iter(self._read(NUMBERED, asked)), None)

    def _asked(self, which: LiteralString, parameters: dict[str, object]) -> list[Receipt]:
        return self._read(RECEIPTS, parameters, which=sql.SQL(which))

    def _read(
        self, text: LiteralString, parameters: dict[str, object], **named: sql.Composable
    ) -> list[Receipt]:
        query = sql.SQL(text).format(columns=sql.SQL(COLUMNS), **named)
        with self._source.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Receipt))
            found: list[Receipt] = cursor.execute(query, parameters).fetchall()
        return found

    def ahead(self, order_ids: Collection[UUID]) -> ReceiptQueries:
        """The same questions; those of these orders have been asked at once."""
        return _Ahead(self._source, order_ids)


class _Ahead(ReceiptQueries):
    def __init__(self, source: Source, order_ids: Collection[UUID]) -> None:
        super().__init__(source)
        self._of: dict[UUID, list[Receipt]] = {order_id: [] for order_id in order_ids}
        for receipt in self.of_orders(order_ids):
            self._of[receipt.order_id].append(receipt)

    def of_order(self, order_id: UUID) -> list[Receipt]:
        found = self._of.get(order_id)
        return super().of_order(order_id) if found is None else list(found)
