"""Member: what may be asked of a contact and their memberships. Each act records one fact."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

from ledger import texts
from ledger.dunning import DunningPolicy
from ledger.errors import (
    AccountClosed,
    AccountHasHistory,
    AlreadyMember,
    EmailUnchanged,
    NotFound,
    PaymentMethodNeeded,
)
from ledger.facts import Aggregate, Fact, Stamp
from ledger.member import facts
from ledger.member.membership import AccessAnswer, Membership
from ledger.terms import Discount, Terms

if TYPE_CHECKING:
    from ledger.member.facts import Locale


class Member(Aggregate):
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
    Tagged = facts.Tagged
    Untagged = facts.Untagged
    Noted = facts.Noted
    NoteCorrected = facts.NoteCorrected

    def __init__(self) -> None:
        self.email = ""
        self.name = ""
        self.locale: Locale = "en"
        self.verified_email: str | None = None
        self.closed_at: datetime | None = None
        self.memberships: dict[UUID, Membership] = {}
        self.method: facts.MethodFact | None = None
        self.tags: set[str] = set()
        self.notes: dict[UUID, str] = {}

    @property
    def subject_id(self) -> UUID:
        """The member: whose key seals the personal fields of this stream."""
        return self.id

    # --- account ----------------------------------------------------------------------

    @classmethod
    def open_account(
        cls, member_id: UUID, *, email: str, name: str, locale: Locale, stamp: Stamp
    ) -> Self:
        """A person signs up. Nobody else can do it for them (AC1)."""
        return cls.begin(
            facts.AccountOpened,
            member_id,
            stamp=stamp,
            member_id=member_id,
            email=texts.email(email),
            name=texts.person_name(name),
            locale=locale,
        )

    def verify_email(self, *, stamp: Stamp) -> None:
        """The person followed the link sent to the account's address. Twice is no news."""
        self._require_open()
        if self.verified_email != self.email:
            self.record(facts.EmailVerified, stamp=stamp, email=self.email)

    def change_email(self, email: str, *, stamp: Stamp) -> None:
        """The person followed the link sent to another address (AC10)."""
        self._require_open()
        address = texts.email(email)
        if address == self.email:
            raise EmailUnchanged
        self.record(facts.EmailChanged, stamp=stamp, email=address)

    def rename(self, name: str, *, stamp: Stamp) -> None:
        """The person gives another name."""
        self._require_open()
        name = texts.person_name(name)
        if name != self.name:
            self.record(facts.Renamed, stamp=stamp, name=name)

    def choose_locale(self, locale: Locale, *, stamp: Stamp) -> None:
        """The person chooses French or English."""
        self._require_open()
        if locale != self.locale:
            self.record(facts.LocaleChosen, stamp=stamp, locale=locale)

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
        """Begin a membership, whose first charge is settled."""
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
        """The charge of the next period or instalment settled."""
        membership = self.membership(membership_id)
        if charge_index <= membership.charge_index:
            return
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
        """A charge failed and will be tried again, or the grace runs out (DU1)."""
        membership = self.membership(membership_id)
        membership.require_running(stamp.occurred_at)
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
            grace_until=policy.grace_until(due_at),
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
        """A charge failed in a way only the member can mend (DU3)."""
        self.membership(membership_id).require_running(stamp.occurred_at)
        self.record(
            facts.ActionRequired,
            stamp=stamp,
            membership_id=membership_id,
            order_id=order_id,
            due_at=due_at,
            why=why,
            grace_until=policy.grace_until(due_at),
        )

    def move_price(
        self, membership_id: UUID, *, price_version: int, terms: Terms, stamp: Stamp
    ) -> None:
        """Pay another price version from this renewal on (PL4)."""
        membership = self.membership(membership_id)
        membership.require_charge_due(stamp.occurred_at)
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
        """Nobody paid within the grace. The stamp's instant is when the grace ended (AX8)."""
        membership = self.membership(membership_id)
        if membership.ended_at is None and membership.unpaid_order_id is not None:
            self.record(
                facts.Lapsed,
                stamp=stamp,
                membership_id=membership_id,
                order_id=membership.unpaid_order_id,
            )

    def access(self, plan_id: UUID, instant: datetime) -> AccessAnswer:
        """Whether some membership in the plan covers the instant, and why (AX1, AX7)."""
        answers = [
            membership.answer(instant)
            for membership in self.memberships.values()
            if membership.plan_id == plan_id
        ]
        never = AccessAnswer(allowed=False, rule="never_joined", until=None, fact_ids=())
        return next((a for a in answers if a.allowed), answers[-1] if answers else never)

    # --- payment method, by the member alone (AC6) ------------------------------------

    def save_method(self, *, stamp: Stamp, **method: str) -> None:
        """Save a payment method, in place of the one before if there is one."""
        self._require_open()
        kind = facts.MethodReplaced if self.method else facts.MethodSaved
        self.record(kind, stamp=stamp, **method)

    def remove_method(self, *, stamp: Stamp) -> None:
        """Remove the saved payment method."""
        self._require_open()
        if self.method is None:
            raise NotFound(what="payment method of member", id=self.id)
        self.record(facts.MethodRemoved, stamp=stamp)

    # --- what staff write (AC9) -------------------------------------------------------

    def tag(self, tag: str, *, stamp: Stamp) -> None:
        """Put a tag on the member. Twice is no news."""
        tag = texts.tag(tag)
        if tag not in self.tags:
            self.record(facts.Tagged, stamp=stamp, tag=tag)

    def untag(self, tag: str, *, stamp: Stamp) -> None:
        """Take a tag off the member. One that is not there is no news."""
        tag = texts.tag(tag)
        if tag in self.tags:
            self.record(facts.Untagged, stamp=stamp, tag=tag)

    def write_note(self, note_id: UUID, text: str, *, stamp: Stamp) -> None:
        """Keep a private note with its author and time."""
        self.record(facts.Noted, stamp=stamp, note_id=note_id, text=texts.note(text))

    def correct_note(self, note_id: UUID, text: str, *, stamp: Stamp) -> None:
        """Let a note say something else; the books keep both."""
        if note_id not in self.notes:
            raise NotFound(what="note", id=note_id)
        self.record(facts.NoteCorrected, stamp=stamp, note_id=note_id, text=texts.note(text))

    def _require_open(self) -> None:
        if self.closed_at is not None:
            raise AccountClosed(member_id=self.id)
