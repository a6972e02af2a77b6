"""What is seen at the payment company becomes facts, once, whoever did it there (OR7).

An observation is the object as it stands, fetched when it is taken in; what the books have heard
already is no news. So any number of notices, in any order, lead to the same facts (DU9), and one
that never came is made good by the next that is about the same object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from ledger.application import Ledger, Position
from ledger.billing.collection import Collection
from ledger.billing.outcomes import GATEWAY, method_fields
from ledger.errors import LedgerError, NotFound
from ledger.facts import Cause
from ledger.order import Moved
from ledger.payments.balance import Dispute, Fee, Movement
from ledger.payments.gateway import (
    Mandate,
    MethodChange,
    Observation,
    Payment,
    Refund,
    Rejected,
    Setup,
)


class NotKnownYet(LedgerError):
    """The books know of no {what} {id} at the payment company, though it says that it is ours.

    It may be on its way; a thing that stays unknown is for a person to look at.
    """

    code = "not_known_yet"


class MandateNotKnown(NotKnownYet):
    """The books know of no method with the mandate {id}.

    The method may be saved in a moment. One that never is can't be charged: nobody need look at it.
    """

    code = "mandate_not_known"


class NotOurs(NotKnownYet):
    """The payment {id} was begun by others, and no money came in.

    A try of ours stands in the books before it is made.
    """

    code = "not_ours"


def moved_of(movement: Movement) -> Moved:
    """A movement in the books' words."""
    is_fee = movement.kind in {"fee", "dispute_fee"}
    return Moved(movement.id, movement.amount, movement.at, is_fee=is_fee)


class Observing:
    """Takes in what the gateway says of its objects."""

    def __init__(self, ledger: Ledger, collection: Collection) -> None:
        self.ledger, self.collection = ledger, collection

    def take_in(self, seen: Observation, *, cause: Cause) -> Position:
        """Make facts of what is news; the position of the last save, 0 where nothing was.

        Raises NotKnownYet, what the rules refuse, and what the gateway raises when it is asked.
        """
        take_in: dict[type[Observation], Callable[[Any, Cause], Position]] = {
            Payment: self._payment,
            Refund: self._refund,
            Dispute: self._dispute,
            Fee: self._fee,
            Setup: self._setup,
            MethodChange: self._method,
            Mandate: self._mandate,
        }
        return take_in[type(seen)](seen, cause)

    # --- money ------------------------------------------------------------------------

    def _payment(self, seen: Payment, cause: Cause) -> Position:
        try:
            return self.collection.observe(seen, cause=cause).position
        except NotFound:
            if seen.status != "succeeded":
                raise NotOurs(id=seen.id) from None
            raise NotKnownYet(what="payment", id=seen.id) from None

    def _refund(self, seen: Refund, cause: Cause) -> Position:
        order_id = self._order_of(seen.payment_id, cause)
        return self.collection.refunds.observe(order_id, seen, cause=cause)

    def _dispute(self, seen: Dispute, cause: Cause) -> Position:
        return self.ledger.observe_dispute(
            self._order_of(seen.payment_id, cause),
            seen.id,
            payment_reference=seen.payment_id,
            amount=seen.amount,
            reason=seen.reason,
            refundable=seen.refundable,
            moved=[moved_of(one) for one in seen.moved],
            outcome=None if seen.status == "open" else seen.status,
            opened_at=seen.made_at,
            closed_at=seen.closed_at,
            by=GATEWAY,
            cause=cause,
        )

    def _fee(self, seen: Fee, cause: Cause) -> Position:
        return self.ledger.record_fee(
            self._order_of(seen.payment_id, cause),
            reference=seen.payment_id,
            moved=Moved(seen.id, -seen.amount, seen.at, is_fee=True),
            by=GATEWAY,
            cause=cause,
        )

    def _order_of(self, payment_id: str, cause: Cause) -> UUID:
        """Whose payment it is. One whose own notice was lost is taken in first."""
        known = self.ledger.order_of_payment(payment_id)
        if known is None:
            try:
                payment = self.collection.gateway.get_payment(payment_id=payment_id)
            except Rejected:
                raise NotKnownYet(what="payment", id=payment_id) from None
            self._payment(payment, cause)
            known = self.ledger.order_of_payment(payment_id)
        if known is None:
            raise NotKnownYet(what="payment that came in", id=payment_id)
        return known

    # --- methods ----------------------------------------------------------------------

    def _setup(self, seen: Setup, cause: Cause) -> Position:
        """What the page that began it does too, if the person comes back to it (AC6, DU3)."""
        member_id = self.collection.methods.observe(seen, cause=cause)
        if member_id is None:
            return 0
        charged = self.collection.charge_unpaid(member_id, cause=cause)
        return max([self.ledger.position_of(member_id), *(one.position for one in charged)])

    def _method(self, seen: MethodChange, cause: Cause) -> Position:
        if seen.method_id is None:
            return self.collection.methods.lose_all_of(seen.customer_id or "", cause=cause)
        member_id = self.ledger.method_owner(seen.method_id)
        if member_id is None:
            return 0  # it was never saved here
        if seen.method is None:
            return self.ledger.lose_method(member_id, seen.method_id, by=GATEWAY, cause=cause)
        saved = self.ledger.member(member_id).method
        customer_id = seen.customer_id or (saved.customer_id if saved else "")
        fields = method_fields(seen.method, customer_id)
        if fields is None:
            return 0
        return self.ledger.renew_method(member_id, fields, by=GATEWAY, cause=cause)

    def _mandate(self, seen: Mandate, cause: Cause) -> Position:
        member_id = self.ledger.method_owner(seen.method_id)
        if member_id is None:
            raise MandateNotKnown(id=seen.id)
        return self.ledger.change_mandate(
            member_id,
            seen.id,
            method_id=seen.method_id,
            status=seen.status,
            by=GATEWAY,
            cause=cause,
        )
