"""A person's own data as a file (AC8)."""

from __future__ import annotations

from typing import Any

from flask import current_app, render_template
from werkzeug.wrappers import Response

from ledger.errors import NotFound
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.identity.principals import Person
from web.pages.frame import group, settled
from web.reading import own_data
from web.sessions.limits import DATA_BY

pages = group("own_data", url_prefix="/account/data")
FILE_NAME = "my-data.zip"


@pages.get("")
@requires(Permission.OWN_ACCOUNT)
def page() -> str:
    """What the file holds."""
    return render_template("account/data.html")


@pages.post("")
@requires(Permission.OWN_ACCOUNT)
def download() -> Response:
    """The file itself. It is made anew each time, from the books."""
    member_id = _person().member_id
    parts().desk.limits.spend(DATA_BY, member_id)
    settled()
    made = own_data.pack(parts(), member_id, _drawn)
    headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
    return current_app.response_class(made, mimetype="application/zip", headers=headers)


def _drawn(known: dict[str, Any], facts: list[dict[str, Any]]) -> str:
    return render_template("account/my_data.html", known=known, facts=facts)


def _person() -> Person:
    person = caller().person
    if person is None:
        raise NotFound(what="person", id="")
    return person
