"""What stands on the sandbox's sheets, and what it means at an instant.

Whatever happens later without anyone's doing (a pending charge that settles, a fee, a refund that
comes back, a dispute) is written with its date when it is made, and read by the clock. So the
sandbox needs no worker, and a virtual clock moves it like everything else.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NotRequired, TypedDict, cast
from uuid import UUID

from ledger import ids
from ledger.money import Money
from ledger.payments.balance import Fee, MovementKind
from ledger.payments.gateway import (
    Category,
    Decline,
    Mandate,
    Method,
    MethodChange,
    Mode,
    Payment,
    PaymentStatus,
    Refund,
    Setup,
    SetupStatus,
)
from ledger.payments.sandbox_cards import presented
from ledger.store.sandbox_sheets import Sheet

MODE: Mode = "test"

CUSTOMER = "sandbox_customer_"
SETUP = "sandbox_setup_"
PAYMENT = "sandbox_payment_"
REFUND = "sandbox_refund_"
DISPUTE = "sandbox_dispute_"
METHOD = "sandbox_method_"
MANDATE = "sandbox_mandate_"
ACTION = "sandbox_action_"
"""How the sandbox's ids begin; the rest is the key, in hexadecimal."""

NOBODY = ""
"""The customer of a payment that another system made on the same account."""

FEE_PER_MILLE = 15
FEE_FIXED_MINOR = 25
FEE_KNOWN_AFTER = timedelta(minutes=10)
"""After the payment, as real companies take their time."""

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
    made_there: bool


class AdjustmentState(TypedDict):
    """Another sum that a dispute moved, and the fee with it; minor units, signed as they moved."""

    minor: int
    fee: int
    at: str


class DisputeState(TypedDict):
    """One dispute on a payment's sheet, perhaps to come. `moves` is whether it moves money.

    `minor` is what it contests; None of one to come, for nobody knows what will be left then.
    """

    key: str
    minor: int | None
    reason: str
    moves: bool
    opened_at: str
    closed_at: str | None
    outcome: Literal["won", "lost"]
    adjustments: NotRequired[list[AdjustmentState]]
    won_at: NotRequired[str]
    """When it was won after all, having been lost."""


class SheetState(TypedDict):
    """A setup's or a payment's sheet.

    A payment is pending until it is decided. `action_at` is when the person was asked for
    something, `made_there` whether it was made behind our back. A setup moves nothing: 0 of no
    currency.
    """

    kind: Literal["setup", "payment"]
    asked: Asked
    customer_id: str
    card: CardState
    made_at: str
    made_there: bool
    action_at: str | None
    decided_at: str
    status: PaymentStatus
    decline: tuple[Category, str] | None
    saves: bool
    detached_at: str | None
    renewed_at: str | None
    mandate_ended_at: str | None
    minor: int
    currency: str
    refunds: list[RefundState]
    disputes: list[DisputeState]


def sandbox_id(prefix: str, key: UUID) -> str:
    """The sandbox's id of the thing that was made under a key."""
    return prefix + key.hex


def movement_id(source: str, kind: MovementKind, number: int = 0) -> str:
    """The sandbox's id of a change of the balance, by what for and the how manieth of its kind."""
    return f"{source}_{kind}_{number}" if number else f"{source}_{kind}"


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


def is_ours(state: SheetState) -> bool:
    """Whether the ledger's customer is meant, and not another system's."""
    return state["customer_id"] != NOBODY


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
        reusable=lent or (was_saved(sheet) and not state["detached_at"]),
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
        member_id=key_in(CUSTOMER, state["customer_id"]),
    )


