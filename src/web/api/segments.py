"""Smart segments: built-in rules that nobody can edit (SE1)."""

from __future__ import annotations

from urllib.parse import urlencode

from projections.queries.segments import Segment
from web.api.framework import Call, Routes
from web.api.models import Page, Reply
from web.api.shapes import Counted
from web.identity.permissions import Permission
from web.reading.past import Scope

routes = Routes("segments")


class SegmentReply(Reply):
    """A segment; who is in it is the member list with this segment."""

    segment: Segment
    members: Counted
    list: str


@routes.get(
    "/segments",
    permission=Permission.READ_MEMBERS,
    summary="List smart segments",
    answers=Page[SegmentReply],
    past=Scope.LISTS,
)
def list_segments(call: Call[None, None]) -> Page[SegmentReply]:
    """How many each has at this moment; they may overlap."""
    named = call.past.named if call.past else {}
    counts = call.queries.members.segments(call.now)
    return Page[SegmentReply](
        items=[
            SegmentReply(
                segment=name,
                members=Counted(count=count.rows, is_exact=count.is_exact),
                list=f"/api/v1/members?{urlencode({'segment': name, **named})}",
            )
            for name, count in counts.items()
        ]
    )
