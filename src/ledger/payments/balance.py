"""What a payment company says of our balance there: what moved it, and what is contested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ledger.money import Mode, Money

DisputeStatus = Literal["open", "won", "lost"]
MovementKind = Literal[
    "payment", "fee", "refund", "refund_failure", "dispute", "dispute_reversal", "dispute_fee"
]


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of our balance at the payment company.

    `amount` is signed: a payment and a refund that came back add, a fee and a refund take away.
    `source` is the gateway's id of the payment, refund or dispute that moved it. `charged` is the
    same in the currency of the payment, where the balance is kept in another.
    """

    id: str
    kind: MovementKind
    source: str
    payment_id: str
    amount: Money
    at: datetime
    mode: Mode
    charged: Money | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payment that the person's bank contests.

    `refundable` is false while the company takes no refund of the payment. `moved` is each change
    of our balance that it made so far, the oldest first: money withdrawn or reinstated, and fees.
    """

    id: str
    payment_id: str
    amount: Money
    status: DisputeStatus
    reason: str
    refundable: bool
    moved: tuple[Movement, ...]
    made_at: datetime
    closed_at: datetime | None
    mode: Mode


@dataclass(frozen=True, slots=True)
class Fee:
    """What the company kept of a payment; known some time after the payment.

    `id` and `at` are those of the movement of it. What a dispute costs stands in the dispute.
    """

    id: str
    payment_id: str
    amount: Money
    at: datetime
    mode: Mode
