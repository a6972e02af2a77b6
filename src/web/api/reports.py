"""Reports: revenue, MRR and its movements, members, retention, lifetime value (NU1 to NU4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from projections.queries.money import MovementFilter
from projections.queries.reports.calendar import (
    Calendar,
    day_of,
    month_after,
    months_between,
)
from projections.queries.reports.definitions import REVENUE
from projections.queries.reports.lifetime import By
from projections.queries.reports.revenue import RevenueFilter, RevenueLine
from web.api.framework import Call, Routes
from web.api.models import InstantField, PageQuery, Query
from web.api.report_shapes import (
    CohortsReport,
    DefinitionShown,
    LifetimeReport,
    MembersReport,
    MovementsReport,
    RecurringReport,
    RevenueReply,
    RevenueReport,
    RevenueTotal,
    money_of,
)
from web.identity.permissions import Permission
from web.problems import parameter_fault
from web.reading.past import Scope

routes = Routes("reports")

EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
MOST_DAYS, MOST_MONTHS, MOST_COHORTS = 400, 240, 60
USUAL_MONTHS = 12
MICROSECOND = timedelta(microseconds=1)
AT_ONCE = 31
"""Days, or months, that are read at a time."""


def _month(value: Any) -> Any:
    """`2026-11`, as its first day."""
    if not isinstance(value, str):
        return value
    year, _, month = value.partition("-")
    if len(year) == len("2026") and len(month) == len("11") and (year + month).isdecimal():
        try:
            return date(int(year), int(month), 1)
        except ValueError:
            pass  # written right, and no month of the calendar
    raise PydanticCustomError("month_parsing", "Input should be a month such as 2026-11")


DayField = Annotated[date, Field(ge=EARLIEST, le=LATEST)]
MonthField = Annotated[
    date,
    Field(ge=EARLIEST, le=LATEST),
    BeforeValidator(_month),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}),
]
CurrencyField = Annotated[str | None, Field(max_length=3)]


class RevenueQuery(PageQuery):
    """Which days, both included, in the site's time zone; this month until today, unless told."""

    first_day: DayField | None = None
    last_day: DayField | None = None
    step: Literal["day", "month"] = "day"
    currency: CurrencyField = None
    plan_id: UUID | None = None


class RecurringQuery(Query):
    """At which instant; now, unless told."""

    at: InstantField | None = None
    currency: CurrencyField = None


class MonthsQuery(Query):
    """Which months, both included, in the site's time zone; the last twelve, unless told."""

    first_month: MonthField | None = None
    last_month: MonthField | None = None


class MovementsQuery(MonthsQuery):
    """The movements of one currency, or of every one."""

    currency: CurrencyField = None


class LifetimeQuery(MovementsQuery):
    """Who joined first in these months, brought together by month or by plan."""

    by: By = "cohort"


@routes.get(
    "/reports/revenue",
    permission=Permission.READ_FIGURES,
    summary="Revenue",
    query=RevenueQuery,
    answers=RevenueReport,
    past=Scope.LISTS,
)
def report_revenue(call: Call[None, RevenueQuery]) -> RevenueReport:
    """Gross, refunded, disputed and net by day or month, currency, mode and plan (NU1)."""
    asked, calendar, place = call.query, _days(call), call.place()
    lines: list[RevenueLine] = []
    for line in _revenue(call, calendar, str(place[0]) if place else None):
        if place and line.order <= tuple(map(str, place)):
            continue
        lines.append(line)
        if len(lines) > asked.limit:
            break
    more, page = len(lines) > asked.limit, lines[: asked.limit]
    return RevenueReport(
        definition=DefinitionShown.of(REVENUE),
        items=[RevenueReply.of(line) for line in page],
        next=call.cursor(list(page[-1].order)) if more else None,
        totals=None if place else _totals(call, calendar),
    )


@routes.get(
    "/reports/mrr",
    permission=Permission.READ_FIGURES,
    summary="Monthly recurring revenue",
    query=RecurringQuery,
    answers=RecurringReport,
    past=Scope.LISTS,
)
def report_recurring(call: Call[None, RecurringQuery]) -> RecurringReport:
    """By currency and plan at an instant, as far as it is known (NU2)."""
    at = call.query.at or call.now
    if at > call.now:
        raise parameter_fault("at", "in_the_future", "Nobody knows yet what will be true then.")
    return RecurringReport.of(call.queries.reports.recurring.at(at, currency=call.query.currency))


