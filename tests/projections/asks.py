"""Everything that can be explained, asked of a site: what a figure says, and whether it agrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, get_args
from uuid import UUID

from projections.courses import Kind
from projections.explain.answers import Definition
from projections.explain.moved import ExplainMoved, Month
from projections.explain.people import Cohort, Stretch
from projections.explain.recurring import Asked
from projections.explain.segments import OF_CONDITION, OF_SEGMENT
from projections.queries.members import MemberFilter
from projections.queries.money import MovementFilter
from projections.queries.reports.facts import Turnover
from projections.queries.segments import Segment
from tests.projections.explaining import WHOLE, Past, answered
from tests.projections.stories import START


class Seen(NamedTuple):
    """What a figure says, whether its explanation agrees, and all that was found."""

    says: object
    agrees: bool
    found: Sequence[Any]


Ask = Callable[[Past, UUID], Seen]


def total(site: Past, member: UUID) -> Seen:
    """What somebody spent."""
    found = site.money.total_of(member, WHOLE)
    return Seen(
        {(one.view, one.name, one.unit): one.stated for one in found.figures}, found.agrees, [found]
    )


def order(site: Past, order_id: UUID) -> Seen:
    """An order's money."""
    found = site.money.order(order_id, WHOLE)
    assert found is not None
    return Seen([(one.name, one.unit, one.stated) for one in found.figures], found.agrees, [found])


def spending(site: Past, member: UUID) -> Seen:
    """Money that moved: all of it, somebody's, a plan's, of some time, of a kind."""
    plan = UUID(site.oracle.stays_of(str(member))[0]["plan"])
    asked = (
        MovementFilter(),
        MovementFilter(member_id=member),
        MovementFilter(plan_id=plan),
        MovementFilter(since=site.instants[1], before=site.instants[3]),
        MovementFilter(kind="payment", mode="live", currency="EUR"),
    )
    found = [site.figures.spending(one, WHOLE) for one in asked]
    says = [[(one.name, one.unit, one.stated) for one in each.figures] for each in found]
    return Seen(says, all(one.agrees for one in found), found)


def by_day(site: Past, member: UUID) -> Seen:
    """Money that moved, day by day: all of it, a plan's, of a currency."""
    plan = UUID(site.oracle.stays_of(str(member))[0]["plan"])
    asked = (
        MovementFilter(),
        MovementFilter(plan_id=plan),
        MovementFilter(mode="live", currency="EUR"),
    )
    days = site.days.added(site.instants[-1])
    found = [site.days.explain(one, days, WHOLE) for one in asked]
    says = [
        (
            [(one.name, one.unit, one.stated) for one in each.figures],
            [(one.first, one.unit, one.stated) for one in each.days],
        )
        for each in found
    ]
    return Seen(says, all(one.agrees for one in found), found)


def entry(segment: Segment, site: Past, member: UUID) -> Seen:
    """Whether somebody is in a smart segment."""
    found = site.segments.smart(segment, member, site.instants[-2], WHOLE)
    return Seen(found.is_in, found.agrees, [found])


def chosen(name: str, site: Past, member: UUID) -> Seen:
    """Whether a filter holds somebody."""
    value: dict[str, Any] = {
        "statuses": ("member", "cancelling"),
        "plan_id": UUID(site.oracle.stays_of(str(member))[-1]["plan"]),
        "tag": "vip",
        "joined_from": site.instants[0],
        "joined_before": site.instants[-1],
        "spent_from": 1,
        "spent_to": 50_000,
        "last_order_from": site.instants[0],
        "last_order_before": site.instants[-1],
        "method_country": "FR",
        "agrees": True,
        "text": "a",
    }
    asked = MemberFilter(**{name: value[name]})
    found = site.segments.of_filter(
        asked, Definition("segment-saved", 1), member, now=site.instants[-2], turn=WHOLE
    )
    return Seen(found.is_in, found.agrees, [found])


