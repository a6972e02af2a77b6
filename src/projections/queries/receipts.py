"""Receipts: one a payment, numbered without a gap per site, mode and year (OR10).

The number is the payment's place among those of its year, by position: positions only grow, so a
number never changes, and a payment learned late is the last of its year. It is counted among the
live rows also where a receipt is read as of a moment: what is left out there has its number too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from ledger.money import Money
from ledger.order.order import inclusive_tax
from projections.queries.reading import Source

RECEIPTS: LiteralString = """
SELECT payment.year, payment.mode, payment.member_id, payment.order_id, payment.fact_version,
       payment.position, payment.minor, payment.currency, payment.occurred_at AS paid_at,
       placed.plan_name, placed.tax_basis_points, placed.discount_code, placed.period_start,
       placed.period_end,
       (SELECT count(*) FROM views.movements AS earlier
         WHERE earlier.kind = 'payment' AND earlier.mode = payment.mode
           AND earlier.year = payment.year AND earlier.position <= payment.position) AS number
  FROM movements AS payment
  JOIN orders AS placed USING (member_id, order_id)
 WHERE payment.kind = 'payment'
"""
OF_ORDER: LiteralString = """
SELECT * FROM ({receipts} AND placed.order_id = %(order_id)s) AS receipts ORDER BY position
"""
OF_MEMBER: LiteralString = """
SELECT * FROM ({receipts} AND payment.member_id = %(member_id)s) AS receipts
 ORDER BY position DESC
"""
NUMBERED: LiteralString = """
SELECT * FROM ({receipts} AND payment.position = (
    SELECT position FROM views.movements
     WHERE kind = 'payment' AND mode = %(mode)s AND year = %(year)s
     ORDER BY position OFFSET %(number)s - 1 LIMIT 1)) AS receipts
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
        return self._asked(OF_ORDER, {"order_id": order_id})

    def of_member(self, member_id: UUID) -> list[Receipt]:
        """Somebody's receipts, the latest first."""
        return self._asked(OF_MEMBER, {"member_id": member_id})

    def numbered(self, year: int, number: int, *, mode: str) -> Receipt | None:
        """The receipt of a number, from 1."""
        found = self._asked(NUMBERED, {"year": year, "number": number, "mode": mode})
        return found[0] if found else None

    def _asked(self, query: LiteralString, parameters: dict[str, object]) -> list[Receipt]:
        with self._source.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Receipt))
            text = sql.SQL(query).format(receipts=sql.SQL(RECEIPTS))
            found: list[Receipt] = cursor.execute(text, parameters).fetchall()
        return found
