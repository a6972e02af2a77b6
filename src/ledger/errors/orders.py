"""Refusals of orders."""

from __future__ import annotations

from ledger.errors.base import Refused


class OrderNotPaid(Refused):
    """Order {order_id} has no payment to refund."""

    code = "order_not_paid"


class OrderSettled(Refused):
    """Order {order_id} is already settled."""

    code = "order_settled"


class OrderWithdrawn(Refused):
    """Order {order_id} was withdrawn."""

    code = "order_withdrawn"


class AttemptOpen(Refused):
    """Order {order_id} has an open payment attempt."""

    code = "attempt_open"


class RefundTooLarge(Refused):
    """Order {order_id} has {refundable} left to refund; {asked} was asked."""

    code = "refund_too_large"
    pointer = "/amount"


class RefundBlocked(Refused):
    """A bank contests the payment of order {order_id}; no refund of it is taken meanwhile."""

    code = "refund_blocked"


class ReasonMalformed(Refused):
    """A reason has 1 to 500 characters."""

    code = "reason_malformed"
    pointer = "/reason"
