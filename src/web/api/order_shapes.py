"""Orders, refunds and receipts, as answers show them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ledger.money import Money
from projections.orders import OrderRow, RefundLine
from projections.queries.receipts import Receipt
from web.api.models import Reply


class RefundReply(Reply):
    """Money on its way back; it counts once it is `made`."""

    refund_id: UUID
    amount: Money
    state: str
    requested_at: datetime
    settled_at: datetime | None


class OrderReply(Reply):
    """One charge and where it stands."""

    order_id: UUID
    membership_id: UUID
    plan_id: UUID
    plan_name: str
    charge: str
    charge_index: int
    state: str
    list_price: Money
    amount: Money
    discount_code: str | None
    paid: Money
    refunded: Money
    refundable: Money
    placed_at: datetime
    due_at: datetime
    period_start: datetime
    period_end: datetime | None
    mode: str
    refunds: list[RefundReply]


class ReceiptReply(Reply):
    """A payment's receipt, numbered without a gap per site and year (OR10)."""

    number: str
    order_id: UUID
    plan_name: str
    amount: Money
    tax_basis_points: int | None
    tax: Money | None
    paid_at: datetime
    period_start: datetime
    period_end: datetime | None
    mode: str


def order_fields(row: OrderRow) -> dict[str, object]:
    """What every reader of an order sees."""
    return {
        "order_id": row.order_id,
        "membership_id": row.membership_id,
        "plan_id": row.plan_id,
        "plan_name": row.plan_name,
        "charge": row.charge,
        "charge_index": row.charge_index,
        "state": row.state,
        "list_price": Money(row.list_price, row.currency),
        "amount": Money(row.amount, row.currency),
        "discount_code": row.discount_code,
        "paid": Money(row.paid, row.currency),
        "refunded": Money(row.refunded, row.currency),
        "refundable": Money(row.refundable, row.currency),
        "placed_at": row.placed_at,
        "due_at": row.due_at,
        "period_start": row.period_start,
        "period_end": row.period_end,
        "mode": row.mode,
    }


def refund_fields(row: OrderRow, line: RefundLine) -> dict[str, object]:
    """What every reader of a refund sees."""
    return {
        "refund_id": line.refund_id,
        "amount": Money(line.minor, row.currency),
        "state": line.state,
        "requested_at": line.requested_at,
        "settled_at": line.settled_at,
    }


def order_reply(row: OrderRow) -> OrderReply:
    """An order as its own member sees it: without what staff wrote."""
    refunds = [RefundReply.model_validate(refund_fields(row, line)) for line in row.refunds]
    return OrderReply.model_validate({**order_fields(row), "refunds": refunds})


def receipt_reply(receipt: Receipt) -> ReceiptReply:
    """A receipt."""
    return ReceiptReply(
        number=receipt.label,
        order_id=receipt.order_id,
        plan_name=receipt.plan_name,
        amount=receipt.amount,
        tax_basis_points=receipt.tax_basis_points,
        tax=receipt.tax,
        paid_at=receipt.paid_at,
        period_start=receipt.period_start,
        period_end=receipt.period_end,
        mode=receipt.mode,
    )
