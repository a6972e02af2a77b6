"""A member as the payment company knows them."""

from __future__ import annotations

from uuid import UUID

from ledger.application import Ledger
from ledger.payments.gateway import Customer, Gateway


def customer_of(ledger: Ledger, gateway: Gateway, member_id: UUID) -> Customer:
    """The member's one customer: the one of their saved method, as the books know it.

    Where none is saved, the company finds it or makes it. Raises what a Gateway raises.
    """
    saved = ledger.member(member_id).method
    return gateway.ensure_customer(member_id=member_id, known=saved.customer_id if saved else None)
