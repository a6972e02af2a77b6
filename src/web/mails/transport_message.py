"""A mail as it travels: headers, text and HTML. What a header can't hold is refused, not mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from uuid import UUID

from web.mails.transport_address import Sender
from web.sessions.mailbox import Mail

# Seven bits are understood by every server.
PLAIN = SMTP.clone(cte_type="7bit")
WITH_UNICODE = SMTPUTF8.clone(cte_type="7bit")


class Unsendable(ValueError):
    """No message can be made of a mail; `why` is a word."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Message:
    """What is said to a server: whom it comes from, whom it is for, and all of it.

    `needs_unicode` where the address itself has letters that only newer servers take.
    """

    sender: str
    recipient: str
    content: bytes
    needs_unicode: bool


def message_id(mail_id: UUID, sender: Sender) -> str:
    """How receivers know a mail again, also one that is sent twice."""
    return f"<{mail_id}@{sender.domain}>"


def message(mail: Mail, mail_id: UUID, *, sender: Sender, date: datetime) -> Message:
    """The message that a mail is sent as. Raises Unsendable."""
    recipient = _recipient(mail.to)
    needs_unicode = not recipient.isascii()
    try:
        made = EmailMessage(policy=WITH_UNICODE if needs_unicode else PLAIN)
        local, _, domain = recipient.rpartition("@")
        made["From"] = Address(sender.name, addr_spec=sender.address)
        made["To"] = Address(username=local, domain=domain)
        made["Subject"] = mail.subject
        made["Date"] = format_datetime(date)
        made["Message-ID"] = message_id(mail_id, sender)
        _say_why_it_comes(made, mail)
        made.set_content(mail.text)
        made.add_alternative(mail.html, subtype="html")
        made["Content-Language"] = mail.locale
        content = made.as_bytes()
    except (ValueError, LookupError) as refused:
        raise Unsendable("malformed") from refused
    return Message(sender.address, recipient, content, needs_unicode)


def _say_why_it_comes(made: EmailMessage, mail: Mail) -> None:
    """A campaign can be left by one press (RFC 8058); all else answers something that happened."""
    if mail.unsubscribe is None:
        made["Auto-Submitted"] = "auto-generated"
        return
    made["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
    made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _recipient(address: str) -> str:
    """The address as servers know it: what is a domain in any script is one in ASCII too."""
    local, _, domain = address.rpartition("@")
    if not local or not address.isprintable() or " " in address:
        raise Unsendable("malformed")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise Unsendable("malformed") from None
