"""The overview: what came in, what comes each month, who came and went; with what it all means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from flask import g, render_template
from pydantic import Field

from projections.queries.reports.calendar import Calendar, day_of, month_after, months_between
from projections.queries.reports.revenue import totals
from web.api.framework import BASE
from web.api.reports import EARLIEST, LATEST, MOST_COHORTS, MOST_DAYS
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import read_args
from web.pages.frame import group, url_with
from web.pages.panel import overview_parts
from web.pages.panel.overview_figures import (
    Figures,
    Wanted,
    asked,
    figures_of,
    kept_figures,
)
from web.pages.panel.overview_parts import Drawing
from web.pages.past_pages import now, of_moment, past, reading
from web.reading.past import Scope
from web.wording.languages import gettext, locale, message

pages = group("overview", url_prefix="/panel/overview")

USUAL_MONTHS = 12
MOST_BY_DAY = 62
"""Days that are told one by one where nobody asks otherwise."""

PERIODS = (
    (1, message("This month")),
    (3, message("3 months")),
    (12, message("12 months")),
    (24, message("24 months")),
)
Day = Annotated[date | None, Field(ge=EARLIEST, le=LATEST)]
Step = Literal["day", "month"]


class OverviewArgs(Args):
    """Every state of the overview has an address: these are its parameters."""

    first_day: Day = None
    last_day: Day = None
    step: Step | None = None
    currency: Annotated[str | None, Field(max_length=3)] = None
    plan: UUID | None = None


@pages.get("")
@requires(Permission.READ_FIGURES)
@of_moment(Scope.LISTS)
def page() -> str:
    """Every figure, drawn and as a table."""
    filled = read_args(OverviewArgs)
    args = filled.value or OverviewArgs()
    first, last, wrong = _days(args)
    step = _step(args.step, first, last)
    plans = {row.plan_id: row for row in reading().queries.plans.all()}
    wanted = _wanted(args, first, last, step)
    figures = _figures(wanted)
    return render_template(
        "panel/overview.html",
        args=args,
        first=first,
        last=last,
        step=step,
        wrong=wrong or (gettext("This filter can’t be read.") if filled.faults else ""),
        currency=wanted.currency,
        currencies=_currencies(plans),
        plans={plan_id: row.name for plan_id, row in plans.items()},
        periods=_periods(first, last),
        figures=figures,
        total=next(iter(totals(figures.revenue)), None),
        drawn=Drawing(wanted, figures, step),
        exports=_exports(wanted, first, last, step),
        mode=wanted.mode,
        parts_of=overview_parts,
    )


# --- within -------------------------------------------------------------------------------


def _today() -> date:
    return day_of(now(), parts().site.time_zone)


def _days(args: OverviewArgs) -> tuple[date, date, str]:
    """The first and the last day, and what is wrong with those that were asked for."""
    last = args.last_day or _today()
    first = args.first_day or month_after(last, 1 - USUAL_MONTHS)
    if first > last:
        wrong = gettext("The first day is after the last.")
    elif months_between(first, last) >= MOST_COHORTS:
        wrong = gettext("At most five years are shown at once.")
    else:
        return first, last, ""
    last = _today()
    return month_after(last, 1 - USUAL_MONTHS), last, wrong


def _step(wish: Step | None, first: date, last: date) -> Step:
    days = (last - first).days + 1
    if wish == "day" and days <= MOST_DAYS:
        return "day"
    return "day" if wish is None and days <= MOST_BY_DAY else "month"


def _wanted(args: OverviewArgs, first: date, last: date, step: Step) -> Wanted:
    """What is by month is shown for twelve of them at least: one month alone says little."""
    zone, site = parts().site.time_zone, parts().site
    earliest = min(first, month_after(last, 1 - USUAL_MONTHS))
    made = Calendar.days if step == "day" else Calendar.months
    return Wanted(
        stretches=made(first, last, zone),
        months=Calendar.months(earliest, last, zone),
        currency=args.currency or parts().settings.currency,
        mode=site.mode,
        plan_id=args.plan,
    )


def _figures(wanted: Wanted) -> Figures:
    if past() is not None:
        return figures_of(asked(parts(), reading().queries, now()), wanted)
    return kept_figures(parts()).of(wanted, now())


def _currencies(plans: Mapping[UUID, object]) -> list[str]:
    prices = (price for row in plans.values() for price in getattr(row, "prices", ()))
    return sorted({parts().settings.currency, *(price.currency for price in prices)})


def _periods(first: date, last: date) -> list[tuple[str, str, bool]]:
    """The usual ones: what it is called, its address, whether it is the one shown."""
    today = _today()
    found = []
    for months, label in PERIODS:
        start = month_after(today, 1 - months)
        url = url_with(first_day=start, last_day=None, step=None)
        found.append((gettext(label), url, (first, last) == (start, today)))
    return found


def _exports(wanted: Wanted, first: date, last: date, step: Step) -> Mapping[str, str]:
    """The address of each report as a file, as the reader's spreadsheet takes it."""
    months = {
        "first_month": f"{wanted.months.starts[0]:%Y-%m}",
        "last_month": f"{wanted.months.starts[-1]:%Y-%m}",
    }
    days = {"first_day": first, "last_day": last, "step": step}
    money = {"currency": wanted.currency}
    filters: dict[str, dict[str, object]] = defaultdict(dict)
    filters["revenue"] = {**days, **money}
    if wanted.plan_id:
        filters["revenue"]["plan_id"] = wanted.plan_id
    filters["mrr"] = dict(money)
    filters["movements"] = {**months, **money}
    filters["members"] = filters["cohorts"] = dict(months)
    beside: dict[str, object] = {"separator": "semicolon", "bom": "true"}
    beside = beside if locale() == "fr" else {}
    if "asked" in g:
        beside |= {name: at.isoformat() for name, at in g.asked._asdict().items() if at}
    return {
        name: f"{BASE}/reports/{name}.csv?{urlencode({**one, **beside})}"
        for name, one in filters.items()
    }
