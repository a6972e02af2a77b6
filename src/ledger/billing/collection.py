"""Collecting money: intent in the books, then the gateway, then the outcome in the books.

No call to the gateway happens inside a transaction. Whatever breaks in between, `resume` takes up:
the attempt's id is the idempotency key, so asking again can't charge again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, Position
from ledger.application.joining import unwanted
from ledger.billing.asking import Asking, ToldNothing
from ledger.billing.methods import Methods
from ledger.billing.outcomes import (
    GATEWAY,
    Collected,
    ModesMixed,
    method_fields,
)
from ledger.billing.refunds import Refunds
from ledger.clock import within
from ledger.errors import AttemptOpen, NotDue, NotFound, PaymentMethodNeeded
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.order import Attempt, Order
from ledger.payments.gateway import Gateway, OutcomeUnknown, Payment, Rejected, Setup

__all__ = ["Collected", "Collection"]

ABSENT_AFTER = timedelta(hours=24)
"""When an attempt that the gateway does not list was certainly never made."""
PAGE_STAYS_OPEN = timedelta(hours=24)
"""How long a payment waits for the person before it is given up (DI4)."""

TAKEN_BACK = frozenset({"failed", "cancelled"})

SCHEDULER = Actor(kind="scheduler")


class Collection:
    """Charges and refunds, through the books and one gateway."""

    def __init__(self, ledger: Ledger, gateway: Gateway) -> None:
        self.ledger, self.gateway = ledger, gateway
        self.asking = Asking(ledger, gateway)
        self.methods, self.refunds = Methods(ledger, gateway), Refunds(ledger, gateway)
        self.heard_until: Callable[[], datetime | None] | None = None
        """Up to when all that the gateway told is worked off; None where nobody listens to it."""

    # --- asked for --------------------------------------------------------------------

    def join(
        self,
        member_id: UUID,
        plan_id: UUID,
        *,
        method_token: str | None,
        discount_code: str | None = None,
        password_matches: bool = False,
        by: Actor,
        cause: Cause,
    ) -> Collected:
        """Join a plan and pay its first charge, while the person is present (AC1).

        The same cause sent again makes the same membership and order. A free start on a plan that
        will charge saves the method by setup first (PL1).
        """
        membership_id = ids.derived(cause.id, "membership")
        order_id = ids.order(membership_id, 0)
        begin = partial(
            self.ledger.begin_join,
            member_id,
            plan_id,
            membership_id=membership_id,
            method_token=method_token,
            discount_code=discount_code,
            password_matches=password_matches,
            by=by,
            cause=cause,
        )
        try:
            position = begin()
        except PaymentMethodNeeded:
            if method_token is None:
                raise
            setup = self.save_method(member_id, method_token=method_token, by=by, cause=cause)
            if setup.status != "succeeded":
                return _not_set_up(order_id, setup)
            position = begin()
        return _at_least(self.resume(order_id, cause=cause), position)

    def charge_due(self, member_id: UUID, membership_id: UUID, *, cause: Cause) -> Collected:
        """Charge what is due of a membership with the saved method (a renewal, an instalment).

        A try that is under way is taken up instead. Raises NotDue, MembershipEnded or
        AlreadyCancelling where there is nothing to charge.
        """
        membership = self.ledger.member(member_id).membership(membership_id)
        index = self.ledger.due_index(membership, self.ledger.clock.now())
        position = 0
        with suppress(AttemptOpen):  # begun before, perhaps by a process that is gone
            position = self.ledger.begin_charge(
                member_id, membership_id, charge_index=index, by=SCHEDULER, cause=cause
            )
        collected = self.resume(ids.order(membership_id, index), cause=cause)
        return _at_least(collected, position)

    def save_method(self, member_id: UUID, *, method_token: str, by: Actor, cause: Cause) -> Setup:
        """Save a method without a charge, while the member is present (AC6, PL1)."""
        return self.methods.save(member_id, method_token=method_token, by=by, cause=cause)

    def charge_unpaid(self, member_id: UUID, *, cause: Cause) -> list[Collected]:
        """Charge at once what waited for another method, after one was saved (DU3).

        For who is not there any more, as one whose bank approved a card after they had left; who is
        there pays all by `Dues.pay_all`. What was tried with this very method is left to its day.
        """
        now = self.ledger.clock.now()
        unpaid = [
            membership.membership_id
            for membership in self.ledger.member(member_id).memberships.values()
            if membership.is_unpaid and membership.is_running(now) and not membership.cancelled_at
        ]
        charged = []
        for membership_id in unpaid:
            with suppress(NotDue):
                charged.append(self.charge_due(member_id, membership_id, cause=cause))
        return charged

    def refund(
        self, order_id: UUID, amount: Money, reason: str, *, by: Actor, cause: Cause
    ) -> UUID:
        """Give money back (OR2, OR3); the refund's id. The same cause makes one refund."""
        return self.refunds.give(order_id, amount, reason, by=by, cause=cause)

    # --- taken up ---------------------------------------------------------------------

    def resume(self, order_id: UUID, *, cause: Cause) -> Collected:
        """Carry the order's open attempt and refunds through the gateway from where they are."""
        order = self.ledger.order(order_id)
        attempt = order.open_attempt
        if attempt is None:
            collected = self._decided(order)
        else:
            collected = self._undecided(order, attempt, cause)
        return self._with_refunds(collected, cause)

    def observe(self, payment: Payment, *, cause: Cause) -> Collected:
        """Take in a payment as the payment company has it, whoever asked for it (OR6, OR7).

        That it failed before it succeeded is no news, nor is anything it tells twice. Raises
        NotFound where it is for nothing that the books know, and ModesMixed (OR9).
        """
        order_id = self.ledger.order_of_attempt(payment.attempt) or self._paid_there(payment)
        if order_id is None:
            raise NotFound(what="payment attempt", id=payment.attempt)
        order = self.ledger.order(order_id)
        if payment.mode != order.placed.mode:
            raise ModesMixed(ours=order.placed.mode, theirs=payment.mode)
        attempt = order.open_attempt
        if payment.id in order.references:
            collected = self._told_again(order, payment, cause)
        elif attempt is not None and attempt.attempt_id == payment.attempt:
            collected = self._take_in(order, attempt, payment, cause)
        elif payment.status == "succeeded":
            position = self._settle(order, payment, cause)
            collected = Collected(order.id, "settled", position=position)
        else:
            collected = self._decided(order)
        return self._with_refunds(collected, cause)

    def give_up(self, order_id: UUID, *, cause: Cause) -> Collected:
        """Close the page of a payment that waits for the person, unless they paid meanwhile.

        A first payment that is never completed makes no membership, and gives a code back (DI4).
        """
        order = self.ledger.order(order_id)
        attempt = order.open_attempt
        if attempt is None or attempt.state != "pending" or attempt.reference is None:
            return self.resume(order_id, cause=cause)
        payment = self.gateway.close_onsession(payment_id=attempt.reference)
        return self._take_in(order, attempt, payment, cause)

    # --- within: asking the gateway ---------------------------------------------------

    def _undecided(self, order: Order, attempt: Attempt, cause: Cause) -> Collected:
        try:
            payment = self.asking.ask(order, attempt)
        except OutcomeUnknown as unknown:
            position = self.ledger.lose_sight(order.id, attempt.attempt_id, by=GATEWAY, cause=cause)
            is_silent = not isinstance(unknown, ToldNothing)
            return Collected(order.id, "unknown", position=position, is_silent=is_silent)
        except Rejected as refusal:
            position = self._fail(order, attempt, "config", str(refusal), cause)
            return Collected(order.id, "declined", decline_code="rejected", position=position)
        if payment is None:
            return self._absent(order, attempt, cause)
        return self._take_in(order, attempt, payment, cause)

    # --- within: what the gateway said ------------------------------------------------

    def _with_refunds(self, collected: Collected, cause: Cause) -> Collected:
        order = self.ledger.order(collected.order_id)
        if _went_back(order) and collected.outcome == "settled":
            collected = replace(collected, outcome="given_back")
        if collected.is_silent:
            return collected  # nor would it answer about a refund
        resumed = self.refunds.resume(order, cause=cause)
        return replace(_at_least(collected, resumed.position), is_silent=resumed.is_silent)

    def _paid_there(self, payment: Payment) -> UUID | None:
        """The order that money taken at the payment company itself is for (OR7).

        What the member owes, where it is just this amount; else a person must say.
        """
        known = self.ledger.order_of_payment(payment.id)
        member_id = self.ledger.customer_owner(payment.customer_id)
        if known is not None or member_id is None or payment.status != "succeeded":
            return known
        owed = [
            membership.unpaid_order_id
            for membership in self.ledger.member(member_id).memberships.values()
            if membership.unpaid_order_id is not None
        ]
        fits = (one for one in owed if self.ledger.order(one).placed.amount == payment.amount)
        return next(fits, None)

    def _told_again(self, order: Order, payment: Payment, cause: Cause) -> Collected:
        """A payment that the books know: does it still stand?

        What says no may have been fetched before it succeeded; only a second look can tell.
        """
        if payment.id not in order.reversed and payment.status in TAKEN_BACK:
            now = self.gateway.get_payment(payment_id=payment.id)
            if now.status in TAKEN_BACK:
                code = now.decline.code if now.decline else now.status
                self.ledger.reverse_payment(
                    order.id, reference=payment.id, code=code, by=GATEWAY, cause=cause
                )
                return self._decided(self.ledger.order(order.id))
        # Nearly every notice of a payment comes to this: nothing is read that nobody asks for.
        return Collected(order.id, "settled" if order.is_settled else "declined")

    def _decided(self, order: Order) -> Collected:
        if order.is_settled and order.placed.amount.is_zero:
            return Collected(order.id, "nothing_to_collect")
        position = 0 if self.ledger.is_batching else self.ledger.position_of(order.id)
        if order.is_settled:
            return Collected(order.id, "settled", position=position)
        failed = list(order.attempts.values())
        if not failed:
            return Collected(order.id, "waiting", position=position)
        code = failed[-1].decline_code
        return Collected(order.id, "declined", decline_code=code, position=position)

    def _take_in(self, order: Order, attempt: Attempt, payment: Payment, cause: Cause) -> Collected:
        nobody_is_there = attempt.off_session or self._age(attempt) >= PAGE_STAYS_OPEN
        if payment.status == "action_required" and nobody_is_there:
            # Left open, it could be paid beside the next attempt, and would hold a code's use.
            payment = self.gateway.close_onsession(payment_id=payment.id)
        if payment.status == "succeeded":
            position = self._settle(order, payment, cause)
            return Collected(order.id, "settled", position=position)
        if payment.status in {"pending", "action_required"}:
            position = self.ledger.pend_attempt(
                order.id,
                attempt.attempt_id,
                reference=payment.id,
                waits_for="bank" if payment.status == "pending" else "member",
                by=GATEWAY,
                cause=cause,
            )
            return Collected(order.id, "waiting", action=payment.action, position=position)
        category = payment.decline.category if payment.decline else "action_required"
        code = payment.decline.code if payment.decline else payment.status
        position = self._fail(order, attempt, category, code, cause)
        return Collected(order.id, "declined", decline_code=code, position=position)

    def _settle(self, order: Order, payment: Payment, cause: Cause) -> Position:
        attempt = order.attempts.get(payment.attempt)
        earliest = attempt.started_at if attempt else order.placed.occurred_at
        paid_at = within(earliest, payment.settled_at, self.ledger.clock.now())
        if order.placed.charge != "first":
            if attempt is not None and not attempt.off_session and self.ledger.wants(order):
                self.methods.keep_paid_with(order.member_id, attempt, payment, cause=cause)
            return self.ledger.settle_charge(
                order.id,
                payment.attempt,
                reference=payment.id,
                amount=payment.amount,
                paid_at=paid_at,
                by=GATEWAY,
                cause=cause,
            )
        return self.ledger.settle_join(
            order.id,
            payment.attempt,
            reference=payment.id,
            amount=payment.amount,
            method=method_fields(payment.method, payment.customer_id),
            paid_at=paid_at,
            by=GATEWAY,
            cause=cause,
        )

    def _fail(
        self, order: Order, attempt: Attempt, category: str, code: str, cause: Cause
    ) -> Position:
        first = order.placed.charge == "first"
        fail = self.ledger.fail_join if first else self.ledger.fail_charge
        return fail(
            order.id, attempt.attempt_id, category=category, code=code, by=GATEWAY, cause=cause
        )

    def _age(self, attempt: Attempt) -> timedelta:
        return self.ledger.clock.now() - attempt.started_at

    def _absent(self, order: Order, attempt: Attempt, cause: Cause) -> Collected:
        age = self._age(attempt)
        if age < ABSENT_AFTER or not self._has_heard_of(attempt):
            return Collected(order.id, "unknown")
        first = order.placed.charge == "first"
        abandon = self.ledger.abandon_join if first else self.ledger.abandon_charge
        position = abandon(
            order.id,
            attempt.attempt_id,
            proof=f"not among the customer's payments {age // timedelta(hours=1)} hours later,"
            " nor in any notice",
            by=GATEWAY,
            cause=cause,
        )
        return Collected(order.id, "declined", decline_code="abandoned", position=position)

    def _has_heard_of(self, attempt: Attempt) -> bool:
        """Whether a notice of what the attempt led to would have been worked off by now."""
        if self.heard_until is None:
            return True
        heard = self.heard_until()
        return heard is not None and heard >= attempt.started_at + ABSENT_AFTER


def _at_least(collected: Collected, position: Position) -> Collected:
    return replace(collected, position=max(collected.position, position))


def _went_back(order: Order) -> bool:
    return any(unwanted(order.id, reference) in order.refunds for reference in order.payments)


def _not_set_up(order_id: UUID, setup: Setup) -> Collected:
    if setup.status == "action_required":
        return Collected(order_id, "waiting", action=setup.action)
    code = setup.decline.code if setup.decline else setup.status
    return Collected(order_id, "setup_failed", decline_code=code)
