"""Views as operators see them: how they are, rebuilds, facts set aside; ids and digests only (NO5).

A rebuild that is asked for here is carried out by the site's worker.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger.errors import NotFound
from projections.catalogue import all_views
from projections.parking import ask_again, parked
from projections.positions import ViewNewer
from projections.rebuild import RebuildBusy, Report
from projections.rebuild_rows import Mismatch
from projections.status import ViewsStatus, ViewStatus
from projections.swap import NothingToRollBack
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Page, Query, Reply
from web.api.shapes import LongText, done
from web.identity.permissions import Permission
from web.running.rebuilding import Hands, rebuilder

routes = Routes("views")


class ViewsQuery(Query):
    """Digests are sums over every row, and take their time."""

    digests: bool = False


class ViewReply(Reply):
    """A view as it serves: how far it has read, what it holds, what it lacks."""

    name: str
    version: int
    is_current: bool = Field(description="false where another version made the rows")
    position: int
    lag: int
    lag_seconds: int
    rows: int
    parked: int
    damaged: int
    digest: str | None = Field(description="of all rows, in hexadecimal; null unless asked for")


class MismatchReply(Reply):
    """What verification found: digests of rows or sums of a law, never what a row holds."""

    check: str
    view: str
    key: str
    columns: list[str]
    expected: str
    found: str


class RebuildReply(Reply):
    """Some views on their way to being folded anew, and how that ended."""

    id: UUID
    number: int
    state: str
    views: list[str]
    workers: int
    facts: int
    parts_done: int
    parts: int
    behind: int
    why: str | None
    mismatches: list[MismatchReply]
    milliseconds: int
    blocked_milliseconds: int
    receipt: int | None = Field(description="position of the fact that tells of it")
    planned_at: datetime
    changed_at: datetime


class RebuildBody(Body):
    """Which views, and whether the rows that serve are known to be wrong."""

    views: list[str] = Field(min_length=1, max_length=50)
    workers: int = Field(default=1, ge=1, le=64)
    replace_damaged: bool = False


class ParkedReply(Reply):
    """A fact that no view holds, and why; later ones of the same person wait behind it."""

    position: int
    topic: str
    subject_id: UUID
    why: str
    parked_at: datetime


class SkipBody(Body):
    """Why the views are to leave it out."""

    reason: LongText


@routes.get(
    "/views",
    permission=Permission.READ_VIEWS,
    summary="List views",
    query=ViewsQuery,
    answers=Page[ViewReply],
)
def list_views(call: Call[None, ViewsQuery]) -> Page[ViewReply]:
    """How far each has read, by which version, what it holds and what was set aside."""
    parts = call.parts
    found = ViewsStatus(parts.pool, all_views(parts.site), parts.clock)
    return Page[ViewReply](items=[_view(one) for one in found.all(with_digests=call.query.digests)])


@routes.get(
    "/views/rebuilds",
    permission=Permission.READ_VIEWS,
    summary="List rebuilds",
    answers=Page[RebuildReply],
)
def list_rebuilds(call: Call[None, None]) -> Page[RebuildReply]:
    """The last twenty, the latest first; the one under way with its progress."""
    own = rebuilder(call.parts)
    return Page[RebuildReply](items=[_rebuild(one) for one in own.latest()])


@routes.post(
    "/views/rebuilds",
    permission=Permission.RUN_VIEWS,
    summary="Rebuild views",
    body=RebuildBody,
    answers=RebuildReply,
    status=202,
    refusals=(NotFound, RebuildBusy, ViewNewer),
)
def rebuild_views(call: Call[RebuildBody, None]) -> RebuildReply:
    """They are folded anew beside those that serve, proved, and swapped in; watch the list."""
    asked = call.body
    own = rebuilder(call.parts, hands=Hands(workers=asked.workers))
    own.plan(asked.views, workers=asked.workers, replaces_damaged=asked.replace_damaged)
    return _rebuild(own.latest(1)[0])


@routes.delete(
    "/views/rebuilds",
    permission=Permission.RUN_VIEWS,
    summary="Cancel the rebuild under way",
    refusals=(NotFound,),
)
def cancel_rebuild(call: Call[None, None]) -> None:
    """The old rows go on serving."""
    rebuilder(call.parts).cancel()


@routes.post(
    "/views/<view_name>/rollback",
    permission=Permission.RUN_VIEWS,
    summary="Roll back a rebuild",
    refusals=(NotFound, RebuildBusy, NothingToRollBack),
)
def roll_back(call: Call[None, None], view_name: str) -> None:
    """Put back the rows that the last rebuild of a view replaced, with those rebuilt with it."""
    rebuilder(call.parts).roll_back(view_name)


@routes.get(
    "/views/parked",
    permission=Permission.READ_VIEWS,
    summary="List facts that were set aside",
    answers=Page[ParkedReply],
)
def list_parked(call: Call[None, None]) -> Page[ParkedReply]:
    """Facts that could not be folded, and those that wait behind them, by position."""
    with call.parts.pool.connection() as connection:
        return Page[ParkedReply](
            items=[ParkedReply.model_validate(one._asdict()) for one in parked(connection)]
        )


@routes.post(
    "/views/parked/retry",
    permission=Permission.RUN_VIEWS,
    summary="Try again what was set aside",
)
def retry_parked(call: Call[None, None]) -> None:
    """The worker folds it again, each person's facts in their order."""
    with call.parts.pool.connection() as connection:
        ask_again(connection)


@routes.post(
    "/views/parked/<int:position>/skip",
    permission=Permission.RUN_VIEWS,
    summary="Leave a fact out of the views",
    body=SkipBody,
    refusals=(NotFound,),
)
def skip_fact(call: Call[SkipBody, None], position: int) -> Answer:
    """One that was set aside. It stays in the books, and that it is left out is a fact itself."""
    with call.parts.pool.connection() as connection:
        if position not in {one.position for one in parked(connection)}:
            raise NotFound(what="fact set aside at position", id=position)
        recorded = call.parts.ledger.skip_fact(
            position, call.body.reason, by=call.actor, cause=call.cause
        )
        ask_again(connection)
    return done(recorded)


def _view(one: ViewStatus) -> ViewReply:
    named = {name: getattr(one, name) for name in ViewReply.model_fields}
    return ViewReply.model_validate({**named, "digest": one.digest or None})


def _rebuild(report: Report) -> RebuildReply:
    rebuild, progress = report.rebuild, report.progress
    return RebuildReply(
        id=rebuild.id,
        number=rebuild.number,
        state=rebuild.state,
        views=rebuild.names,
        workers=rebuild.workers,
        facts=rebuild.facts,
        parts_done=progress.parts_done,
        parts=progress.parts,
        behind=report.behind,
        why=rebuild.why,
        mismatches=[_mismatch(one) for one in rebuild.differences],
        milliseconds=rebuild.folding_ms,
        blocked_milliseconds=rebuild.blocked_ms,
        receipt=rebuild.receipt,
        planned_at=rebuild.planned_at,
        changed_at=rebuild.changed_at,
    )


def _mismatch(one: Mismatch) -> MismatchReply:
    return MismatchReply.model_validate({**one._asdict(), "columns": list(one.columns)})
