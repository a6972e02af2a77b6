"""Moments: what is kept of the views as they were, and how far one is that is being made."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ledger.errors import NotFound
from projections.moments import Moment, State
from web.api.framework import Call, Routes
from web.api.models import Page, Reply
from web.identity.permissions import Permission

routes = Routes("moments")


class MomentProgress(Reply):
    """How far a moment is; once it is ready, the same question is answered."""

    id: int
    state: State
    as_of: datetime
    known_position: int
    per_cent: int = Field(ge=0, le=100)
    done: int = Field(description="steps that are done")
    total: int = Field(description="steps in all")
    seconds_left: int | None = Field(description="null while nothing is known of it")


class MomentReply(MomentProgress):
    """A moment that is kept."""

    bytes: int
    why: str | None = Field(description="why it could not be made")
    made_at: datetime
    last_read_at: datetime


@routes.get(
    "/moments",
    permission=Permission.READ_VIEWS,
    summary="List moments",
    answers=Page[MomentReply],
)
def list_moments(call: Call[None, None]) -> Page[MomentReply]:
    """What is kept of the past, the one read last first."""
    return Page[MomentReply](
        items=[
            MomentReply(
                **_told(one),
                bytes=one.bytes,
                why=one.why,
                made_at=one.made_at,
                last_read_at=one.last_read_at,
            )
            for one in call.parts.past.moments.all()
        ]
    )


@routes.delete(
    "/moments/<int:moment_id>",
    permission=Permission.RUN_VIEWS,
    summary="Drop a moment",
    refusals=(NotFound,),
)
def drop_moment(call: Call[None, None], moment_id: int) -> None:
    """Whoever asks for it again waits until it is made anew."""
    call.parts.past.moments.drop(moment_id)


def progress(moment: Moment) -> MomentProgress:
    """How far a moment is."""
    return MomentProgress(**_told(moment))


def _told(moment: Moment) -> dict[str, object]:
    same = {"id", "state", "as_of", "known_position", "per_cent", "seconds_left"}
    told: dict[str, object] = {name: getattr(moment, name) for name in same}
    return told | {"done": moment.parts_done, "total": moment.parts_total}
