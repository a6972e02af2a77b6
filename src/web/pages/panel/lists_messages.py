"""Writing to a mailing list: a message is written, looked at, tried on oneself, and sent (NO4)."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger import ids
from ledger.errors import LedgerError, ListEnded, NotFound
from ledger.texts import LONGEST_MESSAGE, LONGEST_NAME
from web.api.models import Query
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.mails.campaign_sending import send_test as send_mail_to
from web.mails.campaigns import Said, as_html
from web.pages.filling import Args, blame, signed
from web.pages.forms import Filled, command_id, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.pages.panel.lists import found
from web.pages.past_pages import of_moment, past, reading
from web.reading.past import Scope
from web.wording.invitation import invitation
from web.wording.languages import gettext, locale, ngettext, say

pages = group("list_messages", url_prefix="/panel/lists/<uuid:list_id>/messages")


class MessageForm(Query):
    """What a message says."""

    subject: str = Field(max_length=4 * LONGEST_NAME)
    text: str = Field(max_length=4 * LONGEST_MESSAGE)
    locale: Literal["en", "fr"]


class TemplateArgs(Args):
    """Which ready message to begin with, and the code that it names."""

    template: Literal["en", "fr"] | None = None
    code: UUID | None = None


@pages.get("/new")
@requires(Permission.CHANGE_LISTS)
def new(list_id: UUID) -> str:
    """An empty message, or the ready invitation."""
    args = read_args(TemplateArgs).value or TemplateArgs()
    said = Said("", "", locale())
    if args.template:
        code = reading().queries.discounts.one(args.code) if args.code else None
        said = invitation(parts(), args.template, code)
    return _page(list_id, said=said, args=args)


@pages.post("/preview")
@requires(Permission.CHANGE_LISTS)
def preview(list_id: UUID) -> str | tuple[str, int]:
    """As its readers see it; nothing is sent."""
    filled, said, wrong = _read()
    if said is None:
        return _page(list_id, filled, wrong), UNPROCESSABLE
    return _page(list_id, filled, said=said, shown=True)


@pages.post("/test")
@requires(Permission.CHANGE_LISTS)
def send_test(list_id: UUID) -> str | tuple[str, int]:
    """One mail, to whoever asks."""
    filled, said, wrong = _read()
    person = caller().contributor
    if said is None or person is None:
        return _page(list_id, filled, wrong), UNPROCESSABLE
    mail_id = ids.derived(command_id(), "test mail")
    address = send_mail_to(parts(), person.contributor_id, said, mail_id)
    told = say("A test mail is on its way to {email}.", email=address)
    return _page(list_id, filled, said=said, shown=True, told_so=told)


@pages.post("")
@requires(Permission.CHANGE_LISTS)
def send(list_id: UUID) -> Response | tuple[str, int]:
    """Send it to everybody on the list who agreed to messages."""
    filled, said, wrong = _read()
    if said is not None:
        message_id = ids.derived(command_id(), "message")
        try:
            settled(
                parts().ledger.send_message(
                    list_id,
                    message_id,
                    subject=said.subject,
                    text=said.text,
                    locale=said.locale,
                    **signed(),
                )
            )
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
        else:
            notice = gettext("The message is on its way; the figures follow within minutes.")
            return onward(".one", notice, list_id=list_id, message_id=message_id)
    return _page(list_id, filled, wrong), UNPROCESSABLE


@pages.get("/<uuid:message_id>")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def one(list_id: UUID, message_id: UUID) -> str:
    """A message that was sent, and what became of it."""
    row = reading().queries.mailing_lists.message(list_id, message_id)
    if row is None:
        raise NotFound(what="message", id=message_id)
    figures = None if past() else parts().desk.campaigns.figures([message_id])[message_id]
    return render_template(
        "panel/list_message.html",
        list=found(list_id),
        message=row,
        body=as_html(row.text),
        figures=figures,
    )


def _read() -> tuple[Filled[MessageForm], Said | None, str]:
    """The form, what the message says, and what is wrong with it."""
    filled = read_form(MessageForm)
    if filled.value is None:
        return filled, None, ""
    try:
        asked = filled.value
        said = Said(asked.subject, asked.text, asked.locale).checked()
    except LedgerError as refused:
        blamed, wrong = blame(filled, refused)
        return blamed, None, wrong
    return filled, said, ""


def _page(
    list_id: UUID,
    filled: Filled[Any] | None = None,
    wrong: str = "",
    *,
    said: Said | None = None,
    shown: bool = False,
    told_so: str = "",
    args: TemplateArgs | None = None,
) -> str:
    row = found(list_id)
    if row.ended_at is not None:
        raise ListEnded(list_name=row.name)
    audience = reading().queries.mailing_lists.audience(list_id)
    sends = ngettext("Send to %(num)s person", "Send to %(num)s people", audience.reached) % {
        "num": audience.reached
    }
    return render_template(
        "panel/list_write.html",
        list=row,
        form=filled,
        wrong=wrong,
        said=said,
        body=as_html(said.text) if said and shown else None,
        told_so=told_so,
        args=args or TemplateArgs(),
        codes=[code for code in reading().queries.discounts.all() if code.ended_at is None],
        audience=audience,
        sends=sends,
    )
