"""The team: who runs the site, in which roles; added, changed, removed; the site handed on."""

from __future__ import annotations

from typing import Literal, cast, get_args
from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger import ids
from ledger.contributor import Role
from ledger.errors import LedgerError
from web.api.models import Query
from web.identity import staff
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import blame, signed
from web.pages.forms import Filled, actor, cause, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, reason, settled
from web.pages.past_pages import of_moment, reading
from web.problems import Problem
from web.reading.past import Scope
from web.wording.languages import gettext, say

pages = group("colleagues", url_prefix="/panel/team")

StaffRole = Literal["administrator", "store_manager", "auditor", "operator"]
ROLE_NAMES: tuple[StaffRole, ...] = get_args(StaffRole)


class RolesForm(Query):
    """Exactly these roles."""

    roles: list[StaffRole] = Field(min_length=1)


class NewForm(RolesForm):
    """Who becomes staff."""

    email: str
    name: str
    locale: Literal["en", "fr"] = "en"


class HandOnForm(Query):
    """That it is meant: the box is ticked."""

    sure: bool


@pages.get("")
@requires(Permission.READ_TEAM)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Everybody who is staff, and who was."""
    return _listing()


@pages.post("")
@requires(Permission.CHANGE_TEAM)
def add() -> Response | tuple[str, int]:
    """Somebody becomes staff, and is mailed the link to a password."""
    filled, wrong = read_form(NewForm), ""
    if filled.value is not None:
        asked, contributor_id = filled.value, ids.derived(cause().id, "contributor")
        try:
            settled(
                parts().ledger.add_contributor(
                    contributor_id,
                    email=asked.email,
                    name=asked.name,
                    roles=frozenset(cast("list[Role]", asked.roles)),
                    locale=asked.locale,
                    **signed(),
                )
            )
            staff.invite(parts(), contributor_id)
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
        else:
            return onward("colleagues.listing", say("{name} is invited by mail.", name=asked.name))
    return _listing(filled, wrong), UNPROCESSABLE


@pages.get("/<uuid:contributor_id>")
@requires(Permission.CHANGE_TEAM)
def one(contributor_id: UUID) -> str:
    """What may be done with one of the staff."""
    return _one(contributor_id)


@pages.post("/<uuid:contributor_id>/roles")
@requires(Permission.CHANGE_TEAM)
def change_roles(contributor_id: UUID) -> Response | tuple[str, int]:
    """Other roles, at once."""
    filled, wrong = read_form(RolesForm), ""
    if filled.value is not None:
        roles = frozenset(cast("list[Role]", filled.value.roles))
        try:
            settled(parts().ledger.change_roles(contributor_id, roles, **signed()) or None)
        except LedgerError as refused:
            wrong = reason(refused)
        else:
            return onward("colleagues.listing", gettext("The roles count from now on."))
    return _one(contributor_id, wrong or gettext("Choose at least one role.")), UNPROCESSABLE


@pages.post("/<uuid:contributor_id>/remove")
@requires(Permission.CHANGE_TEAM)
def remove(contributor_id: UUID) -> Response | tuple[str, int]:
    """They are staff no more, and signed out everywhere."""
    try:
        settled(staff.remove(parts(), contributor_id, **signed()) or None)
    except LedgerError as refused:
        return _one(contributor_id, reason(refused)), UNPROCESSABLE
    return onward("colleagues.listing", gettext("They are on the team no more."))


@pages.post("/<uuid:contributor_id>/invite")
@requires(Permission.CHANGE_TEAM)
def invite(contributor_id: UUID) -> Response | tuple[str, int]:
    """Another link to a password; the older one ends."""
    try:
        staff.invite(parts(), contributor_id)
    except LedgerError as refused:
        return _one(contributor_id, reason(refused)), UNPROCESSABLE
    return onward("colleagues.listing", gettext("The invitation is on its way."))


@pages.post("/<uuid:contributor_id>/second-step/end")
@requires(Permission.CHANGE_TEAM)
def end_second_step(contributor_id: UUID) -> Response | tuple[str, int]:
    """Their telephone is lost: they sign in without a code, and are told."""
    try:
        settled(staff.end_second_step(parts(), contributor_id, **signed()))
    except (LedgerError, Problem) as refused:
        return _one(contributor_id, reason(refused)), UNPROCESSABLE
    return onward("colleagues.listing", gettext("They sign in without a code, and are told."))


@pages.get("/<uuid:contributor_id>/ownership")
@requires(Permission.TRANSFER_OWNERSHIP)
def ask_to_hand_on(contributor_id: UUID) -> str:
    """What it means to give the site away, before it is done."""
    return _hand_on(contributor_id)


@pages.post("/<uuid:contributor_id>/ownership")
@requires(Permission.TRANSFER_OWNERSHIP)
def hand_on(contributor_id: UUID) -> Response | tuple[str, int]:
    """Give the site to an administrator; the owner before stays as one (NO5)."""
    form = read_form(HandOnForm).value
    if form is None or not form.sure:
        return _hand_on(contributor_id, gettext("Tick the box if you mean it.")), UNPROCESSABLE
    if "administrator" not in parts().ledger.contributor(contributor_id).roles:
        wrong = gettext("Only an administrator can become the owner.")
        return _hand_on(contributor_id, wrong), UNPROCESSABLE
    try:
        settled(parts().ledger.transfer_ownership(contributor_id, **signed()) or None)
    except LedgerError as refused:
        return _hand_on(contributor_id, reason(refused)), UNPROCESSABLE
    return onward("colleagues.listing", gettext("The site has another owner now."))


def _listing(filled: Filled[NewForm] | None = None, wrong: str = "") -> str:
    return render_template(
        "panel/team.html",
        staff=reading().queries.contributors.all(),
        roles=ROLE_NAMES,
        form=filled,
        wrong=wrong,
    )


def _one(contributor_id: UUID, wrong: str = "") -> str:
    return render_template(
        "panel/colleague.html",
        one=parts().ledger.contributor(contributor_id),
        has_second_step=parts().desk.second_factors.is_on(contributor_id),
        is_self=actor().id == contributor_id,
        roles=ROLE_NAMES,
        wrong=wrong,
    )


def _hand_on(contributor_id: UUID, wrong: str = "") -> str:
    heir = parts().ledger.contributor(contributor_id)
    return render_template("panel/ownership.html", heir=heir, wrong=wrong)
