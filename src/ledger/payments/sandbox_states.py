"""What stands on the sandbox's sheets, and what it means at an instant.

Whatever happens later without anyone's doing (a pending charge that settles, a refund that comes
back) is written with its date when it is made, and read by the clock. So the sandbox needs no
worker, and a virtual clock moves it like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, TypedDict, cast
from uuid import UUID

from ledger.money import Money
from ledger.payments.gateway import (
    Category,
    Decline,
    Method,
    Mode,
    Movement,
    MovementKind,
    Payment,
    PaymentStatus,
    Refund,
    Setup,
    SetupStatus,
)
from ledger.store.sandbox_sheets import Sheet

MODE: Mode = "test"

CUSTOMER = "sandbox_customer_"
SETUP = "sandbox_setup_"
PAYMENT = "sandbox_payment_"
REFUND = "sandbox_refund_"
METHOD = "sandbox_method_"
ACTION = "sandbox_action_"
"""How the sandbox's ids begin; the rest is the key, in hexadecimal."""

FEE_PER_MILLE = 15
FEE_FIXED_MINOR = 25

Asked = dict[str, str | int | bool]
"""The parameters of a call, kept to tell a replay from a drift."""


class CardState(TypedDict):
    """The card of a setup or payment. Its id is the sheet's own, or that of a saved method."""

    id: str
    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str
    fingerprint: str


class RefundState(TypedDict):
    """One refund on a payment's sheet, with the dates of all that becomes of it."""

    key: str
    minor: int
    made_at: str
    succeeds_at: str
    fails_at: str | None


class SheetState(TypedDict):
    """A setup's or a payment's sheet.

    A payment that settles in the future is pending. A setup moves nothing: 0 of no currency.
    """

    kind: Literal["setup", "payment"]
    asked: Asked
    customer_id: str
    card: CardState
    made_at: str
    status: PaymentStatus
    settles_at: str | None
    decline: tuple[Category, str] | None
    saves: bool
    detached: bool
    minor: int
    currency: str
    refunds: list[RefundState]


def sandbox_id(prefix: str, key: UUID) -> str:
    """The sandbox's id of the thing that was made under a key."""
    return prefix + key.hex


def key_in(prefix: str, sandbox_id: str) -> UUID | None:
    """The key in one of the sandbox's ids; None if it is no such id."""
    try:
        key = UUID(sandbox_id.removeprefix(prefix))
    except ValueError:
        return None
    return key if prefix + key.hex == sandbox_id else None


def state_of(sheet: Sheet) -> SheetState:
    """The state of a setup's or a payment's sheet."""
    return cast("SheetState", sheet.state)


def moved_by(state: SheetState) -> tuple[datetime, datetime] | None:
    """The first and the last instant at which a sheet moves money."""
    if state["settles_at"] is None:
        return None
    instants = [state["settles_at"]]
    for refund in state["refunds"]:
        instants += [refund["succeeds_at"], *filter(None, [refund["fails_at"]])]
    dates = [datetime.fromisoformat(instant) for instant in instants]
    return min(dates), max(dates)


def method_of(sheet: Sheet) -> Method:
    """The card of a setup or payment, as far as it may be shown."""
    state = state_of(sheet)
    card = state["card"]
    lent = card["id"] != sandbox_id(METHOD, sheet.key)
    return Method(
        id=card["id"],
        brand=card["brand"],
        last4=card["last4"],
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
        country=card["country"],
        fingerprint=card["fingerprint"],
        reusable=lent or (was_saved(sheet) and not state["detached"]),
    )


def was_saved(sheet: Sheet) -> bool:
    """Whether the sheet's own card was saved for later, though it may be forgotten since."""
    return bool(sheet.state.get("saves")) and sheet.state["status"] == "succeeded"


