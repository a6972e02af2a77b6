"""Messages to mailing lists, and what people say of them: yes, or no more (NO4, AC11)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from ledger import ids
from ledger.errors import Forbidden, ListEnded, NotFound, TextMalformed
from ledger.texts import LONGEST_MESSAGE
from projections.list_messages import ListMessageRow
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Page, Reply
from web.api.shapes import Count, Locale, Made, ShortText, done, made
from web.identity.permissions import Permission
from web.identity.principals import Contributor
from web.mails.campaign_sending import send_test
from web.mails.campaigns import Said
from web.reading.past import Scope
from web.sessions.campaigns import NOBODY, Figures
from web.wording.consent import WORDING

routes = Routes("list_messages")


class NewMessage(Body):
    """One message to everybody on a list who agreed: plain text, of which HTML is made."""

    subject: ShortText
    text: str = Field(max_length=LONGEST_MESSAGE)
    locale: Locale


class MessageReply(Reply):
    """A message and what became of it so far; of a moment of the past, no figures."""

    message_id: UUID
    subject: str
    text: str
    locale: str
    sent_at: datetime
    is_finished: bool
    sent: Count
    not_consented: Count
    unsubscribed: Count = Field(description="before it was sent, or by its link")
    bounced: Count
    left_out: Count
    opened: Count = Field(description="followed a link to a page of this site")


class TestSent(Reply):
    """A mail is on its way to whoever asked."""

    to: str


class EngagementReply(Reply):
    """What a member did lately, was sent and opened, and whether they want messages (AC11)."""

    signed_in_at: datetime | None
    content_opened_at: datetime | None
    agrees: bool
    agreed_at: datetime | None
    wording: str | None
    messages_sent: Count
    links_opened: Count
    last_opened_at: datetime | None


class OwnMessages(Reply):
    """Whether I want campaign messages."""

    agrees: bool


class AgreeBody(Body):
    """The name of the wording that the person was shown, and where."""

    wording: ShortText = WORDING
    where: Literal["join", "account"] = "account"


@routes.get(
    "/lists/<uuid:list_id>/messages",
    permission=Permission.READ_MEMBERS,
    summary="List the messages to a mailing list",
    answers=Page[MessageReply],
    refusals=(NotFound,),
    past=Scope.LISTS,
)
def list_messages(call: Call[None, None], list_id: UUID) -> Page[MessageReply]:
    """The latest first, with their figures."""
    if call.queries.mailing_lists.one(list_id) is None:
        raise NotFound(what="list", id=list_id)
    rows = call.queries.mailing_lists.messages(list_id)
    figures = _figures(call, [row.message_id for row in rows])
    return Page[MessageReply](items=[_message(row, figures) for row in rows])


@routes.get(
    "/lists/<uuid:list_id>/messages/<uuid:message_id>",
    permission=Permission.READ_MEMBERS,
    summary="One message to a mailing list",
    answers=MessageReply,
    refusals=(NotFound,),
    past=Scope.LISTS,
)
def show_message(call: Call[None, None], list_id: UUID, message_id: UUID) -> MessageReply:
    """With its figures."""
    row = call.queries.mailing_lists.message(list_id, message_id)
    if row is None:
        raise NotFound(what="message", id=message_id)
    return _message(row, _figures(call, [message_id]))


@routes.post(
    "/lists/<uuid:list_id>/messages",
    permission=Permission.CHANGE_LISTS,
    summary="Send a message to a mailing list",
    body=NewMessage,
    answers=Made,
    status=201,
    refusals=(NotFound, ListEnded, TextMalformed),
)
def send_message(call: Call[NewMessage, None], list_id: UUID) -> Answer:
    """To those on it now who agreed; each gets it once, with a link to unsubscribe."""
    message_id, asked = ids.derived(call.command_id, "message"), call.body
    position = call.parts.ledger.send_message(
        list_id,
        message_id,
        subject=asked.subject,
        text=asked.text,
        locale=asked.locale,
        by=call.actor,
        cause=call.cause,
    )
    return made(message_id, position)


@routes.post(
    "/lists/<uuid:list_id>/messages/test",
    permission=Permission.CHANGE_LISTS,
    summary="Send a message to myself",
    body=NewMessage,
    answers=TestSent,
    status=202,
    refusals=(NotFound, TextMalformed, Forbidden),
)
def try_message(call: Call[NewMessage, None], list_id: UUID) -> Answer:
    """As the readers of the list would get it. A program has no address."""
    call.parts.ledger.mailing_list(list_id)
    if not isinstance(call.principal, Contributor):
        raise Forbidden(role="program")
    asked = call.body
    said = Said(asked.subject, asked.text, asked.locale).checked()
    mail_id = ids.derived(call.command_id, "test mail")
    return Answer(
        reply=TestSent(to=send_test(call.parts, call.principal.contributor_id, said, mail_id))
    )


@routes.get(
    "/members/<uuid:member_id>/engagement",
    permission=Permission.READ_MEMBERS,
    summary="A member's engagement",
    answers=EngagementReply,
    refusals=(NotFound,),
)
def show_engagement(call: Call[None, None], member_id: UUID) -> EngagementReply:
    """Last sign-in, content last opened, messages sent and opened links, consent."""
    member, desk = call.parts.ledger.member(member_id), call.parts.desk
    seen, read = desk.engagement.of(member_id), desk.campaigns.of_member(member_id)
    return EngagementReply(
        signed_in_at=seen.signed_in_at,
        content_opened_at=seen.content_opened_at,
        agrees=member.consent is not None,
        agreed_at=member.consent and member.consent.occurred_at,
        wording=member.consent and member.consent.wording,
        messages_sent=read.sent,
        links_opened=read.opened,
        last_opened_at=read.last_opened_at,
    )


@routes.get(
    "/account/messages",
    permission=Permission.OWN_ACCOUNT,
    summary="Whether I want messages",
    answers=OwnMessages,
    past=Scope.BOOKS,
)
def show_own_messages(call: Call[None, None]) -> OwnMessages:
    """From the books: never behind."""
    return OwnMessages(agrees=call.member(call.member_id).consent is not None)


@routes.put(
    "/account/messages",
    permission=Permission.OWN_ACCOUNT,
    summary="Agree to messages",
    body=AgreeBody,
)
def agree(call: Call[AgreeBody, None]) -> Answer:
    """By a wording that the person was shown, beside a box that nobody ticked for them."""
    asked, ledger = call.body, call.parts.ledger
    return done(
        ledger.agree(
            call.member_id,
            wording=asked.wording,
            where=asked.where,
            by=call.actor,
            cause=call.cause,
        )
    )


@routes.delete(
    "/account/messages", permission=Permission.OWN_ACCOUNT, summary="Want no messages any more"
)
def unsubscribe(call: Call[None, None]) -> Answer:
    """To no list; receipts and the like still come."""
    ledger = call.parts.ledger
    return done(ledger.unsubscribe(call.member_id, by=call.actor, cause=call.cause))


def _figures(call: Call[None, None], message_ids: list[UUID]) -> dict[UUID, Figures]:
    return {} if call.past else call.parts.desk.campaigns.figures(message_ids)


def _message(row: ListMessageRow, figures: dict[UUID, Figures]) -> MessageReply:
    told = figures.get(row.message_id, NOBODY)
    return MessageReply(
        message_id=row.message_id,
        subject=row.subject,
        text=row.text,
        locale=row.locale,
        sent_at=row.sent_at,
        is_finished=told.is_finished,
        sent=told.sent,
        not_consented=told.not_consented,
        unsubscribed=told.unsubscribed,
        bounced=told.bounced,
        left_out=told.left_out,
        opened=told.opened,
    )
