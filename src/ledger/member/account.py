"""Account: who a contact is, how they pay, and what staff write about them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from ledger import texts
from ledger.errors import AccountClosed, EmailUnchanged, Forbidden, MethodForbidden, NotFound
from ledger.facts import Actor, Aggregate, Stamp
from ledger.member import facts
from ledger.member.consent import Consented, Unsubscribed
from ledger.member.mandate import MandateChanged

if TYPE_CHECKING:
    from ledger.member.consent import ConsentPlace, WithdrawalPlace
    from ledger.member.facts import Locale
    from ledger.member.mandate import MandateStatus

GATEWAY = Actor(kind="gateway")
"""Tells what the member did on the payment company's own pages."""

STAFF = frozenset({"contributor", "machine", "program"})


def require_not_staff(stamp: Stamp) -> None:
    """Refuse what only the person may do for themself (AC1)."""
    if stamp.actor.kind in STAFF:
        raise Forbidden(role=stamp.actor.kind)


class Account(Aggregate):
    """The part of a member that has nothing to do with plans."""

    def __init__(self) -> None:
        self.email = ""
        self.name = ""
        self.locale: Locale = "en"
        self.verified_email: str | None = None
        self.closed_at: datetime | None = None
        self.method: facts.MethodFact | None = None
        self.mandate: MandateChanged | None = None
        self.consent: Consented | None = None
        self.tags: set[str] = set()
        self.notes: dict[UUID, str] = {}

    @property
    def subject_id(self) -> UUID:
        """The member: whose key seals the personal fields of this stream."""
        return self.id

    # --- by the person ----------------------------------------------------------------

    @classmethod
    def open_account(
        cls, member_id: UUID, *, email: str, name: str, locale: Locale, stamp: Stamp
    ) -> Self:
        """A person signs up. Nobody else can do it for them (AC1)."""
        require_not_staff(stamp)
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

    def agree(self, *, wording: str, where: ConsentPlace, stamp: Stamp) -> None:
        """The person agrees to campaign messages (NO4). Twice to one wording is no news."""
        require_not_staff(stamp)
        self._require_open()
        if self.consent is None or self.consent.wording != wording:
            self.record(Consented, stamp=stamp, what="campaigns", wording=wording, where=where)

    def unsubscribe(self, *, where: WithdrawalPlace, stamp: Stamp) -> None:
        """The person wants no campaign messages any more; also one whose account is closed."""
        require_not_staff(stamp)
        if self.consent is not None:
            self.record(Unsubscribed, stamp=stamp, what="campaigns", where=where)

    # --- payment method, by the member alone (AC6) ------------------------------------

    def save_method(self, *, stamp: Stamp, **method: str) -> None:
        """Save a payment method, in place of the one before if there is one."""
        self._require_own(stamp)
        kind = facts.MethodReplaced if self.method else facts.MethodSaved
        self.record(kind, stamp=stamp, **method)

    def remove_method(self, *, stamp: Stamp) -> None:
        """Remove the saved payment method."""
        self._require_own(stamp)
        if self.method is None:
            raise NotFound(what="payment method of member", id=self.id)
        self.record(facts.MethodRemoved, stamp=stamp)

    # --- told by the payment company --------------------------------------------------

    @property
    def has_ended_mandate(self) -> bool:
        """Whether the bank of the saved method has ended the right to debit it."""
        mandate = self.mandate
        if mandate is None or mandate.status != "inactive":
            return False
        return self.has_method(mandate.method_id)

    def has_method(self, method_id: str) -> bool:
        """Whether this is the saved payment method."""
        return self.method is not None and self.method.method_id == method_id

    def change_mandate(
        self, mandate_id: str, *, method_id: str, status: MandateStatus, stamp: Stamp
    ) -> None:
        """The bank changed the right to debit the saved method (DU3).

        Twice is no news, nor is the mandate of another method.
        """
        before = self.mandate
        known = before is not None and (before.mandate_id, before.status) == (mandate_id, status)
        if self.has_method(method_id) and not known:
            self.record(
                MandateChanged,
                stamp=stamp,
                mandate_id=mandate_id,
                method_id=method_id,
                status=status,
            )

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
        """Keep a private note with its author and time. The same note twice is no news."""
        if note_id not in self.notes:
            self.record(facts.Noted, stamp=stamp, note_id=note_id, text=texts.note(text))

    def correct_note(self, note_id: UUID, text: str, *, stamp: Stamp) -> None:
        """Let a note say something else; the books keep both."""
        if note_id not in self.notes:
            raise NotFound(what="note", id=note_id)
        self.record(facts.NoteCorrected, stamp=stamp, note_id=note_id, text=texts.note(text))

    def _require_open(self) -> None:
        if self.closed_at is not None:
            raise AccountClosed(member_id=self.id)

    def _require_own(self, stamp: Stamp) -> None:
        self._require_open()
        if stamp.actor not in (Actor(kind="member", id=self.id), GATEWAY):
            raise MethodForbidden
