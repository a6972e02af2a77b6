"""The schedule as operators see it: jobs and counts, no personal data; and what it passed over."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import Field

from projections.queries.due import DueQueries
from web.api.framework import Call, Routes
from web.api.models import Page, Query, Reply
from web.identity.permissions import Permission
from web.jobs.standing import JobStanding, ScheduleStanding

routes = Routes("schedule")

MOST_MISSED = 1_000
MOST_LEFT = 100


class LeftFactReply(Reply):
    """A fact that a job could not work on yet, to be tried again."""

    position: int
    tries: int
    next_at: datetime
    code: str


class JobReply(Reply):
    """A job of the schedule, and its last run; nulls of one that never ran."""

    name: str
    every_seconds: int
    began_at: datetime | None
    ended_at: datetime | None = Field(description="null while it runs")
    milliseconds: int | None
    runs: int
    failures: int
    outcomes: dict[str, int] = Field(description="of the last run: how many items came to what")
    total: dict[str, int] = Field(description="of all runs")
    left_facts: list[LeftFactReply] = Field(description="by position; the first of them")
    left: int = Field(description="how many facts it left in all")
    error: str | None = Field(description="a code: the last thing that went wrong")
    error_at: datetime | None


class ScheduleReply(Reply):
    """Whether a worker leads, and every job in its order."""

    is_led: bool
    jobs: list[JobReply]


class MissedQuery(Query):
    """How far back the charge that passed periods over may lie."""

    days: int = Field(default=90, ge=1, le=3_650)


class MissedReply(Reply):
    """Periods of a membership that nobody charged, because the service was away (DU10)."""

    member_id: UUID
    membership_id: UUID
    plan_id: UUID
    plan_name: str
    order_id: UUID = Field(description="the charge that was made instead, for the latest period")
    missed_from: datetime
    missed_until: datetime
    periods: int
    list_price: int = Field(description="of one period, in minor units")
    currency: str
    charged_at: datetime


@routes.get(
    "/schedule",
    permission=Permission.READ_VIEWS,
    summary="Read the schedule",
    answers=ScheduleReply,
)
def read_schedule(call: Call[None, None]) -> ScheduleReply:
    """What each job did last, how long it took, and what went wrong."""
    found = ScheduleStanding.of(call.parts)
    return ScheduleReply(is_led=found.is_led, jobs=[_job(one) for one in found.jobs])


@routes.get(
    "/orders/missed",
    permission=Permission.READ_ORDERS,
    summary="List periods that were passed over",
    query=MissedQuery,
    answers=Page[MissedReply],
)
def list_missed(call: Call[None, MissedQuery]) -> Page[MissedReply]:
    """After an absence only the latest period is charged; staff decide about the earlier ones."""
    since = call.now - timedelta(days=call.query.days)
    found = DueQueries(call.parts.pool).missed(since, MOST_MISSED)
    return Page[MissedReply](items=[MissedReply.model_validate(one._asdict()) for one in found])


def _job(one: JobStanding) -> JobReply:
    state, every, left = one.state, int(one.every.total_seconds()), one.left()
    return JobReply(
        name=one.name,
        every_seconds=every,
        began_at=state.began_at if state else None,
        ended_at=state.ended_at if state else None,
        milliseconds=state.milliseconds if state and state.ended_at else None,
        runs=state.runs if state else 0,
        failures=state.failures if state else 0,
        outcomes=dict(state.outcomes) if state else {},
        total=dict(state.total) if state else {},
        left_facts=[LeftFactReply(**fact._asdict()) for fact in left[:MOST_LEFT]],
        left=len(left),
        error=state.error if state else None,
        error_at=state.error_at if state else None,
    )
