"""The tokens of programs: made, shown once, listed, revoked (NO5)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger import ids
from web.api.catalogue import all_routes
from web.api.models import Query
from web.api.team import LONGEST_NAME, StaffRole
from web.identity import staff
from web.identity.auth import parts, requires
from web.identity.permissions import Permission, Role
from web.pages.filling import Args, blame
from web.pages.forms import Filled, cause, principal, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward
from web.pages.panel.colleagues import ROLE_NAMES
from web.pages.panel.listing import PAGE, midnight
from web.pages.past_pages import reading
from web.problems import Problem
from web.sessions.tokens import Token, scopes_of
from web.wording.languages import gettext

pages = group("tokens", url_prefix="/panel/team/tokens")


class ListedArgs(Args):
    """From which token on, or back from which."""

    after: UUID | None = None
    before: UUID | None = None


class NewArgs(Args):
    """For a program of which role."""

    role: StaffRole = "auditor"


class NewForm(Query):
    """What a token is to be called, what it may do, and the last day on which it works."""

    name: str = Field(max_length=LONGEST_NAME)
    role: StaffRole
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    expires_at: date | None = None


@pages.get("")
@requires(Permission.READ_TOKENS)
def listing() -> str:
    """Every token that was ever made, the newest first."""
    args = read_args(ListedArgs).value or ListedArgs()
    tokens, newer, older = _turned(args)
    return render_template(
        "panel/tokens.html",
        tokens=tokens,
        newer=newer,
        older=older,
        is_later=args.after is not None,
        names={one.contributor_id: one.name for one in reading().queries.contributors.all()},
        now=parts().clock.now(),
    )


@pages.get("/new")
@requires(Permission.CHANGE_TOKENS)
def new() -> str:
    """What may this program do?"""
    return _form((read_args(NewArgs).value or NewArgs()).role)


@pages.post("/new")
@requires(Permission.CHANGE_TOKENS)
def create() -> str | tuple[str, int]:
    """Make it; its text is on this page alone."""
    filled, wrong = read_form(NewForm), ""
    asked = filled.value
    if asked is not None:
        token_id = ids.derived(cause().id, "token")
        try:
            text = staff.make_token(
                parts(),
                principal(),
                token_id,
                asked.name,
                role=Role(asked.role),
                scopes=asked.scopes,
                expires_at=_end_of(asked.expires_at),
            )
        except Problem as refused:
            filled, wrong = blame(filled, refused)
        else:
            made = parts().desk.tokens.one(token_id)
            return render_template("panel/token_made.html", text=text, made=made)
    return _form((read_form(NewArgs).value or NewArgs()).role, filled, wrong), UNPROCESSABLE


@pages.get("/<uuid:token_id>/revoke")
@requires(Permission.CHANGE_TOKENS)
def ask_revoke(token_id: UUID) -> str:
    """What stops working, before it does."""
    token = parts().desk.tokens.one(token_id)
    return render_template("panel/token_revoke.html", token=token)


@pages.post("/<uuid:token_id>/revoke")
@requires(Permission.CHANGE_TOKENS)
def revoke(token_id: UUID) -> Response:
    """It works no more, from this moment."""
    parts().desk.tokens.revoke(token_id)
    return onward("tokens.listing", gettext("The token works no more."))


# --- within -------------------------------------------------------------------------------


def _turned(args: ListedArgs) -> tuple[list[Token], UUID | None, UUID | None]:
    """The tokens of a page, and those between which and newer or older ones it lies."""
    tokens = parts().desk.tokens
    if args.before:
        found = tokens.page_back(before=args.before, limit=PAGE + 1)
        shown = found[-PAGE:]
        has_newer, has_older = len(found) > PAGE, True
    else:
        found = tokens.page(after=args.after, limit=PAGE + 1)
        shown = found[:PAGE]
        has_newer, has_older = args.after is not None, len(found) > PAGE
    newer = shown[0].token_id if shown and has_newer else None
    return shown, newer, shown[-1].token_id if shown and has_older else None


def _form(role: StaffRole, filled: Filled[NewForm] | None = None, wrong: str = "") -> str:
    opens = scopes_of(Role(role)) & principal().permissions
    scopes = [one.value for one in Permission if one in opens & _in_use()]
    return render_template(
        "panel/token_new.html",
        role=role,
        roles=ROLE_NAMES,
        reads=[one for one in scopes if one.endswith(":read")],
        acts=[one for one in scopes if not one.endswith(":read")],
        form=filled,
        wrong=wrong,
    )


def _end_of(day: date | None) -> datetime | None:
    return None if day is None or day == date.max else midnight(day + timedelta(days=1))


def _in_use() -> frozenset[Permission]:
    """What any endpoint asks for; a scope that opens nothing is not offered."""
    return frozenset(route.permission for route in all_routes())
