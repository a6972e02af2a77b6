"""What staff do with many members at once: tag, untag, put on a list; and how it is undone.

Whom it concerns is settled when it begins. What is not done at once the schedule brings to its end,
while the page shows how far it is.
"""

from __future__ import annotations

import logging
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
from projections.queries.members import MemberFilter
from projections.queries.paging import Turn
from web.identity.auth import caller, parts, requires, unauthenticated
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import actor, command_id, read_form
from web.pages.frame import group, onward_to, reason, settled
from web.pages.panel.members_asked import asked_for
from web.running.bulk_acts import carry_on
from web.sessions.bulk_acts import BulkAct, Kind
from web.wording.languages import gettext, message, ngettext, number, say

log = logging.getLogger(__name__)
pages = group("bulk", url_prefix="/panel/members/bulk")

MOST = 10_000
"""Members of one act."""
AT_ONCE_SECONDS = 1.0
"""How long the request works that begins an act; the schedule does the rest."""
SHOWN_SECONDS = 10
"""How long an act that is over, and can be undone, stands above the list once it is seen."""
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


@pages.get("/<uuid:act_id>")
@requires(Permission.CHANGE_TAGS)
def progress(act_id: UUID) -> Response:
    """How far an act is; the list once more when it is over."""
    act = _own(act_id)
    if "HX-Request" not in request.headers:
        return onward_to(act.back)
    if act.ended_at is not None:
        settled()
        return Response(headers={"HX-Refresh": "true"})
    return make_response(render_template("panel/bulk_acts.html", **shown()))


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
    _at_once(_own(undoing).act_id)
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
    same = act.done - act.changes - act.refused
    return " ".join(
        [
            *([_told_stopped(act)] if act.is_stopped else []),
            sentence.format(count=number(act.changes), what=what),
            *([_told_same(same)] if same else []),
            *([_told_refused(act.refused)] if act.refused else []),
        ]
    )


def _told_stopped(act: BulkAct) -> str:
    text = gettext(
        "Stopped at {done} of {size}: the list is over, or you may not do this any more."
    )
    return text.format(done=number(act.done), size=number(act.size))


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
    _at_once(_own(act_id).act_id)
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
    act = parts().desk.bulk_acts.one(act_id)
    if act.by_id != _by_id():
        raise NotFound(what="bulk act", id=act_id)
    return act


def _at_once(act_id: UUID) -> None:
    """Work for a moment, since few are seen to at once; the schedule goes on from there."""
    try:
        act = carry_on(parts(), act_id, for_seconds=AT_ONCE_SECONDS)
    except LedgerError as error:
        log.warning("bulk act: %s; the schedule goes on with it", error.code)
        return
    if act.ended_at is not None:
        settled()


def _name_of_list(act: BulkAct) -> str:
    found = parts().queries.mailing_lists.one(UUID(act.what))
    return found.name if found else act.what
