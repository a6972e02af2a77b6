"""Order: what may be asked of one charge. It holds money only; access is not its business (OR4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from ledger import texts
from ledger.errors import (
    NotFound,
    OrderNotPaid,
    RefundBlocked,
    RefundTooLarge,
)
from ledger.facts import Fact, Stamp
from ledger.money import Money
from ledger.order import facts
from ledger.order.balance import Moved, untold
from ledger.order.collectable import Collectable
from ledger.order.states import Dispute, Refund

RefundStanding = Literal["pending", "succeeded", "failed"]

MADE_AT_THE_GATEWAY = "Made at the payment company."


class Order(Collectable):
    """One charge and its papers: placed, tried, paid, perhaps refunded or disputed."""

    TOPIC: ClassVar[str] = "order"
    Event = Fact

    Placed = Created = facts.OrderPlaced
    AttemptStarted = facts.AttemptStarted
    AttemptPending = facts.AttemptPending
    OutcomeUnknown = facts.OutcomeUnknown
    AttemptAbandoned = facts.AttemptAbandoned
    PaymentFailed = facts.PaymentFailed
    Paid = facts.Paid
    PaymentReversed = facts.PaymentReversed
    FeeRecorded = facts.FeeRecorded
    Withdrawn = facts.Withdrawn
    RefundRequested = facts.RefundRequested
    RefundPending = facts.RefundPending
    Refunded = facts.Refunded
    RefundFailed = facts.RefundFailed
    DisputeOpened = facts.DisputeOpened
    DisputeUpdated = facts.DisputeUpdated
    DisputeFundsMoved = facts.DisputeFundsMoved
    DisputeClosed = facts.DisputeClosed

    def __init__(self) -> None:
        super().__init__()
        self.refunded: Money
        self.lost: Money
        self.refunds: dict[UUID, Refund] = {}
        self.disputes: dict[str, Dispute] = {}

    # --- refunds ----------------------------------------------------------------------

    @property
    def refundable(self) -> Money:
        """What is left to refund: paid, less refunds made or under way, less what is disputed."""
        lefts = (self.refundable_of(reference) for reference in self.payments)
        return sum(lefts, Money.zero(self.paid.currency))

    def refundable_of(self, payment_reference: str) -> Money:
        """What is left to refund of one payment; NotFound if it never came in."""
        left = self._kept_of(payment_reference)
        nothing = Money.zero(left.currency)
        if payment_reference in self.reversed or self.is_blocked(payment_reference):
            return nothing
        for dispute in self.disputes.values():
            if dispute.payment_reference == payment_reference:
                left -= dispute.held
        return max(left, nothing)

    def is_blocked(self, payment_reference: str) -> bool:
        """Whether the payment company takes no refund of a payment because it is contested."""
        return any(
            dispute.blocks_refunds
            for dispute in self.disputes.values()
            if dispute.payment_reference == payment_reference
        )

    def request_refund(
        self,
        amount: Money,
        reason: str,
        *,
        refund_id: UUID,
        stamp: Stamp,
        payment_reference: str | None = None,
    ) -> None:
        """Give back part or all of a payment; access is another matter (OR2, OR4).

        Without a reference: the latest payment with so much left. The same refund twice is no
        news.
        """
        if refund_id in self.refunds:
            return
        if self.paid.is_zero:
            raise OrderNotPaid(order_id=self.id)
        self._require_chargeable(amount)
        chosen = payment_reference or self._payment_for(amount)
        if self.is_blocked(chosen):
            raise RefundBlocked(order_id=self.id)
        if self.refundable_of(chosen) < amount:
            left = self.refundable_of(chosen)
            raise RefundTooLarge(order_id=self.id, asked=amount, refundable=left)
        self.record(
            facts.RefundRequested,
            stamp=stamp,
            refund_id=refund_id,
            payment_reference=chosen,
            amount=amount,
            reason=texts.reason(reason),
        )

    def observe_refund(
        self,
        refund_id: UUID,
        *,
        payment_reference: str,
        reference: str,
        amount: Money,
        status: RefundStanding = "succeeded",
        code: str | None = None,
        moved_at: datetime | None = None,
        stamp: Stamp,
    ) -> None:
        """A refund as the gateway has it: asked for here, or made there behind our back (OR7).

        No limit asks: it has happened. It is known by its own id, never by what was refunded in
        all. One that failed after it had been made, at `moved_at`, is both. Twice is no news.
        """
        begun = replace(stamp, occurred_at=moved_at or stamp.occurred_at)
        if refund_id not in self.refunds:
            refund_id = self._refund_under(reference) or refund_id
        if refund_id not in self.refunds:
            self._require_chargeable(amount)
            self._payment(payment_reference)
            self.record(
                facts.RefundRequested,
                stamp=begun,
                refund_id=refund_id,
                payment_reference=payment_reference,
                amount=amount,
                reason=MADE_AT_THE_GATEWAY,
            )
        if status == "failed":
            if moved_at is not None:
                self.settle_refund(refund_id, reference=reference, stamp=begun)
            self.fail_refund(refund_id, code=code or "failed", stamp=stamp)
        elif status == "pending":
            self.pend_refund(refund_id, reference=reference, stamp=stamp)
        else:
            self.settle_refund(refund_id, reference=reference, stamp=stamp)

    def refund_began(self, refund_id: UUID, payment_reference: str = "") -> datetime:
        """When a refund could be made: once it was asked for, else once the payment had come in."""
        known = self.refunds.get(refund_id)
        return known.requested_at if known else self.began(payment_reference)

    def pend_refund(self, refund_id: UUID, *, reference: str, stamp: Stamp) -> None:
        """The gateway took the refund. Twice is no news."""
        if self._refund(refund_id).state == "requested":
            self.record(facts.RefundPending, stamp=stamp, refund_id=refund_id, reference=reference)

    def settle_refund(self, refund_id: UUID, *, reference: str, stamp: Stamp) -> None:
        """The refund was made. Twice is no news; a refund is never undone (OR2)."""
        refund = self._refund(refund_id)
        if refund.state in {"requested", "pending"}:
            self.record(
                facts.Refunded,
                stamp=stamp,
                refund_id=refund_id,
                reference=reference,
                amount=refund.amount,
                mode=self.placed.mode,
            )

    def fail_refund(self, refund_id: UUID, *, code: str, stamp: Stamp) -> None:
        """The gateway could not pay back, perhaps after it had said so. Twice is no news."""
        refund = self._refund(refund_id)
        if refund.state != "failed":
            self.record(
                facts.RefundFailed,
                stamp=stamp,
                refund_id=refund_id,
                amount=refund.amount,
                was_settled=refund.state == "made",
                code=code,
                mode=self.placed.mode,
            )

    # --- taken back, or contested -----------------------------------------------------

    def reverse_payment(self, reference: str, *, code: str, stamp: Stamp) -> None:
        """The gateway itself took back what was left of a payment that had settled.

        Twice is no news.
        """
        kept = self._kept_of(reference)
        if reference not in self.reversed:
            self.record(
                facts.PaymentReversed,
                stamp=stamp,
                reference=reference,
                amount=kept,
                code=code,
                mode=self.placed.mode,
            )

    def open_dispute(
        self,
        dispute_id: str,
        *,
        payment_reference: str,
        amount: Money,
        reason: str,
        refundable: bool | None = None,
        stamp: Stamp,
    ) -> None:
        """The bank contests a payment. Twice is no news."""
        self._require_chargeable(amount)
        self._payment(payment_reference)
        if dispute_id not in self.disputes:
            self.record(
                facts.DisputeOpened,
                stamp=stamp,
                dispute_id=dispute_id,
                payment_reference=payment_reference,
                amount=amount,
                reason=reason,
                refundable=refundable,
            )

    def update_dispute(
        self, dispute_id: str, *, amount: Money, reason: str, refundable: bool | None, stamp: Stamp
    ) -> None:
        """What the bank says of it now. The amount of one that is decided stays. Twice is no news.

        Raises CurrencyMismatch.
        """
        dispute = self._dispute(dispute_id)
        if dispute.state != "open":
            amount = dispute.amount
        self._require_chargeable(amount)
        if (amount, reason, refundable) != (dispute.amount, dispute.reason, dispute.refundable):
            self.record(
                facts.DisputeUpdated,
                stamp=stamp,
                dispute_id=dispute_id,
                amount=amount,
                reason=reason,
                refundable=refundable,
            )

    def move_dispute_funds(self, dispute_id: str, moved: Sequence[Moved], *, stamp: Stamp) -> None:
        """What the dispute has moved of our balance so far, the oldest first.

        It only moves money: whether the dispute is lost is told by its status. Each movement is
        told once.
        """
        for one in untold(moved, self.movements, self._dispute(dispute_id).unnamed):
            self.record(
                facts.DisputeFundsMoved,
                stamp=replace(stamp, occurred_at=one.at),
                dispute_id=dispute_id,
                movement_id=one.movement_id,
                amount=one.amount,
                mode=self.placed.mode,
            )

    def close_dispute(
        self, dispute_id: str, *, outcome: Literal["won", "lost"], stamp: Stamp
    ) -> None:
        """The bank decided, perhaps otherwise than before: what was lost may be won after all.

        Twice is no news, nor is what it had decided before it decided last.
        """
        dispute = self._dispute(dispute_id)
        if dispute.state != outcome and dispute.is_news(outcome, stamp.occurred_at):
            self.record(
                facts.DisputeClosed,
                stamp=stamp,
                dispute_id=dispute_id,
                outcome=outcome,
                was_lost=dispute.state == "lost",
                amount=dispute.amount,
                mode=self.placed.mode,
            )

    # --- receipts ---------------------------------------------------------------------

    @property
    def tax(self) -> Money | None:
        """The tax inside the amount, if the plan names a rate (OR10); rounded half up."""
        rate = self.placed.tax_basis_points
        return None if rate is None else inclusive_tax(self.placed.amount, rate)

    def _refund(self, refund_id: UUID) -> Refund:
        try:
            return self.refunds[refund_id]
        except KeyError:
            raise NotFound(what="refund", id=refund_id) from None

    def _kept_of(self, payment_reference: str) -> Money:
        """A payment, less the refunds made or under way; NotFound if it never came in."""
        kept = self._payment(payment_reference)
        for refund in self.refunds.values():
            if refund.payment_reference == payment_reference and refund.state != "failed":
                kept -= refund.amount
        return max(kept, Money.zero(kept.currency))

    def _refund_under(self, reference: str) -> UUID | None:
        known = (one.refund_id for one in self.refunds.values() if one.reference == reference)
        return next(known, None)

    def _dispute(self, dispute_id: str) -> Dispute:
        try:
            return self.disputes[dispute_id]
        except KeyError:
            raise NotFound(what="dispute", id=dispute_id) from None

    def _payment_for(self, amount: Money) -> str:
        latest_first = list(reversed(self.payments))
        enough = (r for r in latest_first if self.refundable_of(r) >= amount)
        return next(enough, max(latest_first, key=self.refundable_of))


def inclusive_tax(amount: Money, basis_points: int) -> Money:
    """The tax that an amount includes, at hundredths of a percent; half up to a minor unit."""
    whole = 10_000 + basis_points
    return Money((2 * amount.minor * basis_points + whole) // (2 * whole), amount.currency)
