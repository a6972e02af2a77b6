"""Payment methods: saved, replaced and forgotten by the member alone (AC6)."""

from __future__ import annotations

from uuid import UUID

from ledger import ids
from ledger.application import Ledger
from ledger.billing.customers import customer_of
from ledger.billing.outcomes import GATEWAY, method_fields, require_mode
from ledger.errors import MethodForbidden, NotFound
from ledger.facts import Actor, Cause
from ledger.order import Attempt
from ledger.payments.gateway import Gateway, Method, Payment, Setup


class Methods:
    """Methods in the books and at one gateway."""

    def __init__(self, ledger: Ledger, gateway: Gateway) -> None:
        self.ledger, self.gateway = ledger, gateway

    def save(self, member_id: UUID, *, method_token: str, by: Actor, cause: Cause) -> Setup:
        """Save a method without a charge, while the member is present (PL1).

        Where the person's bank asks for a confirmation, the same cause sent again after it saves
        the method. The one before is forgotten at the gateway.
        """
        _require_the_member(member_id, by)
        customer = require_mode(
            customer_of(self.ledger, self.gateway, member_id), self.ledger.rules.mode
        )
        setup = self.gateway.start_setup(
            attempt=ids.derived(cause.id, "setup"), customer_id=customer.id, method=method_token
        )
        if setup.status == "succeeded" and setup.method:
            self._keep(member_id, setup.method, customer.id, by=by, cause=cause)
        return setup

    def save_given(self, member_id: UUID, setup: Setup, *, by: Actor, cause: Cause) -> None:
        """Save a method that the member gave on the company's own page, once that has succeeded.

        NotFound for another member's.
        """
        _require_the_member(member_id, by)
        customer = customer_of(self.ledger, self.gateway, member_id)
        if setup.customer_id != customer.id:
            raise NotFound(what="setup", id=setup.id)
        if setup.status == "succeeded" and setup.method:
            self._keep(member_id, setup.method, customer.id, by=by, cause=cause)

    def keep_paid_with(
        self, member_id: UUID, attempt: Attempt, payment: Payment, *, cause: Cause
    ) -> None:
        """Save the new method with which a member paid what was due, for later charges (DU3).

        Before the payment is written down: what breaks in between is taken up with the attempt.
        """
        was_saved = payment.method.id == attempt.method_id
        if not was_saved:
            self._keep(member_id, payment.method, payment.customer_id, by=GATEWAY, cause=cause)

    def remove(self, member_id: UUID, *, by: Actor, cause: Cause) -> int:
        """Forget the saved method: at the gateway first, so that the books never say it too early.

        The position of the save. Raises NotFound where none is saved.
        """
        _require_the_member(member_id, by)
        saved = self.ledger.member(member_id).method
        if saved is not None:
            self.gateway.detach_method(method_id=saved.method_id)
        return self.ledger.remove_method(member_id, by=by, cause=cause)

    def _keep(
        self, member_id: UUID, method: Method, customer_id: str, *, by: Actor, cause: Cause
    ) -> None:
        kept, before = method_fields(method, customer_id), self.ledger.member(member_id).method
        if kept is None or (before is not None and before.method_id == kept["method_id"]):
            return
        command = Cause(kind=cause.kind, id=ids.derived(cause.id, "saved method"))
        self.ledger.save_method(member_id, kept, by=by, cause=command)
        if before is not None:
            self.gateway.detach_method(method_id=before.method_id)


def _require_the_member(member_id: UUID, by: Actor) -> None:
    if by != Actor(kind="member", id=member_id):
        raise MethodForbidden
