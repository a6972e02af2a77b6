"""Audit: the facts of the books, the newest first, and each one whole (AU1, AU2, AU3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, get_args
from uuid import UUID

from flask import render_template
from pydantic import Field

from ledger.errors import NotFound
from ledger.facts import fact_classes
from projections.history import Entry
from projections.queries.books import FactFilter
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import read_args
from web.pages.frame import group, url_with, word
from web.pages.panel import timeline
from web.pages.panel.listing import PAGE, Chip
from web.pages.past_pages import of_moment, past
from web.reading.facts import LONGEST_TOPIC, ActorKind, StreamKind, books_of, personal_of
from web.reading.past import Scope
from web.wording.languages import gettext, message, say

pages = group("audit", url_prefix="/panel/audit")

KINDS = {
    "member": message("Members"),
    "order": message("Orders"),
    "plan": message("Plans"),
    "discount": message("Discount codes"),
    "contributor": message("Team"),
    "notice": message("Notices"),
    "list": message("Mailing lists"),
    "site": message("The site"),
}
"""Of which stream."""


class AuditArgs(Args):
    """Which facts, and from which position back."""

    kind: StreamKind | None = None
    topic: Annotated[str | None, Field(max_length=LONGEST_TOPIC)] = None
    actor: ActorKind | None = None
    member: UUID | None = None
    newest: Annotated[int | None, Field(ge=1, lt=2**63)] = None


@pages.get("")
@requires(Permission.READ_HISTORY)
@of_moment(Scope.BOOKS)
def listing() -> str:
    """Every fact, or those that are asked for."""
    filled = read_args(AuditArgs)
    args, moment = filled.value or AuditArgs(), past()
    asked = FactFilter(kind=args.kind, topic=args.topic, actor=args.actor, member_id=args.member)
    bounds = [one for one in (args.newest, moment.position if moment else None) if one is not None]
    look = books_of(parts()).look(asked, newest=min(bounds, default=None), limit=PAGE)
    entries = [one for one in look.entries if moment is None or one.occurred_at <= moment.as_of]
    return render_template(
        "panel/audit.html",
        args=args,
        wrong=gettext("This filter can’t be read.") if filled.faults else "",
        lines=[(one, line) for one, line in zip(entries, _told(entries), strict=True)],
        older=look.older,
        looked_to=look.looked_to,
        chips=list(_chips(args)),
        kinds=KINDS,
        actors=get_args(ActorKind),
        topics=sorted(kind.TOPIC for kind in fact_classes()),
    )


@pages.get("/<int:position>")
@requires(Permission.READ_HISTORY)
@of_moment(Scope.BOOKS)
def one(position: int) -> str:
    """One fact whole; what is personal for those who may read of members."""
    moment = past()
    found = books_of(parts()).one(position, newest=moment.position if moment else None)
    if found is None or (moment and found.occurred_at > moment.as_of):
        raise NotFound(what="fact", id=position)
    [line] = _told([found])
    return render_template(
        "panel/fact.html",
        fact=found,
        line=line,
        fields=list(_fields(found)),
        actor=f"{line.who} {found.actor.id}" if found.actor.id else line.who,
    )


# --- within -------------------------------------------------------------------------------


def _told(entries: list[Entry]) -> list[timeline.Line]:
    """A line each, in their order: what happened, in words where there are some."""
    resting = [one for one in entries if timeline.rests_on_first(one)]
    known = {one.position: one for one in [*books_of(parts()).firsts(resting), *entries]}
    by_position = timeline.lines([known[position] for position in sorted(known)])
    lines = {line.position: line for line in by_position}
    told = [lines[one.position] for one in entries]
    if _sees_people():
        return told
    return [replace(one, sentence=one.topic) if personal_of(one.topic) else one for one in told]


def _fields(found: Entry) -> Iterator[tuple[str, str, bool]]:
    """Each field of a fact with its value as stored, and whether it is personal."""
    personal = personal_of(found.topic)
    for name, value in sorted(found.fields.items()):
        is_personal = name in personal
        is_shown = _sees_people() or not is_personal
        yield name, _written(value) if is_shown else gettext("hidden"), is_personal


def _sees_people() -> bool:
    return caller().principal_for(Permission.READ_MEMBERS) is not None


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _chips(args: AuditArgs) -> Iterator[Chip]:
    shown = {
        "kind": args.kind and gettext(KINDS[args.kind]),
        "topic": args.topic,
        "actor": args.actor and say("By {who}", who=word("actor", args.actor)),
        "member": args.member and say("About {member}", member=args.member),
    }
    for name, label in shown.items():
        if label:
            yield Chip(label, url_with(**{name: None, "newest": None}))