@routes.get(
    "/reports/movements",
    permission=Permission.READ_FIGURES,
    summary="Movements of MRR",
    query=MovementsQuery,
    answers=MovementsReport,
    past=Scope.LISTS,
)
def report_movements(call: Call[None, MovementsQuery]) -> MovementsReport:
    """By month and currency: what was new, what grew, what shrank, what was lost (NU3)."""
    months = _months(call, MOST_MONTHS)
    recurring = call.queries.reports.recurring
    return MovementsReport.of(recurring.movements(months, call.now, currency=call.query.currency))


@routes.get(
    "/reports/members",
    permission=Permission.READ_FIGURES,
    summary="Members by month",
    query=MonthsQuery,
    answers=MembersReport,
    past=Scope.LISTS,
)
def report_members(call: Call[None, MonthsQuery]) -> MembersReport:
    """How many came for the first time, came back, and left."""
    months = _months(call, MOST_MONTHS)
    return MembersReport.of(call.queries.reports.membership.by_month(months, call.now))


@routes.get(
    "/reports/cohorts",
    permission=Permission.READ_FIGURES,
    summary="Retention by cohort",
    query=MonthsQuery,
    answers=CohortsReport,
    past=Scope.LISTS,
)
def report_cohorts(call: Call[None, MonthsQuery]) -> CohortsReport:
    """Of those who joined first in each month, how many were members at the end of each month."""
    months = _months(call, MOST_COHORTS)
    return CohortsReport.of(call.queries.reports.membership.cohorts(months, call.now))


@routes.get(
    "/reports/lifetime",
    permission=Permission.READ_FIGURES,
    summary="Lifetime value",
    query=LifetimeQuery,
    answers=LifetimeReport,
    past=Scope.LISTS,
)
def report_lifetime(call: Call[None, LifetimeQuery]) -> LifetimeReport:
    """What those have brought who joined first in a month, or in a plan, on average a member.

    What one member brought is the member list's, which sorts by it.
    """
    asked, months = call.query, _months(call, MOST_MONTHS)
    lifetime = call.queries.reports.lifetime
    return LifetimeReport.of(lifetime.lines(months, call.now, by=asked.by, currency=asked.currency))


# --- which days and months ----------------------------------------------------------------


def _today(call: Call[None, Any]) -> date:
    return day_of(call.now, call.parts.site.time_zone)


def _days(call: Call[None, RevenueQuery]) -> Calendar:
    asked, zone = call.query, call.parts.site.time_zone
    last = asked.last_day or _today(call)
    first = asked.first_day or last.replace(day=1)
    _require_order("first_day", first, last)
    if asked.step == "month":
        _require_few("first_day", months_between(first, last) + 1, MOST_MONTHS, "months")
        return Calendar.months(first, last, zone)
    _require_few("first_day", (last - first).days + 1, MOST_DAYS, "days")
    return Calendar.days(first, last, zone)


def _months(call: Call[None, Any], most: int) -> Calendar:
    asked: MonthsQuery = call.query
    last = asked.last_month or _today(call).replace(day=1)
    first = asked.first_month or month_after(last, 1 - USUAL_MONTHS)
    _require_order("first_month", first, last)
    _require_few("first_month", months_between(first, last) + 1, most, "months")
    return Calendar.months(first, last, call.parts.site.time_zone)


def _require_order(name: str, first: date, last: date) -> None:
    if first > last:
        raise parameter_fault(name, "range_inverted", "The first is after the last.")


def _require_few(name: str, count: int, most: int, what: str) -> None:
    if count > most:
        detail = f"These are {count} {what}; at most {most} are told at once."
        raise parameter_fault(name, "range_too_long", detail)


# --- revenue, a stretch at a time ---------------------------------------------------------


def _revenue(
    call: Call[None, RevenueQuery], calendar: Calendar, start: str | None
) -> Iterator[RevenueLine]:
    """The lines from a day on, in their order; what is not wanted is not read."""
    asked = RevenueFilter(call.query.currency, call.query.plan_id)
    begun = (n for n, day in enumerate(calendar.starts) if start is None or str(day) >= start)
    for place in range(next(begun, len(calendar.starts)), len(calendar.starts), AT_ONCE):
        part = calendar.part(place, AT_ONCE)
        yield from call.queries.reports.revenue.lines(part, call.now, asked)


def _totals(call: Call[None, RevenueQuery], calendar: Calendar) -> list[RevenueTotal]:
    whole = MovementFilter(
        currency=call.query.currency,
        plan_id=call.query.plan_id,
        since=calendar.since,
        before=min(calendar.before, call.now + MICROSECOND),
    )
    totals = call.queries.money.totals(whole)
    return [RevenueTotal.model_validate(money_of(total)) for total in totals]
