"""Notices: who was told what, why, and what became of it; what came to nothing is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from flask import render_template
from werkzeug.wrappers import Response

from ledger.errors import LedgerError, NotFound
from ledger.notification import State
from ledger.told import Kind
from projections.notices import NoticeRow
from projections.queries.notices import NoticeFilter
from projections.queries.paging import Turn
from web.api.framework import BASE
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.mails import resending
from web.pages.filling import signed
from web.pages.forms import read_args
from web.pages.frame import group, onward, reason, settled, word
from web.pages.panel.listing import PAGE, Chip, ListArgs, chip
from web.pages.past_pages import of_moment, reading
from web.reading.past import Scope
from web.wording.languages import gettext, say

pages = group("notices", url_prefix="/panel/notices")

AGAIN = frozenset({"given_up", "bounced"})
"""States in which nobody tries any more."""
MOST_SHOWN = 8
"""Of the latest notices, on the page of a member."""


class NoticesArgs(ListArgs):
    """The list's parameters: `person` is who is told, `member` whom it is about."""

    kind: Kind | None = None
    state: State | None = None
    person: UUID | None = None
    member: UUID | None = None


class Line(NamedTuple):
    """A notice as it is shown: to whom, about whom, and where the fact is told that led to it."""

    notice: NoticeRow
    to: str
    about: str
    order_id: UUID | None


@pages.get("")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Every notice, the latest first."""
    args = read_args(NoticesArgs).value or NoticesArgs()
    turn = Turn("queued", descending=args.direction != "asc", limit=PAGE, cursor=args.cursor)
    page = reading().queries.notices.page(_filter(args), turn)
    lines = lines_of(page.rows)
    return render_template(
        "panel/notices.html",
        args=args,
        page=page,
        lines=lines,
        chips=_chips(args, lines),
        again=AGAIN,
        export_path=f"{BASE}/notices.csv",
        export=_export(args),
        here=_here(args),
    )


@pages.post("/<uuid:notice_id>/resend")
@requires(Permission.CHANGE_NOTICES)
def resend(notice_id: UUID) -> Response:
    """Let one wait again that was given up, or came back; the list stays where it is."""
    here = _here(read_args(NoticesArgs).value or NoticesArgs())
    here["_anchor"] = f"notice-{notice_id}"
    try:
        settled(resending.resend(parts(), notice_id, **signed()) or None)
    except LedgerError as refused:
        if isinstance(refused, NotFound):
            raise
        return onward("notices.listing", reason(refused), tone="bad", **here)
    return onward("notices.listing", gettext("It is sent again within a minute."), **here)


def lines_of(rows: Sequence[NoticeRow]) -> list[Line]:
    """Notices with the names of those whom they were written to and of those they are about."""
    staff = {row.contributor_id: row.name for row in reading().queries.contributors.all()}
    members: dict[UUID, str] = {}
    for row in rows:
        for member_id in filter(None, (row.member_id, _as_member(row))):
            if member_id not in members:
                members[member_id] = _name_of(member_id)
    return [
        Line(
            row,
            {**staff, **members}.get(row.recipient_id, "?"),
            members.get(row.member_id, "") if row.member_id else "",
            _order_of(row),
        )
        for row in rows
    ]


def latest_to(member_id: UUID) -> list[NoticeRow]:
    """The latest mails to a member (AC11)."""
    turn = Turn("queued", descending=True, limit=MOST_SHOWN)
    return reading().queries.notices.page(NoticeFilter(recipient_id=member_id), turn).rows


def _as_member(row: NoticeRow) -> UUID | None:
    return row.recipient_id if row.recipient_kind == "member" else None


def _name_of(member_id: UUID) -> str:
    try:
        return parts().ledger.member(member_id).name
    except NotFound:
        return "?"


def _order_of(row: NoticeRow) -> UUID | None:
    """The order whose fact led to it; None where it is a fact of the member or of a plan."""
    stream_id = UUID(row.because_of.partition("/")[0])
    return stream_id if row.kind in ABOUT_ORDERS and stream_id != row.member_id else None


ABOUT_ORDERS = frozenset(
    {
        "receipt",
        "renewal_paid",
        "payment_failed",
        "own_payment_failed",
        "paid_twice",
        "refund_issued",
        "renewal_reminder",
    }
)


def _filter(args: NoticesArgs) -> NoticeFilter:
    return NoticeFilter(
        kind=args.kind, state=args.state, recipient_id=args.person, member_id=args.member
    )


def _chips(args: NoticesArgs, lines: Sequence[Line]) -> list[Chip]:
    found = []
    if args.kind:
        found.append(chip(word("letter", args.kind), "kind"))
    if args.state:
        found.append(chip(word("notice_state", args.state), "state"))
    if args.person:
        to = next((line.to for line in lines), "?")
        found.append(chip(say("To {name}", name=to), "person"))
    if args.member:
        about = next((line.about for line in lines), "?")
        found.append(chip(say("About {name}", name=about), "member"))
    return found


def _here(args: NoticesArgs) -> dict[str, Any]:
    """Filters, direction and place, as the address of the list has them."""
    return args.model_dump(mode="json", exclude_none=True)


def _export(args: NoticesArgs) -> dict[str, object]:
    """The same filters, as the API's list takes them."""
    asked = {
        "kind": args.kind,
        "state": args.state,
        "recipient_id": args.person,
        "member_id": args.member,
    }
    return {name: value for name, value in asked.items() if value is not None}
