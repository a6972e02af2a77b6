"""Saved segments: named filters over the member list (SE2)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger import ids
from ledger.errors import (
    CurrencyMismatch,
    FilterMalformed,
    NotFound,
    SegmentNameTaken,
    TagMalformed,
    TextMalformed,
)
from ledger.money import Money
from ledger.segment import SegmentFilter
from projections.queries.saved_segments import filter_of
from projections.queries.segments import Segment, Status
from projections.saved_segments import SavedSegmentRow
from web.api.framework import Answer, Call, Routes
from web.api.members import MemberPage, MemberTurnQuery, members_page
from web.api.models import Body, InstantField, MoneyField, Page, Reply
from web.api.shapes import Counted, Made, ShortText, done, made
from web.identity.permissions import Permission
from web.reading.past import Scope

routes = Routes("segments")
REFUSALS = (NotFound, FilterMalformed, SegmentNameTaken, TagMalformed, TextMalformed)


class SegmentBody(Body):
    """A name and what members must be; all that is given must hold, as in the member list.

    Spent is net, in the site's currency, both ends included.
    """

    name: ShortText
    statuses: list[Status] = Field(default=[], max_length=7)
    segment: Segment | None = None
    plan_id: UUID | None = None
    tag: ShortText | None = None
    joined_from: InstantField | None = None
    joined_before: InstantField | None = None
    spent_from: MoneyField | None = None
    spent_to: MoneyField | None = None
    last_order_from: InstantField | None = None
    last_order_before: InstantField | None = None
    method_country: str | None = Field(default=None, max_length=2)
    agrees: bool | None = Field(default=None, description="to messages beside what they bought")
    text: str = Field(default="", max_length=200, description="words of names and addresses")

    def asked(self) -> SegmentFilter:
        """As the books take it."""
        said = {name: getattr(self, name) for name in SegmentFilter.model_fields}
        return SegmentFilter(**{**said, "statuses": tuple(self.statuses)})


class SavedSegmentReply(Reply):
    """A segment with its filter, null where it doesn't ask; `list` leads to who is in it."""

    segment_id: UUID
    name: str
    statuses: list[Status]
    segment: Segment | None
    plan_id: UUID | None
    tag: str | None
    joined_from: datetime | None
    joined_before: datetime | None
    spent_from: Money | None
    spent_to: Money | None
    last_order_from: datetime | None
    last_order_before: datetime | None
    method_country: str | None
    agrees: bool | None
    text: str | None
    saved_at: datetime
    members: Counted | None = Field(
        description="null where spent is counted in another currency than the site's"
    )
    list: str


@routes.get(
    "/segments/saved",
    permission=Permission.READ_MEMBERS,
    summary="List saved segments",
    answers=Page[SavedSegmentReply],
    past=Scope.LISTS,
)
def list_saved_segments(call: Call[None, None]) -> Page[SavedSegmentReply]:
    """Every one by name, with how many it has at this moment; they may overlap."""
    rows = call.queries.saved_segments.all()
    return Page[SavedSegmentReply](items=[_segment(call, row) for row in rows])


@routes.get(
    "/segments/saved/<uuid:segment_id>/members",
    permission=Permission.READ_MEMBERS,
    summary="List the members in a saved segment",
    query=MemberTurnQuery,
    answers=MemberPage,
    refusals=(NotFound, CurrencyMismatch),
    past=Scope.LISTS,
)
def list_members_in_segment(call: Call[None, MemberTurnQuery], segment_id: UUID) -> MemberPage:
    """The member list with this filter."""
    row = call.queries.saved_segments.one(segment_id)
    if row is None:
        raise NotFound(what="saved segment", id=segment_id)
    return members_page(call, filter_of(row, call.parts.site.currency))


@routes.post(
    "/segments/saved",
    permission=Permission.CHANGE_SEGMENTS,
    summary="Save a segment",
    body=SegmentBody,
    answers=Made,
    status=201,
    refusals=REFUSALS,
)
def save_segment(call: Call[SegmentBody, None]) -> Answer:
    """A filter under a name that no other segment has."""
    segment_id = ids.derived(call.command_id, "segment")
    return made(segment_id, _save(call, segment_id))


@routes.put(
    "/segments/saved/<uuid:segment_id>",
    permission=Permission.CHANGE_SEGMENTS,
    summary="Change a saved segment",
    body=SegmentBody,
    refusals=REFUSALS,
)
def change_segment(call: Call[SegmentBody, None], segment_id: UUID) -> Answer:
    """Another name or filter; one that was removed is kept again."""
    if segment_id not in call.parts.ledger.site().known_segments:
        raise NotFound(what="saved segment", id=segment_id)
    return done(_save(call, segment_id))


@routes.delete(
    "/segments/saved/<uuid:segment_id>",
    permission=Permission.CHANGE_SEGMENTS,
    summary="Remove a saved segment",
    refusals=(NotFound,),
)
def remove_segment(call: Call[None, None], segment_id: UUID) -> Answer:
    """The filter is kept no longer; nobody in it is touched."""
    return done(call.parts.ledger.remove_segment(segment_id, by=call.actor, cause=call.cause))


def _save(call: Call[SegmentBody, None], segment_id: UUID) -> int:
    return call.parts.ledger.save_segment(
        segment_id,
        name=call.body.name,
        asked=call.body.asked(),
        text=call.body.text,
        by=call.actor,
        cause=call.cause,
    )


def _segment(call: Call[None, None], row: SavedSegmentRow) -> SavedSegmentReply:
    beside = {"statuses", "spent_from", "spent_to", "members", "list"}
    same = {name: getattr(row, name) for name in set(SavedSegmentReply.model_fields) - beside}
    return SavedSegmentReply(
        **same,
        statuses=list(row.statuses),
        spent_from=_money(row.spent_from, row.currency),
        spent_to=_money(row.spent_to, row.currency),
        members=_counted(call, row),
        list=f"/api/v1/segments/saved/{row.segment_id}/members",
    )


def _counted(call: Call[None, None], row: SavedSegmentRow) -> Counted | None:
    try:
        filters = filter_of(row, call.parts.site.currency)
    except CurrencyMismatch:
        return None
    count = call.queries.members.count(filters, call.now)
    return Counted(count=count.rows, is_exact=count.is_exact)


def _money(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor, currency)
