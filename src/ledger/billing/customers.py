"""A member as the payment company knows them."""

from __future__ import annotations

from uuid import UUID

from ledger.application import Ledger
from ledger.member.facts import MethodFact
from ledger.payments.gateway import Customer, Gateway


def customer_of(ledger: Ledger, gateway: Gateway, member_id: UUID) -> Customer:
    """The member's one customer: the one of their saved method, as the books know it.

    Where none is saved, the company finds it or makes it. Raises what a Gateway raises.
    """
    saved = ledger.member(member_id).method
    return gateway.ensure_customer(member_id=member_id, known=saved.customer_id if saved else None)


def saved_with(ledger: Ledger, member_id: UUID, method_id: str, *, looks_back: bool) -> str | None:
    """The customer that a method was saved with; it stays so, though the customer is deleted.

    `looks_back` finds a method that is saved no more, too. None of what was never saved.
    """
    saved = ledger.member(member_id).method
    if saved is not None and saved.method_id == method_id:
        return saved.customer_id
    facts = ledger.facts_of(member_id) if looks_back else []
    before = (fact for fact in facts if isinstance(fact, MethodFact))
    return next((fact.customer_id for fact in before if fact.method_id == method_id), None)
