"""Payment methods: saved, replaced and forgotten by the member alone (AC6)."""

from __future__ import annotations

from uuid import UUID

from ledger import ids
from ledger.application import Ledger
from ledger.billing.outcomes import method_fields, require_mode
from ledger.errors import MethodForbidden
from ledger.facts import Actor, Cause
from ledger.payments.gateway import Gateway, Setup


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
            self.gateway.ensure_customer(member_id=member_id), self.ledger.rules.mode
        )
        setup = self.gateway.start_setup(
            attempt=ids.derived(cause.id, "setup"), customer_id=customer.id, method=method_token
        )
        kept = setup.method and method_fields(setup.method, customer.id)
        if setup.status == "succeeded" and kept:
            before = self.ledger.member(member_id).method
            if before is None or before.method_id != kept["method_id"]:
                command = Cause(kind=cause.kind, id=ids.derived(cause.id, "saved method"))
                self.ledger.save_method(member_id, kept, by=by, cause=command)
                if before is not None:
                    self.gateway.detach_method(method_id=before.method_id)
        return setup

    def remove(self, member_id: UUID, *, by: Actor, cause: Cause) -> int:
        """Forget the saved method: at the gateway first, so that the books never say it too early.

        The position of the save. Raises NotFound where none is saved.
        """
        _require_the_member(member_id, by)
        saved = self.ledger.member(member_id).method
        if saved is not None:
            self.gateway.detach_method(method_id=saved.method_id)
        return self.ledger.remove_method(member_id, by=by, cause=cause)


def _require_the_member(member_id: UUID, by: Actor) -> None:
    if by != Actor(kind="member", id=member_id):
        raise MethodForbidden
