"""What I am told: one of the staff chooses for themself which letters they get (NO1)."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from flask import render_template
from werkzeug.wrappers import Response

from ledger.told import STAFF_KINDS, StaffKind
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import signed
from web.pages.forms import actor, read_form
from web.pages.frame import group, onward, settled
from web.wording.languages import gettext

pages = group("own_notices", url_prefix="/panel/notices/mine")


class KindForm(Query):
    """A kind of news."""

    kind: StaffKind


@pages.get("")
@requires(Permission.OWN_NOTICES)
def page() -> str:
    """Every kind, with what I asked."""
    me = parts().ledger.contributor(_own_id())
    return render_template("panel/own_notices.html", kinds=STAFF_KINDS, me=me)


@pages.post("/mute")
@requires(Permission.OWN_NOTICES)
def mute() -> Response:
    """Tell me of it no more."""
    kind = read_form(KindForm).value
    if kind is not None:
        settled(parts().ledger.mute_notices(_own_id(), kind.kind, **signed()) or None)
    return onward("own_notices.page", gettext("You are told of it no more."))


@pages.post("/unmute")
@requires(Permission.OWN_NOTICES)
def unmute() -> Response:
    """Tell me of it again."""
    kind = read_form(KindForm).value
    if kind is not None:
        settled(parts().ledger.unmute_notices(_own_id(), kind.kind, **signed()) or None)
    return onward("own_notices.page", gettext("You are told of it from now on."))


def _own_id() -> UUID:
    return cast("UUID", actor().id)
