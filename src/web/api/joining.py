"""Joining a plan: by the person, with a card or the saved method (AC1)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from flask import request
from pydantic import Field

from ledger.application import Ledger
from ledger.billing.outcomes import Collected
from ledger.errors import (
    AlreadyMember,
    CodeRefused,
    EarlyAccessPasswordNeeded,
    NotFound,
    PaymentMethodNeeded,
    PlanNotOpen,
    PlanOutsideWindow,
    PlanRetired,
    Refused,
)
from ledger.money import Money
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Query, Reply
from web.api.paying import (
    CARD_REFUSALS,
    MethodBody,
    PaymentDeclined,
    StillDue,
    confirmation_needed,
)
from web.api.shapes import Secret, ShortText
from web.identity.auth import client_address
from web.identity.permissions import Permission
from web.identity.principals import Person
from web.payments.bank import bank_answered
from web.sessions.limits import JOIN_BY, QUOTE_FROM

routes = Routes("joining")
PLAN_REFUSALS = (NotFound, PlanNotOpen, PlanOutsideWindow, PlanRetired)


class JoinBody(MethodBody):
    """What to join, and how to pay: a method, or nothing for the saved one."""

    plan_id: UUID
    discount_code: ShortText | None = None
    early_access_password: Secret | None = None


class ConfirmBody(Body):
    """In test mode the request plays the person's bank: it confirms, or refuses."""

    approved: bool


class QuoteQuery(Query):
    """With which code."""

    discount_code: ShortText | None = None


class QuoteReply(Reply):
    """What joining costs now."""

    plan_id: UUID
    list_price: Money
    first_charge: Money
    starts_free: bool
    discount_code: str | None
    saves_method: bool = Field(description="a free start that needs a card all the same (PL1)")


class JoinedReply(Reply):
    """How it went.

    settled, nothing_to_collect: joined. waiting: the person's bank asks for a confirmation.
    unknown: the gateway didn't answer yet; the ledger asks again by itself. given_back: joined
    before, in another tab; the second payment goes back (AC12).
    """

    order_id: UUID
    outcome: Literal["settled", "nothing_to_collect", "waiting", "unknown", "given_back"]
    membership_id: UUID | None
    access_until: datetime | None
    action: str | None = Field(description="what a waiting payment hands to the person's bank")


@routes.get(
    "/open-plans/<uuid:plan_id>/quote",
    permission=Permission.PUBLIC,
    summary="What joining costs",
    query=QuoteQuery,
    answers=QuoteReply,
    refusals=(*PLAN_REFUSALS, CodeRefused),
)
def show_quote(call: Call[None, QuoteQuery], plan_id: UUID) -> QuoteReply:
    """For anybody, or for the person signed in; with a code or without (DI5)."""
    code = call.query.discount_code
    if code:
        call.spend(QUOTE_FROM, client_address(request))
    person = call.principal.member_id if isinstance(call.principal, Person) else None
    quote = call.parts.ledger.quote(plan_id, discount_code=code, member_id=person)
    return QuoteReply(
        plan_id=plan_id,
        list_price=quote.list_price,
        first_charge=quote.first_charge,
        starts_free=quote.starts_free,
        discount_code=quote.discount.code if quote.discount else None,
        saves_method=quote.saves_method,
    )


@routes.post(
    "/account/memberships",
    permission=Permission.JOIN_PLAN,
    summary="Join a plan",
    body=JoinBody,
    answers=JoinedReply,
    status=201,
    refusals=(
        *PLAN_REFUSALS,
        *CARD_REFUSALS,
        AlreadyMember,
        CodeRefused,
        EarlyAccessPasswordNeeded,
        PaymentMethodNeeded,
        PaymentDeclined,
    ),
)
def join(call: Call[JoinBody, None]) -> Answer:
    """The person's own act; nobody can do it for them (AC1)."""
    asked = call.body
    call.spend(JOIN_BY)
    collected = call.parts.collection.join(
        call.member_id,
        asked.plan_id,
        method_token=asked.token(call.parts),
        discount_code=asked.discount_code,
        password_matches=call.parts.desk.plan_passwords.matches(
            asked.plan_id, asked.early_access_password
        ),
        by=call.actor,
        cause=call.cause,
    )
    return _joined(call, collected)


@routes.post(
    "/account/orders/<uuid:order_id>/confirm",
    permission=Permission.JOIN_PLAN,
    summary="Confirm a payment",
    body=ConfirmBody,
    answers=JoinedReply,
    refusals=(NotFound, PaymentDeclined, StillDue),
)
def confirm(call: Call[ConfirmBody, None], order_id: UUID) -> Answer:
    """For a payment that waits for the person; in test mode, a stand-in for their bank's page."""
    collected = bank_answered(
        call.parts, call.member_id, order_id, approved=call.body.approved, cause=call.cause
    )
    return _joined(call, collected)


def _joined(call: Call[JoinBody, None] | Call[ConfirmBody, None], collected: Collected) -> Answer:
    ledger = call.parts.ledger
    if collected.outcome in {"declined", "setup_failed"}:
        raise _refusal(ledger, collected)
    if collected.outcome == "waiting" and not ledger.position_of(collected.order_id):
        raise confirmation_needed(collected.action)
    placed = ledger.order(collected.order_id).placed
    membership = ledger.member(call.member_id).memberships.get(placed.membership_id)
    reply = JoinedReply.model_validate(
        {
            "order_id": collected.order_id,
            "outcome": collected.outcome,
            "membership_id": membership.membership_id if membership else None,
            "access_until": membership.access_until if membership else None,
            "action": collected.action,
        }
    )
    return Answer(reply=reply, position=collected.position or None)


def _refusal(ledger: Ledger, collected: Collected) -> Refused:
    """Nothing was joined, or what was due of a membership still is."""
    code = collected.decline_code
    if collected.outcome == "declined":
        placed = ledger.order(collected.order_id).placed
        if placed.charge != "first":
            return StillDue(decline_code=code, amount=placed.amount)
    return PaymentDeclined(decline_code=code)
