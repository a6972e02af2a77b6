"""“Why?” of the site's figures: what was spent, and MRR, membership by membership (NU4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from flask import g, render_template
from pydantic_core import to_json
from werkzeug.wrappers import Response

from projections.explain.days import DayLine
from projections.explain.recurring import Asked
from projections.queries.money import MovementFilter
from projections.queries.reports.rounding import rounded
from web.api.framework import BASE
from web.identity.auth import requires
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import read_args
from web.pages.frame import group, url_with
from web.pages.panel import explain_sums
from web.pages.panel.explain import ExplainArgs, as_stored, means, show, shown, turn
from web.pages.panel.listing import midnight
from web.pages.past_pages import of_moment, reading
from web.reading.past import Scope
from web.wording.languages import day, gettext

pages = group("explain_figures", url_prefix="/panel/figures")
LISTED = 25
"""Facts, or memberships, beside what all days and plans come to."""


class SpendingArgs(ExplainArgs):
    """The figure's filter; both days are included."""

    plan: UUID | None = None
    currency: str | None = None
    mode: Literal["live", "test"] | None = None
    first_day: date | None = None
    last_day: date | None = None


class RecurringArgs(Args):
    """Of which plan and currency, and after whose joining the list goes on."""

    plan: UUID | None = None
    currency: str | None = None
    after: int = 0


@pages.get("/spending/why")
@requires(Permission.READ_FIGURES)
@of_moment(Scope.LISTS)
def spending() -> str | Response:
    """Why a spending figure of the site, or of a plan, is what it is."""
    filled = read_args(SpendingArgs)
    args = filled.value or SpendingArgs()
    days = explain_sums.days()
    if days is None:
        return explain_sums.being_added()
    asked = _movements(args)
    found = explain_sums.explaining().days.explain(asked, days, turn()._replace(limit=LISTED))
    return show(
        gettext("Why these figures?"),
        found,
        shown(found, {}),
        apart=found.apart,
        days=[_day(one) for one in found.days],
        export=_export(asked),
    )


@pages.get("/mrr/why")
@requires(Permission.READ_FIGURES)
@of_moment(Scope.LISTS)
def recurring() -> str | Response:
    """Which memberships the MRR is made of, and which facts say what each is worth."""
    filled = read_args(RecurringArgs)
    args = filled.value or RecurringArgs()
    sums = explain_sums.recurring()
    if sums is None:
        return explain_sums.being_added()
    asked = Asked(args.currency, args.plan, limit=LISTED)
    found = explain_sums.explaining().recurring_sums.explain(sums, asked, args.after)
    following = found.next_after
    return render_template(
        "panel/explain_mrr.html",
        found=found,
        means=means(found.definition),
        plans={row.plan_id: row.name for row in reading().queries.plans.all()},
        rounded=rounded,
        as_stored=as_stored,
        as_text=_as_text,
        following=None if following is None else url_with(after=following),
    )


# --- within -------------------------------------------------------------------------------


def _movements(args: SpendingArgs) -> MovementFilter:
    following = args.last_day + timedelta(days=1) if args.last_day else None
    return MovementFilter(
        plan_id=args.plan,
        currency=args.currency,
        mode=args.mode,
        since=midnight(args.first_day),
        before=midnight(following),
    )


def _day(line: DayLine) -> Mapping[str, Any]:
    """A day, or a month, and the address of its own explanation."""
    currency, is_day = line.unit.currency, line.first == line.last
    own = {"currency": currency, "mode": line.unit.mode, "after": None}
    return {
        "name": day(line.first) if is_day else day(line.first, "LLLL y"),
        "is_test": line.unit.mode == "test",
        "stated": as_stored(line.stated, currency),
        "readded": as_stored(line.readded, currency),
        "agrees": line.stated == line.readded,
        "facts": line.facts,
        "url": url_with(first_day=line.first, last_day=line.last, **own),
    }


def _export(asked: MovementFilter) -> str:
    """The address of the movements as a file; in which mode each was, a column says."""
    moment = g.asked._asdict() if "asked" in g else {}
    given = {**asked.parameters(), **moment, "mode": None}
    written = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in given.items()
        if value is not None
    }
    return f"{BASE}/figures/movements.csv?{urlencode(written)}"


def _as_text(value: object) -> str:
    """A column of a view, as the interface writes it."""
    return to_json(value).decode()
