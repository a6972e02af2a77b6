"""The facts of an order's stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal
from uuid import UUID

from ledger.facts import Fact, FirstFact, Instant, Personal, Value
from ledger.money import Mode, Money
from ledger.order.states import Attempt, AttemptState, Dispute, Refund
from ledger.terms import Discount

if TYPE_CHECKING:
    from ledger.order.order import Order

Charge = Literal["first", "renewal", "instalment"]


class DiscountUsed(Value):
    """The code that lowered an order's price, as it stood then, and by how much."""

    terms: Discount
    cut: Money


class OrderPlaced(FirstFact):
    """A charge is due. Amounts in minor units; `period_end` None where nothing follows."""

    TOPIC: ClassVar[str] = "order.placed"
    membership_id: UUID
    plan_id: UUID
    plan_name: str
    price_version: int
    charge: Charge
    charge_index: int
    list_price: Money
    amount: Money
    discount: DiscountUsed | None
    tax_basis_points: int | None
    period_start: Instant
    period_end: Instant | None
    due_at: Instant
    mode: Mode

    def apply(self, order: Order) -> None:
        """Placed, and settled at once if it costs nothing (OR5)."""
        order.placed = self
        order.paid = order.refunded = order.lost = Money.zero(self.amount.currency)


class AttemptStarted(Fact):
    """A try is about to be made: written down before money moves."""

    TOPIC: ClassVar[str] = "order.attempt_started"
    attempt_id: UUID
    number: int
    amount: Money
    off_session: bool
    method_id: Personal[str]

    def apply(self, order: Order) -> None:
        """One open attempt."""
        order.attempts[self.attempt_id] = Attempt(
            self.attempt_id,
            self.number,
            self.amount,
            self.off_session,
            self.method_id,
            self.occurred_at,
        )


class AttemptFact(Fact):
    """A fact about one attempt."""

    attempt_id: UUID
    state: ClassVar[AttemptState]

    def apply(self, order: Order) -> None:
        """Where the attempt stands."""
        order.attempts[self.attempt_id].state = self.state


class AttemptPending(AttemptFact):
    """The gateway waits: for the person, or for a bank."""

    TOPIC: ClassVar[str] = "order.attempt_pending"
    state = "pending"
    reference: str
    waits_for: Literal["member", "bank"]

    def apply(self, order: Order) -> None:
        """Waiting, under the gateway's reference."""
        super().apply(order)
        order.attempts[self.attempt_id].reference = self.reference
        order.attempts[self.attempt_id].was_at_bank |= self.waits_for == "bank"


class OutcomeUnknown(AttemptFact):
    """The gateway did not answer: money may have moved. The same key is sent again later."""

    TOPIC: ClassVar[str] = "order.outcome_unknown"
    state = "unknown"


class AttemptAbandoned(AttemptFact):
    """The gateway has nothing under the attempt's key: no money moved."""

    TOPIC: ClassVar[str] = "order.attempt_abandoned"
    state = "abandoned"
    proof: str


class PaymentFailed(AttemptFact):
    """The gateway declined."""

    TOPIC: ClassVar[str] = "order.payment_failed"
    state = "failed"
    category: str
    code: str

    def apply(self, order: Order) -> None:
        """Failed, for this reason."""
        super().apply(order)
        order.attempts[self.attempt_id].decline_code = self.code


class Paid(Fact):
    """Money came in. Two payments are two facts; one announced twice is one (OR6)."""

    TOPIC: ClassVar[str] = "order.paid"
    attempt_id: UUID
    reference: str
    amount: Money
    mode: Mode

    def apply(self, order: Order) -> None:
        """Paid."""
        order.paid += self.amount
        order.payments[self.reference] = self.amount
        order.came_in_at[self.reference] = self.occurred_at
        if self.attempt_id in order.attempts:
            order.attempts[self.attempt_id].state = "paid"
            order.attempts[self.attempt_id].reference = self.reference


class PaymentReversed(Fact):
    """A payment that had settled does not stand any more: the gateway took back what was left."""

    TOPIC: ClassVar[str] = "order.payment_reversed"
    reference: str
    amount: Money
    code: str
    mode: Mode

    def apply(self, order: Order) -> None:
        """Not ours any more; nothing of it is left to refund."""
        order.paid -= self.amount
        order.reversed.add(self.reference)


class FeeRecorded(Fact):
    """What the gateway kept of a payment or for a dispute; negative where it gave it back.

    `reference` is what for, `movement_id` the change of our balance: None of facts that told what
    was kept in all.
    """

    TOPIC: ClassVar[str] = "order.fee_recorded"
    reference: str
    amount: Money
    mode: Mode
    movement_id: str | None = None

    def apply(self, order: Order) -> None:
        """Fees do not change what is left to refund."""
        if self.movement_id is None:
            order.unnamed_fees[self.reference].append(-self.amount.minor)
        else:
            order.movements.add(self.movement_id)


