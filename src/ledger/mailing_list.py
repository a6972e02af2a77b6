"""MailingList: a fixed set of contacts, and of addresses that are no contacts (SE2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal, Self
from uuid import UUID

from ledger import ids, texts
from ledger.errors import ListEnded, NotFound
from ledger.facts import Aggregate, Fact, FirstFact, Personal, Stamp

Language = Literal["en", "fr"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A contact (`member_id`) or an address (`email`) that is, or was, on a list.

    Who asked to be taken off is `unsubscribed`. `consented`: staff stated, when they added the
    address, that its owner agreed to messages; a contact says so themself. `since` is the version
    of the list with which it came, `until` that with which it went. `is_erased`: the address is to
    be unreadable for ever.
    """

    entry_id: UUID
    member_id: UUID | None
    email: str | None
    is_on: bool = True
    unsubscribed: bool = False
    consented: bool = False
    since: int = 0
    until: int | None = None
    is_erased: bool = False

    @property
    def person_id(self) -> UUID:
        """The contact; or whoever reads mail at the address, who has an id on this list only."""
        return self.member_id or self.entry_id


@dataclass(frozen=True, slots=True)
class Message:
    """One message to everybody who was on the list at `version`, in one language."""

    message_id: UUID
    subject: str
    text: str
    locale: Language
    version: int

    def is_for(self, entry: Entry) -> bool:
        """Whether an entry was on the list as it was sent; it may have been taken off since."""
        return entry.since < self.version and (entry.until is None or entry.until > self.version)


class EntryFact(Fact):
    """A fact about one entry. An address is sealed with a key of its own."""

    entry_id: UUID

    @property
    def subject_id(self) -> UUID:
        """The contact; where there is only an address, its entry."""
        return self.member_id or self.entry_id


