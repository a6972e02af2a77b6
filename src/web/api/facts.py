"""The facts of the books, the newest first, and each one whole (AU1, AU2, AU3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from ledger.errors import NotFound
from projections.history import Entry
from projections.queries.books import FactFilter
from web.api.framework import Call, Routes
from web.api.models import Page, PageQuery
from web.api.shapes import RecordedFactReply, recorded_fact
from web.identity.permissions import Permission
from web.reading.facts import LONGEST_TOPIC, ActorKind, StreamKind, books_of, hidden_from
from web.reading.past import Scope

routes = Routes("facts")

LARGEST = 2**63 - 1


class WholeFactReply(RecordedFactReply):
    """A fact, and whom it concerns; `hidden` are fields that are personal, for who may read of
    members.
    """

    member_id: UUID | None
    hidden: list[str]


class FactsQuery(PageQuery):
    """Which facts; all that is given must hold. `newest` is the position to look back from."""

    kind: StreamKind | None = Field(default=None, description="of which stream")
    topic: str | None = Field(default=None, max_length=LONGEST_TOPIC)
    actor: ActorKind | None = Field(default=None, description="who acted")
    member_id: UUID | None = None
    newest: int | None = Field(default=None, ge=1, le=LARGEST)


@routes.get(
    "/facts",
    permission=Permission.READ_HISTORY,
    summary="List facts",
    query=FactsQuery,
    answers=Page[WholeFactReply],
    past=Scope.BOOKS,
)
def list_facts(call: Call[None, FactsQuery]) -> Page[WholeFactReply]:
    """The newest first. One page looks back over a bounded stretch of the books: it may hold few
    facts, or none, and still name what follows.
    """
    asked, place = call.query, call.place()
    found = books_of(call.parts).look(
        FactFilter(
            kind=asked.kind, topic=asked.topic, actor=asked.actor, member_id=asked.member_id
        ),
        newest=_newest(call, int(place[0] or 0) if place else asked.newest),
        limit=asked.limit,
    )
    return Page[WholeFactReply](
        items=[_fact(call, one) for one in found.entries if _is_known(call, one)],
        next=call.cursor([found.older]) if found.older else None,
    )


@routes.get(
    "/facts/<int:position>",
    permission=Permission.READ_HISTORY,
    summary="One fact",
    answers=WholeFactReply,
    refusals=(NotFound,),
    past=Scope.BOOKS,
)
def show_fact(call: Call[None, None], position: int) -> WholeFactReply:
    """As it stands in the books."""
    found = None
    if position <= LARGEST:
        found = books_of(call.parts).one(position, newest=_newest(call, None))
    if found is None or not _is_known(call, found):
        raise NotFound(what="fact", id=position)
    return _fact(call, found)


def _newest(call: Call[None, Any], wish: int | None) -> int | None:
    bounds = [one for one in (wish, call.past.position if call.past else None) if one is not None]
    return min(bounds, default=None)


def _is_known(call: Call[None, Any], one: Entry) -> bool:
    return call.past is None or one.occurred_at <= call.past.as_of


def _fact(call: Call[None, Any], one: Entry) -> WholeFactReply:
    hidden = hidden_from(call.principal.permissions, one.topic)
    return WholeFactReply(
        **recorded_fact(one, without=hidden), member_id=one.member_id, hidden=sorted(hidden)
    )
