"""What Stripe answers, in the ledger's words: pure functions of its objects as plain dictionaries.

A field that is missing where Stripe promises one is a KeyError or TypeError: who called takes the
answer for garbage, and the outcome for unknown. References are expanded unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ledger import ids
from ledger.money import Money
from ledger.payments.balance import Dispute, DisputeStatus, Fee, Movement, MovementKind
from ledger.payments.gateway import (
    Customer,
    Decline,
    Mandate,
    Method,
    MethodChange,
    Mode,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    Setup,
    SetupStatus,
)
from ledger.payments.stripe_amounts import from_stripe
from ledger.payments.stripe_declines import decline_of

Json = dict[str, Any]

LEDGER, ATTEMPT, REFUND, MEMBER = "ledger", "attempt", "refund", "member"
"""The names of what we write into the metadata of what we make."""

NEVER = (2999, 12)
"""When a method expires that is no card."""

RETURNED = frozenset({"declined", "expired_or_canceled_card", "lost_or_stolen_card", "unknown"})
"""Reasons of Stripe's that all say the same: the person's bank sent the refund back."""

_PAYMENT_STATUS: dict[str, PaymentStatus] = {
    "succeeded": "succeeded",
    "processing": "pending",
    "requires_capture": "pending",
    "requires_action": "action_required",
    "requires_confirmation": "action_required",
    "requires_payment_method": "action_required",
    "canceled": "cancelled",
}
_SETUP_STATUS: dict[str, SetupStatus] = {
    "succeeded": "succeeded",
    "processing": "action_required",
    "requires_action": "action_required",
    "requires_confirmation": "action_required",
    "requires_payment_method": "action_required",
    "canceled": "failed",
}
_REFUND_STATUS: dict[str, RefundStatus] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
_DISPUTE_STATUS: dict[str, DisputeStatus] = {
    "warning_needs_response": "open",
    "warning_under_review": "open",
    "needs_response": "open",
    "under_review": "open",
    "warning_closed": "won",  # an inquiry that moved nothing
    "prevented": "won",
    "won": "won",
    "lost": "lost",
}
_MOVEMENT_KIND: dict[str, MovementKind] = {
    "charge": "payment",
    "payment": "payment",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payment_failure_refund": "payment",  # the payment itself, taken back
}


_IN_CHARGED_CURRENCY = frozenset(_MOVEMENT_KIND.values())
"""The others move what they say in the currency of the balance, and are told of in it."""


def at(seconds: int) -> datetime:
    """An instant as Stripe tells it."""
    return datetime.fromtimestamp(seconds, UTC)


def id_of(reference: Json | str | None) -> str | None:
    """The id of what is referred to, whether it was expanded or not."""
    return reference["id"] if isinstance(reference, dict) else reference


def mode_of(found: Json) -> Mode:
    """Whether it is real."""
    return "live" if found["livemode"] else "test"


def customer_of(found: Json, member_id: UUID) -> Customer:
    """A member's customer."""
    return Customer(found["id"], member_id, mode_of(found))


def method_of(found: Json) -> Method:
    """A payment method. It can be charged again while it is attached to a customer."""
    card = found.get(found["type"]) or {}
    return Method(
        id=found["id"],
        brand=card.get("brand") or found["type"],
        last4=card.get("last4") or "",
        exp_month=card.get("exp_month") or NEVER[1],
        exp_year=card.get("exp_year") or NEVER[0],
        country=card.get("country") or "",
        fingerprint=card.get("fingerprint") or "",
        reusable=bool(found.get("customer")),
    )


def setup_of(found: Json) -> Setup:
    """A SetupIntent; its payment method and its customer are expanded."""
    error, status = found.get("last_setup_error"), _SETUP_STATUS[found["status"]]
    if found["status"] == "requires_payment_method" and error:
        status = "failed"
    decline = None
    if status == "failed":
        decline = decline_of(error) if error else Decline("action_required", "cancelled")
    method = found.get("payment_method")
    customer_id = id_of(found["customer"])
    if customer_id is None:
        raise ValueError("a setup without a customer")
    return Setup(
        id=found["id"],
        attempt=_our_id(found, ATTEMPT),
        customer_id=customer_id,
        status=status,
        method=method_of(method) if status == "succeeded" and method else None,
        decline=decline,
        action=_action(found, status),
        made_at=at(found["created"]),
        mode=mode_of(found),
        member_id=_member_in(found["customer"]),
    )


def payment_of(found: Json) -> Payment:
    """A PaymentIntent; its payment method and latest charge are expanded."""
    error, status = found.get("last_payment_error"), _PAYMENT_STATUS[found["status"]]
    if found["status"] in {"requires_payment_method", "canceled"} and error:
        status = "failed"
    charge = found.get("latest_charge")
    paid = found["amount_received"] if status == "succeeded" else found["amount"]
    return Payment(
        id=found["id"],
        attempt=_our_id(found, ATTEMPT),
        customer_id=id_of(found.get("customer")) or "",
        amount=from_stripe(paid, found["currency"]),
        status=status,
        method=_method_of_payment(found),
        decline=decline_of(error) if status == "failed" and error else None,
        action=_action(found, status),
        made_at=at(found["created"]),
        settled_at=at(charge["created"]) if status == "succeeded" and charge else None,
        mode=mode_of(found),
    )


