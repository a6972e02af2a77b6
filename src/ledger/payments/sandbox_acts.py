"""What the sandbox's calls do to its sheets: pure functions of a sheet and an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast
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
from ledger.payments.sandbox_disputes import contested, opened_now, planned, refundable, standing
from ledger.payments.sandbox_happenings import span_of
from ledger.payments.sandbox_states import (
    AdjustmentState,
    Asked,
    CardState,
    DisputeState,
    RefundState,
    SheetState,
    settles_at,
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

    def sheet(self, now: datetime, *, made_there: bool = False) -> Sheet:
        """The sheet that says it."""
        instant = now.isoformat()
        begun: SheetState = {
            "kind": "payment" if self.amount else "setup",
            "asked": self.asked,
            "customer_id": self.customer_id,
            "card": self.card,
            "made_at": instant,
            "made_there": made_there,
            "action_at": instant if self.manner.status == "action_required" else None,
            "decided_at": instant,
            "status": "failed",
            "decline": None,
            "saves": self.saves,
            "detached_at": None,
            "renewed_at": None,
            "mandate_ended_at": None,
            "minor": self.amount.minor if self.amount else 0,
            "currency": self.amount.currency if self.amount else "",
            "refunds": [],
            "disputes": [],
        }
        state = _ended(self.attempt, begun, self.manner, now)
        return Sheet(self.attempt, state, span_of(state))


def asked_of(call: str, customer_id: str, method: str, amount: Money) -> Asked:
    """The parameters of a payment, as they are kept."""
    return {
        "call": call,
        "customer": customer_id,
        "method": method,
        "minor": amount.minor,
        "currency": amount.currency,
    }


def with_refund(
    sheet: Sheet, key: UUID, amount: Money, now: datetime, *, made_there: bool = False
) -> Sheet:
    """A payment's sheet with one more refund, or as it is if it has this one already."""
    state = state_of(sheet)
    for made in state["refunds"]:
        if made["key"] == key.hex:
            if (made["minor"], state["currency"]) != (amount.minor, amount.currency):
                raise ParamsDrift(key=key)
            return sheet
    left = Money(refundable(state, now), state["currency"])
    if amount.currency != left.currency or not 0 < amount.minor <= left.minor:
        raise Rejected(why=f"{left} is left to refund, {amount} was asked")
    manner = presented(state["card"]["token"]).card.refunds
    refund = _refund_state(key, amount.minor, now, manner)
    refund["made_there"] = made_there
    return _changed(sheet, {**state, "refunds": [*state["refunds"], refund]})


def with_dispute(sheet: Sheet, key: UUID, reason: str, now: datetime) -> Sheet:
    """A payment's sheet with one more dispute of all that is left, unless it has it already."""
    state = state_of(sheet)
    if any(made["key"] == key.hex for made in state["disputes"]):
        return sheet
    left = refundable(state, now)
    if left <= 0:
        raise Rejected(why="nothing is left of the payment to contest")
    dispute = opened_now(key, left, reason, now)
    return _changed(sheet, {**state, "disputes": [*state["disputes"], dispute]})


def with_decision(sheet: Sheet, key: UUID, outcome: Literal["won", "lost"], now: datetime) -> Sheet:
    """A payment's sheet after a bank closed one of its disputes; what was won stays so."""
    state, instant = state_of(sheet), now.isoformat()
    found = next((d for d, _ in contested(state) if d["key"] == key.hex), None)
    if found is None or datetime.fromisoformat(found["opened_at"]) > now:
        raise Rejected(why="there is no such dispute")
    status, _ = standing(found, now)
    if status in {"won", outcome}:
        return sheet
    after_all = {**found, "won_at": instant}
    decided = after_all if status == "lost" else {**found, "closed_at": instant, "outcome": outcome}
    disputes = [decided if d is found else d for d in state["disputes"]]
    return _changed(sheet, cast("SheetState", {**state, "disputes": disputes}))


def with_adjustment(sheet: Sheet, key: UUID, moved: AdjustmentState) -> Sheet:
    """A payment's sheet after one of its disputes moved another sum."""
    state = state_of(sheet)
    found = next((d for d, _ in contested(state) if d["key"] == key.hex), None)
    if found is None:
        raise Rejected(why="there is no such dispute")
    adjusted: DisputeState = {**found, "adjustments": [*found.get("adjustments", []), moved]}
    disputes = [adjusted if d is found else d for d in state["disputes"]]
    return _changed(sheet, {**state, "disputes": disputes})


def closed(sheet: Sheet, now: datetime) -> Sheet:
    """A payment that no longer waits for the person; any other stays as it is."""
    state = state_of(sheet)
    if state["status"] != "action_required":
        return sheet
    return _changed(sheet, {**state, "status": "cancelled", "decided_at": now.isoformat()})


def confirmed(sheet: Sheet, now: datetime, *, approved: bool) -> Sheet:
    """What waited for the person, after their bank's answer; any other stays as it is."""
    state = state_of(sheet)
    if state["status"] != "action_required":
        return sheet
    manner = FINE if approved else NOT_AUTHENTICATED
    return _changed(sheet, _ended(sheet.key, state, manner, now))


def forgotten(sheet: Sheet, now: datetime) -> Sheet:
    """A sheet whose saved card is never charged again."""
    state = state_of(sheet)
    if state["detached_at"]:
        return sheet
    return _changed(sheet, {**state, "detached_at": now.isoformat()})


def unmandated(sheet: Sheet, now: datetime) -> Sheet:
    """A sheet whose saved card may no longer be charged while the person is away."""
    state = state_of(sheet)
    if state["mandate_ended_at"]:
        return sheet
    return _changed(sheet, {**state, "mandate_ended_at": now.isoformat()})


def renewed(sheet: Sheet, exp_year: int, exp_month: int, now: datetime) -> Sheet:
    """A sheet whose saved card was sent to the person anew, with another date."""
    state = state_of(sheet)
    card: CardState = {**state["card"], "exp_year": exp_year, "exp_month": exp_month}
    return _changed(sheet, {**state, "card": card, "renewed_at": now.isoformat()})


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


def _refund_state(key: UUID, minor: int, now: datetime, manner: RefundManner) -> RefundState:
    """A new refund and the dates of what becomes of it."""
    later = (now + REFUND_TURNS_AFTER).isoformat()
    return {
        "key": key.hex,
        "minor": minor,
        "made_at": now.isoformat(),
        "succeeds_at": later if manner == "later" else now.isoformat(),
        "fails_at": later if manner == "fails" else None,
        "made_there": False,
    }


def _ended(key: UUID, state: SheetState, manner: Manner, now: datetime) -> SheetState:
    """The state after a card's use ended in a manner. Only payments take their time."""
    takes = timedelta(hours=manner.pending_hours if state["kind"] == "payment" else 0)
    decline = manner.decline
    ended: SheetState = {
        **state,
        "status": manner.status,
        "decided_at": (now + takes).isoformat(),
        "decline": (decline.category, decline.code) if decline else None,
    }
    disputes = presented(state["card"]["token"]).card.disputes
    if disputes and settles_at(ended):
        ended["disputes"] = [planned(disputes, key, now + takes)]
    return ended


def _changed(sheet: Sheet, state: SheetState) -> Sheet:
    return sheet.changed(state, span_of(state))
