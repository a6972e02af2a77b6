"""What only the payment company knows: disputes, fees, and payments that it took back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from ledger.application.batch import ATTEMPT, DISPUTE, FEE, PAYMENT
from ledger.application.books import Books, Position
from ledger.application.use_case import use_case
from ledger.clock import within
from ledger.facts import Actor, Cause, Stamp
from ledger.money import Money
from ledger.order import Moved, Order
from ledger.store.records import Claim


class DisputeUseCases(Books):
    """Money that is told of by the payment company, and whose order that is (OR7)."""

    def order_of_attempt(self, attempt_id: UUID) -> UUID | None:
        """The order that an attempt is to pay; None where the books know of no such attempt."""
        return self.owner_of(ATTEMPT, attempt_id.bytes)

    def order_of_payment(self, reference: str) -> UUID | None:
        """The order that a payment came in for; None where the books don't know it."""
        return self.owner_of(PAYMENT, reference.encode())

    @use_case
    def observe_dispute(
        self,
        order_id: UUID,
        dispute_id: str,
        *,
        payment_reference: str,
        amount: Money,
        reason: str,
        refundable: bool,
        moved: Sequence[Moved],
        outcome: Literal["won", "lost"] | None,
        opened_at: datetime,
        closed_at: datetime | None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """A dispute as it stands: `outcome` by its status alone (OR7, OR8).

        `moved` is each change of our balance so far, the oldest first, fees among them. What the
        books have heard of before is no news. No instant is before the payment, nor to come.
        """
        order, stamp = self.load(Order, order_id), self.stamp(by, cause)
        began, now = order.began(payment_reference), stamp.recorded_at
        begun = replace(stamp, occurred_at=within(began, opened_at, now))
        order.open_dispute(
            dispute_id,
            payment_reference=payment_reference,
            amount=amount,
            reason=reason,
            refundable=refundable,
            stamp=begun,
        )
        order.update_dispute(
            dispute_id, amount=amount, reason=reason, refundable=refundable, stamp=stamp
        )
        _move(order, dispute_id, [_bounded(one, began, now) for one in moved], stamp)
        if outcome is not None:
            decided = replace(stamp, occurred_at=within(begun.occurred_at, closed_at, now))
            order.close_dispute(dispute_id, outcome=outcome, stamp=decided)
        return self.append(order, claims=_claims(order))

    @use_case
    def reverse_payment(
        self, order_id: UUID, *, reference: str, code: str, by: Actor, cause: Cause
    ) -> Position:
        """The payment company took back a payment that had settled."""
        order = self.load(Order, order_id)
        order.reverse_payment(reference, code=code, stamp=self.stamp(by, cause))
        return self.append(order)

    @use_case
    def record_fee(
        self, order_id: UUID, *, reference: str, moved: Moved, by: Actor, cause: Cause
    ) -> Position:
        """What the payment company kept of a payment."""
        order, stamp = self.load(Order, order_id), self.stamp(by, cause)
        kept = _bounded(moved, order.began(reference), stamp.recorded_at)
        order.record_fee(reference, [kept], stamp=stamp)
        return self.append(order, claims=_claims(order))


def _bounded(moved: Moved, began: datetime, now: datetime) -> Moved:
    return replace(moved, at=within(began, moved.at, now))


def _move(order: Order, dispute_id: str, moved: Sequence[Moved], stamp: Stamp) -> None:
    order.record_fee(dispute_id, [one for one in moved if one.is_fee], stamp=stamp)
    funds = [one for one in moved if not one.is_fee]
    order.move_dispute_funds(dispute_id, funds, stamp=stamp)


def _claims(order: Order) -> list[Claim]:
    """What is told for the first time now, once in all the books (OR6)."""
    return [
        Claim(kind, key.encode(), order.id)
        for fact in order.pending_events
        for kind, key in _told(fact)
    ]


def _told(fact: object) -> Iterator[tuple[str, str]]:
    match fact:
        case Order.DisputeOpened():
            yield DISPUTE, f"{fact.dispute_id}/{fact.TOPIC}"
        case Order.DisputeFundsMoved(movement_id=str(movement_id)):
            yield DISPUTE, movement_id
        case Order.FeeRecorded(movement_id=str(movement_id)):
            yield FEE, movement_id
