"""A person's own money: the saved payment method, and paying what is due (AC6, DU3)."""

from __future__ import annotations

from uuid import UUID

from ledger.billing.dues import Dues
from ledger.errors import (
    AlreadyCancelling,
    MembershipEnded,
    NotFound,
    NothingDue,
    PaymentMethodNeeded,
)
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Page, Reply
from web.api.paying import (
    CARD_REFUSALS,
    DueReply,
    MethodBody,
    PaymentDeclined,
    PaymentReply,
    StillDue,
    Told,
    confirmation_needed,
)
from web.api.shapes import MethodReply, ShortText
from web.identity.permissions import Permission
from web.parts import Parts
from web.payments.bank import answer_for_card
from web.sessions.limits import JOIN_BY
from web.wording.next_steps import after_removing, after_saving

routes = Routes("own_money")


class MethodState(Reply):
    """The saved payment method, if there is one."""

    method: MethodReply | None


class MethodSaved(MethodState):
    """The same after it was saved, with what came of charging what was due."""

    payments: list[PaymentReply]
    next: str


class CardConfirmation(Body):
    """In test mode the request plays the person's bank: it confirms, or refuses."""

    action: ShortText
    approved: bool


@routes.get(
    "/account/method",
    permission=Permission.OWN_METHOD,
    summary="My payment method",
    answers=MethodState,
)
def show_method(call: Call[None, None]) -> MethodState:
    """Brand, last four digits and expiry."""
    return MethodState(method=_method(call.parts, call.member_id))


@routes.post(
    "/account/method",
    permission=Permission.OWN_METHOD,
    summary="Save my payment method",
    body=MethodBody,
    answers=MethodSaved,
    refusals=(*CARD_REFUSALS, PaymentDeclined),
)
def save_method(call: Call[MethodBody, None]) -> Answer:
    """In place of the one before; what waited for it is charged at once (AC6, DU3)."""
    call.spend(JOIN_BY)
    token = call.body.required_token(call.parts)
    setup = call.parts.collection.save_method(
        call.member_id, method_token=token, by=call.actor, cause=call.cause
    )
    if setup.status == "action_required":
        raise confirmation_needed(setup.action)
    if setup.status == "failed":
        raise PaymentDeclined(decline_code=setup.decline.code if setup.decline else "declined")
    paid = Dues(call.parts.collection).pay_all(call.member_id, by=call.actor, cause=call.cause)
    position = call.parts.ledger.position_of(call.member_id)
    return Answer(
        reply=MethodSaved(
            method=_method(call.parts, call.member_id),
            payments=[PaymentReply.of(call.parts, one) for one in paid],
            next=after_saving(call.parts, call.member_id, paid),
        ),
        position=max([position, *(one.position for one in paid)]),
    )


@routes.post(
    "/account/method/confirm",
    permission=Permission.OWN_METHOD,
    summary="Confirm my payment method",
    body=CardConfirmation,
    refusals=(NotFound,),
)
def confirm_method(call: Call[CardConfirmation, None]) -> None:
    """A stand-in for the page of the person's bank; then save the method again."""
    answer_for_card(call.parts, call.member_id, call.body.action, approved=call.body.approved)


@routes.delete(
    "/account/method",
    permission=Permission.OWN_METHOD,
    summary="Remove my payment method",
    answers=Told,
    refusals=(NotFound,),
)
def remove_method(call: Call[None, None]) -> Answer:
    """Later charges then wait for another one (AC6)."""
    methods = call.parts.collection.methods
    position = methods.remove(call.member_id, by=call.actor, cause=call.cause)
    told = Told(next=after_removing(call.parts, call.member_id))
    return Answer(reply=told, position=position or None)


@routes.get(
    "/account/dues",
    permission=Permission.OWN_METHOD,
    summary="What I owe",
    answers=Page[DueReply],
)
def list_dues(call: Call[None, None]) -> Page[DueReply]:
    """Renewals and instalments that failed, what fell due first at the head; from the books."""
    dues = Dues(call.parts.collection).of(call.member_id)
    return Page[DueReply](items=[DueReply.of(due) for due in dues])


@routes.post(
    "/account/memberships/<uuid:membership_id>/pay",
    permission=Permission.OWN_METHOD,
    summary="Pay what I owe",
    body=MethodBody,
    answers=PaymentReply,
    refusals=(
        *CARD_REFUSALS,
        NotFound,
        NothingDue,
        PaymentMethodNeeded,
        MembershipEnded,
        AlreadyCancelling,
        StillDue,
    ),
)
def pay(call: Call[MethodBody, None], membership_id: UUID) -> Answer:
    """With a new method, which is saved, or with none given the saved one (DU3).

    One that waits for the person's bank is confirmed as a first payment is.
    """
    call.spend(JOIN_BY)
    token = call.body.token(call.parts)
    dues = Dues(call.parts.collection)
    collected = dues.pay(
        call.member_id, membership_id, method_token=token, by=call.actor, cause=call.cause
    )
    reply = PaymentReply.of(call.parts, collected)
    if collected.outcome == "declined":
        raise StillDue(decline_code=collected.decline_code, amount=reply.amount)
    if token is not None and collected.outcome == "settled":
        dues.pay_all(call.member_id, by=call.actor, cause=call.cause)
    return Answer(reply=reply, position=collected.position or None)


def _method(parts: Parts, member_id: UUID) -> MethodReply | None:
    method = parts.ledger.member(member_id).method
    return MethodReply.of(method) if method else None
