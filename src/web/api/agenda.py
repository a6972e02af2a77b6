"""What is due in the days to come, and what was not paid (DU10)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from ledger.money import Money
from projections.queries.agenda import AgendaQueries
from web.api.framework import Call, Routes
from web.api.models import Page, PageQuery, Query, Reply
from web.api.shapes import Count
from web.identity.permissions import Permission
from web.reading.agenda import due_days

routes = Routes("agenda")

FARTHEST = 90
"""Days ahead."""


class DueDayReply(Reply):
    """A day of the site in one currency: how many are charged, and what it brings if all pay."""

    day: date
    renewals: Count = Field(description="renewals and instalments")
    retries: Count = Field(description="failed charges that are tried again")
    sum: Money


class Agenda(Page[DueDayReply]):
    """The days, and how many memberships are unpaid, and how."""

    past_due: Count
    action_required: Count


class AgendaQuery(Query):
    """How many days ahead, today among them."""

    days: int = Field(default=14, ge=1, le=FARTHEST)


class UnpaidQuery(PageQuery):
    """Which: whose charge is tried again, or who must do something themself."""

    state: Literal["past_due", "action_required"] = "past_due"


class UnpaidReply(Reply):
    """A membership whose charge failed. `retry_at` is null where nothing is tried any more."""

    member_id: UUID
    name: str
    membership_id: UUID
    plan_name: str
    retry_at: datetime | None
    access_until: datetime | None
    order_id: UUID | None
    price: Money
    failures: Count


@routes.get(
    "/agenda",
    permission=Permission.READ_ORDERS,
    summary="What is due",
    query=AgendaQuery,
    answers=Agenda,
)
def show_agenda(call: Call[None, AgendaQuery]) -> Agenda:
    """By day. What is late counts today; each charge at the price that holds by then (PL4)."""
    owing = AgendaQueries(call.parts.pool).owing()
    return Agenda(
        items=[
            DueDayReply(
                day=one.day,
                renewals=one.renewals,
                retries=one.retries,
                sum=Money(one.minor, one.currency),
            )
            for one in due_days(call.parts, call.query.days)
        ],
        past_due=owing.past_due,
        action_required=owing.action_required,
    )


@routes.get(
    "/agenda/unpaid",
    permission=Permission.READ_ORDERS,
    summary="What was not paid",
    query=UnpaidQuery,
    answers=Page[UnpaidReply],
)
def list_unpaid(call: Call[None, UnpaidQuery]) -> Page[UnpaidReply]:
    """The most urgent first."""
    queries, limit, place = AgendaQueries(call.parts.pool), call.query.limit, call.place()
    ask = queries.past_due if call.query.state == "past_due" else queries.action_required
    skip = int(place[0] or 0) if place else 0
    found = ask(limit + 1, skip=skip)
    return Page[UnpaidReply](
        items=[
            UnpaidReply(
                member_id=one.member_id,
                name=one.name,
                membership_id=one.membership_id,
                plan_name=one.plan_name,
                retry_at=one.retry_at,
                access_until=one.access_until,
                order_id=one.order_id,
                price=Money(one.price, one.currency),
                failures=one.failures,
            )
            for one in found[:limit]
        ],
        next=call.cursor([skip + limit]) if len(found) > limit else None,
    )
