"""An order's money, told fact by fact: what its figures are after each.

Written apart from the view's fold, to be its judge: nothing here may call it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ledger.facts import Fact


@dataclass
class _Back:
    """Money on its way back, of a payment."""

    payment: str | None
    minor: int
    state: str


@dataclass
class _Contested:
    """What a bank contests of a payment; `refundable` None where the company did not say."""

    payment: str
    minor: int
    refundable: bool | None
    state: str = "open"

    @property
    def is_block(self) -> bool:
        return self.refundable is False and self.state != "won"

    @property
    def held(self) -> int:
        is_free = self.state == "won" or (self.state == "open" and self.refundable is True)
        return 0 if is_free else self.minor


@dataclass
class Purse:
    """Amounts in minor units."""

    payments: dict[str, int] = field(default_factory=dict)
    taken_back: dict[str, int] = field(default_factory=dict)
    refunds: dict[UUID, _Back] = field(default_factory=dict)
    disputes: dict[str, _Contested] = field(default_factory=dict)
    currency: str = ""
    fees: int = 0

    def hear(self, fact: Fact) -> None:
        """One more fact of the order's stream."""
        said: Any = fact
        match fact.TOPIC:
            case "order.paid":
                self.payments[said.reference] = said.amount.minor
            case "order.payment_reversed":
                self.taken_back[said.reference] = said.amount.minor
            case "order.placed":
                self.currency = said.amount.currency
            case "order.fee_recorded":
                self.fees += said.amount.minor * (said.amount.currency == self.currency)
            case "order.refund_requested":
                reference, minor = said.payment_reference, said.amount.minor
                self.refunds[said.refund_id] = _Back(reference, minor, "requested")
            case "order.refunded" | "order.refund_failed":
                state = "made" if fact.TOPIC == "order.refunded" else "failed"
                unheard = _Back(None, said.amount.minor, state)
                self.refunds.setdefault(said.refund_id, unheard).state = state
            case _:
                self._hear_of_dispute(fact)

    def figures(self) -> dict[str, int]:
        """What it comes to by now."""
        lefts = [self._left_of(payment) for payment in self.payments]
        lost_sight = sum(one.minor for one in self._backs("requested", "made") if not one.payment)
        return {
            "paid": sum(self.payments.values()) - sum(self.taken_back.values()),
            "refunded": sum(one.minor for one in self._backs("made")),
            "refunding": sum(one.minor for one in self._backs("requested")),
            "contested": sum(one.minor for one in self.disputes.values() if one.state == "open"),
            "lost": sum(one.minor for one in self.disputes.values() if one.state == "lost"),
            "fees": self.fees,
            "refundable": max(0, sum(lefts) - lost_sight),
        }

    def _hear_of_dispute(self, fact: Fact) -> None:
        said: Any = fact
        match fact.TOPIC:
            case "order.dispute_opened":
                self.disputes[said.dispute_id] = _Contested(
                    said.payment_reference, said.amount.minor, said.refundable
                )
            case "order.dispute_updated" if said.dispute_id in self.disputes:
                dispute = self.disputes[said.dispute_id]
                dispute.minor, dispute.refundable = said.amount.minor, said.refundable
            case "order.dispute_closed" if said.dispute_id in self.disputes:
                self.disputes[said.dispute_id].state = said.outcome

    def _backs(self, *states: str) -> list[_Back]:
        return [one for one in self.refunds.values() if one.state in states]

    def _left_of(self, payment: str) -> int:
        contested = [one for one in self.disputes.values() if one.payment == payment]
        if payment in self.taken_back or any(one.is_block for one in contested):
            return 0
        back = [one for one in self._backs("requested", "made") if one.payment == payment]
        gone = sum(one.minor for one in back) + sum(one.held for one in contested)
        return max(0, self.payments[payment] - gone)
