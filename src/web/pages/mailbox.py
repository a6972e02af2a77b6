"""Test mode: the mails that would have been sent, with their links."""

from __future__ import annotations

from uuid import UUID

from flask import render_template
from pydantic import Field

from ledger.texts import LONGEST_EMAIL
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import read_args
from web.pages.frame import group

pages = group("mailbox")


class MailboxArgs(Args):
    """Whose mails to show; everybody's unless told."""

    to: str | None = Field(default=None, max_length=LONGEST_EMAIL)


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
