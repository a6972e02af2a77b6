"""What may be done with members: by themselves, and by staff."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from ledger import ids, texts
from ledger.application.books import ACCOUNT_USED, TAG, TAG_SLOT, Books, Position
from ledger.application.use_case import use_case
from ledger.errors import EmailTaken, TooManyTags
from ledger.facts import Actor, Cause, Stamp
from ledger.member import AccessAnswer, Member, Membership
from ledger.member.consent import ConsentPlace
from ledger.member.facts import Locale
from ledger.order import Order
from ledger.store.records import Claim
from ledger.store.refusals import ClaimTaken

EMAIL, METHOD, CUSTOMER = "email", "payment_method", "payment_customer"
NOBODY = ids.derived(ids.SITE, "nobody")
"""Who never has an account."""
NEVER_TO_BE_PAID = "The membership ended before it was paid."


class MemberUseCases(Books):
    """Accounts, memberships' endings, tags and notes."""

    def member(self, member_id: UUID) -> Member:
        """A member as the books know them now; NotFound."""
        return self.load(Member, member_id)

    def member_by_email(self, email: str) -> UUID | None:
        """Who has an open account under this address (AC5)."""
        return self.owner_of(EMAIL, self.email_key(email))

    def account_of(self, email: str) -> Member | None:
        """The open account of an address; as much is asked of the database where there is none
        (AC10).
        """
        member_id = self.member_by_email(email) or NOBODY
        self.vault.ask_anew(member_id)
        return self.find(Member, member_id, about=member_id)

    def access(self, member_id: UUID, plan_id: UUID, at: datetime | None = None) -> AccessAnswer:
        """Whether the plan's content is open to the member at an instant, and why (AX1, AX7)."""
        return self.member(member_id).access(plan_id, at or self.clock.now())

    # --- by the person ----------------------------------------------------------------

    @use_case
    def open_account(
        self,
        member_id: UUID,
        *,
        email: str,
        name: str,
        locale: Locale,
        agrees_to: str | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Sign up. One e-mail has one open account (AC1, AC5).

        `agrees_to` names the wording by which they agreed to campaign messages, if they did (NO4).
        """
        stamp = self.own_stamp(member_id, by, cause)
        member = Member.open_account(member_id, email=email, name=name, locale=locale, stamp=stamp)
        if agrees_to is not None:
            member.agree(wording=agrees_to, where="sign_up", stamp=stamp)
        try:
            return self.append(member, claims=[self._email_claim(member)], command=cause.id)
        except ClaimTaken:
            raise EmailTaken from None

    @use_case
    def verify_email(self, member_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """The person followed the link sent to their address (AC10)."""
        member = self.member(member_id)
        member.verify_email(stamp=self.own_stamp(member_id, by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def change_email(self, member_id: UUID, email: str, *, by: Actor, cause: Cause) -> Position:
        """The person followed the link sent to another address (AC10)."""
        member = self.member(member_id)
        before = self._email_claim(member)
        member.change_email(email, stamp=self.own_stamp(member_id, by, cause))
        after = self._email_claim(member)
        moved = before.key != after.key
        try:
            return self.append(
                member,
                releases=[before] if moved else (),
                claims=[after] if moved else (),
                command=cause.id,
            )
        except ClaimTaken:
            raise EmailTaken from None

    @use_case
    def rename(self, member_id: UUID, name: str, *, by: Actor, cause: Cause) -> Position:
        """The person gives another name."""
        member = self.member(member_id)
        member.rename(name, stamp=self.own_stamp(member_id, by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def choose_locale(
        self, member_id: UUID, locale: Locale, *, by: Actor, cause: Cause
    ) -> Position:
        """The person chooses French or English."""
        member = self.member(member_id)
        member.choose_locale(locale, stamp=self.own_stamp(member_id, by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def agree(
        self, member_id: UUID, *, wording: str, where: ConsentPlace, by: Actor, cause: Cause
    ) -> Position:
        """The person agrees to campaign messages, by a wording (NO4)."""
        member = self.member(member_id)
        member.agree(wording=wording, where=where, stamp=self.own_stamp(member_id, by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def unsubscribe(self, member_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """The person wants no campaign messages any more (NO4)."""
        member = self.member(member_id)
        member.unsubscribe(where="account", stamp=self.own_stamp(member_id, by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def self_cancel(
        self, member_id: UUID, membership_id: UUID, *, by: Actor, cause: Cause
    ) -> Position:
        """Stop renewal; access stays to the end of the paid period (AX3)."""
        member, stamp = self.member(member_id), self.own_stamp(member_id, by, cause)
        member.self_cancel(membership_id, stamp=stamp)
        membership = member.membership(membership_id)
        ended = [] if membership.is_running(stamp.occurred_at) else [membership]
        return self.append(member, *self.withdrawn_with(ended, stamp), command=cause.id)

    @use_case
    def withdraw_cancellation(
        self, member_id: UUID, membership_id: UUID, *, by: Actor, cause: Cause
    ) -> Position:
        """Renew after all, until the cancellation takes effect (AX4)."""
        member = self.member(member_id)
        member.withdraw_cancellation(
            membership_id, policy=self.rules.policy, stamp=self.own_stamp(member_id, by, cause)
        )
        return self.append(member, command=cause.id)

    @use_case
    def leave(self, member_id: UUID, membership_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Leave a free plan at once (AX5)."""
        member = self.member(member_id)
        member.leave(membership_id, stamp=self.own_stamp(member_id, by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def save_method(
        self,
        member_id: UUID,
        method: Mapping[str, str],
        *,
        given_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Keep a payment method that the gateway saved, in place of the one before (AC6).

        It was given at `given_at`, or now. One that is saved already is no news: a page and a
        notice may tell of it at the same time.
        """
        member = self.member(member_id)
        if member.has_method(method["method_id"]):
            return 0
        member.save_method(stamp=self.stamp(by, cause, occurred_at=given_at), **method)
        return self.append(member, claims=self.method_claims(member), command=cause.id)

    @use_case
    def remove_method(self, member_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Forget the saved payment method (AC6)."""
        member = self.member(member_id)
        member.remove_method(stamp=self.stamp(by, cause))
        return self.append(member, command=cause.id)

    # --- by staff ---------------------------------------------------------------------

    @use_case
    def remove_memberships(
        self,
        member_id: UUID,
        membership_ids: Sequence[UUID],
        reason: str,
        *,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """End one or several memberships now: all of them, or none (AX2)."""
        member = self.member(member_id)
        stamp = self.staff_stamp(by, cause)
        ending = [member.membership(i) for i in dict.fromkeys(membership_ids)]
        for membership in ending:
            member.remove(membership.membership_id, reason, stamp=stamp)
        return self.append(member, *self.withdrawn_with(ending, stamp), command=cause.id)

    @use_case
    def close_account(self, member_id: UUID, reason: str, *, by: Actor, cause: Cause) -> Position:
        """Close an account that never bought or joined anything (AC4)."""
        member = self.member(member_id)
        used = self.owner_of(ACCOUNT_USED, member_id.bytes) is not None
        member.close_account(reason, has_orders=used, stamp=self.staff_stamp(by, cause))
        # The first order claims the same key: whichever is first, the other is refused.
        closing = Claim(ACCOUNT_USED, member_id.bytes, ids.derived(member_id, "closed"))
        email = self._email_claim(member)
        return self.append(member, releases=[email], claims=[closing], command=cause.id)

    @use_case
    def tag(self, member_id: UUID, tag: str, *, by: Actor, cause: Cause) -> Position:
        """Put a tag on a member; a site has so many distinct ones (AC9)."""
        member = self.member(member_id)
        tag = texts.tag(tag)
        member.tag(tag, stamp=self.staff_stamp(by, cause))
        known = self.owner_of(TAG, tag.encode()) is not None
        claims = [] if known else [Claim(TAG, tag.encode(), ids.SITE), self._free_tag_slot(tag)]
        return self.append(member, claims=claims, command=cause.id)

    @use_case
    def untag(self, member_id: UUID, tag: str, *, by: Actor, cause: Cause) -> Position:
        """Take a tag off a member."""
        member = self.member(member_id)
        member.untag(tag, stamp=self.staff_stamp(by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def write_note(
        self, member_id: UUID, note_id: UUID, text: str, *, by: Actor, cause: Cause
    ) -> Position:
        """Keep a private note, which the member never sees (AC9)."""
        member = self.member(member_id)
        member.write_note(note_id, text, stamp=self.staff_stamp(by, cause))
        return self.append(member, command=cause.id)

    @use_case
    def correct_note(
        self, member_id: UUID, note_id: UUID, text: str, *, by: Actor, cause: Cause
    ) -> Position:
        """Let a note say something else; the books keep both (AC9)."""
        member = self.member(member_id)
        member.correct_note(note_id, text, stamp=self.staff_stamp(by, cause))
        return self.append(member, command=cause.id)

    # --- within -----------------------------------------------------------------------

    def withdrawn_with(self, ended: Sequence[Membership], stamp: Stamp) -> list[Order]:
        """The unpaid orders of memberships that end, no longer wanted.

        One with an open attempt stays: if that succeeds after all, the money goes back.
        """
        unpaid = [m.unpaid_order_id for m in ended if m.unpaid_order_id is not None]
        orders = [self.load(Order, order_id) for order_id in unpaid]
        withdrawn = [one for one in orders if one.open_attempt is None and not one.is_settled]
        for order in withdrawn:
            order.withdraw(NEVER_TO_BE_PAID, stamp=stamp)
        return withdrawn

    # --- what must be unique ----------------------------------------------------------

    def email_key(self, email: str) -> bytes:
        """By what an address is known that is not to be read."""
        return self.vault.email_hash(texts.comparable_email(email))

    def _email_claim(self, member: Member) -> Claim:
        return Claim(EMAIL, self.email_key(member.email), member.id)

    def method_owner(self, method_id: str) -> UUID | None:
        """Whose a payment method is or was, by the payment company's id of it."""
        return self.owner_of(METHOD, self._company_key(method_id))

    def customer_owner(self, customer_id: str) -> UUID | None:
        """Who this is at the payment company; None of people who never saved a method."""
        return self.owner_of(CUSTOMER, self._company_key(customer_id))

    def method_claims(self, member: Member) -> list[Claim]:
        """Lets the payment company's word of a method that is saved now find its member."""
        saved = [
            fact
            for fact in member.pending_events
            if isinstance(fact, Member.MethodSaved | Member.MethodReplaced)
        ]
        keys = [(METHOD, self._company_key(fact.method_id)) for fact in saved]
        keys += [(CUSTOMER, self._company_key(fact.customer_id)) for fact in saved]
        free = [pair for pair in keys if self.owner_of(*pair, about=member.id) is None]
        return [Claim(kind, key, member.id) for kind, key in free]

    def _company_key(self, personal_id: str) -> bytes:
        key = self.vault.derive("ids at the payment company")
        return hmac.digest(key, personal_id.encode(), sha256)

    def _free_tag_slot(self, tag: str) -> Claim:
        taken = self.taken_slots(TAG_SLOT)
        for slot in range(self.rules.most_tags):
            if slot not in taken:
                return Claim(TAG_SLOT, slot.to_bytes(4), ids.derived(ids.SITE, "tag", tag))
        raise TooManyTags(limit=self.rules.most_tags)
