"""The facts of a member's stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal
from uuid import UUID

from ledger.facts import Fact, FirstFact, Instant, Personal
from ledger.member.membership import Membership
from ledger.terms import Discount, Terms

if TYPE_CHECKING:
    from ledger.member.member import Member

Locale = Literal["en", "fr"]


class MembershipFact(Fact):
    """A fact about one of the member's memberships."""

    membership_id: UUID

    def membership(self, member: Member) -> Membership:
        """The membership it is about."""
        return member.memberships[self.membership_id]


# --- account ----------------------------------------------------------------------------


class AccountOpened(FirstFact):
    """A person signed up: a contact, always with an e-mail and a name (AC1)."""

    TOPIC: ClassVar[str] = "member.account_opened"
    email: Personal[str]
    name: Personal[str]
    locale: Locale

    def apply(self, member: Member) -> None:
        """A new contact."""
        member.email, member.name, member.locale = self.email, self.name, self.locale


class EmailVerified(Fact):
    """The person proved that the address is theirs (AC10)."""

    TOPIC: ClassVar[str] = "member.email_verified"
    email: Personal[str]

    def apply(self, member: Member) -> None:
        """The address counts."""
        member.verified_email = self.email


class EmailChanged(Fact):
    """The account's e-mail is another one, which was verified before (AC10)."""

    TOPIC: ClassVar[str] = "member.email_changed"
    email: Personal[str]

    def apply(self, member: Member) -> None:
        """The new address counts."""
        member.email = member.verified_email = self.email


class Renamed(Fact):
    """The person gave another name."""

    TOPIC: ClassVar[str] = "member.renamed"
    name: Personal[str]

    def apply(self, member: Member) -> None:
        """The new name."""
        member.name = self.name


class LocaleChosen(Fact):
    """The person chose the language of pages and mails."""

    TOPIC: ClassVar[str] = "member.locale_chosen"
    locale: Locale

    def apply(self, member: Member) -> None:
        """The new language."""
        member.locale = self.locale


class AccountClosed(Fact):
    """Staff closed an account that never bought or joined anything (AC4)."""

    TOPIC: ClassVar[str] = "member.account_closed"
    reason: Personal[str]

    def apply(self, member: Member) -> None:
        """No longer open; the e-mail may sign up again (AC3)."""
        member.closed_at = self.occurred_at


# --- memberships ------------------------------------------------------------------------


class Joined(MembershipFact):
    """The person joined a plan. `access_until` holds the grace after an unpaid renewal."""

    TOPIC: ClassVar[str] = "member.joined"
    plan_id: UUID
    plan_name: str
    terms: Terms
    price_version: int
    order_id: UUID
    discount: Discount | None
    began_free: bool
    period_end: Instant | None
    access_until: Instant | None

    def apply(self, member: Member) -> None:
        """A new membership."""
        member.memberships[self.membership_id] = Membership(
            membership_id=self.membership_id,
            member_id=member.id,
            plan_id=self.plan_id,
            plan_name=self.plan_name,
            terms=self.terms,
            price_version=self.price_version,
            joined_at=self.occurred_at,
            discount=self.discount,
            began_free=self.began_free,
            charge_index=0,
            period_start=self.occurred_at,
            period_end=self.period_end,
            spans=[(self.occurred_at, self.access_until)],
            access_facts=(self.fact_id,),
            billing="current" if self.terms.repeats else "none",
        )


class Renewed(MembershipFact):
    """The next period, or the next instalment, is paid."""

    TOPIC: ClassVar[str] = "member.renewed"
    order_id: UUID
    charge_index: int
    period_start: Instant
    period_end: Instant | None
    access_until: Instant | None

    def apply(self, member: Member) -> None:
        """Paid up to the end of the new period."""
        membership = self.membership(member)
        membership.charge_index = self.charge_index
        membership.period_start, membership.period_end = self.period_start, self.period_end
        membership.give_access(self.occurred_at, self.access_until)
        membership.access_facts = (membership.access_facts[0], self.fact_id)
        membership.until_fact = None
        membership.bill_afresh()


class PastDue(MembershipFact):
    """A charge failed; it is tried again at `retry_at`, and access is kept until `grace_until`."""

    TOPIC: ClassVar[str] = "member.past_due"
    order_id: UUID
    due_at: Instant
    failures: int
    retry_at: Instant | None
    grace_until: Instant

    def apply(self, member: Member) -> None:
        """Unpaid, for now."""
        membership = self.membership(member)
        membership.billing = "past_due"
        membership.failures, membership.unpaid_order_id = self.failures, self.order_id
        membership.retry_at = self.retry_at
        membership.give_access(self.occurred_at, self.grace_until)
        membership.until_fact = self.fact_id


class ActionRequired(MembershipFact):
    """A charge failed in a way that only the member can mend; it is not tried again (DU3)."""

    TOPIC: ClassVar[str] = "member.action_required"
    order_id: UUID
    due_at: Instant
    why: str
    grace_until: Instant

    def apply(self, member: Member) -> None:
        """Unpaid until the member acts."""
        membership = self.membership(member)
        membership.billing = "action_required"
        membership.unpaid_order_id, membership.retry_at = self.order_id, None
        membership.give_access(self.occurred_at, self.grace_until)
        membership.until_fact = self.fact_id


