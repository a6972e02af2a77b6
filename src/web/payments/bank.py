"""In test mode the site plays the person's bank, which asks them to confirm."""

from __future__ import annotations

from uuid import UUID

from ledger.billing.methods import setup_attempt
from ledger.billing.outcomes import Collected
from ledger.errors import NotFound
from ledger.facts import Cause
from ledger.payments.gateway import Rejected
from ledger.payments.sandbox_states import ACTION, SETUP, key_in, sandbox_id
from web.parts import Parts


def bank_answered(
    parts: Parts, member_id: UUID, order_id: UUID, *, approved: bool, cause: Cause
) -> Collected:
    """What became of a payment that waited for this person's bank; NotFound.

    In test mode whoever asks plays the bank; else the payment company is asked.
    """
    if parts.settings.stripe_publishable_key is None:
        return answer_for_order(parts, member_id, order_id, approved=approved, cause=cause)
    if parts.ledger.order(order_id).member_id != member_id:
        raise NotFound(what="order", id=order_id)
    return parts.collection.resume(order_id, cause=cause)


def answer_for_order(
    parts: Parts, member_id: UUID, order_id: UUID, *, approved: bool, cause: Cause
) -> Collected:
    """Confirm or refuse the payment that an order of this person waits for; NotFound."""
    order = parts.ledger.order(order_id)
    attempt = order.open_attempt
    if order.member_id != member_id:
        raise NotFound(what="order", id=order_id)
    if attempt is not None:
        _answer(parts, sandbox_id(ACTION, attempt.attempt_id), approved=approved)
    return parts.collection.resume(order_id, cause=cause)


def answer_for_card(parts: Parts, member_id: UUID, action: str, *, approved: bool) -> None:
    """Confirm or refuse the saving of a card of this person; NotFound."""
    key = key_in(ACTION, action)
    if key is None:
        raise NotFound(what="confirmation", id=action)
    try:
        setup = parts.sandbox.get_setup(setup_id=sandbox_id(SETUP, key))
        customer = parts.sandbox.ensure_customer(member_id=member_id)
    except Rejected:
        raise NotFound(what="confirmation", id=action) from None
    if setup.customer_id != customer.id:
        raise NotFound(what="confirmation", id=action)
    _answer(parts, action, approved=approved)


def answer_for_setup(parts: Parts, member_id: UUID, cause: Cause, *, approved: bool) -> None:
    """The same for the card that a command of this person is saving; NotFound."""
    customer = parts.sandbox.ensure_customer(member_id=member_id)
    action = sandbox_id(ACTION, setup_attempt(cause, customer.id))
    answer_for_card(parts, member_id, action, approved=approved)


def _answer(parts: Parts, action: str, *, approved: bool) -> None:
    try:
        parts.sandbox.authenticate(action=action, approved=approved)
    except Rejected:
        raise NotFound(what="confirmation", id=action) from None
