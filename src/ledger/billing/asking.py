"""Asks the payment company about an attempt: sent while it is fresh and wanted, else looked up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from ledger.application import Ledger
from ledger.billing.customers import customer_of, saved_with
from ledger.billing.outcomes import purpose_of, require_mode
from ledger.order import Attempt, Order
from ledger.payments.gateway import Gateway, OutcomeUnknown, Payment, Purpose, Rejected

RESENT_FOR = timedelta(hours=23)
"""How long the gateway surely knows a key again; after it an attempt is looked up, never sent."""
JUST_BEGUN = timedelta(seconds=30)
"""So long after it was begun, nobody looks again whether an attempt is wanted."""


class ToldNothing(OutcomeUnknown):
    """The payment company refuses to tell about {key}, though it answers; money may have moved."""


class Asking:
    """Asks one gateway about attempts in the books."""

    def __init__(self, ledger: Ledger, gateway: Gateway) -> None:
        self.ledger, self.gateway = ledger, gateway

    def ask(self, order: Order, attempt: Attempt) -> Payment | None:
        """What became of the attempt. Only a charge that is refused raises Rejected: whoever
        refuses to tell has not said that nothing happened.
        """
        if attempt.state == "pending" and attempt.reference:
            with _refusing_to_tell(attempt):
                return self.gateway.get_payment(payment_id=attempt.reference)
        just_begun = self._age(attempt) < JUST_BEGUN  # and so not sent before
        with nullcontext() if just_begun else _refusing_to_tell(attempt):
            customer = require_mode(
                customer_of(self.ledger, self.gateway, order.member_id), order.placed.mode
            )
        known = saved_with(
            self.ledger, order.member_id, attempt.method_id, looks_back=not just_begun
        )
        customer_id = known or customer.id
        is_old = self._age(attempt) >= RESENT_FOR
        if is_old or not (just_begun or self._is_wanted(order)):
            with _refusing_to_tell(attempt):
                return self.gateway.find_payment(
                    attempt=attempt.attempt_id, customer_id=customer_id
                )
        return self._charge(order, attempt, customer_id)

    def _is_wanted(self, order: Order) -> bool:
        """Whether the money is still to be taken: a removal may have come since (AX2, AX3)."""
        if order.is_settled:
            return False
        if order.placed.charge == "first":
            return True
        membership = self.ledger.member(order.member_id).membership(order.placed.membership_id)
        return membership.is_running(self.ledger.clock.now()) and membership.cancelled_at is None

    def _charge(self, order: Order, attempt: Attempt, customer_id: str) -> Payment:
        if attempt.off_session:
            return self.gateway.charge_offsession(
                attempt=attempt.attempt_id,
                customer_id=customer_id,
                method_id=attempt.method_id,
                amount=attempt.amount,
                purpose=self._purpose(order),
            )
        return self.gateway.start_onsession(
            attempt=attempt.attempt_id,
            customer_id=customer_id,
            method=attempt.method_id,
            amount=attempt.amount,
            save=order.placed.period_end is not None,
            purpose=self._purpose(order),
        )

    def _purpose(self, order: Order) -> Purpose:
        """What the method of an order's charge is saved and charged for."""
        placed = order.placed
        if placed.charge != "first":
            return "instalment" if placed.charge == "instalment" else "recurring"
        price = self.ledger.plan(placed.plan_id).price_version(placed.price_version)
        return purpose_of([price.terms])

    def _age(self, attempt: Attempt) -> timedelta:
        return self.ledger.clock.now() - attempt.started_at


@contextmanager
def _refusing_to_tell(attempt: Attempt) -> Iterator[None]:
    try:
        yield
    except Rejected as refusal:
        raise ToldNothing(key=attempt.attempt_id) from refusal
