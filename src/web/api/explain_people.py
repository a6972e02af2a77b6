"""Members by month and lifetime value, explained (NU4)."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from projections.explain.people import Cohort, Stretch, TurnoverExplained
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.facts import Turnover
from web.api.explain import teller, turn
from web.api.explain_reports import PartReply, after, part_reply
from web.api.explain_shapes import (
    ApartReply,
    DefinitionReply,
    Explained,
    ExplainQuery,
    FactReply,
    SumReply,
)
from web.api.framework import Call, Routes
from web.api.models import Reply
from web.api.reports import CurrencyField, MonthField
from web.api.shapes import Count
from web.identity.permissions import Permission
from web.problems import parameter_fault
from web.reading.explaining import Explaining
from web.reading.past import Scope
from web.wording.explanations import translated

routes = Routes("explain")


class MembersExplainQuery(ExplainQuery):
    """Which month in the site's time zone, and the facts of which change."""

    month: MonthField
    kind: Turnover = "new"


class LifetimeExplainQuery(ExplainQuery):
    """Who joined first in these months, both included, and in this plan; money of what unit."""

    first_month: MonthField
    last_month: MonthField
    plan_id: UUID | None = None
    currency: CurrencyField = None
    mode: Literal["live", "test"] | None = None


class CountReply(Reply):
    """How many members there were: as the view states it, and by the stored facts themselves."""

    stated: Count
    readded: Count


class TurnoverReply(Explained):
    """A month: starting + new + returned - left = ending. `parts` are the facts of the kind that
    was asked for, one person each. `refolded`: how many people were folded anew, who are all who
    may have come or gone; fewer where too many are `apart`, of whom the view says something else
    than their facts.
    """

    kind: Turnover
    starting: CountReply
    ending: CountReply
    moved: dict[str, Count]
    parts: list[PartReply]
    apart: list[ApartReply]
    refolded: Count


@routes.get(
    "/reports/members/explain",
    permission=Permission.READ_FIGURES,
    summary="Members of a month, explained",
    query=MembersExplainQuery,
    answers=TurnoverReply,
    past=Scope.LISTS,
)
def explain_members(call: Call[None, MembersExplainQuery]) -> TurnoverReply:
    """How many there were before and after, and the facts by which people came or left."""
    query = call.query
    calendar = Calendar.months(query.month, query.month, call.parts.site.time_zone)
    people = Explaining(call.parts, call.reading, call.now).people
    found = people.turnover(
        _stretch(call, calendar, "month"), query.kind, limit=query.limit, after=after(call)
    )
    return _turnover(call, found)


@routes.get(
    "/reports/lifetime/explain",
    permission=Permission.READ_FIGURES,
    summary="Lifetime value, explained",
    query=LifetimeExplainQuery,
    answers=SumReply,
    past=Scope.LISTS,
)
def explain_lifetime(call: Call[None, LifetimeExplainQuery]) -> SumReply:
    """What those who joined first together have brought, re-added from their own facts."""
    query = call.query
    if query.last_month < query.first_month:
        raise parameter_fault("last_month", "order", "The last month comes before the first.")
    calendar = Calendar.months(query.first_month, query.last_month, call.parts.site.time_zone)
    stretch = _stretch(call, calendar, "first_month")
    cohort = Cohort(stretch, query.plan_id, query.currency, query.mode)
    people = Explaining(call.parts, call.reading, call.now).people
    return teller(call).total(people.lifetime(cohort, turn(call)))


def _stretch(call: Call[None, Any], calendar: Calendar, name: str) -> Stretch:
    if calendar.since > call.now:
        raise parameter_fault(name, "in_the_future", "Nobody knows yet what will be true then.")
    return Stretch(calendar.since, calendar.before, call.now)


def _turnover(call: Call[None, MembersExplainQuery], found: TurnoverExplained) -> TurnoverReply:
    following = found.next_after
    return TurnoverReply(
        definition=DefinitionReply.of(found.definition, translated),
        position=found.position,
        agrees=found.agrees,
        facts=[FactReply.of(line) for line in found.facts],
        fact_count=len(found.facts),
        next=None if following is None else call.cursor([str(following)]),
        kind=call.query.kind,
        starting=CountReply(**found.starting._asdict()),
        ending=CountReply(**found.ending._asdict()),
        moved=dict(found.moved),
        parts=[part_reply(one) for one in found.parts],
        apart=[ApartReply.of(one) for one in found.apart],
        refolded=found.refolded,
    )
