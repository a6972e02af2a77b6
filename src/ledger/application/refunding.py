"""Money back: asked for, settled, and seen at the payment company."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from ledger.application.batch import REFUND
from ledger.application.books import Books, Position
from ledger.application.use_case import follow_up, use_case
from ledger.clock import within
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.order import Order
from ledger.order.order import RefundStanding
from ledger.store.records import Claim


class RefundUseCases(Books):
    """Money back, asked for and settled."""

    @use_case
    def request_refund(
        self,
        order_id: UUID,
        amount: Money,
        reason: str,
        *,
        refund_id: UUID,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Ask for part or all of what was paid (OR2, OR3). Access is another matter (OR4)."""
        order = self.load(Order, order_id)
        stamp = self.staff_stamp(by, cause)
        order.request_refund(amount, reason, refund_id=refund_id, stamp=stamp)
        return self.append(order, command=cause.id)

    @follow_up
    def settle_refund(
        self,
        order_id: UUID,
        refund_id: UUID,
        *,
        reference: str,
        settled_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The gateway made the refund, at `settled_at` or now: it counts in the totals."""
        order = self.load(Order, order_id)
        began = order.refund_began(refund_id)
        stamp = self.stamp(by, cause)
        stamp = replace(stamp, occurred_at=within(began, settled_at, stamp.recorded_at))
        order.settle_refund(refund_id, reference=reference, stamp=stamp)
        return self.append(order, claims=_claims(order, refund_id))

    @follow_up
    def pend_refund(
        self, order_id: UUID, refund_id: UUID, *, reference: str, by: Actor, cause: Cause
    ) -> Position:
        """The gateway took the refund and has not settled it."""
        order = self.load(Order, order_id)
        order.pend_refund(refund_id, reference=reference, stamp=self.stamp(by, cause))
        return self.append(order)

    @follow_up
    def fail_refund(
        self, order_id: UUID, refund_id: UUID, *, code: str, by: Actor, cause: Cause
    ) -> Position:
        """The gateway could not pay back, perhaps after it had said so (OR2)."""
        order = self.load(Order, order_id)
        order.fail_refund(refund_id, code=code, stamp=self.stamp(by, cause))
        return self.append(order, claims=_claims(order, refund_id))

    # --- seen at the gateway, behind our back (OR7) -----------------------------------

    @use_case
    def observe_refund(
        self,
        order_id: UUID,
        refund_id: UUID,
        *,
        payment_reference: str,
        reference: str,
        amount: Money,
        status: RefundStanding = "succeeded",
        failure: str | None = None,
        moved_at: datetime | None = None,
        settled_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """A refund as the payment company has it, `settled_at` or now. Twice is no news.

        `moved_at` is when one that failed since was made; None if it never was.
        """
        order, now = self.load(Order, order_id), self.clock.now()
        began = order.refund_began(refund_id, payment_reference)
        made_at = moved_at and within(began, moved_at, now)
        settled_at = within(made_at or began, settled_at, now)
        order.observe_refund(
            refund_id,
            payment_reference=payment_reference,
            reference=reference,
            amount=amount,
            status=status,
            code=failure,
            moved_at=made_at,
            stamp=self.stamp(by, cause, occurred_at=settled_at),
        )
        return self.append(order, claims=_claims(order, refund_id))


def _claims(order: Order, refund_id: UUID) -> list[Claim]:
    """What of the refund is told for the first time now, once in all the books (OR6)."""
    reference = order.refunds[refund_id].reference if refund_id in order.refunds else None
    told = [
        f"{reference or refund_id}/{fact.TOPIC}"
        for fact in order.pending_events
        if isinstance(fact, Order.Refunded | Order.RefundFailed)
    ]
    return [Claim(REFUND, key.encode(), order.id) for key in told]
