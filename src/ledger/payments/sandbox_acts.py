"""What the sandbox's calls do to its sheets: pure functions of a sheet and an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ledger.money import Money
from ledger.payments.gateway import ParamsDrift, Rejected
from ledger.payments.sandbox_cards import (
    FINE,
    NOT_AUTHENTICATED,
    Manner,
    PresentedCard,
    RefundManner,
    presented,
)
from ledger.payments.sandbox_states import (
    Asked,
    CardState,
    RefundState,
    SheetState,
    moved_by,
    refundable,
    state_of,
)
from ledger.store.sandbox_sheets import Sheet

REFUND_TURNS_AFTER = timedelta(days=1)
"""When a pending refund settles, and when a refund that fails later fails."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a card that is about to be written down."""

    attempt: UUID
    asked: Asked
    customer_id: str
    card: CardState
    manner: Manner
    amount: Money | None = None
    saves: bool = False

    def begun(self, now: datetime) -> SheetState:
        """What the sheet says of it."""
        return _ended(
            {
                "kind": "payment" if self.amount else "setup",
                "asked": self.asked,
                "customer_id": self.customer_id,
                "card": self.card,
                "made_at": now.isoformat(),
                "status": "failed",
                "settles_at": None,
                "decline": None,
                "saves": self.saves,
                "detached": False,
                "minor": self.amount.minor if self.amount else 0,
                "currency": self.amount.currency if self.amount else "",
                "refunds": [],
            },
            self.manner,
            now,
        )


def asked_of(call: str, customer_id: str, method: str, amount: Money) -> Asked:
    """The parameters of a payment, as they are kept."""
    return {
        "call": call,
        "customer": customer_id,
        "method": method,
        "minor": amount.minor,
        "currency": amount.currency,
    }


def with_refund(sheet: Sheet, refund_id: UUID, amount: Money, now: datetime) -> Sheet:
    """A payment's sheet with one more refund, or as it is if it has this one already."""
    state = state_of(sheet)
    for made in state["refunds"]:
        if made["key"] == refund_id.hex:
            if (made["minor"], state["currency"]) != (amount.minor, amount.currency):
                raise ParamsDrift(key=refund_id)
            return sheet
    left = Money(refundable(state, now), state["currency"])
    if amount.currency != left.currency or not 0 < amount.minor <= left.minor:
        raise Rejected(why=f"{left} is left to refund, {amount} was asked")
    manner = presented(state["card"]["token"]).card.refunds
    refund = _refund_state(refund_id, amount.minor, now, manner)
    return _changed(sheet, {**state, "refunds": [*state["refunds"], refund]})


def closed(sheet: Sheet) -> Sheet:
    """A payment that no longer waits for the person; any other stays as it is."""
    state = state_of(sheet)
    if state["status"] != "action_required":
        return sheet
    return _changed(sheet, {**state, "status": "cancelled"})


def confirmed(sheet: Sheet, now: datetime, *, approved: bool) -> Sheet:
    """What waited for the person, after their bank's answer; any other stays as it is."""
    state = state_of(sheet)
    if state["status"] != "action_required":
        return sheet
    return _changed(sheet, _ended(state, FINE if approved else NOT_AUTHENTICATED, now))


def forgotten(sheet: Sheet) -> Sheet:
    """A sheet whose saved card is never charged again."""
    state = state_of(sheet)
    return sheet if state["detached"] else _changed(sheet, {**state, "detached": True})


def card_state(id_: str, token: str, shown: PresentedCard) -> CardState:
    """The card behind a token, under the id by which it may be charged again."""
    return {
        "id": id_,
        "token": token,
        "brand": shown.card.brand,
        "last4": shown.card.last4,
        "exp_month": shown.exp_month,
        "exp_year": shown.exp_year,
        "country": shown.card.country,
        "fingerprint": shown.fingerprint,
    }


def _refund_state(refund_id: UUID, minor: int, now: datetime, manner: RefundManner) -> RefundState:
    """A new refund and the dates of what becomes of it."""
    later = (now + REFUND_TURNS_AFTER).isoformat()
    return {
        "key": refund_id.hex,
        "minor": minor,
        "made_at": now.isoformat(),
        "succeeds_at": later if manner == "later" else now.isoformat(),
        "fails_at": later if manner == "fails" else None,
    }


def _ended(state: SheetState, manner: Manner, now: datetime) -> SheetState:
    """The state after a card's use ended in a manner. Only payments settle."""
    settles = state["kind"] == "payment" and manner.status == "succeeded"
    settles_at = (now + timedelta(hours=manner.pending_hours)).isoformat()
    decline = manner.decline
    return {
        **state,
        "status": manner.status,
        "settles_at": settles_at if settles else None,
        "decline": (decline.category, decline.code) if decline else None,
    }


def _changed(sheet: Sheet, state: SheetState) -> Sheet:
    return sheet.changed(state, moved_by(state))