class ActionCleared(MembershipFact):
    """What only the member could mend is mended: the charge is tried again at `retry_at` (DU3)."""

    TOPIC: ClassVar[str] = "member.action_cleared"
    order_id: UUID
    why: str
    retry_at: Instant
    grace_until: Instant

    def apply(self, member: Member) -> None:
        """Unpaid still, and due again."""
        membership = self.membership(member)
        membership.billing, membership.retry_at = "past_due", self.retry_at
        membership.give_access(self.occurred_at, self.grace_until)
        membership.until_fact = self.fact_id


class PriceMoved(MembershipFact):
    """The membership pays another price version from this renewal on (PL4)."""

    TOPIC: ClassVar[str] = "member.price_moved"
    price_version: int
    terms: Terms

    def apply(self, member: Member) -> None:
        """The new price."""
        membership = self.membership(member)
        membership.moved_from.append(membership.price_version)
        membership.price_version, membership.terms = self.price_version, self.terms


class SelfCancelled(MembershipFact):
    """The member stopped renewal; access stays to the end of the paid period (AX3)."""

    TOPIC: ClassVar[str] = "member.self_cancelled"
    access_until: Instant

    def apply(self, member: Member) -> None:
        """No later charge."""
        membership = self.membership(member)
        membership.cancelled_at, membership.retry_at = self.occurred_at, None
        membership.give_access(self.occurred_at, self.access_until)
        membership.ending, membership.ended_by = "self_cancelled", self.fact_id


class CancellationWithdrawn(MembershipFact):
    """The member wants renewal after all, before the cancellation took effect (AX4)."""

    TOPIC: ClassVar[str] = "member.cancellation_withdrawn"
    access_until: Instant

    def apply(self, member: Member) -> None:
        """Renewal goes on."""
        membership = self.membership(member)
        membership.cancelled_at = None
        membership.give_access(self.occurred_at, self.access_until)
        membership.ending, membership.ended_by = None, None
        membership.until_fact = self.fact_id
        # A failed early charge is due again at the end of the period, as if never tried.
        membership.bill_afresh()


class EndingFact(MembershipFact):
    """A fact that ends a membership when it happens."""

    ending: ClassVar[Literal["left", "removed", "lapsed"]]

    def apply(self, member: Member) -> None:
        """Over, from this instant on."""
        membership = self.membership(member)
        membership.ended_at, membership.ending = self.occurred_at, self.ending
        membership.ended_by = self.fact_id
        membership.retry_at = None


class Left(EndingFact):
    """The member left a free plan at once (AX5)."""

    TOPIC: ClassVar[str] = "member.left"
    ending = "left"


class Removed(EndingFact):
    """An administrator ended the membership now (AX2)."""

    TOPIC: ClassVar[str] = "member.removed"
    reason: Personal[str]
    ending = "removed"


class Lapsed(EndingFact):
    """Nobody paid, and the grace is over. It was true at `occurred_at`, whenever noticed (AX8)."""

    TOPIC: ClassVar[str] = "member.lapsed"
    order_id: UUID
    ending = "lapsed"


class InstalmentsCompleted(MembershipFact):
    """All instalments are paid: access has no end (AX5)."""

    TOPIC: ClassVar[str] = "member.instalments_completed"

    def apply(self, member: Member) -> None:
        """Paid for good."""
        membership = self.membership(member)
        membership.billing = "completed"
        membership.give_access(self.occurred_at, None)
        membership.until_fact = self.fact_id


# --- payment method ---------------------------------------------------------------------


class MethodFact(Fact):
    """What the gateway says of a saved payment method. Nothing of it can be used to pay."""

    method_id: Personal[str]
    customer_id: Personal[str]
    brand: Personal[str]
    last_four: Personal[str]
    fingerprint: Personal[str]
    expires: str
    country: str

    def apply(self, member: Member) -> None:
        """The method that later charges use."""
        member.method = self


class MethodSaved(MethodFact):
    """The member saved their first payment method (AC6)."""

    TOPIC: ClassVar[str] = "member.method_saved"


class MethodReplaced(MethodFact):
    """The member saved another payment method in place of the one before (AC6)."""

    TOPIC: ClassVar[str] = "member.method_replaced"


class MethodRemoved(Fact):
    """The member removed their payment method (AC6)."""

    TOPIC: ClassVar[str] = "member.method_removed"

    def apply(self, member: Member) -> None:
        """None is saved."""
        member.method = None


# --- what staff write -------------------------------------------------------------------


class Tagged(Fact):
    """Staff put a tag on the member (AC9)."""

    TOPIC: ClassVar[str] = "member.tagged"
    tag: str

    def apply(self, member: Member) -> None:
        """One tag more."""
        member.tags.add(self.tag)


class Untagged(Fact):
    """Staff took a tag off the member (AC9)."""

    TOPIC: ClassVar[str] = "member.untagged"
    tag: str

    def apply(self, member: Member) -> None:
        """One tag less."""
        member.tags.discard(self.tag)


class Noted(Fact):
    """Staff wrote a private note (AC9)."""

    TOPIC: ClassVar[str] = "member.noted"
    note_id: UUID
    text: Personal[str]

    def apply(self, member: Member) -> None:
        """One note more."""
        member.notes[self.note_id] = self.text


class NoteCorrected(Fact):
    """Staff corrected a note; what it said before stays in the books (AC9)."""

    TOPIC: ClassVar[str] = "member.note_corrected"
    note_id: UUID
    text: Personal[str]

    def apply(self, member: Member) -> None:
        """The note says something else."""
        member.notes[self.note_id] = self.text
