"""Mails: where none leaves the house, with their links; else how each is on its way."""

from __future__ import annotations

from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import LedgerError
from ledger.texts import LONGEST_EMAIL
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.mails.returning import AGAIN, try_again
from web.pages.filling import Args
from web.pages.forms import read_args, read_form
from web.pages.frame import group, onward, reason
from web.sessions.outbox import State
from web.wording.languages import gettext, message

pages = group("mailbox")
panel_pages = group("mails", url_prefix="/panel/mails")

STATES: dict[State, str] = {
    "waiting": message("waits to be sent"),
    "failed": message("failed, to be tried again"),
    "sent": message("sent"),
    "unknown": message("perhaps sent: the server did not answer"),
    "given_up": message("given up"),
    "bounced": message("came back"),
}


@pages.after_request
def _unstored(answer: Response) -> Response:
    """What was mailed to others is in no cache."""
    answer.headers["Cache-Control"] = "no-store"
    return answer


class MailboxArgs(Args):
    """Whose mails to show; everybody's unless told."""

    to: str | None = Field(default=None, max_length=LONGEST_EMAIL)


class MailsArgs(MailboxArgs):
    """And how they stand."""

    state: State | None = None


class NoForm(Query):
    """Nothing to fill in."""


@pages.get("/mailbox")
@requires(Permission.PUBLIC)
def latest() -> str:
    """The latest mails, to everybody or to one address; in live mode there is no such page."""
    args = read_args(MailboxArgs).value
    to = (args.to or "").strip() if args else ""
    mails = parts().desk.mailbox.recent(to=to or None)
    return render_template("public/mailbox.html", mails=mails, to=to)


@pages.get("/mailbox/<uuid:mail_id>")
@requires(Permission.PUBLIC)
def one(mail_id: UUID) -> str:
    """One mail."""
    return render_template("public/mail.html", kept=parts().desk.mailbox.one(mail_id))


@panel_pages.get("")
@requires(Permission.READ_MEMBERS)
def on_their_way() -> str:
    """The latest mails that are or were to be sent; what they say is for their readers alone."""
    args = read_args(MailsArgs).value or MailsArgs()
    desk, to = parts().desk, (args.to or "").strip()
    return render_template(
        "panel/mails.html",
        mails=desk.mailbox.standing(to=to or None, state=args.state),
        figures=desk.outbox.figures(),
        is_set=parts().settings.mail_server is not None,
        states=mail_states(),
        again=AGAIN,
        to=to,
        state=args.state,
    )


@panel_pages.app_context_processor
def _warning() -> dict[str, object]:
    """What every page of the panel warns of; asked where it is shown."""
    return {"post_stuck": parts().desk.outbox.stuck}


@panel_pages.post("/<uuid:mail_id>/retry")
@requires(Permission.CHANGE_NOTICES)
def retry(mail_id: UUID) -> Response:
    """Try a mail again, now and for days."""
    read_form(NoForm)
    try:
        try_again(parts(), mail_id)
    except LedgerError as refused:
        return onward("mails.on_their_way", reason(refused), tone="bad")
    return onward("mails.on_their_way", gettext("It is tried again."))


def mail_states() -> dict[State, str]:
    """The states of a mail on its way, in the reader's words."""
    return {state: gettext(said) for state, said in STATES.items()}