class MailingList(Aggregate):
    """A list. Contacts are on it by their id, so that they stay when their address changes."""

    TOPIC: ClassVar[str] = "list"
    Event = Fact

    class Begun(FirstFact):
        """A list was created, empty."""

        TOPIC: ClassVar[str] = "list.created"
        name: str

        def apply(self, mailing_list: MailingList) -> None:
            """A list with a name."""
            mailing_list.name = self.name

    Created = Begun

    class Added(EntryFact):
        """A contact, or an address that is no contact, is on the list: one of the two."""

        TOPIC: ClassVar[str] = "list.added"
        email: Personal[str | None]
        consented: bool = False
        """Staff state that the owner of the address agreed to messages."""

        def apply(self, mailing_list: MailingList) -> None:
            """One entry more, or one of which more is known."""
            before = mailing_list.entries.get(self.entry_id)
            goes_on = before is not None and before.is_on
            mailing_list.entries[self.entry_id] = Entry(
                self.entry_id,
                self.member_id,
                self.email,
                consented=self.consented,
                since=before.since if before and goes_on else self.originator_version,
            )

    class TakenOff(EntryFact):
        """An entry is on the list no longer; `unsubscribed` if the person asked for it.

        `erased`: the address becomes unreadable as well, by destroying the key of its entry.
        """

        TOPIC: ClassVar[str] = "list.taken_off"
        unsubscribed: bool
        erased: bool = False

        def apply(self, mailing_list: MailingList) -> None:
            """One entry less."""
            before = mailing_list.entries[self.entry_id]
            after = replace(
                before,
                is_on=False,
                unsubscribed=self.unsubscribed,
                until=before.until or self.originator_version,
                is_erased=before.is_erased or self.erased,
            )
            mailing_list.entries[self.entry_id] = after

    class MessageSent(Fact):
        """Staff sent one message to everybody who was on the list by then (NO4).

        It names nobody: who got it, and who had not agreed, is found when it is delivered.
        """

        TOPIC: ClassVar[str] = "list.message_sent"
        message_id: UUID
        subject: str
        text: str
        locale: Language

        def apply(self, mailing_list: MailingList) -> None:
            """One message more."""
            mailing_list.messages[self.message_id] = Message(
                self.message_id, self.subject, self.text, self.locale, self.originator_version
            )

    class Ended(Fact):
        """The list is over: nobody is added, nothing is sent."""

        TOPIC: ClassVar[str] = "list.ended"

        def apply(self, mailing_list: MailingList) -> None:
            """Over."""
            mailing_list.ended_at = self.occurred_at

    def __init__(self) -> None:
        self.name = ""
        self.entries: dict[UUID, Entry] = {}
        self.messages: dict[UUID, Message] = {}
        self.ended_at: datetime | None = None

    # --- what may be asked ------------------------------------------------------------

    @classmethod
    def create(cls, list_id: UUID, *, name: str, stamp: Stamp) -> Self:
        """A new, empty list."""
        return cls.begin(
            cls.Begun, list_id, stamp=stamp, name=texts.one_line(text=name, field="name")
        )

    def add_contact(self, member_id: UUID, *, stamp: Stamp) -> None:
        """Put a contact on the list, who is not asked.

        One who is there already is no news, and who asked to be taken off is left off.
        """
        self._require_not_ended()
        before = self.contact(member_id)
        if before is None or not (before.is_on or before.unsubscribed):
            self.record(
                self.Added,
                stamp=stamp,
                member_id=member_id,
                entry_id=ids.derived(self.id, "contact", member_id),
                email=None,
            )

    def add_addresses(
        self, addresses: dict[UUID, str], *, consented: bool = False, stamp: Stamp
    ) -> None:
        """Put addresses on the list, each under the id of a new entry; EmailMalformed, all or none.

        `consented`: staff state that their owners agreed to messages. One that is there already is
        no news unless that is; one whose owner asked to be taken off is left off.
        """
        self._require_not_ended()
        asked = {texts.comparable_email(texts.email(a)): i for i, a in addresses.items()}
        known = {address: entry for address, entry in self.addresses().items() if _stays(entry)}
        for address, new_id in asked.items():
            before = known.get(address)
            if before is not None and (before.unsubscribed or before.consented >= consented):
                continue
            self.record(
                self.Added,
                stamp=stamp,
                entry_id=before.entry_id if before else new_id,
                email=texts.email(addresses[new_id]),
                consented=consented,
            )

    def send_message(
        self, message_id: UUID, *, subject: str, text: str, locale: Language, stamp: Stamp
    ) -> None:
        """Send one message to everybody who is on the list now. The same id twice is no news."""
        self._require_not_ended()
        if message_id not in self.messages:
            self.record(
                self.MessageSent,
                stamp=stamp,
                message_id=message_id,
                subject=texts.one_line(text=subject, field="subject"),
                text=texts.message(text),
                locale=locale,
            )

    def take_off(self, entry_id: UUID, *, stamp: Stamp) -> None:
        """Take an entry off the list. Twice is no news."""
        if self.entry(entry_id).is_on:
            self._take_off(entry_id, unsubscribed=False, stamp=stamp)

    def unsubscribe(self, entry_id: UUID, *, stamp: Stamp) -> None:
        """The person wants nothing sent to this list any more, whoever adds them again.

        Also from a list that is over, or that they were taken off: the links in old mails work.
        """
        if not self.entry(entry_id).unsubscribed:
            self._take_off(entry_id, unsubscribed=True, stamp=stamp)

    def erase(self, address: str, *, stamp: Stamp) -> None:
        """Take an address off for good, under each entry that it ever had here.

        What its owner said of messages stays said. Contacts are no addresses. Twice is no news.
        """
        for entry in self.entries_with(address):
            if not entry.is_erased:
                self._take_off(
                    entry.entry_id, unsubscribed=entry.unsubscribed, erased=True, stamp=stamp
                )

    def end(self, *, stamp: Stamp) -> None:
        """Let the list be over. Ending twice is no news."""
        if self.ended_at is None:
            self.record(self.Ended, stamp=stamp)

    # --- what others ask --------------------------------------------------------------

    def entry(self, entry_id: UUID) -> Entry:
        """An entry that is, or was, on the list; NotFound."""
        if entry_id not in self.entries:
            raise NotFound(what="entry of the list", id=entry_id)
        return self.entries[entry_id]

    def message(self, message_id: UUID) -> Message:
        """A message that was sent to the list; NotFound."""
        if message_id not in self.messages:
            raise NotFound(what="message of the list", id=message_id)
        return self.messages[message_id]

    def contact(self, member_id: UUID) -> Entry | None:
        """The entry of a contact who is, or was, on the list."""
        return self.entries.get(ids.derived(self.id, "contact", member_id))

    def addresses(self) -> dict[str, Entry]:
        """The last entry of each address that is no contact's, as addresses are compared."""
        with_address = (
            entry
            for entry in self.entries.values()
            if entry.email is not None and not entry.is_erased
        )
        return {texts.comparable_email(entry.email or ""): entry for entry in with_address}

    def entries_with(self, address: str) -> list[Entry]:
        """Every entry that an address ever had here, as long as it can be read. EmailMalformed."""
        asked = texts.comparable_email(texts.email(address))
        return [
            entry
            for entry in self.entries.values()
            if entry.email is not None and texts.comparable_email(entry.email) == asked
        ]

    def _take_off(
        self, entry_id: UUID, *, unsubscribed: bool, erased: bool = False, stamp: Stamp
    ) -> None:
        self.record(
            self.TakenOff,
            stamp=stamp,
            member_id=self.entries[entry_id].member_id,
            entry_id=entry_id,
            unsubscribed=unsubscribed,
            erased=erased,
        )

    def _require_not_ended(self) -> None:
        if self.ended_at is not None:
            raise ListEnded(list_name=self.name)


def _stays(entry: Entry) -> bool:
    """Whether adding the same again changes nothing."""
    return entry.is_on or entry.unsubscribed
