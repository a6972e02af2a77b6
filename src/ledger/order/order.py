"""Order: what may be asked of one charge. It holds money only; access is not its business (OR4)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, Self
from uuid import UUID

from ledger import ids, texts
from ledger.errors import (
    AttemptOpen,
    NotFound,
    OrderNotPaid,
    OrderSettled,
    OrderWithdrawn,
    RefundTooLarge,
)
from ledger.facts import Aggregate, Fact, Stamp
from ledger.money import Money, require_charge
from ledger.order import facts
from ledger.order.facts import Attempt, Charge, DiscountUsed, Mode, Refund


class Order(Aggregate):
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
    FeeRecorded = facts.FeeRecorded
    Withdrawn = facts.Withdrawn
    RefundRequested = facts.RefundRequested
    RefundPending = facts.RefundPending
    Refunded = facts.Refunded
    RefundFailed = facts.RefundFailed
    DisputeOpened = facts.DisputeOpened
    DisputeClosed = facts.DisputeClosed

    def __init__(self) -> None:
        self.placed: facts.OrderPlaced
        self.paid: Money
        self.refunded: Money
        self.lost: Money
        self.attempts: dict[UUID, Attempt] = {}
        self.references: set[str] = set()
        self.fee_references: set[str] = set()
        self.refunds: dict[UUID, Refund] = {}
        self.disputes: dict[str, Literal["open", "won", "lost"]] = {}
        self.disputed: dict[str, Money] = {}
        self.withdrawn_at: datetime | None = None

    @property
    def subject_id(self) -> UUID | None:
        """The member, whose key seals the personal fields."""
        return self.placed.member_id

    @property
    def member_id(self) -> UUID:
        """The member who is charged."""
        if self.placed.member_id is None:
            message = "an order is always someone's"
            raise ValueError(message)
        return self.placed.member_id

    # --- the charge -------------------------------------------------------------------

    @classmethod
    def place(
        cls,
        *,
        member_id: UUID,
        membership_id: UUID,
        plan_id: UUID,
        plan_name: str,
        price_version: int,
        charge: Charge,
        charge_index: int,
        list_price: Money,
        amount: Money,
        discount: DiscountUsed | None,
        tax_basis_points: int | None,
        period_start: datetime,
        period_end: datetime | None,
        mode: Mode,
        stamp: Stamp,
    ) -> Self:
        """A charge of a membership; the same membership and index make the same order (OR1)."""
        return cls.begin(
            facts.OrderPlaced,
            ids.order(membership_id, charge_index),
            stamp=stamp,
            member_id=member_id,
            membership_id=membership_id,
            plan_id=plan_id,
            plan_name=plan_name,
            price_version=price_version,
            charge=charge,
            charge_index=charge_index,
            list_price=list_price,
            amount=amount,
            discount=discount,
            tax_basis_points=tax_basis_points,
            period_start=period_start,
            period_end=period_end,
            due_at=period_start,
            mode=mode,
        )

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to collect."""
        return self.paid >= self.placed.amount

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt whose outcome is not known. Never two."""
        undecided = {"open", "pending", "unknown"}
        return next((a for a in self.attempts.values() if a.state in undecided), None)

    def start_attempt(self, *, method_id: str, off_session: bool, stamp: Stamp) -> Attempt:
        """Write down a try before it is made."""
        if self.withdrawn_at is not None:
            raise OrderWithdrawn(order_id=self.id)
        if self.is_settled:
            raise OrderSettled(order_id=self.id)
        if self.open_attempt:
            raise AttemptOpen(order_id=self.id)
        number = len(self.attempts) + 1
        attempt_id = ids.attempt(self.id, number)
        self.record(
            facts.AttemptStarted,
            stamp=stamp,
            attempt_id=attempt_id,
            number=number,
            amount=self.placed.amount,
            off_session=off_session,
            method_id=method_id,
        )
        return self.attempts[attempt_id]

    def pend(
        self,
        attempt_id: UUID,
        *,
        reference: str,
        waits_for: Literal["member", "bank"],
        stamp: Stamp,
    ) -> None:
        """The gateway waits for someone. Twice is no news."""
        if self._attempt(attempt_id).state in {"open", "unknown"}:
            self.record(
                facts.AttemptPending,
                stamp=stamp,
                attempt_id=attempt_id,
                reference=reference,
                waits_for=waits_for,
            )

    def lose_sight(self, attempt_id: UUID, *, stamp: Stamp) -> None:
        """The gateway did not answer. Twice is no news."""
        if self._attempt(attempt_id).state == "open":
            self.record(facts.OutcomeUnknown, stamp=stamp, attempt_id=attempt_id)

    def abandon(self, attempt_id: UUID, *, proof: str, stamp: Stamp) -> None:
        """The gateway has nothing under this key, and the proof says how that is known."""
        if self._attempt(attempt_id).state in {"open", "unknown"}:
            self.record(facts.AttemptAbandoned, stamp=stamp, attempt_id=attempt_id, proof=proof)

    def fail(self, attempt_id: UUID, *, category: str, code: str, stamp: Stamp) -> None:
        """The gateway declined. Twice is no news, nor is it after a payment."""
        if self._attempt(attempt_id).state in {"open", "pending", "unknown"}:
            self.record(
                facts.PaymentFailed,
                stamp=stamp,
                attempt_id=attempt_id,
                category=category,
                code=code,
            )

    def pay(self, attempt_id: UUID, *, reference: str, amount: Money, stamp: Stamp) -> None:
        """Money came in, wanted or not.

        One payment may be announced twice. Two payments are two facts: the money has arrived,
        and the books say so (OR6).
        """
        require_charge(amount)
        if reference not in self.references:
            self.record(
                facts.Paid,
                stamp=stamp,
                attempt_id=attempt_id,
                reference=reference,
                amount=amount,
                mode=self.placed.mode,
            )

    def record_fee(self, *, reference: str, amount: Money, stamp: Stamp) -> None:
        """What the gateway kept. The same fee twice is no news."""
        if reference not in self.fee_references:
            self.record(
                facts.FeeRecorded,
                stamp=stamp,
                reference=reference,
                amount=amount,
                mode=self.placed.mode,
            )

    def withdraw(self, reason: str, *, stamp: Stamp) -> None:
        """Stop wanting the money. Not while a try is under way, nor once it is paid."""
        if self.open_attempt:
            raise AttemptOpen(order_id=self.id)
        if not self.paid.is_zero:
            raise OrderSettled(order_id=self.id)
        if self.withdrawn_at is None:
            self.record(facts.Withdrawn, stamp=stamp, reason=reason)

    # --- refunds ----------------------------------------------------------------------

    @property
    def refundable(self) -> Money:
        """What is left to refund: paid, less refunds made or under way, less what is disputed."""
        left = self.paid
        for refund in self.refunds.values():
            if refund.state != "failed":
                left -= refund.amount
        for dispute_id, state in self.disputes.items():
            if state != "won":
                left -= self.disputed[dispute_id]
        return max(left, Money.zero(left.currency))

    def request_refund(
        self,
        amount: Money,
        reason: str,
        *,
        refund_id: UUID,
        stamp: Stamp,
        payment_reference: str | None = None,
    ) -> None:
        """Give back part or all of what was paid; access is another matter (OR2, OR4)."""
        if self.paid.is_zero:
            raise OrderNotPaid(order_id=self.id)
        if self.refundable < require_charge(amount):
            raise RefundTooLarge(order_id=self.id, asked=amount, refundable=self.refundable)
        self.record(
            facts.RefundRequested,
            stamp=stamp,
            refund_id=refund_id,
            payment_reference=payment_reference or self._last_reference(),
            amount=amount,
            reason=texts.reason(reason),
        )

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

    # --- disputes ---------------------------------------------------------------------

    def open_dispute(
        self, dispute_id: str, *, payment_reference: str, amount: Money, reason: str, stamp: Stamp
    ) -> None:
        """The bank contests a payment. Twice is no news."""
        if dispute_id not in self.disputes:
            self.record(
                facts.DisputeOpened,
                stamp=stamp,
                dispute_id=dispute_id,
                payment_reference=payment_reference,
                amount=amount,
                reason=reason,
            )

    def close_dispute(
        self, dispute_id: str, *, outcome: Literal["won", "lost"], stamp: Stamp
    ) -> None:
        """The bank decided. Twice is no news."""
        if dispute_id not in self.disputes:
            raise NotFound(what="dispute", id=dispute_id)
        if self.disputes[dispute_id] == "open":
            self.record(
                facts.DisputeClosed,
                stamp=stamp,
                dispute_id=dispute_id,
                outcome=outcome,
                amount=self.disputed[dispute_id],
                mode=self.placed.mode,
            )

    # --- receipts ---------------------------------------------------------------------

    @property
    def tax(self) -> Money | None:
        """The tax inside the amount, if the plan names a rate (OR10); rounded half up."""
        rate = self.placed.tax_basis_points
        return None if rate is None else inclusive_tax(self.placed.amount, rate)

    def _attempt(self, attempt_id: UUID) -> Attempt:
        try:
            return self.attempts[attempt_id]
        except KeyError:
            raise NotFound(what="payment attempt", id=attempt_id) from None

    def _refund(self, refund_id: UUID) -> Refund:
        try:
            return self.refunds[refund_id]
        except KeyError:
            raise NotFound(what="refund", id=refund_id) from None

    def _last_reference(self) -> str:
        return [a.reference for a in self.attempts.values() if a.reference and a.state == "paid"][
            -1
        ]


def inclusive_tax(amount: Money, basis_points: int) -> Money:
    """The tax that an amount includes, at hundredths of a percent; half up to a minor unit."""
    whole = 10_000 + basis_points
    return Money((2 * amount.minor * basis_points + whole) // (2 * whole), amount.currency)
