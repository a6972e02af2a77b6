"""A person's own memberships and orders (AC8)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger.errors import (
    AlreadyCancelling,
    MembershipEnded,
    NotCancelling,
    NotFound,
    NotLeavable,
    NotSelfCancellable,
)
from ledger.member import Membership
from ledger.money import Money
from projections.queries.orders import OrderFilter
from projections.queries.paging import Turn
from web.api.framework import Answer, Call, Routes
from web.api.lists import cursor_in
from web.api.models import Page, PageQuery, Reply
from web.api.order_shapes import OrderReply, ReceiptReply, order_reply, receipt_reply
from web.api.paying import Told
from web.identity.permissions import Permission
from web.reading.past import Scope
from web.wording.next_steps import after_cancelling, after_leaving, after_withdrawing

routes = Routes("own")


class OwnMembership(Reply):
    """A membership as its member sees it: plan, start, renewal, price (AC8)."""

    membership_id: UUID
    plan_id: UUID
    plan_name: str
    model: str
    price: Money
    joined_at: datetime
    is_running: bool
    has_access: bool
    access_until: datetime | None = Field(description="null where it has no end")
    renews_at: datetime | None = Field(description="null where no charge follows")
    billing: str
    cancelled_at: datetime | None
    ended_at: datetime | None
    ending: str | None


@routes.get(
    "/account/memberships",
    permission=Permission.OWN_ACCOUNT,
    summary="My memberships",
    answers=Page[OwnMembership],
    past=Scope.BOOKS,
)
def list_own_memberships(call: Call[None, None]) -> Page[OwnMembership]:
    """All I ever had, the latest first; from the books: never behind."""
    now, member = call.now, call.member(call.member_id)
    stays = sorted(member.memberships.values(), key=lambda stay: stay.joined_at, reverse=True)
    return Page[OwnMembership](items=[_membership(stay, now) for stay in stays])


@routes.post(
    "/account/memberships/<uuid:membership_id>/self-cancel",
    permission=Permission.OWN_ACCOUNT,
    summary="Stop renewal",
    answers=Told,
    refusals=(NotFound, MembershipEnded, NotSelfCancellable, AlreadyCancelling),
)
def self_cancel(call: Call[None, None], membership_id: UUID) -> Answer:
    """Access stays to the end of the paid period (AX3)."""
    ledger = call.parts.ledger
    position = ledger.self_cancel(call.member_id, membership_id, by=call.actor, cause=call.cause)
    return _told(after_cancelling(_stay(call, membership_id), call.now), position)


@routes.post(
    "/account/memberships/<uuid:membership_id>/withdraw-cancellation",
    permission=Permission.OWN_ACCOUNT,
    summary="Renew after all",
    answers=Told,
    refusals=(NotFound, MembershipEnded, NotCancelling),
)
def withdraw_cancellation(call: Call[None, None], membership_id: UUID) -> Answer:
    """As long as the cancellation has not taken effect (AX4)."""
    ledger = call.parts.ledger
    position = ledger.withdraw_cancellation(
        call.member_id, membership_id, by=call.actor, cause=call.cause
    )
    return _told(after_withdrawing(call.parts, _stay(call, membership_id)), position)


@routes.post(
    "/account/memberships/<uuid:membership_id>/leave",
    permission=Permission.OWN_ACCOUNT,
    summary="Leave a free plan",
    answers=Told,
    refusals=(NotFound, MembershipEnded, NotLeavable),
)
def leave(call: Call[None, None], membership_id: UUID) -> Answer:
    """At once (AX5)."""
    ledger = call.parts.ledger
    position = ledger.leave(call.member_id, membership_id, by=call.actor, cause=call.cause)
    return _told(after_leaving(_stay(call, membership_id)), position)


@routes.get(
    "/account/orders",
    permission=Permission.OWN_ACCOUNT,
    summary="My orders",
    query=PageQuery,
    answers=Page[OrderReply],
    past=Scope.OWN,
)
def list_own_orders(call: Call[None, PageQuery]) -> Page[OrderReply]:
    """The latest first."""
    asked = OrderFilter(member_id=call.member_id)
    turn = Turn("placed", descending=True, limit=call.query.limit, cursor=cursor_in(call))
    page = call.queries.orders.page(asked, turn)
    return Page[OrderReply](
        items=[order_reply(row) for row in page.rows],
        next=call.cursor([page.next_cursor]) if page.next_cursor else None,
    )


@routes.get(
    "/account/orders/<uuid:order_id>",
    permission=Permission.OWN_ACCOUNT,
    summary="One of my orders",
    answers=OrderReply,
    past=Scope.OWN,
)
def show_own_order(call: Call[None, None], order_id: UUID) -> OrderReply:
    """With its refunds. Somebody else's is not found."""
    row = call.queries.orders.one(order_id)
    if row is None or row.member_id != call.member_id:
        raise NotFound(what="order", id=order_id)
    return order_reply(row)


@routes.get(
    "/account/receipts",
    permission=Permission.OWN_ACCOUNT,
    summary="My receipts",
    answers=Page[ReceiptReply],
    past=Scope.OWN,
)
def list_own_receipts(call: Call[None, None]) -> Page[ReceiptReply]:
    """One a payment, the latest first (OR10)."""
    call.require_numbers()
    receipts = call.queries.receipts.of_member(call.member_id)
    return Page[ReceiptReply](items=[receipt_reply(one) for one in receipts])


def _stay(call: Call[None, None], membership_id: UUID) -> Membership:
    return call.parts.ledger.member(call.member_id).membership(membership_id)


def _told(sentence: str, position: int) -> Answer:
    return Answer(reply=Told(next=sentence), position=position or None)


def _membership(stay: Membership, now: datetime) -> OwnMembership:
    running = stay.is_running(now)
    renews = running and stay.cancelled_at is None
    return OwnMembership(
        membership_id=stay.membership_id,
        plan_id=stay.plan_id,
        plan_name=stay.plan_name,
        model=stay.terms.model,
        price=stay.terms.amount,
        joined_at=stay.joined_at,
        is_running=running,
        has_access=stay.covers(now),
        access_until=stay.ends_at(),
        renews_at=stay.period_end if renews else None,
        billing=stay.billing,
        cancelled_at=stay.cancelled_at,
        ended_at=None if running else stay.ends_at(),
        ending=stay.ending_at(now),
    )