def setup_of(sheet: Sheet) -> Setup:
    """A setup as it stands."""
    state = state_of(sheet)
    status = cast("SetupStatus", state["status"])
    return Setup(
        id=sandbox_id(SETUP, sheet.key),
        attempt=sheet.key,
        customer_id=state["customer_id"],
        status=status,
        method=method_of(sheet) if status == "succeeded" else None,
        decline=_decline(state),
        action=_action(sheet),
        made_at=datetime.fromisoformat(state["made_at"]),
        mode=MODE,
    )


def payment_of(sheet: Sheet, now: datetime) -> Payment:
    """A payment as it stands at an instant."""
    state = state_of(sheet)
    settled_at = _reached(state["settles_at"], now)
    pending = state["status"] == "succeeded" and settled_at is None
    return Payment(
        id=sandbox_id(PAYMENT, sheet.key),
        attempt=sheet.key,
        customer_id=state["customer_id"],
        amount=Money(state["minor"], state["currency"]),
        status="pending" if pending else state["status"],
        method=method_of(sheet),
        decline=_decline(state),
        action=_action(sheet),
        made_at=datetime.fromisoformat(state["made_at"]),
        settled_at=settled_at,
        mode=MODE,
    )


def refund_of(sheet: Sheet, refund_id: UUID, now: datetime) -> Refund:
    """One of a payment's refunds as it stands at an instant."""
    state = state_of(sheet)
    refund = next(found for found in state["refunds"] if found["key"] == refund_id.hex)
    succeeded_at, failed_at = (
        _reached(refund["succeeds_at"], now),
        _reached(refund["fails_at"], now),
    )
    return Refund(
        id=sandbox_id(REFUND, refund_id),
        refund_id=refund_id,
        payment_id=sandbox_id(PAYMENT, sheet.key),
        amount=Money(refund["minor"], state["currency"]),
        status="failed" if failed_at else "succeeded" if succeeded_at else "pending",
        failure="returned_by_bank" if failed_at else None,
        made_at=datetime.fromisoformat(refund["made_at"]),
        settled_at=failed_at or succeeded_at,
        mode=MODE,
    )


def refundable(state: SheetState, now: datetime) -> int:
    """Minor units that were paid and are neither sent back nor on their way."""
    if _reached(state["settles_at"], now) is None:
        return 0
    back = (r["minor"] for r in state["refunds"] if _reached(r["fails_at"], now) is None)
    return state["minor"] - sum(back)


def fee(amount: Money) -> Money:
    """1.5 % (half a minor unit up) and 25 minor units, in whole numbers."""
    return Money((amount.minor * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR, amount.currency)


def movements_of(sheet: Sheet) -> Iterator[Movement]:
    """All that a payment's sheet moves, also in the future."""
    state = state_of(sheet)
    payment_id = sandbox_id(PAYMENT, sheet.key)

    def movement(kind: MovementKind, source: str, amount: Money, at: str) -> Movement:
        instant = datetime.fromisoformat(at)
        return Movement(f"{source}_{kind}", kind, source, payment_id, amount, instant, MODE)

    if state["settles_at"]:
        paid = Money(state["minor"], state["currency"])
        yield movement("payment", payment_id, paid, state["settles_at"])
        yield movement("fee", payment_id, -fee(paid), state["settles_at"])
    for refund in state["refunds"]:
        source = sandbox_id(REFUND, UUID(refund["key"]))
        amount = Money(refund["minor"], state["currency"])
        yield movement("refund", source, -amount, refund["succeeds_at"])
        if refund["fails_at"]:
            yield movement("refund_failure", source, amount, refund["fails_at"])


def _reached(instant: str | None, now: datetime) -> datetime | None:
    at = datetime.fromisoformat(instant) if instant else None
    return at if at and at <= now else None


def _decline(state: SheetState) -> Decline | None:
    return Decline(*state["decline"]) if state["decline"] else None


def _action(sheet: Sheet) -> str | None:
    waits = sheet.state["status"] == "action_required"
    return sandbox_id(ACTION, sheet.key) if waits else None
