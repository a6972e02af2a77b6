"""Later charges: renewals and instalments, from due to settled or failed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.application.books import PAYMENT, Books, Position, use_case
from ledger.application.members import MemberUseCases
from ledger.application.plans import PlanUseCases
from ledger.errors import NotFound
from ledger.facts import Actor, Cause, Stamp
from ledger.member import Member, Membership
from ledger.money import Money
from ledger.order import Order
from ledger.order.facts import DiscountUsed
from ledger.store.records import Claim
from ledger.terms import charge_date, period

NO_LONGER_WANTED = "The membership had ended; the later payment goes back in full."
ONLY_THE_MEMBER_CAN_MEND = frozenset({"action_required", "mandate", "update_method"})


class ChargeUseCases(PlanUseCases, MemberUseCases):
    """What the scheduler asks when something is due."""

    def order(self, order_id: UUID) -> Order:
        """An order as the books know it now; NotFound."""
        return self.load(Order, order_id)

    def due_index(self, membership: Membership, instant: datetime) -> int:
        """Which charge is due: the next, or of several missed ones only the latest (DU10)."""
        index = membership.charge_index + 1
        if membership.terms.model == "instalments":
            return index
        zone = self.rules.zone
        while charge_date(membership.terms, membership.joined_at, index + 1, zone) <= instant:
            index += 1
        return index

    @use_case
    def begin_charge(
        self, member_id: UUID, membership_id: UUID, *, by: Actor, cause: Cause
    ) -> Position:
        """Place the due charge's order and write down a try, or renew at once if it costs nothing.

        The member's stream must not have moved: a removal can't slip between (AX2).
        """
        member, stamp = self.member(member_id), self.stamp(by, cause)
        membership = member.membership(membership_id)
        membership.require_charge_due(stamp.occurred_at)
        index = self._unpaid_index(membership) or self.due_index(membership, stamp.occurred_at)
        order_id = ids.order(membership_id, index)
        if self.exists(order_id):
            order = self.order(order_id)
        else:
            self._move_price(member, membership, stamp)
            order = self._place_later(member, membership, index, stamp)
        if order.placed.amount.is_zero:
            self._renew(member, order, stamp)
        elif member.method is None:
            self._require_action(member, order, "no payment method is saved", stamp)
        else:
            order.start_attempt(method_id=member.method.method_id, off_session=True, stamp=stamp)
        changed = [member] if member.pending_events else []
        return self.append(order, *changed, relies_on=[member] if not changed else ())

    @use_case
    def settle_charge(
        self,
        order_id: UUID,
        attempt_id: UUID,
        *,
        reference: str,
        amount: Money,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The money came in: the next period begins; if it ended, it goes back (AX2, AX3)."""
        order, stamp = self.order(order_id), self.stamp(by, cause)
        if reference in order.references:
            return 0
        order.pay(attempt_id, reference=reference, amount=amount, stamp=stamp)
        member = self.member(order.member_id)
        membership = member.membership(order.placed.membership_id)
        claims = [Claim(PAYMENT, reference.encode(), order_id)]
        wanted = membership.is_running(stamp.occurred_at) and membership.cancelled_at is None
        if not wanted or membership.charge_index >= order.placed.charge_index:
            order.request_refund(
                amount,
                NO_LONGER_WANTED,
                refund_id=ids.derived(order_id, "unwanted", reference),
                payment_reference=reference,
                stamp=stamp,
            )
            return self.append(order, claims=claims, relies_on=[member])
        self._renew(member, order, stamp)
        return self.append(order, member, claims=claims)

    @use_case
    def fail_charge(
        self,
        order_id: UUID,
        attempt_id: UUID,
        *,
        category: str,
        code: str,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The gateway declined: past due, or action required (DU1, DU3). Ended ones stay ended."""
        order, stamp = self.order(order_id), self.stamp(by, cause)
        order.fail(attempt_id, category=category, code=code, stamp=stamp)
        if not order.pending_events:
            return 0
        member = self.member(order.member_id)
        membership = member.membership(order.placed.membership_id)
        if not membership.is_running(stamp.occurred_at) or membership.cancelled_at is not None:
            return self.append(order, relies_on=[member])
        if category in ONLY_THE_MEMBER_CAN_MEND:
            self._require_action(member, order, code, stamp)
        else:
            member.fall_past_due(
                membership.membership_id,
                order_id=order.id,
                due_at=order.placed.due_at,
                policy=self.rules.policy,
                stamp=stamp,
            )
        return self.append(order, member)

    @use_case
    def lapse(self, member_id: UUID, membership_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """End what nobody paid for, as of the end of its grace, whenever this runs (AX8)."""
        member = self.member(member_id)
        membership = member.membership(membership_id)
        over_at = membership.access_until
        if not membership.is_unpaid or over_at is None or self.clock.now() < over_at:
            return 0
        member.lapse(membership_id, stamp=self.stamp(by, cause, occurred_at=over_at))
        return self.append(member)

    # --- attempts whose outcome is not decided ----------------------------------------

    @use_case
    def pend_attempt(
        self,
        order_id: UUID,
        attempt_id: UUID,
        *,
        reference: str,
        waits_for: Literal["member", "bank"],
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The gateway waits for the person or for a bank."""
        order = self.order(order_id)
        stamp = self.stamp(by, cause)
        order.pend(attempt_id, reference=reference, waits_for=waits_for, stamp=stamp)
        return self.append(order)

    @use_case
    def lose_sight(self, order_id: UUID, attempt_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """The gateway did not answer; the attempt stays open."""
        order = self.order(order_id)
        order.lose_sight(attempt_id, stamp=self.stamp(by, cause))
        return self.append(order)

    # --- within -----------------------------------------------------------------------

    def _unpaid_index(self, membership: Membership) -> int | None:
        if membership.unpaid_order_id is None:
            return None
        index = membership.charge_index + 1
        last = self.due_index(membership, self.clock.now())
        for candidate in range(index, last + 1):
            if ids.order(membership.membership_id, candidate) == membership.unpaid_order_id:
                return candidate
        raise NotFound(what="order", id=membership.unpaid_order_id)

    def _move_price(self, member: Member, membership: Membership, stamp: Stamp) -> None:
        due_at = membership.period_end or stamp.occurred_at
        price = self.plan(membership.plan_id).price_for_renewal(membership.price_version, due_at)
        member.move_price(
            membership.membership_id, price_version=price.number, terms=price.terms, stamp=stamp
        )

    def _place_later(
        self, member: Member, membership: Membership, index: int, stamp: Stamp
    ) -> Order:
        terms, listed = membership.terms, membership.terms.amount
        start, end = period(terms, membership.joined_at, index, self.rules.zone)
        amount = membership.discount.cut(listed, index) if membership.discount else listed
        used = (
            DiscountUsed(terms=membership.discount, cut=listed - amount)
            if membership.discount and amount != listed
            else None
        )
        plan = self.plan(membership.plan_id)
        return Order.place(
            member_id=member.id,
            membership_id=membership.membership_id,
            plan_id=membership.plan_id,
            plan_name=plan.name,
            price_version=membership.price_version,
            charge="instalment" if terms.model == "instalments" else "renewal",
            charge_index=index,
            list_price=listed,
            amount=amount,
            discount=used,
            tax_basis_points=plan.tax_basis_points,
            period_start=start,
            period_end=end,
            mode=self.rules.mode,
            stamp=stamp,
        )

    def _renew(self, member: Member, order: Order, stamp: Stamp) -> None:
        placed = order.placed
        member.renew(
            placed.membership_id,
            order_id=order.id,
            charge_index=placed.charge_index,
            period_start=placed.period_start,
            period_end=placed.period_end,
            policy=self.rules.policy,
            stamp=stamp,
        )

    def _require_action(self, member: Member, order: Order, why: str, stamp: Stamp) -> None:
        member.require_action(
            order.placed.membership_id,
            order_id=order.id,
            due_at=order.placed.due_at,
            why=why,
            policy=self.rules.policy,
            stamp=stamp,
        )


class RefundUseCases(Books):
    """Money back, asked for and settled."""

    @use_case
    def request_refund(
        self,
        order_id: UUID,
        amount: Money,
        reason: str,
        *,
        refund_id: UUID,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Ask for part or all of what was paid (OR2, OR3). Access is another matter (OR4)."""
        order = self.load(Order, order_id)
        order.request_refund(amount, reason, refund_id=refund_id, stamp=self.stamp(by, cause))
        return self.append(order, command=cause.id)

    @use_case
    def settle_refund(
        self, order_id: UUID, refund_id: UUID, *, reference: str, by: Actor, cause: Cause
    ) -> Position:
        """The gateway made the refund: it counts in the totals."""
        order = self.load(Order, order_id)
        order.settle_refund(refund_id, reference=reference, stamp=self.stamp(by, cause))
        return self.append(order)

    @use_case
    def pend_refund(
        self, order_id: UUID, refund_id: UUID, *, reference: str, by: Actor, cause: Cause
    ) -> Position:
        """The gateway took the refund and has not settled it."""
        order = self.load(Order, order_id)
        order.pend_refund(refund_id, reference=reference, stamp=self.stamp(by, cause))
        return self.append(order)

    @use_case
    def fail_refund(
        self, order_id: UUID, refund_id: UUID, *, code: str, by: Actor, cause: Cause
    ) -> Position:
        """The gateway could not pay back, perhaps after it had said so (OR2)."""
        order = self.load(Order, order_id)
        order.fail_refund(refund_id, code=code, stamp=self.stamp(by, cause))
        return self.append(order)
