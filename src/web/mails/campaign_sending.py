"""Sends the messages to lists: to whoever agreed, each once, whatever breaks in between (NO4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from ledger import ids, texts
from ledger.facts import ERASED
from ledger.mailing_list import Entry, MailingList, Message
from ledger.member import Member
from web.mails.campaign_links import TEST, Reader, leave_address, own_way
from web.mails.campaigns import Said, campaign_mail
from web.parts import Parts
from web.sessions.campaigns import Outcome
from web.sessions.limits import TEST_MAIL_TO
from web.sessions.mailbox import Mail

AT_ONCE = 200
"""Entries that are looked at between two looks at the list, which may have changed."""

Alone = Callable[[UUID], AbstractContextManager[None]]
"""Within it, what breaks is reported, and the other recipients go on."""


def waiting(parts: Parts) -> list[tuple[UUID, UUID]]:
    """The messages that are not with everybody yet, the oldest first: list and message."""
    rows = parts.queries.mailing_lists.messages()[::-1]
    left = set(parts.desk.campaigns.unfinished([row.message_id for row in rows]))
    return [(row.list_id, row.message_id) for row in rows if row.message_id in left]


def mail_id_of(message_id: UUID, entry_id: UUID) -> UUID:
    """The mail by which an entry gets a message: there is never another one."""
    return ids.derived(message_id, "mail", entry_id)


@dataclass(frozen=True)
class Found:
    """Whom an entry stands for just now: an address, and the contact whose it is, if any."""

    address: str
    member: Member | None


class Sending:
    """One message on its way to the entries of its list."""

    def __init__(self, parts: Parts, list_id: UUID, message_id: UUID, *, alone: Alone) -> None:
        self._parts, self._alone = parts, alone
        self._list_id = list_id
        self._look()
        self._message: Message = self._list.message(message_id)

    def send(self) -> Iterator[Outcome]:
        """What becomes of each recipient with whom nobody was done yet."""
        kept, message_id = self._parts.desk.campaigns, self._message.message_id
        entries = [one for one in self._list.entries.values() if self._message.is_for(one)]
        broken = False
        for start in range(0, len(entries), AT_ONCE):
            page = [entry.entry_id for entry in entries[start : start + AT_ONCE]]
            done = kept.decided(message_id, page)
            self._look()
            for entry_id in page:
                if entry_id not in done:
                    outcomes = self._decided(entry_id)
                    broken = broken or not outcomes
                    yield from outcomes
        if not broken:
            kept.finish(message_id)

    def _look(self) -> None:
        self._list: MailingList = self._parts.ledger.mailing_list(self._list_id)
        self._addresses = self._list.addresses()

    def _decided(self, entry_id: UUID) -> list[Outcome]:
        """Nothing where it broke."""
        outcomes: list[Outcome] = []
        with self._alone(entry_id):
            outcomes.append(self._settled(self._list.entries[entry_id]))
        return outcomes

    def _settled(self, entry: Entry) -> Outcome:
        desk, message_id = self._parts.desk, self._message.message_id
        mail_id, found = mail_id_of(message_id, entry.entry_id), self._found(entry)
        # What was put in the box before a crash was sent, whatever happened since.
        is_held = desk.mailbox.holds(mail_id)
        outcome: Outcome = "sent" if is_held else self._of(entry, found)
        if outcome == "sent" and not is_held and found is not None:
            desk.mailbox.put(self._mail(entry, found), mail_id=mail_id)
        desk.campaigns.decide(
            message_id,
            entry.entry_id,
            outcome,
            member_id=found.member.id if found and found.member else entry.member_id,
            mail_id=mail_id if outcome == "sent" else None,
        )
        return outcome

    def _found(self, entry: Entry) -> Found | None:
        """None where nobody is left: the account is closed, or the address was erased."""
        ledger, email = self._parts.ledger, entry.email
        if email == ERASED:
            return None
        owner = entry.member_id or (ledger.member_by_email(email) if email else None)
        if owner is None:
            return Found(email or "", None)
        member = ledger.member(owner)
        gone = member.closed_at is not None or member.email == ERASED
        return None if gone else Found(member.email, member)

    def _of(self, entry: Entry, found: Found | None) -> Outcome:
        if self._list.ended_at is not None or found is None or self._is_twice(entry, found):
            return "left_out"
        if not entry.is_on:
            return "unsubscribed" if entry.unsubscribed else "left_out"
        if found.member is not None:
            return "sent" if found.member.consent else "not_consented"
        if self._parts.ledger.is_unsubscribed(found.address):
            return "unsubscribed"
        return "sent" if entry.consented else "not_consented"

    def _is_twice(self, entry: Entry, found: Found) -> bool:
        """Whether the person gets, or got, this message by another entry of theirs."""
        if found.member is None:
            return False
        if entry.member_id is None:
            own = self._list.contact(found.member.id)
            return own is not None and own.is_on and self._message.is_for(own)
        bare = self._addresses.get(texts.comparable_email(found.address))
        if bare is None:
            return False
        return self._parts.desk.mailbox.holds(mail_id_of(self._message.message_id, bare.entry_id))

    def _mail(self, entry: Entry, found: Found) -> Mail:
        message = self._message
        reader = Reader(self._list.id, message.message_id, entry.entry_id)
        return campaign_mail(
            found.address,
            Said(message.subject, message.text, message.locale),
            leave=leave_address(self._parts, reader.leaving(self._parts)),
            site_name=self._parts.settings.site_name,
            go=partial(own_way, self._parts, reader),
        )


def send_test(parts: Parts, contributor_id: UUID, said: Said, mail_id: UUID) -> str:
    """One mail, to a contributor who tries a message on themself; answers their address."""
    address = parts.ledger.contributor(contributor_id).email
    parts.desk.limits.spend(TEST_MAIL_TO, contributor_id)
    mail = campaign_mail(
        address, said, leave=leave_address(parts, TEST), site_name=parts.settings.site_name
    )
    parts.desk.mailbox.put(mail, mail_id=mail_id)
    return address
