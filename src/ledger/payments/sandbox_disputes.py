"""Disputes of the sandbox's payments, and what they leave to give back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from ledger.money import Money
from ledger.payments.balance import Dispute, DisputeStatus, Movement, MovementKind
from ledger.payments.sandbox_cards import DisputeManner
from ledger.payments.sandbox_states import (
    DISPUTE,
    MODE,
    PAYMENT,
    DisputeState,
    SheetState,
    movement_id,
    reached,
    sandbox_id,
    settles_at,
    state_of,
)
from ledger.store.sandbox_sheets import Sheet

OPENS_AFTER = timedelta(days=2)
CLOSES_AFTER = timedelta(days=14)
FEE_MINOR = 1_500
"""Kept of every dispute that moves money, also of one that is won."""


def planned(manner: DisputeManner, key: UUID, settled: datetime) -> DisputeState:
    """The dispute that will come of a payment with such a card."""
    opened = settled + OPENS_AFTER
    return {
        "key": key.hex,
        "minor": None,
        "reason": "product_not_received" if manner == "won" else "fraudulent",
        "moves": manner != "inquiry",
        "opened_at": opened.isoformat(),
        "closed_at": (opened + CLOSES_AFTER).isoformat(),
        "outcome": "lost" if manner == "lost" else "won",
    }


def opened_now(key: UUID, minor: int, reason: str, now: datetime) -> DisputeState:
    """A dispute that moves money and is open until someone decides it."""
    return {
        "key": key.hex,
        "minor": minor,
        "reason": reason,
        "moves": True,
        "opened_at": now.isoformat(),
        "closed_at": None,
        "outcome": "lost",
    }


def contested(state: SheetState) -> Iterator[tuple[DisputeState, Money]]:
    """Every dispute, also to come, with what it contests: what is left of the payment then.

    A payment that was sent back entirely before is never contested.
    """
    for position in range(len(state["disputes"])):
        minor = _contested_minor(state, position)
        if minor > 0:
            yield state["disputes"][position], Money(minor, state["currency"])


def dispute_of(sheet: Sheet, key: UUID, now: datetime) -> Dispute | None:
    """One of a payment's disputes as it stands at an instant; None before it was opened."""
    for dispute, amount in contested(state_of(sheet)):
        if dispute["key"] == key.hex and reached(dispute["opened_at"], now):
            status, closed_at = standing(dispute, now)
            gone = dispute["moves"] and status != "won"
            moved = [one for one in dispute_movements_of(sheet, dispute, amount) if one.at <= now]
            return Dispute(
                id=sandbox_id(DISPUTE, key),
                payment_id=sandbox_id(PAYMENT, sheet.key),
                amount=amount,
                status=status,
                reason=dispute["reason"],
                refundable=not gone and refundable(state_of(sheet), now) > 0,
                moved=tuple(sorted(moved, key=lambda one: (one.at, one.id))),
                made_at=datetime.fromisoformat(dispute["opened_at"]),
                closed_at=closed_at,
                mode=MODE,
            )
    return None


def standing(dispute: DisputeState, at: datetime) -> tuple[DisputeStatus, datetime | None]:
    """How it stands at an instant, and since when it is decided so."""
    won_after_all = reached(dispute.get("won_at"), at)
    if won_after_all:
        return "won", won_after_all
    closed_at = reached(dispute["closed_at"], at)
    return (dispute["outcome"] if closed_at else "open"), closed_at


def dispute_movements_of(
    sheet: Sheet, dispute: DisputeState, contested: Money
) -> Iterator[Movement]:
    """All that a dispute moves, also in the future; nothing where a bank only inquires."""
    source, payment_id = sandbox_id(DISPUTE, UUID(dispute["key"])), sandbox_id(PAYMENT, sheet.key)
    for number, minor, fee, at in _moves(dispute, contested.minor):
        kind: MovementKind = "dispute" if minor < 0 else "dispute_reversal"
        moves: list[tuple[MovementKind, int]] = [(kind, minor), ("dispute_fee", fee)]
        for each, moved in moves:
            if moved:
                id_, amount = movement_id(source, each, number), Money(moved, contested.currency)
                instant = datetime.fromisoformat(at)
                yield Movement(id_, each, source, payment_id, amount, instant, MODE)


def _moves(dispute: DisputeState, contested: int) -> Iterator[tuple[int, int, int, str]]:
    """Each sum by a number of its own, with its fee, in minor units as they moved, and when."""
    if dispute["moves"]:
        yield 0, -contested, -FEE_MINOR, dispute["opened_at"]
        won_at = dispute["closed_at"] if dispute["outcome"] == "won" else dispute.get("won_at")
        if won_at:
            yield 0, contested, 0, won_at
    for number, more in enumerate(dispute.get("adjustments", []), start=1):
        yield number, more["minor"], more["fee"], more["at"]


def refundable(state: SheetState, now: datetime) -> int:
    """Minor units that were paid, and are neither sent back, on their way nor contested."""
    if any(_is_open(dispute, now) for dispute, _ in contested(state)):
        return 0
    return _paid(state, now) - _sent_back(state, now) - _taken(state, len(state["disputes"]), now)


def _is_open(dispute: DisputeState, now: datetime) -> bool:
    opened = reached(dispute["opened_at"], now)
    return dispute["moves"] and opened is not None and standing(dispute, now)[0] == "open"


def _contested_minor(state: SheetState, position: int) -> int:
    dispute = state["disputes"][position]
    if dispute["minor"] is not None:
        return dispute["minor"]
    opened = datetime.fromisoformat(dispute["opened_at"])
    # A refund of the very instant came after: the dispute was planned before anyone could ask.
    before = opened - timedelta(microseconds=1)
    return _paid(state, opened) - _sent_back(state, before) - _taken(state, position, opened)


def _paid(state: SheetState, at: datetime) -> int:
    return state["minor"] if reached(settles_at(state), at) else 0


def _sent_back(state: SheetState, at: datetime) -> int:
    return sum(
        refund["minor"]
        for refund in state["refunds"]
        if reached(refund["made_at"], at) and not reached(refund["fails_at"], at)
    )


def _taken(state: SheetState, disputes: int, at: datetime) -> int:
    """What the first so many disputes hold."""
    taken = 0
    for position, dispute in enumerate(state["disputes"][:disputes]):
        won = standing(dispute, at)[0] == "won"
        if dispute["moves"] and reached(dispute["opened_at"], at) and not won:
            taken += max(0, _contested_minor(state, position))
    return taken
