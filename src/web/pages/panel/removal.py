"""Remove from the member list: one or several memberships at once (AX2)."""

from __future__ import annotations

from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import LedgerError
from ledger.member import Membership
from ledger.texts import LONGEST_REASON
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.mails import cancellation
from web.pages.filling import Args, blame, signed
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, reason, settled, told
from web.problems import Problem
from web.wording.languages import message, ngettext, say

pages = group("removal", url_prefix="/panel/members/<uuid:member_id>/remove")

REASONS = (
    message("asked us to"),
    message("against the house rules"),
    message("joined twice by mistake"),
    message("no longer entitled"),
)
"""Ready reasons; another may be typed."""


class RemovalForm(Query):
    """Which memberships, and why."""

    membership: list[UUID] = Field(min_length=1)
    reason: str = Field(max_length=4 * LONGEST_REASON)


class LinkForm(Query):
    """Which membership the mailed link is for."""

    membership: UUID


class RemovalArgs(Args):
    """Which membership is chosen at first; all, unless told."""

    membership: UUID | None = None


@pages.get("")
@requires(Permission.REMOVE_MEMBERS)
def ask(member_id: UUID) -> str:
    """What happens, before it does: access ends now, and no money goes back."""
    args = read_args(RemovalArgs).value
    running = _running(member_id)
    named = args.membership if args else None
    chosen = [named] if named else [membership.membership_id for membership in running]
    return _page(member_id, running, chosen)


@pages.post("")
@requires(Permission.REMOVE_MEMBERS)
def remove(member_id: UUID) -> Response | tuple[str, int]:
    """End the chosen memberships now, all of them or none."""
    filled, wrong = read_form(RemovalForm), ""
    if filled.value is not None:
        asked = filled.value
        try:
            settled(
                parts().ledger.remove_memberships(
                    member_id, asked.membership, asked.reason, **signed()
                )
            )
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
        else:
            count = len(asked.membership)
            notice = ngettext(
                "Removed: access has ended.", "Removed from %(num)s plans: access has ended.", count
            ) % {"num": count}
            return onward("member.profile", notice, member_id=member_id)
    if "membership" in filled.faults:
        wrong = told(filled.faults["membership"])
    chosen = filled.given.get("membership", [])
    page = _page(member_id, _running(member_id), list(map(_id, chosen)), filled, wrong)
    return page, UNPROCESSABLE


@pages.post("/link")
@requires(Permission.REMOVE_MEMBERS)
def mail_link(member_id: UUID) -> Response | tuple[str, int]:
    """The gentler way: a mailed link by which the member stops the renewal themself."""
    asked = read_form(LinkForm).value
    running = _running(member_id)
    chosen = [membership.membership_id for membership in running]
    if asked is None:
        raise Problem(400, "form_incomplete", "This form is incomplete; reload it and try again.")
    try:
        cancellation.mail_link(parts(), member_id, asked.membership)
    except LedgerError as refused:
        return _page(member_id, running, chosen, wrong=reason(refused)), UNPROCESSABLE
    member = parts().ledger.member(member_id)
    notice = say("The link is on its way to {email}.", email=member.email)
    return onward("member.profile", notice, member_id=member_id)


def _running(member_id: UUID) -> list[Membership]:
    now = parts().clock.now()
    stays = parts().ledger.member(member_id).memberships.values()
    return [membership for membership in stays if membership.is_running(now)]


def _can_be_asked(membership: Membership) -> bool:
    """Whether its member could stop the renewal, and has not yet."""
    return membership.terms.model == "recurring" and membership.cancelled_at is None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _page(
    member_id: UUID,
    running: list[Membership],
    chosen: list[UUID] | list[UUID | None],
    filled: Filled[RemovalForm] | None = None,
    wrong: str = "",
) -> str:
    return render_template(
        "panel/removal.html",
        member=parts().ledger.member(member_id),
        running=running,
        can_be_asked=[one for one in running if _can_be_asked(one)],
        chosen=chosen,
        reasons=REASONS,
        form=filled,
        wrong=wrong,
    )
