"""What happens on the sandbox's sheets, when, and what it moves; also what is to come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ledger.money import Money
from ledger.payments.balance import Movement, MovementKind
from ledger.payments.sandbox_cards import presented
from ledger.payments.sandbox_disputes import contested, dispute_movements_of
from ledger.payments.sandbox_states import (
    DISPUTE,
    MANDATE,
    METHOD,
    MODE,
    PAYMENT,
    REFUND,
    SETUP,
    SheetState,
    fee,
    fee_known_at,
    is_mandated,
    movement_id,
    sandbox_id,
    settles_at,
    state_of,
    was_saved,
)
from ledger.store.sandbox_sheets import Sheet


class Happening(NamedTuple):
    """Something that a notice tells: of what kind, what it happened to, and when."""

    kind: str
    object_id: str
    at: datetime


def span_of(state: SheetState) -> tuple[datetime, datetime]:
    """The first and the last instant at which anything happens on a sheet."""
    instants = [
        state["made_at"],
        state["decided_at"],
        fee_known_at(state),
        state["detached_at"],
        state["renewed_at"],
        state["mandate_ended_at"],
    ]
    for refund in state["refunds"]:
        instants += [refund["succeeds_at"], refund["fails_at"]]
    for dispute in state["disputes"]:
        instants += [dispute["opened_at"], dispute["closed_at"], dispute.get("won_at")]
        instants += [more["at"] for more in dispute.get("adjustments", [])]
    dates = [datetime.fromisoformat(instant) for instant in instants if instant]
    return min(dates), max(dates)


def happenings_of(sheet: Sheet) -> Iterator[Happening]:
    """All that happens on a sheet, also in the future, unordered."""
    for kind, object_id, at in (*_uses(sheet), *_refunds(sheet), *_disputes(sheet)):
        if at:
            yield Happening(kind, object_id, datetime.fromisoformat(at))


def is_told_twice(sheet: Sheet) -> bool:
    """Whether the company stutters about this sheet."""
    return presented(state_of(sheet)["card"]["token"]).card.told_twice


def movements_of(sheet: Sheet) -> Iterator[Movement]:
    """All that a payment's sheet moves, also in the future."""
    state = state_of(sheet)
    payment_id = sandbox_id(PAYMENT, sheet.key)

    def movement(kind: MovementKind, source: str, amount: Money, at: str) -> Movement:
        instant = datetime.fromisoformat(at)
        return Movement(movement_id(source, kind), kind, source, payment_id, amount, instant, MODE)

    settled, fee_known = settles_at(state), fee_known_at(state)
    if settled and fee_known:
        paid = Money(state["minor"], state["currency"])
        yield movement("payment", payment_id, paid, settled)
        yield movement("fee", payment_id, -fee(paid), fee_known)
    for refund in state["refunds"]:
        source = sandbox_id(REFUND, UUID(refund["key"]))
        amount = Money(refund["minor"], state["currency"])
        yield movement("refund", source, -amount, refund["succeeds_at"])
        if refund["fails_at"]:
            yield movement("refund_failure", source, amount, refund["fails_at"])
    for dispute, amount in contested(state):
        yield from dispute_movements_of(sheet, dispute, amount)


_Dated = tuple[str, str, str | None]


def _uses(sheet: Sheet) -> Iterator[_Dated]:
    """The payment or setup itself, and the card it saved."""
    state = state_of(sheet)
    is_payment = state["kind"] == "payment"
    what, id_ = state["kind"], sandbox_id(PAYMENT if is_payment else SETUP, sheet.key)
    yield f"{what}.action_required", id_, state["action_at"]
    if state["decided_at"] != state["made_at"] and not state["action_at"]:
        yield f"{what}.pending", id_, state["made_at"]
    if state["status"] != "action_required":
        yield f"{what}.{state['status']}", id_, state["decided_at"]
    yield "fee.known", id_, fee_known_at(state)
    if was_saved(sheet):
        method_id = sandbox_id(METHOD, sheet.key)
        yield "method.detached", method_id, state["detached_at"]
        yield "method.updated", method_id, state["renewed_at"]
    if is_mandated(sheet):
        mandate_id = sandbox_id(MANDATE, sheet.key)
        yield "mandate.granted", mandate_id, state["decided_at"]
        yield "mandate.ended", mandate_id, state["mandate_ended_at"] or state["detached_at"]


def _refunds(sheet: Sheet) -> Iterator[_Dated]:
    for refund in state_of(sheet)["refunds"]:
        id_ = sandbox_id(REFUND, UUID(refund["key"]))
        if refund["succeeds_at"] != refund["made_at"]:
            yield "refund.pending", id_, refund["made_at"]
        yield "refund.made", id_, refund["succeeds_at"]
        yield "refund.failed", id_, refund["fails_at"]


def _disputes(sheet: Sheet) -> Iterator[_Dated]:
    for dispute, _ in contested(state_of(sheet)):
        id_ = sandbox_id(DISPUTE, UUID(dispute["key"]))
        yield "dispute.opened", id_, dispute["opened_at"]
        yield "dispute.closed", id_, dispute["closed_at"]
        yield "dispute.updated", id_, dispute.get("won_at")
        if dispute["moves"]:
            yield "dispute.funds_withdrawn", id_, dispute["opened_at"]
            if dispute["outcome"] == "won":
                yield "dispute.funds_reinstated", id_, dispute["closed_at"]
            yield "dispute.funds_reinstated", id_, dispute.get("won_at")
        for more in dispute.get("adjustments", []):
            way = "withdrawn" if more["minor"] < 0 else "reinstated"
            yield f"dispute.funds_{way}", id_, more["at"]
