"""Money back, through the books and the gateway."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, Position
from ledger.billing.outcomes import GATEWAY
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.order import Order, Refund
from ledger.payments.gateway import Gateway, OutcomeUnknown, Rejected
from ledger.payments.gateway import Refund as GatewayRefund


class Resumed(NamedTuple):
    """Where the last save ended; and whether the gateway gave no answer about one of them."""

    position: Position
    is_silent: bool


class Refunds:
    """Refunds that are asked for, sent, and looked at until they are settled."""

    def __init__(self, ledger: Ledger, gateway: Gateway) -> None:
        self.ledger, self.gateway = ledger, gateway

    def give(self, order_id: UUID, amount: Money, reason: str, *, by: Actor, cause: Cause) -> UUID:
        """Give money back (OR2, OR3); the refund's id. The same cause makes one refund."""
        refund_id = ids.derived(cause.id, "refund")
        self.ledger.request_refund(
            order_id, amount, reason, refund_id=refund_id, by=by, cause=cause
        )
        self.resume(self.ledger.order(order_id), cause=cause)
        return refund_id

    def resume(self, order: Order, *, cause: Cause) -> Resumed:
        """Send every refund that is not settled; the refund's id is the idempotency key.

        One about which the gateway is silent stays as it is, and is taken up again later.
        """
        position, is_silent = 0, False
        steps = {"requested": self._send, "pending": self._look}
        for refund in [one for one in order.refunds.values() if one.state in steps]:
            try:
                position = max(position, steps[refund.state](order, refund, cause))
            except OutcomeUnknown:
                is_silent = True
        return Resumed(position, is_silent)

    def look_again(self, order_id: UUID, *, cause: Cause) -> Position:
        """Look at refunds that were made: one may still come back days later (OR2).

        Raises OutcomeUnknown.
        """
        order = self.ledger.order(order_id)
        made = [refund for refund in order.refunds.values() if refund.state == "made"]
        return max((self._look(order, refund, cause) for refund in made), default=0)

    def observe(self, order_id: UUID, found: GatewayRefund, *, cause: Cause) -> Position:
        """Take in a refund as the gateway has it, asked for here or made there (OR7)."""
        return self.ledger.observe_refund(
            order_id,
            found.refund_id,
            payment_reference=found.payment_id,
            reference=found.id,
            amount=found.amount,
            status=found.status,
            failure=found.failure,
            moved_at=found.moved_at,
            settled_at=found.settled_at,
            by=GATEWAY,
            cause=cause,
        )

    def _send(self, order: Order, refund: Refund, cause: Cause) -> Position:
        try:
            made = self.gateway.refund(
                refund_id=refund.refund_id,
                payment_id=refund.payment_reference,
                amount=refund.amount,
            )
        except Rejected as refusal:
            return self._fail(order.id, refund.refund_id, refusal.code, cause)
        return self._take_in(order.id, refund.refund_id, made, cause)

    def _look(self, order: Order, refund: Refund, cause: Cause) -> Position:
        try:
            found = self.gateway.get_refund(gateway_refund_id=refund.reference or "")
        except Rejected:
            return 0  # asked again at the next sweep
        if refund.state == "made" and found.status == "succeeded":
            return 0  # as the books have it: an order may have many, and none is read for each
        return self._take_in(order.id, refund.refund_id, found, cause)

    def _take_in(
        self, order_id: UUID, refund_id: UUID, found: GatewayRefund, cause: Cause
    ) -> Position:
        if found.status == "failed":
            return self.observe(order_id, found, cause=cause)
        if found.status == "pending":
            return self.ledger.pend_refund(
                order_id, refund_id, reference=found.id, by=GATEWAY, cause=cause
            )
        return self.ledger.settle_refund(
            order_id,
            refund_id,
            reference=found.id,
            settled_at=found.settled_at,
            by=GATEWAY,
            cause=cause,
        )

    def _fail(self, order_id: UUID, refund_id: UUID, code: str, cause: Cause) -> Position:
        return self.ledger.fail_refund(order_id, refund_id, code=code, by=GATEWAY, cause=cause)
