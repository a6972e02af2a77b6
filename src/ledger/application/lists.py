"""What may be done with mailing lists."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ledger import ids, texts
from ledger.application.books import Position
from ledger.application.members import MemberUseCases
from ledger.application.use_case import use_case
from ledger.errors import AccountClosed
from ledger.facts import ERASED, Actor, Cause
from ledger.mailing_list import Entry, Language, MailingList
from ledger.store.records import Claim

UNSUBSCRIBED = "unsubscribed"
"""Whoever reads mail at an address that is no contact's wants no message to any list."""


class ListUseCases(MemberUseCases):
    """Lists: created, filled, ended (SE2)."""

    def mailing_list(self, list_id: UUID) -> MailingList:
        """A list as the books know it now; NotFound."""
        return self.load(MailingList, list_id)

    def entries_of(
        self, list_id: UUID, *, member_ids: Sequence[UUID], emails: Sequence[str]
    ) -> list[Entry | None]:
        """The entry of each contact, then of each address, that is or was on a list; in order."""
        mailing_list = self.mailing_list(list_id)
        contacts = [mailing_list.contact(member_id) for member_id in member_ids]
        addresses = mailing_list.addresses()
        found: list[Entry | None] = []
        for email in emails:
            owner = self.member_by_email(texts.email(email))
            bare = addresses.get(texts.comparable_email(texts.email(email)))
            found.append(bare if owner is None else mailing_list.contact(owner))
        return [*contacts, *found]

    @use_case
    def create_list(self, list_id: UUID, *, name: str, by: Actor, cause: Cause) -> Position:
        """Create an empty list."""
        created = MailingList.create(list_id, name=name, stamp=self.staff_stamp(by, cause))
        return self.append(created, command=cause.id)

    @use_case
    def add_to_list(
        self,
        list_id: UUID,
        *,
        member_ids: Sequence[UUID] = (),
        emails: Sequence[str] = (),
        consented: bool = False,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Put contacts and addresses on a list: all of them, or none where one is malformed.

        The address of an open account stands for that contact. Whoever is there already stays
        as they are; whoever asked to be taken off is left off. `consented`: staff state that the
        owners of the addresses agreed to messages; contacts say so themselves.
        """
        mailing_list, stamp = self.mailing_list(list_id), self.staff_stamp(by, cause)
        owners = {email: self.member_by_email(texts.email(email)) for email in emails}
        contacts = [*member_ids, *(owner for owner in owners.values() if owner is not None)]
        for member_id in dict.fromkeys(contacts):
            if self.member(member_id).closed_at is not None:
                raise AccountClosed(member_id=member_id)
            mailing_list.add_contact(member_id, stamp=stamp)
        bare = [email for email, owner in owners.items() if owner is None]
        entries = {ids.derived(cause.id, "entry", list_id, n): e for n, e in enumerate(bare)}
        mailing_list.add_addresses(entries, consented=consented, stamp=stamp)
        return self.append(mailing_list, command=cause.id)

    @use_case
    def take_off_list(self, list_id: UUID, entry_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Take a contact or an address off a list; they may be added again."""
        mailing_list = self.mailing_list(list_id)
        mailing_list.take_off(entry_id, stamp=self.staff_stamp(by, cause))
        return self.append(mailing_list, command=cause.id)

    @use_case
    def unsubscribe_from_list(
        self, list_id: UUID, entry_id: UUID, *, by: Actor, cause: Cause
    ) -> Position:
        """The person asks to be taken off, and is left off whoever adds them again.

        They get no message to any other list either: a contact's consent is withdrawn, and an
        address that is no contact's is remembered by its hash. Who reads mail at such an address
        is known by the entry's id; if they have an account by now, it is theirs as well.
        """
        mailing_list = self.mailing_list(list_id)
        entry = mailing_list.entry(entry_id)
        stamp = self.own_stamp(entry.person_id, by, cause)
        mailing_list.unsubscribe(entry_id, stamp=stamp)
        address = entry.email if entry.email != ERASED else None
        owner = entry.member_id or (address and self.member_by_email(address)) or None
        claims = (
            []
            if address is None or self.is_unsubscribed(address)
            else [Claim(UNSUBSCRIBED, self.email_key(address), entry_id)]
        )
        if owner is None:
            return self.append(mailing_list, claims=claims, command=cause.id)
        member = self.member(owner)
        member.unsubscribe(where="link", stamp=stamp)
        return self.append(mailing_list, member, claims=claims, command=cause.id)

    def erase_from_list(
        self, list_id: UUID, address: str, *, by: Actor, cause: Cause
    ) -> tuple[UUID, ...]:
        """Erase an address that is no contact's from a list: its entries, unreadable from now on.

        Their keys go once it is in the books who asked for it; where that was all that was done,
        it is asked again. That the owner wanted no messages is remembered by a hash.
        Raises EmailMalformed.
        """
        entries = self.mailing_list(list_id).entries_with(address)
        if entries:
            self._note_erasure(list_id, address, by=by, cause=cause)
        for entry in entries:
            self.vault.destroy(entry.entry_id)
        return tuple(entry.entry_id for entry in entries)

    @use_case
    def _note_erasure(self, list_id: UUID, address: str, *, by: Actor, cause: Cause) -> Position:
        mailing_list = self.mailing_list(list_id)
        mailing_list.erase(address, stamp=self.staff_stamp(by, cause))
        return self.append(mailing_list, command=cause.id)

    def is_unsubscribed(self, address: str) -> bool:
        """Whether whoever reads mail at an address wanted no message to any list, by its link."""
        return self.owner_of(UNSUBSCRIBED, self.email_key(address)) is not None

    @use_case
    def send_message(
        self,
        list_id: UUID,
        message_id: UUID,
        *,
        subject: str,
        text: str,
        locale: Language,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Send one message to everybody who is on a list now and has agreed to it (NO4)."""
        mailing_list = self.mailing_list(list_id)
        mailing_list.send_message(
            message_id,
            subject=subject,
            text=text,
            locale=locale,
            stamp=self.staff_stamp(by, cause),
        )
        return self.append(mailing_list, command=cause.id)

    @use_case
    def end_list(self, list_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Let a list be over; what it was stays to be seen."""
        mailing_list = self.mailing_list(list_id)
        mailing_list.end(stamp=self.staff_stamp(by, cause))
        return self.append(mailing_list, command=cause.id)
