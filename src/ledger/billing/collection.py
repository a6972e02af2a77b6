"""Collecting money: intent in the books, then the gateway, then the outcome in the books.

No call to the gateway happens inside a transaction. Whatever breaks in between, `resume` takes up:
the attempt's id is the idempotency key, so asking again can't charge again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.application import Ledger
from ledger.errors import LedgerError, MethodForbidden
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.order import Attempt, Order, Refund
from ledger.payments.gateway import Gateway, Method, OutcomeUnknown, Payment, Rejected, Setup
from ledger.payments.gateway import Refund as GatewayRefund

Outcome = Literal["settled", "declined", "waiting", "unknown", "nothing_to_collect"]

GATEWAY = Actor(kind="gateway")


@dataclass(frozen=True, slots=True)
class Collected:
    """How a charge went. `decline_code` says why not, `action` what the person must confirm."""

    order_id: UUID
    outcome: Outcome
    decline_code: str | None = None
    action: str | None = None


class Collection:
    """Charges and refunds, through the books and one gateway."""

    def __init__(self, ledger: Ledger, gateway: Gateway) -> None:
        self.ledger, self.gateway = ledger, gateway

    # --- joining ----------------------------------------------------------------------

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

        The same cause sent again makes the same membership and order.
        """
        membership_id = ids.derived(cause.id, "membership")
        self.ledger.begin_join(
            member_id,
            plan_id,
            membership_id=membership_id,
            method_token=method_token,
            discount_code=discount_code,
            password_matches=password_matches,
            by=by,
            cause=cause,
        )
        return self.resume(ids.order(membership_id, 0), cause=cause)

    def charge_due(self, member_id: UUID, membership_id: UUID, *, cause: Cause) -> Collected:
        """Charge what is due of a membership with the saved method (a renewal, an instalment)."""
        scheduler = Actor(kind="scheduler")
        member = self.ledger.member(member_id)
        membership = member.membership(membership_id)
        index = self.ledger.due_index(membership, self.ledger.clock.now())
        self.ledger.begin_charge(member_id, membership_id, by=scheduler, cause=cause)
        order_id = membership.unpaid_order_id or ids.order(membership_id, index)
        return self.resume(order_id, cause=cause)

    def save_method(self, member_id: UUID, *, method_token: str, by: Actor, cause: Cause) -> Setup:
        """Save a method without a charge, while the member is present (AC6, PL1)."""
        if by != Actor(kind="member", id=member_id):
            raise MethodForbidden
        customer = self.gateway.ensure_customer(member_id=member_id)
        setup = self.gateway.start_setup(
            attempt=ids.derived(cause.id, "setup"), customer_id=customer.id, method=method_token
        )
        kept = setup.method and method_fields(setup.method, customer.id)
        if setup.status == "succeeded" and kept:
            before = self.ledger.member(member_id).method
            self.ledger.save_method(member_id, kept, by=by, cause=cause)
            if before is not None and before.method_id != kept["method_id"]:
                self.gateway.detach_method(method_id=before.method_id)
        return setup

    # --- outcomes ---------------------------------------------------------------------

    def resume(self, order_id: UUID, *, cause: Cause) -> Collected:
        """Carry the order's open attempt and refunds through the gateway from where they are."""
        order = self.ledger.order(order_id)
        attempt = order.open_attempt
        collected = self._undecided(order, attempt, cause) if attempt else self._decided(order)
        self.resume_refunds(order_id, cause=cause)
        return collected

    def refund(
        self, order_id: UUID, amount: Money, reason: str, *, by: Actor, cause: Cause
    ) -> UUID:
        """Give money back (OR2, OR3); the refund's id. The same cause makes one refund."""
        refund_id = ids.derived(cause.id, "refund")
        self.ledger.request_refund(
            order_id, amount, reason, refund_id=refund_id, by=by, cause=cause
        )
        self.resume_refunds(order_id, cause=cause)
        return refund_id

    def resume_refunds(self, order_id: UUID, *, cause: Cause) -> None:
        """Send every refund that is not settled; the refund's id is the idempotency key."""
        order = self.ledger.order(order_id)
        for refund in order.refunds.values():
            if refund.state == "requested":
                self._send_refund(order, refund, cause)
            elif refund.state == "pending" and refund.reference:
                self._look_at_refund(order, refund, cause)

    # --- within: payments -------------------------------------------------------------

    def _decided(self, order: Order) -> Collected:
        if order.is_settled:
            free = order.placed.amount.is_zero
            return Collected(order.id, "nothing_to_collect" if free else "settled")
        failed = list(order.attempts.values())
        if not failed:
            return Collected(order.id, "waiting")
        return Collected(order.id, "declined", decline_code=failed[-1].decline_code)

    def _undecided(self, order: Order, attempt: Attempt, cause: Cause) -> Collected:
        try:
            payment = self._ask(order, attempt)
        except OutcomeUnknown:
            self.ledger.lose_sight(order.id, attempt.attempt_id, by=GATEWAY, cause=cause)
            return Collected(order.id, "unknown")
        except Rejected as refusal:
            self._fail(order, attempt, "config", str(refusal), cause)
            return Collected(order.id, "declined", decline_code="rejected")
        return self._take_in(order, attempt, payment, cause)

    def _ask(self, order: Order, attempt: Attempt) -> Payment:
        if attempt.state == "pending" and attempt.reference:
            return self.gateway.get_payment(payment_id=attempt.reference)
        customer = self.gateway.ensure_customer(member_id=order.member_id)
        if attempt.off_session:
            return self.gateway.charge_offsession(
                attempt=attempt.attempt_id,
                customer_id=customer.id,
                method_id=attempt.method_id,
                amount=attempt.amount,
            )
        terms = self.ledger.plan(order.placed.plan_id).price_version(order.placed.price_version)
        return self.gateway.start_onsession(
            attempt=attempt.attempt_id,
            customer_id=customer.id,
            method=attempt.method_id,
            amount=attempt.amount,
            save=terms.terms.repeats,
        )

    def _take_in(self, order: Order, attempt: Attempt, payment: Payment, cause: Cause) -> Collected:
        if payment.status == "succeeded":
            self._settle(order, attempt, payment, cause)
            return Collected(order.id, "settled")
        if payment.status in {"pending", "action_required"} and (
            payment.status == "pending" or not attempt.off_session
        ):
            waits_for: Literal["member", "bank"] = (
                "bank" if payment.status == "pending" else "member"
            )
            self.ledger.pend_attempt(
                order.id,
                attempt.attempt_id,
                reference=payment.id,
                waits_for=waits_for,
                by=GATEWAY,
                cause=cause,
            )
            return Collected(order.id, "waiting", action=payment.action)
        decline = payment.decline
        category = decline.category if decline else "action_required"
        code = decline.code if decline else payment.status
        self._fail(order, attempt, category, code, cause)
        return Collected(order.id, "declined", decline_code=code)

    def _settle(self, order: Order, attempt: Attempt, payment: Payment, cause: Cause) -> None:
        if order.placed.charge != "first":
            self.ledger.settle_charge(
                order.id,
                attempt.attempt_id,
                reference=payment.id,
                amount=payment.amount,
                by=GATEWAY,
                cause=cause,
            )
            return
        self.ledger.settle_join(
            order.id,
            attempt.attempt_id,
            reference=payment.id,
            amount=payment.amount,
            method=method_fields(payment.method, payment.customer_id),
            by=GATEWAY,
            cause=cause,
        )

    def _fail(self, order: Order, attempt: Attempt, category: str, code: str, cause: Cause) -> None:
        first = order.placed.charge == "first"
        fail = self.ledger.fail_join if first else self.ledger.fail_charge
        fail(order.id, attempt.attempt_id, category=category, code=code, by=GATEWAY, cause=cause)

    # --- within: refunds --------------------------------------------------------------

    def _send_refund(self, order: Order, refund: Refund, cause: Cause) -> None:
        try:
            made = self.gateway.refund(
                refund_id=refund.refund_id,
                payment_id=refund.payment_reference,
                amount=refund.amount,
            )
        except OutcomeUnknown:
            return  # it stays requested, and is sent again with the same key
        except Rejected as refusal:
            self.ledger.fail_refund(
                order.id, refund.refund_id, code=refusal.code, by=GATEWAY, cause=cause
            )
            return
        self._take_in_refund(order, refund.refund_id, made, cause)

    def _look_at_refund(self, order: Order, refund: Refund, cause: Cause) -> None:
        try:
            found = self.gateway.get_refund(gateway_refund_id=refund.reference or "")
        except LedgerError:
            return  # asked again at the next sweep
        self._take_in_refund(order, refund.refund_id, found, cause)

    def _take_in_refund(
        self, order: Order, refund_id: UUID, found: GatewayRefund, cause: Cause
    ) -> None:
        if found.status == "succeeded":
            self.ledger.settle_refund(
                order.id, refund_id, reference=found.id, by=GATEWAY, cause=cause
            )
        elif found.status == "pending":
            self.ledger.pend_refund(
                order.id, refund_id, reference=found.id, by=GATEWAY, cause=cause
            )
        else:
            self.ledger.fail_refund(
                order.id, refund_id, code=found.failure or "failed", by=GATEWAY, cause=cause
            )


def method_fields(method: Method, customer_id: str) -> dict[str, str] | None:
    """What the books keep of a method that can be charged again; None of any other."""
    if not method.reusable:
        return None
    return {
        "method_id": method.id,
        "customer_id": customer_id,
        "brand": method.brand,
        "last_four": method.last4,
        "fingerprint": method.fingerprint,
        "expires": f"{method.exp_year:04}-{method.exp_month:02}",
        "country": method.country,
    }
