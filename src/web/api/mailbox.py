"""The mailbox of test mode: the mails that nobody sends yet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ledger.errors import NotFound
from web.api.framework import Call, Routes
from web.api.models import Page, Query, Reply
from web.api.shapes import ShortText
from web.identity.permissions import Permission

routes = Routes("mailbox")


class MailboxQuery(Query):
    """Whose mails."""

    to: ShortText


class MailReply(Reply):
    """A mail as its reader sees it; `links` by what they are called."""

    mail_id: UUID
    put_at: datetime
    to: str
    subject: str
    text: str
    locale: str
    links: dict[str, str]


@routes.get(
    "/mailbox",
    permission=Permission.PUBLIC,
    summary="Mails of test mode",
    query=MailboxQuery,
    answers=Page[MailReply],
    refusals=(NotFound,),
)
def list_mails(call: Call[None, MailboxQuery]) -> Page[MailReply]:
    """The latest to an address, the newest first. In live mode there is no such list: 404."""
    kept = call.parts.desk.mailbox.recent(to=call.query.to)
    return Page[MailReply](
        items=[
            MailReply(
                mail_id=one.mail_id,
                put_at=one.put_at,
                to=one.mail.to,
                subject=one.mail.subject,
                text=one.mail.text,
                locale=one.mail.locale,
                links=one.mail.links,
            )
            for one in kept
        ]
    )
