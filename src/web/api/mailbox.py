"""Mails: those of test mode, which nobody sends, and those on their way, without what they say."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger.errors import NotFound
from web.api.framework import Call, Routes
from web.api.models import Body, Page, Query, Reply
from web.api.shapes import Count, ShortText
from web.identity.permissions import Permission
from web.mails.returning import WORD, came_back, try_again
from web.sessions.outbox import MailCleared, MailNotSent, MailOnItsWay, Purpose, State

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


class MailsQuery(Query):
    """Whose mails, and how they stand; all unless told."""

    to: ShortText | None = None
    state: State | None = None
    limit: int = Field(default=50, ge=1, le=200)


class MailOnItsWayReply(Reply):
    """A mail that is or was to be sent; what it says is for its reader alone."""

    mail_id: UUID
    put_at: datetime
    to: str
    subject: str
    locale: str
    purpose: Purpose
    state: State
    attempts: Count
    next_at: datetime | None = Field(description="when it is tried next, of one that waits")
    why: str | None = Field(description="a status or a word")
    perhaps_twice: bool


class BounceBody(Body):
    """Why a mail came back: a status or a word, never what was answered."""

    why: str = Field(pattern=WORD)


@routes.get(
    "/mails",
    permission=Permission.READ_MEMBERS,
    summary="List mails on their way",
    query=MailsQuery,
    answers=Page[MailOnItsWayReply],
)
def list_mails_on_their_way(call: Call[None, MailsQuery]) -> Page[MailOnItsWayReply]:
    """The latest, the newest first. `unknown` may have gone or not: a person decides."""
    found = call.parts.desk.mailbox.standing(
        to=call.query.to, state=call.query.state, limit=call.query.limit
    )
    return Page[MailOnItsWayReply](
        items=[
            MailOnItsWayReply(
                **{
                    name: getattr(one, name)
                    for name in MailOnItsWayReply.model_fields
                    if name != "next_at"
                },
                next_at=one.next_at if one.state in {"waiting", "failed"} else None,
            )
            for one in found
        ]
    )


class MailFiguresReply(Reply):
    """How the post stands. `waiting` are all that are to be sent, those that `failed` before among
    them; `unknown` may have gone or not. `given_up` and `bounced` are those of the last 24 hours.
    """

    waiting: Count
    failed: Count
    oldest_at: datetime | None = Field(description="since when the first of them waits")
    unknown: Count
    given_up: Count
    bounced: Count
    silent_from: datetime | None = Field(description="since when the mail server can't be used")
    silent_why: str | None = Field(description="a status or a word")


@routes.get(
    "/mails/figures",
    permission=Permission.READ_VIEWS,
    summary="How the post stands",
    answers=MailFiguresReply,
)
def show_mail_figures(call: Call[None, None]) -> MailFiguresReply:
    """Counts alone, for operators, who see nobody's mails."""
    found = call.parts.desk.outbox.figures()
    return MailFiguresReply.model_validate(
        {name: getattr(found, name) for name in MailFiguresReply.model_fields}
    )


@routes.post(
    "/mails/<uuid:mail_id>/bounces",
    permission=Permission.CHANGE_NOTICES,
    summary="Say that a mail came back",
    body=BounceBody,
    refusals=(NotFound, MailNotSent),
)
def report_bounce(call: Call[BounceBody, None], mail_id: UUID) -> None:
    """For whoever reads the sender's mail. A Message-ID begins with the mail's id."""
    came_back(call.parts, mail_id, call.body.why, by=call.actor, cause=call.cause)


@routes.post(
    "/mails/<uuid:mail_id>/retry",
    permission=Permission.CHANGE_NOTICES,
    summary="Try a mail again",
    refusals=(NotFound, MailOnItsWay, MailCleared),
)
def retry_mail(call: Call[None, None], mail_id: UUID) -> None:
    """One that failed, was given up, came back, or may have gone or not: now, and for days."""
    try_again(call.parts, mail_id)
