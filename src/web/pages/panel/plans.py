"""The plans, and one plan: its prices, who is in it, what it will bring, what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import render_template

from ledger.errors import NotFound
from ledger.money import Money
from projections.plans import PlanRow
from projections.queries.coming import MonthOfCharges, Standing, by_month
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.forms import Filled
from web.pages.frame import group
from web.pages.panel import timeline
from web.pages.panel.plans_forms import EarlyForm, WindowForm, typed, written_tax
from web.pages.past_pages import now, of_moment, reading
from web.reading.past import Scope
from web.wording.embedding import snippet

pages = group("plans", url_prefix="/panel/plans")


class Month(NamedTuple):
    """What a plan brings in a month of the site, by amount, and all together by currency."""

    charges: list[MonthOfCharges]
    totals: list[Money]


@pages.get("")
@requires(Permission.READ_PLANS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Every plan, drafts and retired ones too."""
    queries = reading().queries
    return render_template(
        "panel/plans.html",
        plans=queries.plans.all(),
        running=queries.memberships.running(now()),
        now=now(),
        snippet=snippet(parts().settings),
        origins=parts().settings.frame_origins,
    )


@pages.get("/<uuid:plan_id>")
@requires(Permission.READ_PLANS)
@of_moment(Scope.LISTS)
def one(plan_id: UUID) -> str:
    """One plan."""
    return shown(plan_id)


@pages.get("/<uuid:plan_id>/coming")
@requires(Permission.READ_PLANS)
@of_moment(Scope.LISTS)
def coming(plan_id: UUID) -> str:
    """The charges of the next twelve months, by month and amount."""
    plan, zone = found(plan_id), parts().settings.zone
    groups = reading().queries.coming.alike(plan_id, now(), zone)
    charges = by_month(groups, plan.prices, now().astimezone(zone).date(), zone)
    return render_template("panel/plan_coming.html", plan=plan, months=_months(charges))


def found(plan_id: UUID) -> PlanRow:
    """A plan as the page at hand knows it; NotFound."""
    plan = reading().queries.plans.one(plan_id)
    if plan is None:
        raise NotFound(what="plan", id=plan_id)
    return plan


def shown(
    plan_id: UUID,
    *,
    window: Filled[WindowForm] | None = None,
    early: Filled[EarlyForm] | None = None,
    wrong: str = "",
) -> str:
    """The page of a plan, with a form as it was sent and refused."""
    plan, queries, settings = found(plan_id), reading().queries, parts().settings
    standing = queries.coming.standing(plan_id, now())
    return render_template(
        "panel/plan.html",
        plan=plan,
        standing=_by_version(standing),
        running=sum(line.running for line in standing),
        renewing=sum(line.renewing for line in standing),
        has_password=parts().desk.plan_passwords.known(plan_id),
        policy=parts().ledger.rules.policy,
        tax=written_tax(plan.tax_basis_points),
        typed=typed,
        snippet=snippet(settings, plan_id),
        origins=settings.frame_origins,
        story=timeline.lines(queries.history.of_stream(plan_id)),
        now=now(),
        window=window,
        early=early,
        wrong=wrong,
    )


def joinable_now(plan: PlanRow, at: datetime) -> bool:
    """Whether the public page offers it."""
    return plan.price is not None and plan.is_joinable(at)


def _by_version(standing: list[Standing]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for line in standing:
        counts[line.version] = counts.get(line.version, 0) + line.running
    return counts


def _months(charges: list[MonthOfCharges]) -> dict[Any, Month]:
    months: dict[Any, Month] = {}
    for line in charges:
        months.setdefault(line.month, Month([], [])).charges.append(line)
    for month in months.values():
        sums: dict[str, int] = {}
        for line in month.charges:
            sums[line.currency] = sums.get(line.currency, 0) + line.total
        month.totals.extend(Money(minor, currency) for currency, minor in sums.items())
    return months
