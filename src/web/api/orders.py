"""Orders: the list, one with its papers, its refunds and receipts (OR3)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger.discount import normal_code
from ledger.errors import (
    AmountNotPositive,
    AmountTooLarge,
    CurrencyMismatch,
    NotFound,
    OrderNotPaid,
    ReasonMalformed,
    RefundBlocked,
    RefundTooLarge,
)
from projections.orders import OrderRow, State
from projections.queries.orders import OrderFilter, OrderSort, Person
from projections.queries.paging import Turn
from web.api.framework import Answer, Call, Routes
from web.api.lists import cursor_in
from web.api.models import Body, InstantField, MoneyField, Page, PageQuery, Reply
from web.api.order_shapes import (
    OrderReply,
    ReceiptReply,
    RefundReply,
    order_fields,
    receipt_reply,
    refund_fields,
)
from web.api.shapes import LongText, Made, made
from web.identity.permissions import Permission
from web.reading.past import Scope
from web.sessions.limits import REFUND_BY

routes = Routes("orders")


class StaffRefund(RefundReply):
    """A refund as staff see it."""

    reason: str
    code: str | None = Field(description="why the gateway couldn't pay back")


class AttemptReply(Reply):
    """One try to collect the money."""

    attempt_id: UUID
    state: str
    at: datetime
    off_session: bool
    category: str | None
    code: str | None
    waits_for: str | None


class StaffOrder(OrderReply):
    """An order as staff see it."""

    member_id: UUID
    name: str | None
    email: str | None
    refunds: list[StaffRefund]  # type: ignore[assignment]  # with more in each
    attempts: list[AttemptReply]


class OrdersQuery(PageQuery):
    """The list of orders; all that is given must hold."""

    sort: OrderSort = "placed"
    descending: bool = True
    member_id: UUID | None = None
    membership_id: UUID | None = None
    plan_id: UUID | None = None
    state: State | None = None
    discount_code: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,38}[A-Za-z0-9]$"
    )
    currency: str | None = Field(default=None, max_length=3)
    placed_from: InstantField | None = None
    placed_before: InstantField | None = None


class RefundBody(Body):
    """How much goes back, and why; nothing is ever taken back from a refund (OR2)."""

    amount: MoneyField
    reason: LongText


@routes.get(
    "/orders",
    permission=Permission.READ_ORDERS,
    summary="List orders",
    query=OrdersQuery,
    answers=Page[StaffOrder],
    past=Scope.LISTS,
)
def list_orders(call: Call[None, OrdersQuery]) -> Page[StaffOrder]:
    """The latest first, unless told."""
    asked, queries = call.query, call.queries.orders
    named = asked.model_dump(exclude={"cursor", "limit", "sort", "descending"})
    if asked.discount_code is not None:
        named["discount_code"] = normal_code(asked.discount_code)
    turn = Turn(asked.sort, asked.descending, asked.limit, cursor_in(call))
    page = queries.page(OrderFilter(**named), turn)
    people = queries.people(page.rows)
    return Page[StaffOrder](
        items=[_order(row, people.get(row.member_id)) for row in page.rows],
        next=call.cursor([page.next_cursor]) if page.next_cursor else None,
    )


@routes.get(
    "/orders/<uuid:order_id>",
    permission=Permission.READ_ORDERS,
    summary="One order",
    answers=StaffOrder,
    past=Scope.ORDER,
)
def show_order(call: Call[None, None], order_id: UUID) -> StaffOrder:
    """With its attempts and refunds."""
    row = _found(call, order_id)
    return _order(row, call.queries.orders.people([row]).get(row.member_id))


@routes.get(
    "/orders/<uuid:order_id>/receipts",
    permission=Permission.READ_ORDERS,
    summary="An order's receipts",
    answers=Page[ReceiptReply],
    past=Scope.ORDER,
)
def list_receipts(call: Call[None, None], order_id: UUID) -> Page[ReceiptReply]:
    """One a payment (OR10)."""
    _found(call, order_id)
    call.require_numbers()
    receipts = call.queries.receipts.of_order(order_id)
    return Page[ReceiptReply](items=[receipt_reply(one) for one in receipts])


@routes.post(
    "/orders/<uuid:order_id>/refunds",
    permission=Permission.REFUND_ORDERS,
    summary="Refund an order",
    body=RefundBody,
    answers=Made,
    status=201,
    refusals=(
        NotFound,
        OrderNotPaid,
        RefundTooLarge,
        RefundBlocked,
        CurrencyMismatch,
        AmountNotPositive,
        AmountTooLarge,
        ReasonMalformed,
    ),
)
def refund_order(call: Call[RefundBody, None], order_id: UUID) -> Answer:
    """Part or all of what was paid. It changes no membership and no access (OR4)."""
    call.spend(REFUND_BY)
    refund_id = call.parts.collection.refund(
        order_id, call.body.amount, call.body.reason, by=call.actor, cause=call.cause
    )
    return made(refund_id, call.parts.ledger.position_of(order_id))


def _found(call: Call[None, None], order_id: UUID) -> OrderRow:
    row = call.queries.orders.one(order_id)
    if row is None:
        raise NotFound(what="order", id=order_id)
    return row


def _order(row: OrderRow, person: Person | None) -> StaffOrder:
    refunds = [
        {**refund_fields(row, line), "reason": line.reason, "code": line.code}
        for line in row.refunds
    ]
    attempts = [
        {name: getattr(line, name) for name in AttemptReply.model_fields} for line in row.attempts
    ]
    return StaffOrder.model_validate(
        {
            **order_fields(row),
            "member_id": row.member_id,
            "name": person.name if person else None,
            "email": person.email if person else None,
            "refunds": refunds,
            "attempts": attempts,
        }
    )
