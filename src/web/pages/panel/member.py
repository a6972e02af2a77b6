"""One member: who they are, memberships, money, tags, notes, and everything that happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from flask import render_template, request
from pydantic import Field
from werkzeug.wrappers import Response

from ledger import ids
from ledger.errors import LedgerError, NotFound
from ledger.member import AccessAnswer, Member
from ledger.texts import LONGEST_NOTE, LONGEST_REASON, LONGEST_TAG
from projections.memberships import MembershipRow
from projections.queries.orders import OrderFilter
from projections.queries.paging import Turn
from projections.stays import Standing
from web.api.models import Query
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args, signed
from web.pages.forms import command_id, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, reason, settled, told
from web.pages.panel import timeline
from web.pages.panel.engagement import engagement_of
from web.pages.panel.notices import latest_to
from web.pages.past_pages import now, of_moment, past, reading
from web.reading.past import Scope
from web.sessions.sessions import Kind
from web.wording.languages import gettext

pages = group("member", url_prefix="/panel/members/<uuid:member_id>")
LINES, MORE_LINES = 40, 200
"""Of the history: at first, and each time that more of it is asked for."""
NOTES, ORDERS = 20, 100


class HistoryArgs(Args):
    """From which position back the history is told."""

    before: Annotated[int | None, Field(ge=1, lt=2**63)] = None


class TagForm(Query):
    """One tag."""

    tag: str = Field(max_length=4 * LONGEST_TAG)


class NoteForm(Query):
    """What a note says."""

    text: str = Field(max_length=4 * LONGEST_NOTE)


class ReasonForm(Query):
    """Why."""

    reason: str = Field(max_length=4 * LONGEST_REASON)


@dataclass(frozen=True)
class Stay:
    """A membership with where it stands and whether it gives access now."""

    row: MembershipRow
    standing: Standing
    access: AccessAnswer

    @property
    def is_running(self) -> bool:
        """Whether staff may still end it."""
        return not self.standing.startswith("ended")


@pages.get("")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.MEMBER)
def profile(member_id: UUID) -> str:
    """Everything about a member on one page."""
    return _profile(member_id)


@pages.post("/tags")
@requires(Permission.CHANGE_TAGS)
def tag(member_id: UUID) -> Response | tuple[str, int]:
    """Put a tag on (AC9)."""
    filled = read_form(TagForm)
    if filled.value is None:
        return _refused(member_id, told(next(iter(filled.faults.values()))))
    try:
        settled(parts().ledger.tag(member_id, filled.value.tag, **signed()))
    except LedgerError as refused:
        return _refused(member_id, reason(refused))
    return onward("member.profile", member_id=member_id)


@pages.post("/untag")
@requires(Permission.CHANGE_TAGS)
def untag(member_id: UUID) -> Response:
    """Take a tag off."""
    filled = read_form(TagForm)
    if filled.value is not None:
        settled(parts().ledger.untag(member_id, filled.value.tag, **signed()))
    return onward("member.profile", member_id=member_id)


@pages.post("/notes")
@requires(Permission.CHANGE_NOTES)
def write_note(member_id: UUID) -> Response | tuple[str, int]:
    """Keep a private note."""
    filled = read_form(NoteForm)
    if filled.value is None:
        return _refused(member_id, told(next(iter(filled.faults.values()))))
    note_id = ids.derived(command_id(), "note")
    try:
        settled(parts().ledger.write_note(member_id, note_id, filled.value.text, **signed()))
    except LedgerError as refused:
        return _refused(member_id, reason(refused))
    return onward("member.profile", member_id=member_id, _anchor="notes")


@pages.post("/notes/<uuid:note_id>")
@requires(Permission.CHANGE_NOTES)
def correct_note(member_id: UUID, note_id: UUID) -> Response | tuple[str, int]:
    """Let a note say something else; the history keeps both."""
    filled = read_form(NoteForm)
    if filled.value is None:
        return _refused(member_id, told(next(iter(filled.faults.values()))))
    try:
        settled(parts().ledger.correct_note(member_id, note_id, filled.value.text, **signed()))
    except LedgerError as refused:
        return _refused(member_id, reason(refused))
    return onward("member.profile", member_id=member_id, _anchor="notes")


@pages.get("/close")
@requires(Permission.CLOSE_ACCOUNTS)
def ask_close(member_id: UUID) -> str:
    """What closing does, and that it is for accounts without any history (AC4)."""
    return render_template("panel/close.html", member=_known(member_id), wrong="")


@pages.post("/close")
@requires(Permission.CLOSE_ACCOUNTS)
def close(member_id: UUID) -> Response | tuple[str, int]:
    """Close an account that never bought or joined anything; else say why not (AC4)."""
    filled, member = read_form(ReasonForm), _known(member_id)
    wrong = "" if filled.value else told(next(iter(filled.faults.values())))
    if filled.value is not None:
        try:
            position = parts().ledger.close_account(member_id, filled.value.reason, **signed())
        except LedgerError as refused:
            wrong = reason(refused)
        else:
            parts().desk.forget(Kind.MEMBER, member_id, email=member.email)
            settled(position)
            return onward("member.profile", gettext("The account is closed."), member_id=member_id)
    return render_template("panel/close.html", member=member, wrong=wrong), UNPROCESSABLE


# --- within -----------------------------------------------------------------------------


def _refused(member_id: UUID, wrong: str) -> tuple[str, int]:
    return _profile(member_id, wrong), UNPROCESSABLE


def _known(member_id: UUID) -> Member:
    return parts().ledger.member(member_id)


def _profile(member_id: UUID, wrong: str = "") -> str:
    queries, instant, moment = reading().queries, now(), past()
    summary = queries.members.one(member_id, instant)
    if summary is None:
        raise NotFound(what="member", id=member_id)
    member = moment.facts.member(member_id) if moment else _known(member_id)
    turn = Turn("placed", descending=True, limit=ORDERS)
    story, earlier = _history(member_id)
    notes = queries.members.notes_of(member_id)
    shown = len(notes) if "notes" in request.args else NOTES
    return render_template(
        "panel/member.html",
        member=summary,
        stays=[
            Stay(row, row.stay.standing(instant), member.access(row.plan_id, instant))
            for row in queries.memberships.of_member(member_id)
        ],
        orders=queries.orders.page(OrderFilter(member_id=member_id), turn),
        spending=queries.money.spending_of(member_id),
        duplicates=[] if moment else queries.members.duplicates_of(member_id, instant),
        notes=notes[:shown],
        earlier_notes=len(notes[shown:]),
        names=timeline.staff_names(),
        last_mail=None if moment else parts().desk.mailbox.last_to(summary.email),
        seen=None if moment else parts().desk.engagement.of(member_id),
        engagement=engagement_of(member),
        letters=[] if moment else latest_to(member_id),
        story=story,
        earlier=earlier,
        has_more="all" in request.args,
        known_tags=[] if moment else sorted(set(queries.members.tag_names()) - set(summary.tags)),
        wrong=wrong,
    )


def _history(member_id: UUID) -> tuple[list[timeline.Line], int]:
    """The lines that are shown, and how many facts came before them."""
    if caller().principal_for(Permission.READ_HISTORY) is None:
        return [], 0
    args = read_args(HistoryArgs).value or HistoryArgs()
    most = MORE_LINES if "all" in request.args else LINES
    history = reading().queries.history
    entries, earlier = history.latest_of_subject(member_id, most, before=args.before)
    return timeline.lines(entries, most=most), earlier
