"""What people do about mails: say that one came back, let one be tried again."""

from __future__ import annotations

import re
from uuid import UUID

from ledger.errors import NotFound
from ledger.facts import Actor, Cause
from web.mails.notice_facts import note_all
from web.parts import Parts
from web.sessions.outbox import MailCleared, MailOnItsWay, State

WORD = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
"""Why a mail came back: a status or a word."""
AGAIN: tuple[State, ...] = ("failed", "unknown", "given_up", "bounced")

_MESSAGE_ID = re.compile(r"<?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:@[^\s<>]*)?>?")


def came_back(parts: Parts, mail_id: UUID, why: str, *, by: Actor, cause: Cause) -> None:
    """A mail that was handed over came back; a notice's is a fact. NotFound, MailNotSent."""
    parts.desk.outbox.bounce(mail_id, why)
    note_all(parts, cause=cause, by=by, mail_id=mail_id)


def try_again(parts: Parts, mail_id: UUID) -> None:
    """Send a mail again, also one that may have gone. NotFound, MailOnItsWay, MailCleared."""
    if not parts.desk.outbox.retry(mail_id, AGAIN):
        if not parts.desk.mailbox.holds(mail_id):
            raise NotFound(what="mail", id=mail_id)
        if parts.desk.mailbox.is_cleared(mail_id):
            raise MailCleared(mail_id=mail_id)
        raise MailOnItsWay(mail_id=mail_id)


def mail_named(parts: Parts, text: str) -> UUID:
    """The mail with a Message-ID, or the last one to an address. Raises NotFound."""
    found = _MESSAGE_ID.fullmatch(text.strip())
    if found:
        return UUID(found[1])
    last = parts.desk.mailbox.last_to(text)
    if last is None:
        raise NotFound(what="mail", id=text)
    return last.mail_id