class Withdrawn(Fact):
    """The charge is no longer wanted and was never paid."""

    TOPIC: ClassVar[str] = "order.withdrawn"
    reason: str

    def apply(self, order: Order) -> None:
        """Off the books as a claim."""
        order.withdrawn_at = self.occurred_at


# --- refunds ----------------------------------------------------------------------------


class RefundRequested(Fact):
    """Money is to go back: it is no longer left to refund (OR2)."""

    TOPIC: ClassVar[str] = "order.refund_requested"
    refund_id: UUID
    payment_reference: str
    amount: Money
    reason: Personal[str]

    def apply(self, order: Order) -> None:
        """One refund under way."""
        order.refunds[self.refund_id] = Refund(
            self.refund_id, self.payment_reference, self.amount, self.reason, self.occurred_at
        )


class RefundPending(Fact):
    """The gateway took the refund and has not settled it."""

    TOPIC: ClassVar[str] = "order.refund_pending"
    refund_id: UUID
    reference: str

    def apply(self, order: Order) -> None:
        """Under way at the gateway."""
        refund = order.refunds[self.refund_id]
        refund.state, refund.reference = "pending", self.reference


class Refunded(Fact):
    """The refund settled: it counts in every total from now on (OR8)."""

    TOPIC: ClassVar[str] = "order.refunded"
    refund_id: UUID
    reference: str
    amount: Money
    mode: Mode

    def apply(self, order: Order) -> None:
        """Gone back."""
        refund = order.refunds[self.refund_id]
        refund.state, refund.reference = "made", self.reference
        order.refunded += self.amount


class RefundFailed(Fact):
    """The gateway could not pay back. After it had settled, the money counts again (OR2)."""

    TOPIC: ClassVar[str] = "order.refund_failed"
    refund_id: UUID
    amount: Money
    was_settled: bool
    code: str
    mode: Mode

    def apply(self, order: Order) -> None:
        """Left to refund again."""
        order.refunds[self.refund_id].state = "failed"
        if self.was_settled:
            order.refunded -= self.amount


# --- disputes ---------------------------------------------------------------------------


class DisputeOpened(Fact):
    """The person's bank contests a payment."""

    TOPIC: ClassVar[str] = "order.dispute_opened"
    dispute_id: str
    payment_reference: str
    amount: Money
    reason: str
    refundable: bool | None = None

    def apply(self, order: Order) -> None:
        """Contested: not refundable meanwhile, unless the gateway says so."""
        order.disputes[self.dispute_id] = Dispute(
            self.payment_reference,
            self.amount,
            self.reason,
            Money.zero(self.amount.currency),
            self.refundable,
        )


class DisputeUpdated(Fact):
    """The bank contests another amount or for another reason, or refunds are taken or not."""

    TOPIC: ClassVar[str] = "order.dispute_updated"
    dispute_id: str
    amount: Money
    reason: str
    refundable: bool | None

    def apply(self, order: Order) -> None:
        """As it is now."""
        dispute = order.disputes[self.dispute_id]
        dispute.amount, dispute.reason = self.amount, self.reason
        dispute.refundable = self.refundable


class DisputeFundsMoved(Fact):
    """The gateway took contested money from our balance (negative), or gave it back.

    It changes no total: what a dispute costs is known when it is decided (OR8). `movement_id` is
    the change of our balance: None of facts that told what had changed in all.
    """

    TOPIC: ClassVar[str] = "order.dispute_funds_moved"
    dispute_id: str
    amount: Money
    mode: Mode
    movement_id: str | None = None

    def apply(self, order: Order) -> None:
        """Moved. Our balance may be kept in another currency than the charge."""
        dispute = order.disputes[self.dispute_id]
        is_same = dispute.funds.currency == self.amount.currency
        dispute.funds = dispute.funds + self.amount if is_same else self.amount
        if self.movement_id is None:
            dispute.unnamed.append(self.amount.minor)
        else:
            order.movements.add(self.movement_id)


class DisputeClosed(Fact):
    """The bank decided. Lost money leaves every total (OR8).

    `was_lost` where it decided otherwise before: what is won after all counts again.
    """

    TOPIC: ClassVar[str] = "order.dispute_closed"
    dispute_id: str
    outcome: Literal["won", "lost"]
    amount: Money
    mode: Mode
    was_lost: bool = False

    def apply(self, order: Order) -> None:
        """Won, or lost."""
        dispute = order.disputes[self.dispute_id]
        dispute.state, dispute.decided_at = self.outcome, self.occurred_at
        if self.outcome == "lost":
            order.lost += self.amount
        elif self.was_lost:
            order.lost -= self.amount
