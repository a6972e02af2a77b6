"""Sample endpoints and pages: one of each shape that the framework serves."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from flask import Blueprint, g
from flask_wtf.csrf import generate_csrf  # type: ignore[import-untyped]
from pydantic import Field

from ledger.errors import Conflict, NotFound, RefundTooLarge
from ledger.payments.gateway import OutcomeUnknown
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, InstantField, MoneyField, Page, PageQuery, Query, Reply
from web.identity.auth import requires
from web.identity.permissions import Permission

routes = Routes("orders")
CARRIED_OUT: list[UUID] = []
"""The command of every refund that was carried out, in order."""


class Reason(StrEnum):
    MOVED = "moved"
    OTHER = "other"


class RefundRequest(Body):
    amount: MoneyField
    reason: str = Field(min_length=1, max_length=500)
    kind: Reason = Reason.MOVED
    at: InstantField | None = None
    asked_by: UUID | None = None


class RefundReply(Reply):
    order_id: UUID
    command_id: UUID
    at: datetime | None
    reason: str


class OrderQuery(PageQuery):
    kind: list[Reason] = []
    paid: bool | None = None
    text: str | None = Field(default=None, max_length=100)


class OrderRow(Reply):
    number: int


class AccessQuery(Query):
    plan: UUID
    at: InstantField | None = None


class AccessReply(Reply):
    access: bool


@routes.post(
    "/orders/<uuid:order_id>/refunds",
    permission=Permission.REFUND_ORDERS,
    summary="Refund an order",
    body=RefundRequest,
    answers=RefundReply,
    status=201,
    refusals=(NotFound, RefundTooLarge, Conflict),
)
def refund(call: Call[RefundRequest, None], order_id: UUID) -> Answer:
    """Ask for money back."""
    CARRIED_OUT.append(call.command_id)
    match call.body.reason:
        case "too much":
            raise RefundTooLarge(order_id=order_id, asked="10", refundable="5")
        case "at the same time":
            raise Conflict
        case "broken":
            raise RuntimeError(call.body.reason)
        case "silent":
            lost = TimeoutError("Authorization: Bearer sk_test_secret")
            raise OutcomeUnknown(key="refund") from lost
    reply = RefundReply(
        order_id=order_id,
        command_id=call.command_id,
        at=call.body.at,
        reason=call.body.reason,
    )
    return Answer(reply=reply, position=41 + len(CARRIED_OUT))


@routes.get(
    "/orders",
    permission=Permission.READ_ORDERS,
    summary="List orders",
    query=OrderQuery,
    answers=Page[OrderRow],
)
def orders(call: Call[None, OrderQuery]) -> Page[OrderRow]:
    """Ten orders, numbered from 1."""
    place = call.place()
    first = int(place[0] or 0) + 1 if place else 1
    last = min(first + call.query.limit - 1, 10)
    rows = [OrderRow(number=number) for number in range(first, last + 1)]
    return Page[OrderRow](items=rows, next=call.cursor([last]) if last < 10 else None)


@routes.get(
    "/access",
    permission=Permission.READ_ACCESS,
    summary="Whether a person may see a plan's content",
    query=AccessQuery,
    answers=AccessReply,
)
def access(call: Call[None, AccessQuery]) -> AccessReply:
    """Yes."""
    return AccessReply(access=call.query.plan is not None)


@routes.get("/members/<text>", permission=Permission.PUBLIC, summary="Echo", answers=RefundReply)
def named(call: Call[None, None], text: str) -> None:
    """Always refused."""
    raise NotFound(what="member", id=text)


@routes.delete("/account/method", permission=Permission.OWN_METHOD, summary="Remove the card")
def remove_method(call: Call[None, None]) -> Answer:
    """Only the person themself."""
    CARRIED_OUT.append(call.member_id)
    return Answer(position=9)


def pages() -> Blueprint:
    """A public page, a page of the person's, one of the staff's, and a form."""
    blueprint = Blueprint("sample", __name__)

    @blueprint.get("/")
    @requires(Permission.PUBLIC)
    def home() -> str:
        return str(generate_csrf())

    @blueprint.get("/account")
    @requires(Permission.OWN_ACCOUNT)
    def account() -> str:
        return str(g.principal.key)

    @blueprint.get("/panel")
    @requires(Permission.READ_MEMBERS)
    def panel() -> str:
        return str(g.principal.key)

    @blueprint.post("/panel/refund")
    @requires(Permission.REFUND_ORDERS)
    def refund_form() -> str:
        return "refunded"

    return blueprint
