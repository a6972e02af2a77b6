"""Order: one charge and its papers."""

from ledger.order.balance import Moved
from ledger.order.facts import Attempt, Refund
from ledger.order.order import Order

__all__ = ["Attempt", "Moved", "Order", "Refund"]
