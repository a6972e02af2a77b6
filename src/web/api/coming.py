"""What a plan's memberships will pay, and who would pay what when at another price (PL3, PL4)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from pydantic import Field

from ledger.errors import NotFound, PriceDateInThePast
from ledger.money import Money
from projections.queries.coming import by_month
from web.api.framework import Call, Routes
from web.api.models import InstantField, Page, Query, Reply
from web.api.shapes import Count
from web.identity.permissions import Permission
from web.reading.past import Scope
from web.reading.price_change import Told, told_of

routes = Routes("coming")


class ComingReply(Reply):
    """Charges of one amount in a month of the site."""

    month: date = Field(description="its first day")
    amount: Money
    charges: Count
    sum: Money


class ChangeQuery(Query):
    """From when the new price would hold for existing members; for new ones alone, unless told."""

    effective_for_existing_from: InstantField | None = None


class ChangeReply(Reply):
    """Members of one price version. `moving` of them would pay the new price with a renewal from
    `first` to `last`, and be told of it from `told_from` on; `staying` pay as before.
    """

    version: int
    price: Money
    running: Count
    renewing: Count
    staying: Count
    moving: Count
    first: date | None
    last: date | None
    told_from: date | None


@routes.get(
    "/plans/<uuid:plan_id>/coming",
    permission=Permission.READ_PLANS,
    summary="What a plan will bring",
    answers=Page[ComingReply],
    refusals=(NotFound,),
    past=Scope.LISTS,
)
def list_coming(call: Call[None, None], plan_id: UUID) -> Page[ComingReply]:
    """The charges of this month and the eleven after it, if everybody stays and pays."""
    row = call.queries.plans.one(plan_id)
    if row is None:
        raise NotFound(what="plan", id=plan_id)
    zone, now = call.parts.settings.zone, call.now
    groups = call.queries.coming.alike(plan_id, now, zone)
    lines = by_month(groups, row.prices, now.astimezone(zone).date(), zone)
    return Page[ComingReply](
        items=[
            ComingReply(
                month=line.month,
                amount=Money(line.minor, line.currency),
                charges=line.charges,
                sum=Money(line.total, line.currency),
            )
            for line in lines
        ]
    )


@routes.get(
    "/plans/<uuid:plan_id>/prices/preview",
    permission=Permission.CHANGE_PLANS,
    summary="Who would pay a new price, and when",
    query=ChangeQuery,
    answers=Page[ChangeReply],
    refusals=(NotFound, PriceDateInThePast),
)
def preview_price(call: Call[None, ChangeQuery], plan_id: UUID) -> Page[ChangeReply]:
    """By price version. Nothing is set."""
    plan, since = call.parts.ledger.plan(plan_id), call.query.effective_for_existing_from
    zone, now = call.parts.settings.zone, call.now
    if since is not None and since <= now:
        raise PriceDateInThePast
    day = since.astimezone(zone).date() if since else None
    found = told_of(call.queries.coming, plan_id, day, versions=len(plan.prices), at=now, zone=zone)
    return Page[ChangeReply](items=[_change(one) for one in found])


def _change(told: Told) -> ChangeReply:
    standing, moves = told.standing, told.moves
    return ChangeReply(
        version=standing.version,
        price=Money(standing.price, standing.currency),
        running=standing.running,
        renewing=standing.renewing,
        staying=told.stay,
        moving=moves.memberships if moves else 0,
        first=moves.first if moves else None,
        last=moves.last if moves else None,
        told_from=told.told_from,
    )