def payment_of(sheet: Sheet, now: datetime) -> Payment:
    """A payment as it stands at an instant."""
    state = state_of(sheet)
    id_ = sandbox_id(PAYMENT, sheet.key)
    is_decided = reached(state["decided_at"], now) is not None
    return Payment(
        id=id_,
        attempt=ids.observed(id_) if state["made_there"] else sheet.key,
        customer_id=state["customer_id"],
        amount=Money(state["minor"], state["currency"]),
        status=state["status"] if is_decided else "pending",
        method=method_of(sheet),
        decline=_decline(state) if is_decided else None,
        action=_action(sheet),
        made_at=datetime.fromisoformat(state["made_at"]),
        settled_at=reached(settles_at(state), now),
        mode=MODE,
    )


def fee_of(sheet: Sheet, now: datetime) -> Fee | None:
    """What the sandbox kept of a payment; None while nobody knows."""
    state = state_of(sheet)
    known_at = reached(fee_known_at(state), now)
    if known_at is None:
        return None
    paid = Money(state["minor"], state["currency"])
    payment_id = sandbox_id(PAYMENT, sheet.key)
    return Fee(movement_id(payment_id, "fee"), payment_id, fee(paid), known_at, MODE)


def refund_of(sheet: Sheet, key: UUID, now: datetime) -> Refund:
    """One of a payment's refunds as it stands at an instant."""
    state = state_of(sheet)
    refund = next(found for found in state["refunds"] if found["key"] == key.hex)
    succeeded_at = reached(refund["succeeds_at"], now)
    failed_at = reached(refund["fails_at"], now)
    id_ = sandbox_id(REFUND, key)
    return Refund(
        id=id_,
        refund_id=ids.observed(id_) if refund["made_there"] else key,
        payment_id=sandbox_id(PAYMENT, sheet.key),
        amount=Money(refund["minor"], state["currency"]),
        status="failed" if failed_at else "succeeded" if succeeded_at else "pending",
        failure="returned_by_bank" if failed_at else None,
        made_at=datetime.fromisoformat(refund["made_at"]),
        moved_at=succeeded_at,
        settled_at=failed_at or succeeded_at,
        mode=MODE,
    )


def method_change_of(sheet: Sheet) -> MethodChange:
    """A saved card as it stands: the card, or that it is gone."""
    state = state_of(sheet)
    card = None if state["detached_at"] else method_of(sheet)
    return MethodChange(sandbox_id(METHOD, sheet.key), state["customer_id"], card, MODE)


def mandate_of(sheet: Sheet) -> Mandate:
    """The right to debit a saved card."""
    state = state_of(sheet)
    ended = state["mandate_ended_at"] or state["detached_at"]
    return Mandate(
        sandbox_id(MANDATE, sheet.key),
        sandbox_id(METHOD, sheet.key),
        "inactive" if ended else "active",
        MODE,
    )


def is_mandated(sheet: Sheet) -> bool:
    """Whether the sheet's own card was saved with a mandate."""
    return was_saved(sheet) and presented(state_of(sheet)["card"]["token"]).card.mandated


def settles_at(state: SheetState) -> str | None:
    """When the payment's money moves, perhaps to come; None if it never does."""
    settles = state["kind"] == "payment" and state["status"] == "succeeded"
    return state["decided_at"] if settles else None


def fee_known_at(state: SheetState) -> str | None:
    """When the payment's fee is known, perhaps to come; None if there is none."""
    settled = settles_at(state)
    if settled is None:
        return None
    return (datetime.fromisoformat(settled) + FEE_KNOWN_AFTER).isoformat()


def fee(amount: Money) -> Money:
    """1.5 % (half a minor unit up) and 25 minor units, in whole numbers."""
    return Money((amount.minor * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR, amount.currency)


def reached(instant: str | None, now: datetime) -> datetime | None:
    """The instant, once it has come."""
    at = datetime.fromisoformat(instant) if instant else None
    return at if at and at <= now else None


def _decline(state: SheetState) -> Decline | None:
    return Decline(*state["decline"]) if state["decline"] else None


def _action(sheet: Sheet) -> str | None:
    waits = sheet.state["status"] == "action_required"
    return sandbox_id(ACTION, sheet.key) if waits else None
