"""Order: one charge and its papers."""

from ledger.order.balance import Moved
from ledger.order.order import Order
from ledger.order.states import Attempt, Refund

__all__ = ["Attempt", "Moved", "Order", "Refund"]