def recurring(site: Past, member: UUID) -> Seen:
    """MRR now and then, and that of a plan."""
    plan = UUID(site.oracle.stays_of(str(member))[-1]["plan"])
    asked = [(at, Asked(limit=1000)) for at in site.instants[2:5]]
    found = [site.recurring.at(*one) for one in (*asked, (site.instants[3], Asked("EUR", plan)))]
    says = [[(one.currency, one.stated) for one in each.figures] for each in found]
    return Seen(says, all(one.agrees for one in found), found)


def by_plan(site: Past, member: UUID) -> Seen:
    """MRR now and then, plan by plan."""
    plan = UUID(site.oracle.stays_of(str(member))[-1]["plan"])
    found = [
        site.recurring_sums.explain(site.recurring_sums.added(at), asked, 0)
        for at in site.instants[2:5]
        for asked in (Asked(limit=1000), Asked("EUR", plan, limit=1000))
    ]
    says = [
        (
            [(one.currency, one.stated) for one in each.figures],
            [(one.plan_id, one.figure.stated) for one in each.plans],
        )
        for each in found
    ]
    return Seen(says, all(one.agrees for one in found), found)


def moved(kind: Kind, site: Past, member: UUID) -> Seen:
    """How MRR moved."""
    month = Month(START, site.instants[-2], site.instants[-2], "EUR")
    found = ExplainMoved(site.recurring).month(month, kind, limit=1000, after=None)
    says = (found.moved.get(kind), found.starting.stated, found.ending.stated)
    return Seen(says, found.agrees, [found])


def turnover(kind: Turnover, site: Past, member: UUID) -> Seen:
    """How many came, came back or left."""
    month = Stretch(START, site.instants[-2], site.instants[-2])
    found = site.people.turnover(month, kind, limit=1000, after=None)
    says = (found.moved[kind], found.starting.stated, found.ending.stated)
    return Seen(says, found.agrees, [found])


def lifetime(site: Past, member: UUID) -> Seen:
    """What those brought who joined in some months, and in a plan."""
    stretch = Stretch(START, site.instants[-2], site.instants[-2])
    plan = UUID(site.oracle.stays_of(str(member))[0]["plan"])
    asked = (Cohort(stretch), Cohort(stretch, plan, "EUR", "live"))
    found = [site.people.lifetime(one, WHOLE) for one in asked]
    says = [[(one.name, one.unit, one.stated) for one in each.figures] for each in found]
    return Seen(says, all(one.agrees for one in found), found)


def access(site: Past, member: UUID) -> Seen:
    """Whether a plan is open to somebody, as the view says."""
    at: datetime = site.instants[-2]
    plan = UUID(site.oracle.stays_of(str(member))[-1]["plan"])
    found = site.access.explain(member, plan, at, answered(site, member, plan, at))
    return Seen(found.stored, found.agrees, [found])


FIGURES: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "total": (total, ("spending", "members")),
    "order": (order, ("orders",)),
    "spending": (spending, ("movements", "orders")),
    "spending by day": (by_day, ("movements", "orders")),
    "MRR": (recurring, ("timelines",)),
    "MRR by plan": (by_plan, ("timelines",)),
    "MRR that is new": (partial(moved, "new"), ("timelines",)),
    "MRR that churned": (partial(moved, "churned"), ("timelines",)),
    "members who came": (partial(turnover, "new"), ("timelines",)),
    "members who left": (partial(turnover, "left"), ("timelines",)),
    "lifetime": (lifetime, ("timelines", "spending")),
    "access": (access, ("memberships",)),
    **{segment: (partial(entry, segment), ("members",)) for segment in get_args(Segment)},
    **{name: (partial(chosen, name), ("members",)) for name in OF_CONDITION},
}
"""What is explained, and the views that say it."""


LOOKED_AT = {str(name): columns for name, columns in (*OF_SEGMENT.items(), *OF_CONDITION.items())}
"""Columns of the member list, by segment and condition. No other has a say: see below."""


def busiest(site: Past, name: str) -> UUID:
    """Of whom, or of which order, is asked: who has most to edit."""
    if name == "order":
        [found] = site.one("SELECT order_id FROM movements ORDER BY position DESC")
    else:
        [found] = site.one(
            "SELECT member_id FROM timelines"
            " ORDER BY currencies[1] = 'EUR' DESC, cardinality(changed_at) DESC, member_id"
        )
    return UUID(str(found))
