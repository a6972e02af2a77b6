"""Member: what may be asked of a contact and their memberships. Each act records one fact."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from ledger import texts
from ledger.dunning import DunningPolicy
from ledger.errors import (
    AccountHasHistory,
    AlreadyMember,
    NotFound,
    PaymentMethodNeeded,
)
from ledger.facts import Fact, Stamp
from ledger.member import facts
from ledger.member.account import Account, require_not_staff
from ledger.member.consent import Consented, Unsubscribed
from ledger.member.mandate import MandateChanged
from ledger.member.membership import AccessAnswer, Membership
from ledger.terms import Discount, Terms


class Member(Account):
    """A contact; a member while a membership runs."""

    TOPIC: ClassVar[str] = "member"
    Event = Fact

    AccountOpened = Created = facts.AccountOpened
    EmailVerified = facts.EmailVerified
    EmailChanged = facts.EmailChanged
    Renamed = facts.Renamed
    LocaleChosen = facts.LocaleChosen
    AccountClosed = facts.AccountClosed
    Joined = facts.Joined
    Renewed = facts.Renewed
    PastDue = facts.PastDue
    ActionRequired = facts.ActionRequired
    ActionCleared = facts.ActionCleared
    PriceMoved = facts.PriceMoved
    SelfCancelled = facts.SelfCancelled
    CancellationWithdrawn = facts.CancellationWithdrawn
    Left = facts.Left
    Removed = facts.Removed
    Lapsed = facts.Lapsed
    InstalmentsCompleted = facts.InstalmentsCompleted
    MethodSaved = facts.MethodSaved
    MethodReplaced = facts.MethodReplaced
    MethodRemoved = facts.MethodRemoved
    MandateChanged = MandateChanged
    Consented = Consented
    Unsubscribed = Unsubscribed
    Tagged = facts.Tagged
    Untagged = facts.Untagged
    Noted = facts.Noted
    NoteCorrected = facts.NoteCorrected

    def __init__(self) -> None:
        super().__init__()
        self.memberships: dict[UUID, Membership] = {}

    # --- account ----------------------------------------------------------------------

    def close_account(self, reason: str, *, has_orders: bool, stamp: Stamp) -> None:
        """Staff close an account that never bought or joined anything (AC4)."""
        self._require_open()
        if self.memberships:
            raise AccountHasHistory(member_id=self.id, what="joined a plan")
        if has_orders:
            raise AccountHasHistory(member_id=self.id, what="ordered something")
        self.record(facts.AccountClosed, stamp=stamp, reason=texts.reason(reason))

    # --- memberships ------------------------------------------------------------------

    def membership(self, membership_id: UUID) -> Membership:
        """One membership; NotFound if the member never had it."""
        try:
            return self.memberships[membership_id]
        except KeyError:
            raise NotFound(what="membership", id=membership_id) from None

    def running_in(self, plan_id: UUID, instant: datetime) -> Membership | None:
        """The membership that runs in a plan, if one does. Never two (AC7)."""
        return next(
            (
                membership
                for membership in self.memberships.values()
                if membership.plan_id == plan_id and membership.is_running(instant)
            ),
            None,
        )

    def require_may_join(
        self, plan_id: UUID, plan_name: str, *, needs_method: bool, instant: datetime
    ) -> None:
        """Refuse a second running membership in one plan, and terms without a way to charge."""
        self._require_open()
        if self.running_in(plan_id, instant):
            raise AlreadyMember(plan_name=plan_name)
        if needs_method and self.method is None:
            raise PaymentMethodNeeded(plan_name=plan_name)

    def join(
        self,
        membership_id: UUID,
        *,
        plan_id: UUID,
        plan_name: str,
        terms: Terms,
        price_version: int,
        order_id: UUID,
        discount: Discount | None,
        began_free: bool,
        period_end: datetime | None,
        policy: DunningPolicy,
        stamp: Stamp,
    ) -> None:
        """Begin a membership, whose first charge is settled. Twice is no news."""
        require_not_staff(stamp)
        if membership_id in self.memberships:
            return  # announced twice; it may even be over already, and is never begun again (AC12)
        self.require_may_join(plan_id, plan_name, needs_method=False, instant=stamp.occurred_at)
        self.record(
            facts.Joined,
            stamp=stamp,
            membership_id=membership_id,
            plan_id=plan_id,
            plan_name=plan_name,
            terms=terms,
            price_version=price_version,
            order_id=order_id,
            discount=discount,
            began_free=began_free,
            period_end=period_end,
            access_until=period_end and policy.grace_until(period_end),
        )

    def renew(
        self,
        membership_id: UUID,
        *,
        order_id: UUID,
        charge_index: int,
        period_start: datetime,
        period_end: datetime | None,
        policy: DunningPolicy,
        stamp: Stamp,
    ) -> None:
        """The charge of the next period or instalment settled. Twice is no news.

        Where the membership is over or being cancelled the money is not wanted: MembershipEnded
        or AlreadyCancelling, and the caller gives it back (AX3, DU7).
        """
        membership = self.membership(membership_id)
        if charge_index <= membership.charge_index:
            return
        membership.require_going_on(self._instant_for(membership, stamp))
        self.record(
            facts.Renewed,
            stamp=stamp,
            membership_id=membership_id,
            order_id=order_id,
            charge_index=charge_index,
            period_start=period_start,
            period_end=period_end,
            access_until=period_end and policy.grace_until(period_end),
        )
        if membership.terms.model == "instalments" and period_end is None:
            self.record(facts.InstalmentsCompleted, stamp=stamp, membership_id=membership_id)

    def fall_past_due(
        self,
        membership_id: UUID,
        *,
        order_id: UUID,
        due_at: datetime,
        policy: DunningPolicy,
        stamp: Stamp,
    ) -> None:
        """A charge failed and will be tried again, or the grace runs out (DU1).

        A failure that is told late, of a charge paid since or no longer wanted, is no news.
        """
        membership = self.membership(membership_id)
        membership.require_running(self._instant_for(membership, stamp))
        if not membership.owes(due_at):
            return
        again = membership.unpaid_order_id == order_id
        failures = membership.failures + 1 if again else 1
        self.record(
            facts.PastDue,
            stamp=stamp,
            membership_id=membership_id,
            order_id=order_id,
            due_at=due_at,
            failures=failures,
            retry_at=policy.retry_at(due_at, failures),
            grace_until=_grace_until(membership, due_at, policy, stamp.occurred_at),
        )

    def require_action(
        self,
        membership_id: UUID,
        *,
        order_id: UUID,
        due_at: datetime,
        why: str,
        policy: DunningPolicy,
        stamp: Stamp,
    ) -> None:
        """A charge failed in a way only the member can mend (DU3). Told late it is no news."""
        membership = self.membership(membership_id)
        membership.require_running(self._instant_for(membership, stamp))
        if not membership.owes(due_at):
            return
        self.record(
            facts.ActionRequired,
            stamp=stamp,
            membership_id=membership_id,
            order_id=order_id,
            due_at=due_at,
            why=why,
            grace_until=_grace_until(membership, due_at, policy, stamp.occurred_at),
        )

    def clear_action(self, membership_id: UUID, *, why: str, stamp: Stamp) -> None:
        """What only the member could mend is mended: the charge is due again at once (DU3).

        Where nothing waits for the member, or the grace is over, it is no news.
        """
        membership = self.membership(membership_id)
        if membership.billing != "action_required" or membership.cancelled_at is not None:
            return
        if membership.is_running(self._instant_for(membership, stamp)):
            self.record(
                facts.ActionCleared,
                stamp=stamp,
                membership_id=membership_id,
                order_id=membership.unpaid_order_id,
                why=why,
                retry_at=stamp.occurred_at,
                grace_until=membership.access_until,
            )

    def wait_for_bank(self, membership_id: UUID, *, until: datetime, stamp: Stamp) -> None:
        """What waited for the member is paid, and their bank may take a day: access stays (DU4).

        Where nothing waits for the member, or the membership is over, it is no news.
        """
        membership = self.membership(membership_id)
        waits = membership.billing == "action_required" and membership.cancelled_at is None
        if waits and membership.is_running(self._instant_for(membership, stamp)):
            self.record(
                facts.ActionCleared,
                stamp=stamp,
                membership_id=membership_id,
                order_id=membership.unpaid_order_id,
                why="the bank is asked",
                retry_at=until,
                grace_until=max(membership.access_until or until, until),
            )

    def move_price(
        self,
        membership_id: UUID,
        *,
        price_version: int,
        terms: Terms,
        ahead: timedelta = timedelta(),
        stamp: Stamp,
    ) -> None:
        """Pay another price version from this renewal on (PL4), which may begin `ahead` of time."""
        membership = self.membership(membership_id)
        membership.require_charge_due(stamp.occurred_at, ahead=ahead)
        if price_version != membership.price_version:
            self.record(
                facts.PriceMoved,
                stamp=stamp,
                membership_id=membership_id,
                price_version=price_version,
                terms=terms,
            )

    def self_cancel(self, membership_id: UUID, *, stamp: Stamp) -> None:
        """Stop renewal; access stays to the end of the paid period (AX3)."""
        membership = self.membership(membership_id)
        membership.require_self_cancellable(stamp.occurred_at)
        paid_until = membership.period_end or stamp.occurred_at
        self.record(
            facts.SelfCancelled,
            stamp=stamp,
            membership_id=membership_id,
            access_until=max(paid_until, stamp.occurred_at),
        )

    def withdraw_cancellation(
        self, membership_id: UUID, *, policy: DunningPolicy, stamp: Stamp
    ) -> None:
        """Renew after all, while the cancellation has not taken effect (AX4)."""
        membership = self.membership(membership_id)
        membership.require_cancelling(stamp.occurred_at)
        self.record(
            facts.CancellationWithdrawn,
            stamp=stamp,
            membership_id=membership_id,
            access_until=policy.grace_until(membership.period_end or stamp.occurred_at),
        )

    def leave(self, membership_id: UUID, *, stamp: Stamp) -> None:
        """Leave a free plan at once (AX5)."""
        self.membership(membership_id).require_leavable(stamp.occurred_at)
        self.record(facts.Left, stamp=stamp, membership_id=membership_id)

    def remove(self, membership_id: UUID, reason: str, *, stamp: Stamp) -> None:
        """Staff end the membership now, whatever was paid (AX2)."""
        self.membership(membership_id).require_running(stamp.occurred_at)
        self.record(
            facts.Removed, stamp=stamp, membership_id=membership_id, reason=texts.reason(reason)
        )

    def lapse(self, membership_id: UUID, *, stamp: Stamp) -> None:
        """Nobody paid within the grace. The stamp's instant is when the grace ended (AX8).

        While the grace lasts or a retry is left it is no news, nor is it after another ending.
        """
        membership = self.membership(membership_id)
        if membership.ending is not None or membership.is_running(stamp.occurred_at):
            return
        self.record(
            facts.Lapsed,
            stamp=stamp,
            membership_id=membership_id,
            order_id=membership.unpaid_order_id,
        )

    def access(self, plan_id: UUID, instant: datetime) -> AccessAnswer:
        """Whether some membership in the plan covers the instant, and why (AX1, AX7)."""
        stays = [m for m in self.memberships.values() if m.plan_id == plan_id]
        begun = [m for m in stays if m.joined_at <= instant]
        answers = [m.answer(instant) for m in begun or stays[:1]]
        never = AccessAnswer(allowed=False, rule="never_joined", until=None, fact_ids=())
        return next((a for a in answers if a.allowed), answers[-1] if answers else never)

    def _instant_for(self, membership: Membership, stamp: Stamp) -> datetime:
        # One that was followed by another in its plan is over, whatever a late notice is dated.
        newest = [m for m in self.memberships.values() if m.plan_id == membership.plan_id][-1]
        return max(stamp.occurred_at, newest.joined_at)


def _grace_until(
    membership: Membership, due_at: datetime, policy: DunningPolicy, instant: datetime
) -> datetime:
    # A policy may have become stricter since: access that was answered yes until now was given.
    until = policy.grace_until(due_at)
    return max(until, instant) if membership.covers(instant) else until
