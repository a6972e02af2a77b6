"""What staff do with many members at once: tag, untag, put on a list; a part at a time, undone.

Whom it concerns is settled when it begins. Each member is a command of its own, derived from the
form's: however often a part is sent, and wherever it broke off, everybody is seen to once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qsl
from uuid import UUID

from flask import make_response, render_template, request, url_for
from pydantic import Field
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ledger import ids, texts
from ledger.errors import LedgerError, ListEnded, NotFound, TooManyTags
from ledger.facts import Cause
from projections.queries.members import MemberFilter
from projections.queries.paging import Turn
from web.identity.auth import caller, parts, requires, unauthenticated
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import actor, command_id, read_form
from web.pages.frame import group, onward_to, reason, settled
from web.pages.panel.members_asked import asked_for
from web.sessions.bulk_acts import BulkAct, Kind
from web.wording.languages import gettext, message, ngettext, number, say

pages = group("bulk", url_prefix="/panel/members/bulk")

MOST = 10_000
"""Members of one act."""
PART = 50
"""Members that are seen to between two notes of how far it is."""
AT_ONCE_SECONDS = 1.0
"""How long one request works; the browser asks for the rest."""
SHOWN_SECONDS = 10
"""How long an act that is over, and can be undone, stands above the list."""
READ_AT_ONCE = 2_000

Doing = Literal["tag", "untag", "list"]


class BulkForm(Args):
    """Who is chosen, and what is done with them; `asked` is the state of the list."""

    asked: str = ""
    who: Literal["all", "ticked"] = "all"
    member: list[UUID] = []
    tag: str = Field(default="", max_length=4 * texts.LONGEST_TAG)
    list_id: UUID | None = None


@pages.post("/tag")
@requires(Permission.CHANGE_TAGS)
def tag() -> Response:
    """Put a tag on all who are chosen."""
    return _begin("tag")


@pages.post("/untag")
@requires(Permission.CHANGE_TAGS)
def untag() -> Response:
    """Take a tag off all who are chosen."""
    return _begin("untag")


@pages.post("/list")
@requires(Permission.CHANGE_LISTS)
def add_to_list() -> Response:
    """Put all who are chosen on a mailing list."""
    return _begin("list")


@pages.post("/<uuid:act_id>")
@requires(Permission.CHANGE_TAGS)
def go_on(act_id: UUID) -> Response | str:
    """The next part of an act; the list once more when it is over."""
    act = _carry_on(_own(act_id))
    if "HX-Request" not in request.headers:
        return onward_to(act.back)
    answer = make_response(render_template("panel/bulk_acts.html", **shown()))
    if act.ended_at is not None:
        answer.headers["HX-Refresh"] = "true"
    return answer


@pages.post("/<uuid:act_id>/undo")
@requires(Permission.CHANGE_TAGS)
def undo(act_id: UUID) -> Response:
    """Take back what an act changed, and nothing that was so before."""
    act, desk = _own(act_id), parts().desk
    undoing = ids.derived(act_id, "undo")
    if act.can_be_undone:
        kind: Kind = "untag" if act.kind == "tag" else "tag"
        concerned = desk.bulk_acts.changed(act_id)
        desk.bulk_acts.begin(
            undoing, kind, act.what, concerned, by_id=act.by_id, back=act.back, undoes=act_id
        )
    _carry_on(_own(undoing))
    return onward_to(act.back)


def shown() -> dict[str, object]:
    """The acts of whoever is signed in that stand above the list, and how they are told."""
    principal = caller().principal_for(Permission.CHANGE_TAGS)
    by = principal.actor if principal else None
    acts = parts().desk.bulk_acts.shown(by.id, for_seconds=SHOWN_SECONDS) if by and by.id else []
    return {"acts": acts, "act_told": told, "undo_seconds": SHOWN_SECONDS}


def told(act: BulkAct) -> str:
    """How far an act is, or what became of everybody."""
    what = _name_of_list(act) if act.kind == "list" else act.what
    if act.ended_at is None:
        return say(GOING_ON[act.kind], what=what, done=number(act.done), size=number(act.size))
    sentence = DONE[_doing(act)](act.changes)
    same = act.size - act.changes - act.refused
    return " ".join(
        [
            sentence.format(count=number(act.changes), what=what),
            *([_told_same(same)] if same else []),
            *([_told_refused(act.refused)] if act.refused else []),
        ]
    )


def _told_same(count: int) -> str:
    sentence = ngettext("{count} was so already.", "{count} were so already.", count)
    return sentence.format(count=number(count))


def _told_refused(count: int) -> str:
    sentence = ngettext(
        "{count} was left as it is: the account is closed, or they asked to be left off.",
        "{count} were left as they are: the account is closed, or they asked to be left off.",
        count,
    )
    return sentence.format(count=number(count))


GOING_ON: dict[Doing, str] = {
    "tag": message("Tagging “{what}”: {done} of {size}"),
    "untag": message("Taking off “{what}”: {done} of {size}"),
    "list": message("Adding to “{what}”: {done} of {size}"),
}


def _doing(act: BulkAct) -> str:
    return f"{act.kind} undone" if act.undoes else act.kind


DONE: dict[str, Callable[[int], str]] = {
    "tag": lambda count: ngettext(
        "{count} member was tagged “{what}”.", "{count} members were tagged “{what}”.", count
    ),
    "untag": lambda count: ngettext(
        "The tag “{what}” was taken off {count} member.",
        "The tag “{what}” was taken off {count} members.",
        count,
    ),
    "list": lambda count: ngettext(
        "{count} member is on the list “{what}” now.",
        "{count} members are on the list “{what}” now.",
        count,
    ),
    "tag undone": lambda count: ngettext(
        "Undone: {count} member has the tag “{what}” again.",
        "Undone: {count} members have the tag “{what}” again.",
        count,
    ),
    "untag undone": lambda count: ngettext(
        "Undone: “{what}” was taken off {count} member again.",
        "Undone: “{what}” was taken off {count} members again.",
        count,
    ),
}


# --- within -----------------------------------------------------------------------------


def _begin(kind: Kind) -> Response:
    form = read_form(BulkForm).value
    if form is None:
        return onward_to(url_for("members.listing"), gettext("That did not work"), tone="bad")
    back = (
        f"{url_for('members.listing')}?{form.asked}" if form.asked else url_for("members.listing")
    )
    try:
        what, members = _what(kind, form), _chosen(form)
    except LedgerError as refused:
        return onward_to(back, reason(refused), tone="bad")
    if not members or len(members) > MOST:
        return onward_to(back, _unfit(len(members)), tone="bad")
    act_id, by_id = command_id(), _by_id()
    parts().desk.bulk_acts.begin(act_id, kind, what, members, by_id=by_id, back=back)
    _carry_on(_own(act_id))
    return onward_to(back)


def _unfit(size: int) -> str:
    if not size:
        return gettext("Nobody is ticked: tick somebody, or choose all.")
    return say("That is {size}: at most {most} at once.", size=number(size), most=number(MOST))


def _what(kind: Kind, form: BulkForm) -> str:
    """The tag or the list, as it is kept. Raises TagMalformed, TooManyTags, NotFound, ListEnded."""
    ledger = parts().ledger
    if kind == "list":
        if form.list_id is None:
            raise NotFound(what="list", id=ids.SITE)
        if ledger.mailing_list(form.list_id).ended_at is not None:
            raise ListEnded(list_id=form.list_id)
        return str(form.list_id)
    tag = texts.tag(form.tag)
    known = parts().queries.members.tag_names()
    if kind == "tag" and tag not in known and len(known) >= ledger.rules.most_tags:
        raise TooManyTags(limit=ledger.rules.most_tags)
    return tag


def _chosen(form: BulkForm) -> list[UUID]:
    """Who is ticked; or everybody that the list had, one more than MOST at most."""
    if form.who == "ticked":
        return list(dict.fromkeys(form.member))
    asked = asked_for(MultiDict(parse_qsl(form.asked)))
    return [] if asked.faults else _all(asked.filter)


def _all(asked: MemberFilter) -> list[UUID]:
    queries, instant = parts().queries.members, parts().clock.now()
    found: list[UUID] = []
    cursor = None
    while len(found) <= MOST:
        page = queries.page(asked, Turn("name", limit=READ_AT_ONCE, cursor=cursor), instant)
        found += [row.member_id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _by_id() -> UUID:
    found = actor().id
    if found is None:
        raise unauthenticated("Sign in first.")
    return found


def _own(act_id: UUID) -> BulkAct:
    act = parts().desk.bulk_acts.one(act_id, by_id=_by_id())
    if act is None:
        raise NotFound(what="bulk act", id=act_id)
    return act


def _carry_on(act: BulkAct) -> BulkAct:
    """Work for a while; the act as it stands then."""
    desk, until = parts().desk, time.monotonic() + AT_ONCE_SECONDS
    while act.ended_at is None:
        part = desk.bulk_acts.part(act.act_id, most=PART)
        changed, refused = _listed(act, part) if act.kind == "list" else _tagged(act, part)
        desk.bulk_acts.note(act, size=len(part), changed=changed, refused=refused)
        act = _own(act.act_id)
        if time.monotonic() > until:
            break
    if act.ended_at is not None:
        settled()
    return act


def _tagged(act: BulkAct, part: list[UUID]) -> tuple[list[UUID], int]:
    """Those for whom it changed something, and how many were left as they are."""
    ledger, by = parts().ledger, actor()
    carry_out = ledger.tag if act.kind == "tag" else ledger.untag
    changed, refused = [], 0
    for member_id in part:
        cause = Cause(kind="request", id=ids.derived(act.act_id, member_id))
        try:
            if carry_out(member_id, act.what, by=by, cause=cause):
                changed.append(member_id)
        except LedgerError:
            refused += 1
    return changed, refused


def _listed(act: BulkAct, part: list[UUID]) -> tuple[list[UUID], int]:
    """Those who are on the list then, and how many were left off."""
    ledger, list_id = parts().ledger, UUID(act.what)
    open_accounts = [one for one in part if ledger.member(one).closed_at is None]
    cause = Cause(kind="request", id=ids.derived(act.act_id, "from", act.done))
    ledger.add_to_list(list_id, member_ids=open_accounts, by=actor(), cause=cause)
    entries = ledger.entries_of(list_id, member_ids=open_accounts, emails=[])
    listed = [
        member_id
        for member_id, entry in zip(open_accounts, entries, strict=True)
        if entry is not None and entry.is_on
    ]
    return listed, len(part) - len(listed)


def _name_of_list(act: BulkAct) -> str:
    found = parts().queries.mailing_lists.one(UUID(act.what))
    return found.name if found else act.what
