"""“Why?” of the site's figures: what was spent, and MRR, membership by membership (NU4)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from flask import render_template
from pydantic_core import to_json

from projections.explain.recurring import Asked
from projections.queries.money import MovementFilter
from projections.queries.reports.rounding import rounded
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args
from web.pages.forms import read_args
from web.pages.frame import group, url_with
from web.pages.panel.explain import FACTS, ExplainArgs, as_stored, means, show, shown, turn
from web.pages.panel.listing import midnight
from web.pages.past_pages import now, of_moment, reading
from web.reading.explaining import Explaining
from web.reading.past import Scope
from web.wording.languages import gettext

pages = group("explain_figures", url_prefix="/panel/figures")


class SpendingArgs(ExplainArgs):
    """The figure's filter; both days are included."""

    plan: UUID | None = None
    currency: str | None = None
    mode: Literal["live", "test"] | None = None
    first_day: date | None = None
    last_day: date | None = None


class RecurringArgs(Args):
    """Of which plan and currency, and after which membership the list goes on."""

    plan: UUID | None = None
    currency: str | None = None
    after: UUID | None = None


@pages.get("/spending/why")
@requires(Permission.READ_FIGURES)
@of_moment(Scope.LISTS)
def spending() -> str:
    """Why a spending figure of the site, or of a plan, is what it is."""
    filled = read_args(SpendingArgs)
    args = filled.value or SpendingArgs()
    following = args.last_day + timedelta(days=1) if args.last_day else None
    asked = MovementFilter(
        plan_id=args.plan,
        currency=args.currency,
        mode=args.mode,
        since=midnight(args.first_day),
        before=midnight(following),
    )
    found = Explaining(parts(), reading(), now()).figures.spending(asked, turn())
    return show(gettext("Why these figures?"), found, shown(found, {}), apart=found.apart)


@pages.get("/mrr/why")
@requires(Permission.READ_FIGURES)
@of_moment(Scope.LISTS)
def recurring() -> str:
    """Which memberships the MRR is made of, and which facts say what each is worth."""
    filled = read_args(RecurringArgs)
    args = filled.value or RecurringArgs()
    asked = Asked(args.currency, args.plan, limit=FACTS, after=args.after)
    found = Explaining(parts(), reading(), now()).recurring.at(now(), asked)
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


def _as_text(value: object) -> str:
    """A column of a view, as the interface writes it."""
    return to_json(value).decode()
