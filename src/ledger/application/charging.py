"""Later charges: renewals and instalments, from due to settled or failed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.application.batch import PAYMENT
from ledger.application.books import Position
from ledger.application.joining import attempt_claims, give_back
from ledger.application.members import NEVER_TO_BE_PAID, MemberUseCases
from ledger.application.plans import PlanUseCases
from ledger.application.use_case import follow_up, use_case
from ledger.dunning import LONGEST_PENDING, PENDS, starts_ahead
from ledger.errors import NotDue, NotFound
from ledger.facts import Actor, Cause, Stamp
from ledger.member import Member, Membership
from ledger.money import Money
from ledger.notification import Notification
from ledger.order import Attempt, Order
from ledger.order.facts import DiscountUsed
from ledger.plan import PriceVersion
from ledger.store.records import Claim
from ledger.terms import charge_date, period

NO_LONGER_WANTED = "The membership had ended; the later payment goes back in full."
ONLY_THE_MEMBER_CAN_MEND = frozenset({"action_required", "mandate", "update_method", "hard"})
"""Declines after which the same method is not tried again."""


class ChargeUseCases(PlanUseCases, MemberUseCases):
    """What the scheduler asks when something is due."""

    def order(self, order_id: UUID) -> Order:
        """An order as the books know it now; NotFound."""
        return self.load(Order, order_id)

    def due_index(self, membership: Membership, instant: datetime) -> int:
        """Which charge is due: the next, or of several missed ones only the latest (DU10).

        One that failed stays due until it is paid or the membership is over.
        """
        index = membership.charge_index + 1
        if membership.unpaid_order_id is not None:
            return self._unpaid_index(membership, instant)
        if membership.terms.model == "instalments":
            return index
        zone = self.rules.zone
        while charge_date(membership.terms, membership.joined_at, index + 1, zone) <= instant:
            index += 1
        return index

    def foreseen_price(self, membership: Membership, due_at: datetime) -> PriceVersion:
        """What the renewal due at an instant will cost, if its member is told while there is time.

        Once there is none it is what will be charged (PL4).
        """
        ahead = _ahead(self.member(membership.member_id))
        if self.clock.now() >= due_at - ahead:
            return self._renewal_price(membership, due_at, ahead)
        plan = self.plan(membership.plan_id)
        return plan.price_for_renewal(membership.price_version, due_at)

    @use_case
    def begin_charge(
        self,
        member_id: UUID,
        membership_id: UUID,
        *,
        charge_index: int,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Place a due charge's order and write down a try, or renew at once if it costs nothing.

        Where a bank may take a day to answer, it begins as much sooner (DU4).

        The member's stream must not have moved: a removal can't slip between (AX2). Raises NotDue
        also of a charge that failed and whose day has not come again (DU1, DU3), AttemptOpen,
        MembershipEnded or AlreadyCancelling.
        """
        member, stamp = self.member(member_id), self.stamp(by, cause)
        membership = member.membership(membership_id)
        ahead = _ahead(member)
        membership.require_charge_due(stamp.occurred_at, ahead=ahead)
        if charge_index != self.due_index(membership, stamp.occurred_at):
            raise NotDue(membership_id=membership_id, due_at=membership.period_end)
        order = self.find(Order, ids.order(membership_id, charge_index), about=member_id)
        if order is None:
            order = self._place_later(member, membership, charge_index, ahead, stamp)
        _require_try_due(order, member, membership, stamp)
        if order.placed.amount.is_zero:
            self._renew(member, order, stamp)
        elif member.method is None:
            self._require_action(member, order, "no payment method is saved", stamp)
        elif member.has_ended_mandate:
            self._require_action(member, order, "the right to debit has ended", stamp)
        else:
            order.start_attempt(method_id=member.method.method_id, off_session=True, stamp=stamp)
        changed = [member] if member.pending_events else []
        relied = [] if changed else [member]
        return self.append(order, *changed, claims=attempt_claims(order), relies_on=relied)

    @follow_up
    def settle_charge(
        self,
        order_id: UUID,
        attempt_id: UUID,
        *,
        reference: str,
        amount: Money,
        paid_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The money came in, at `paid_at` or now, and the next period begins.

        If the membership is over or being cancelled, the money goes back in full (AX2, AX3).
        """
        order, stamp = self.order(order_id), self.stamp(by, cause)
        if reference in order.references:
            return 0
        paid = self.stamp(by, cause, occurred_at=paid_at)
        order.pay(attempt_id, reference=reference, amount=amount, stamp=paid)
        member = self.member(order.member_id)
        membership = member.membership(order.placed.membership_id)
        claims = [Claim(PAYMENT, reference.encode(), order_id)]
        if not _is_wanted(order, membership, stamp.occurred_at):
            give_back(order, reference, amount, NO_LONGER_WANTED, stamp)
            return self.append(order, claims=claims, relies_on=[member])
        self._renew(member, order, stamp)
        return self.append(order, member, claims=claims)

    def wants(self, order: Order) -> bool:
        """Whether money that comes in now for a later charge is kept, or goes back."""
        membership = self.member(order.member_id).membership(order.placed.membership_id)
        return _is_wanted(order, membership, self.clock.now())

    @follow_up
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
        """The gateway declined: past due, or action required (DU1, DU3, DU4). Ended stays ended.

        A try of the member's own changes nothing else: they saw it fail, and a retry keeps its day.
        One that a bank kept for hours nobody saw.
        """
        order, stamp = self.order(order_id), self.stamp(by, cause)
        order.fail(attempt_id, category=category, code=code, stamp=stamp)
        if not order.pending_events:
            return 0
        member = self.member(order.member_id)
        membership = member.membership(order.placed.membership_id)
        is_running = membership.is_running(stamp.occurred_at)
        if not is_running and order.paid.is_zero:
            order.withdraw(NEVER_TO_BE_PAID, stamp=stamp)
        attempt = order.attempts[attempt_id]
        they_saw_it = not attempt.off_session and not attempt.was_at_bank
        if not is_running or membership.cancelled_at is not None or they_saw_it:
            return self.append(order, relies_on=[member])
        self._leave_unpaid(member, order, attempt, (category, code), stamp)
        return self.append(order, member)

    @use_case
    def lapse(self, member_id: UUID, membership_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """End what nobody paid for, as of the end of its grace, whenever this runs (AX8)."""
        member = self.member(member_id)
        membership = member.membership(membership_id)
        over_at = membership.access_until
        if not membership.is_unpaid or over_at is None or self.clock.now() < over_at:
            return 0
        stamp = self.stamp(by, cause, occurred_at=over_at)
        member.lapse(membership_id, stamp=stamp)
        unpaid = self.withdrawn_with([membership] if member.pending_events else [], stamp)
        return self.append(member, *unpaid)

    @follow_up
    def abandon_charge(
        self, order_id: UUID, attempt_id: UUID, *, proof: str, by: Actor, cause: Cause
    ) -> Position:
        """The gateway has nothing of the attempt: the charge is due as if it was never tried."""
        order = self.order(order_id)
        order.abandon(attempt_id, proof=proof, stamp=self.stamp(by, cause))
        return self.append(order)

    # --- attempts whose outcome is not decided ----------------------------------------

    @follow_up
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
        """The gateway waits for the person or for a bank, while which access stays (DU4)."""
        order, stamp = self.order(order_id), self.stamp(by, cause)
        order.pend(attempt_id, reference=reference, waits_for=waits_for, stamp=stamp)
        if waits_for == "member" or order.placed.charge == "first" or not order.pending_events:
            return self.append(order)
        member = self.member(order.member_id)
        until = stamp.occurred_at + LONGEST_PENDING
        member.wait_for_bank(order.placed.membership_id, until=until, stamp=stamp)
        return self.append(order, member)

    @follow_up
    def lose_sight(self, order_id: UUID, attempt_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """The gateway did not answer; the attempt stays open."""
        order = self.order(order_id)
        order.lose_sight(attempt_id, stamp=self.stamp(by, cause))
        return self.append(order)

    # --- within -----------------------------------------------------------------------

    def _unpaid_index(self, membership: Membership, instant: datetime) -> int:
        zone, index = self.rules.zone, membership.charge_index + 1
        while ids.order(membership.membership_id, index) != membership.unpaid_order_id:
            index += 1
            if charge_date(membership.terms, membership.joined_at, index, zone) > instant:
                raise NotFound(what="order", id=membership.unpaid_order_id)
        return index

    def _renewal_price(
        self, membership: Membership, due_at: datetime, ahead: timedelta
    ) -> PriceVersion:
        """By what the member was told before the charge could begin; else it moves next time."""
        plan = self.plan(membership.plan_id)

        def was_told(price: PriceVersion) -> bool:
            notice_id = ids.notice(price.fact_id, membership.member_id, "price_change")
            notice = self.find(Notification, notice_id, about=plan.id)
            told_at = notice.told_at if notice else None
            return told_at is not None and told_at < due_at - ahead

        return plan.price_known_for_renewal(membership.price_version, due_at, was_told)

    def _place_later(
        self, member: Member, membership: Membership, index: int, ahead: timedelta, stamp: Stamp
    ) -> Order:
        plan = self.plan(membership.plan_id)
        # Of several missed periods it is the latest that is charged, at the price of its own day.
        due_at = charge_date(membership.terms, membership.joined_at, index, self.rules.zone)
        price = self._renewal_price(membership, due_at, ahead)
        member.move_price(
            membership.membership_id,
            price_version=price.number,
            terms=price.terms,
            ahead=ahead,
            stamp=stamp,
        )
        terms, listed = membership.terms, membership.terms.amount
        start, end = period(terms, membership.joined_at, index, self.rules.zone)
        amount = membership.discount.cut(listed, index) if membership.discount else listed
        used = (
            DiscountUsed(terms=membership.discount, cut=listed - amount)
            if membership.discount and amount != listed
            else None
        )
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

    def _leave_unpaid(
        self, member: Member, order: Order, attempt: Attempt, decline: tuple[str, str], stamp: Stamp
    ) -> None:
        category, code = decline
        theirs_to_mend = category in ONLY_THE_MEMBER_CAN_MEND or not attempt.off_session
        if theirs_to_mend or _never_retried(attempt, member):
            self._require_action(member, order, code, stamp)
            return
        member.fall_past_due(
            order.placed.membership_id,
            order_id=order.id,
            due_at=order.placed.due_at,
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


def _ahead(member: Member) -> timedelta:
    return starts_ahead(member.method.country if member.method else None)


def _never_retried(attempt: Attempt, member: Member) -> bool:
    """Whether the card it was tried with is of a country whose banks want to be asked (DU4)."""
    method, tried = member.method, attempt.method_id
    return method is not None and method.method_id == tried and method.country in PENDS


def _is_wanted(order: Order, membership: Membership, instant: datetime) -> bool:
    goes_on = membership.is_running(instant) and membership.cancelled_at is None
    return goes_on and membership.charge_index < order.placed.charge_index


def _require_try_due(order: Order, member: Member, membership: Membership, stamp: Stamp) -> None:
    """A charge that failed waits for its day, or for a method that was not tried (DU1, DU3).

    A try that never reached the company was none.
    """
    if membership.unpaid_order_id != order.id:
        return
    tried = {one.method_id for one in order.attempts.values() if one.state != "abandoned"}
    if member.method is not None and member.method.method_id not in tried:
        return
    retry_at = membership.retry_at
    if retry_at is None or stamp.occurred_at < retry_at:
        when = retry_at or "another payment method is saved"
        raise NotDue(membership_id=membership.membership_id, due_at=when)
