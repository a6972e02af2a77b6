"""Payment methods: saved, replaced and forgotten by the member alone (AC6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, Position
from ledger.billing.customers import customer_of
from ledger.billing.outcomes import GATEWAY, method_fields, purpose_of, require_mode
from ledger.errors import MethodForbidden, NotFound
from ledger.facts import Actor, Cause, Fact
from ledger.member.facts import MethodFact, MethodRemoved
from ledger.order import Attempt
from ledger.payments.gateway import (
    Customer,
    Gateway,
    Method,
    Payment,
    Purpose,
    Rejected,
    Setup,
)

Made = TypeVar("Made")


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
        setup = self.for_customer(
            member_id,
            lambda customer: self.gateway.start_setup(
                attempt=setup_attempt(cause, customer.id),
                customer_id=customer.id,
                method=method_token,
                purpose=self._purpose(member_id),
            ),
        )
        if setup.status == "succeeded" and setup.method:
            self._keep(member_id, setup.method, setup.customer_id, by=by, cause=cause)
        return setup

    def for_customer(self, member_id: UUID, ask: Callable[[Customer], Made]) -> Made:
        """What the company makes for the member's customer: for another one, where the one that
        was known has been deleted there. Raises what a Gateway raises, and ModesMixed.
        """
        customer = self._customer(member_id)
        try:
            return ask(customer)
        except Rejected:
            another = self._customer(member_id)
            if another.id == customer.id:
                raise
            return ask(another)

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

    def observe(self, setup: Setup, *, cause: Cause) -> UUID | None:
        """Save what a bank approved after the member had gone, as the page would that began it.

        Whose method it is now. None where it is nobody's: it was not begun by a page of ours, or
        the member has chosen otherwise since. However often it is told, it is saved once.
        """
        member_id = setup.member_id or self.ledger.customer_owner(setup.customer_id)
        was_begun_there = setup.attempt == ids.observed(setup.id)
        if setup.method is None or member_id is None or was_begun_there:
            return None
        if self.ledger.method_owner(setup.method.id) is None and self._is_open(member_id, setup):
            given_at = min(setup.made_at, self.ledger.clock.now())
            self._keep(
                member_id,
                setup.method,
                setup.customer_id,
                given_at=given_at,
                by=GATEWAY,
                cause=cause,
            )
        has_it = self.ledger.member(member_id).has_method(setup.method.id)
        return member_id if has_it else None

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
            self._forget(saved.method_id)
        return self.ledger.remove_method(member_id, by=by, cause=cause)

    def lose_all_of(self, customer_id: str, *, cause: Cause) -> Position:
        """A customer was deleted at the company: the method that was saved with it is gone (DU3).

        The position of the save; 0 where none of ours was.
        """
        member_id = self.ledger.customer_owner(customer_id)
        saved = self.ledger.member(member_id).method if member_id else None
        if member_id is None or saved is None or saved.customer_id != customer_id:
            return 0
        return self.ledger.lose_method(member_id, saved.method_id, by=GATEWAY, cause=cause)

    def _keep(
        self,
        member_id: UUID,
        method: Method,
        customer_id: str,
        *,
        given_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> None:
        kept, before = method_fields(method, customer_id), self.ledger.member(member_id).method
        if kept is None or (before is not None and before.method_id == kept["method_id"]):
            return
        command = Cause(kind=cause.kind, id=ids.derived(cause.id, "saved method"))
        self.ledger.save_method(member_id, kept, given_at=given_at, by=by, cause=command)
        if before is not None:
            self._forget(before.method_id)

    def _is_open(self, member_id: UUID, setup: Setup) -> bool:
        """Whether the member, since they began it, has not said otherwise how they pay."""
        if self.ledger.member(member_id).closed_at is not None:
            return False
        chosen_at = _last_choice(self.ledger.facts_of(member_id))
        return chosen_at is None or chosen_at <= setup.made_at

    def _forget(self, method_id: str) -> None:
        """At the gateway; a saved method that it refuses to forget is not there any more."""
        with suppress(Rejected):
            self.gateway.detach_method(method_id=method_id)

    def _purpose(self, member_id: UUID) -> Purpose:
        """What the member's card will be charged for."""
        now, stays = self.ledger.clock.now(), self.ledger.member(member_id).memberships.values()
        return purpose_of(stay.terms for stay in stays if stay.is_running(now))

    def _customer(self, member_id: UUID) -> Customer:
        found = customer_of(self.ledger, self.gateway, member_id)
        return require_mode(found, self.ledger.rules.mode)


def setup_attempt(cause: Cause, customer_id: str) -> UUID:
    """The key under which a command saves a method for a customer."""
    return ids.derived(cause.id, "setup", customer_id)


def _require_the_member(member_id: UUID, by: Actor) -> None:
    if by != Actor(kind="member", id=member_id):
        raise MethodForbidden


def _last_choice(facts: Iterable[Fact]) -> datetime | None:
    """When the member chose the method they have, or none; what the company changed is no choice.

    A card that its network renews stays the same method.
    """
    method_id, chosen_at = None, None
    for fact in facts:
        if isinstance(fact, MethodFact) and fact.method_id != method_id:
            method_id, chosen_at = fact.method_id, fact.occurred_at
        elif isinstance(fact, MethodRemoved) and fact.actor.kind == "member":
            method_id, chosen_at = None, fact.occurred_at
    return chosen_at