def refund_of(found: Json, mode: Mode) -> Refund:
    """A refund of a PaymentIntent; its balance transactions are expanded."""
    status = _REFUND_STATUS[found["status"]]
    moved = since = found.get("balance_transaction")
    if status == "failed":
        since = found.get("failure_balance_transaction") or moved
    payment_id = id_of(found["payment_intent"])
    if payment_id is None:
        raise ValueError("a refund of no payment")
    return Refund(
        id=found["id"],
        refund_id=_our_id(found, REFUND),
        payment_id=payment_id,
        amount=from_stripe(found["amount"], found["currency"]),
        status=status,
        failure=_failure(found) if status == "failed" else None,
        made_at=at(found["created"]),
        moved_at=at(moved["created"]) if moved else None,
        settled_at=None if status == "pending" else at((since or found)["created"]),
        mode=mode,
    )


def dispute_of(found: Json, closed_at: datetime | None) -> Dispute:
    """A dispute of a PaymentIntent's charge."""
    payment_id, mode = id_of(found["payment_intent"]), mode_of(found)
    if payment_id is None:
        raise ValueError("a dispute of no payment")
    moved = [
        movement
        for each in found["balance_transactions"]
        for movement in movements_of({**each, "source": found}, mode)
    ]
    return Dispute(
        id=found["id"],
        payment_id=payment_id,
        amount=from_stripe(found["amount"], found["currency"]),
        status=_DISPUTE_STATUS[found["status"]],
        reason=found["reason"],
        refundable=found["is_charge_refundable"],
        moved=tuple(sorted(moved, key=lambda movement: (movement.at, movement.id))),
        made_at=at(found["created"]),
        closed_at=None if is_open(found) else closed_at,
        mode=mode,
    )


def is_open(dispute: Json) -> bool:
    """Whether a dispute waits for its end."""
    return _DISPUTE_STATUS[dispute["status"]] == "open"


def fee_of(charge: Json, payment_id: str) -> Fee | None:
    """What Stripe kept of a charge; None while it is not known, or where it kept nothing."""
    moved = charge.get("balance_transaction")
    if not moved or not moved["fee"]:
        return None
    return Fee(
        id=_movement_id(moved, "fee"),
        payment_id=payment_id,
        amount=from_stripe(moved["fee"], moved["currency"]),
        at=at(moved["created"]),
        mode=mode_of(charge),
    )


def mandate_of(found: Json) -> Mandate:
    """The right to debit."""
    method_id = id_of(found["payment_method"])
    if method_id is None:
        raise ValueError("a mandate of no method")
    return Mandate(found["id"], method_id, found["status"], mode_of(found))


def change_of(found: Json, customer_id: str | None) -> MethodChange:
    """A payment method after it changed; `customer_id` is whose it was."""
    attached = id_of(found.get("customer"))
    return MethodChange(
        method_id=found["id"],
        customer_id=attached or customer_id,
        method=method_of(found) if attached else None,
        mode=mode_of(found),
    )


def movements_of(found: Json, mode: Mode) -> Iterator[Movement]:
    """What a balance transaction moved for payments; its source is expanded. Payouts are none."""
    source, amount = found.get("source"), found["amount"]
    if not isinstance(source, dict):
        return
    kind = _MOVEMENT_KIND.get(found["type"])
    fee_kind: MovementKind = "fee"
    if kind is None and source["object"] == "dispute":
        kind = "dispute" if amount < 0 else "dispute_reversal"
        fee_kind = "dispute_fee"
    if kind is None:
        return
    payment_id = id_of(source.get("payment_intent")) or source["id"]
    named = payment_id if kind == "payment" else source["id"]
    for each, moved in ((kind, amount), (fee_kind, -found["fee"])):
        if moved:
            yield Movement(
                id=_movement_id(found, each),
                kind=each,
                source=named,
                payment_id=payment_id,
                amount=from_stripe(moved, found["currency"]),
                at=at(found["created"]),
                mode=mode,
                charged=_charged(found, source) if each in _IN_CHARGED_CURRENCY else None,
            )


def _movement_id(found: Json, kind: MovementKind) -> str:
    """One balance transaction moves a sum and a fee for it."""
    return f"{found['id']}_{kind}"


def _charged(found: Json, source: Json) -> Money | None:
    """What was moved, in the currency of the charge; None where the balance is kept in it."""
    if source.get("currency") in {None, found["currency"]}:
        return None
    charged = from_stripe(source["amount"], source["currency"])
    return -charged if found["amount"] < 0 else charged


def _our_id(found: Json, name: str) -> UUID:
    """The id we wrote into it; derived from Stripe's where it was made there (OR7)."""
    ours = (found.get("metadata") or {}).get(name)
    return UUID(ours) if ours else ids.observed(found["id"])


def _member_in(customer: Json | str) -> UUID | None:
    """Whose customer it is; one that was deleted says it no more."""
    marks = customer.get("metadata") if isinstance(customer, dict) else None
    ours = (marks or {}).get(MEMBER)
    return UUID(ours) if ours else None


def _action(found: Json, status: str) -> str | None:
    return found["client_secret"] if status == "action_required" else None


def _method_of_payment(found: Json) -> Method:
    error, charge = found.get("last_payment_error") or {}, found.get("latest_charge") or {}
    method = found.get("payment_method") or error.get("payment_method")
    if isinstance(method, dict):
        return method_of(method)
    shown = charge.get("payment_method_details") or {"type": "unknown"}
    return method_of({**shown, "id": id_of(method) or charge.get("payment_method") or ""})


def _failure(refund: Json) -> str:
    reason = refund.get("failure_reason") or refund["status"]
    return "returned_by_bank" if reason in RETURNED else str(reason)
