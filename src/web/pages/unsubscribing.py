"""What the links in campaign mails open: leaving the lists, and going on to a page of ours.

Neither asks anybody to sign in. Opening a page changes nothing: scanners open links, people press
buttons. A mail program leaves by itself with a POST to the same address (RFC 8058).
"""

from __future__ import annotations

from http import HTTPStatus

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from ledger import ids
from ledger.facts import Actor, Cause
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.mails.campaign_links import TEST, Reader, who_goes, who_leaves
from web.pages.frame import group

pages = group("unsubscribing")


@pages.get("/unsubscribe/<token>")
@requires(Permission.PUBLIC)
def ask(token: str) -> str:
    """One button; nothing changes before it is pressed."""
    return _page("test" if token == TEST else _standing(who_leaves(parts(), token)))


@pages.post("/unsubscribe/<token>")
@requires(Permission.PUBLIC)
def leave(token: str) -> str:
    """No message to any list any more; twice is no news."""
    if token == TEST:
        return _page("test")
    reader = who_leaves(parts(), token)
    person_id = parts().ledger.mailing_list(reader.list_id).entry(reader.entry_id).person_id
    parts().ledger.unsubscribe_from_list(
        reader.list_id,
        reader.entry_id,
        by=Actor(kind="member", id=person_id),
        cause=Cause(kind="request", id=ids.new()),
    )
    parts().desk.campaigns.left(reader.message_id, reader.entry_id)
    return _page("left")


@pages.get("/to/<token>")
@requires(Permission.PUBLIC)
def go(token: str) -> Response:
    """On to a page of this site, and to no other: the mail's reader came (AC11)."""
    reader, path = who_goes(parts(), token)
    if request.method == "GET":
        parts().desk.campaigns.opened(reader.message_id, reader.entry_id)
    return redirect(path, HTTPStatus.SEE_OTHER)


def _standing(reader: Reader) -> str:
    entry = parts().ledger.mailing_list(reader.list_id).entry(reader.entry_id)
    if entry.member_id is None:
        return "left" if entry.unsubscribed else "on"
    return "on" if parts().ledger.member(entry.member_id).consent else "left"


def _page(standing: str) -> str:
    return render_template("public/unsubscribe.html", standing=standing)
