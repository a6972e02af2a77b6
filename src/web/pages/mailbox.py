"""Test mode: the mails that would have been sent, with their links."""

from __future__ import annotations

from uuid import UUID

from flask import render_template

from web.auth import parts, requires
from web.frame import group
from web.permissions import Permission

pages = group("mailbox")


@pages.get("/mailbox")
@requires(Permission.PUBLIC)
def latest() -> str:
    """The latest mails; in live mode there is no such page."""
    return render_template("public/mailbox.html", mails=parts().desk.mailbox.recent())


@pages.get("/mailbox/<uuid:mail_id>")
@requires(Permission.PUBLIC)
def one(mail_id: UUID) -> str:
    """One mail."""
    return render_template("public/mail.html", kept=parts().desk.mailbox.one(mail_id))
