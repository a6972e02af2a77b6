"""The discount codes, and one code: its rules, its uses and the orders that used it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from flask import render_template

from ledger.errors import NotFound
from ledger.money import Money
from projections.discounts import DiscountRow
from projections.queries.orders import OrderFilter
from projections.queries.paging import Turn
from web.identity.auth import requires
from web.identity.permissions import Permission
from web.pages.forms import read_args
from web.pages.frame import group
from web.pages.panel import timeline
from web.pages.panel.listing import PAGE, ListArgs
from web.pages.past_pages import now, of_moment, reading
from web.reading.past import Scope
from web.wording.languages import gettext, money, say

pages = group("discounts", url_prefix="/panel/discounts")

MOST_TOLD = 20
"""Lines of a code's history: each use is one, and stands among the orders as well."""

State = Literal["usable", "waiting", "expired", "used_up", "ended"]


@pages.get("")
@requires(Permission.READ_DISCOUNTS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Every code, ended ones too."""
    queries, at = reading().queries, now()
    codes = queries.discounts.all()
    return render_template(
        "panel/discounts.html",
        codes=codes,
        states={code.code_id: state_of(code, at) for code in codes},
        cuts={code.code_id: cut_of(code) for code in codes},
        names={plan.plan_id: plan.name for plan in queries.plans.all()},
    )


@pages.get("/<uuid:discount_id>")
@requires(Permission.READ_DISCOUNTS)
@of_moment(Scope.LISTS)
def one(discount_id: UUID) -> str:
    """One code."""
    code, queries = found(discount_id), reading().queries
    asked = OrderFilter(discount_code=code.code)
    args = read_args(ListArgs).value or ListArgs()
    page = queries.orders.page(
        asked, Turn("placed", descending=True, limit=PAGE, cursor=args.cursor)
    )
    return render_template(
        "panel/discount.html",
        code=code,
        state=state_of(code, now()),
        cut=cut_of(code),
        names={plan.plan_id: plan.name for plan in queries.plans.all()},
        page=page,
        count=queries.orders.count(asked),
        people=queries.orders.people(page.rows),
        story=timeline.lines(queries.history.latest_of_stream(discount_id, MOST_TOLD)),
    )


def found(discount_id: UUID) -> DiscountRow:
    """A code as the page at hand knows it; NotFound."""
    code = reading().queries.discounts.one(discount_id)
    if code is None:
        raise NotFound(what="discount code", id=discount_id)
    return code


def state_of(code: DiscountRow, at: datetime) -> State:
    """Whether it can be used at an instant, or why not."""
    states: dict[State, bool] = {
        "ended": code.ended_at is not None,
        "expired": code.ends_at is not None and at >= code.ends_at,
        "waiting": code.starts_at is not None and at < code.starts_at,
        "used_up": code.total_uses is not None and code.uses >= code.total_uses,
    }
    return next((state for state, holds in states.items() if holds), "usable")


def cut_of(code: DiscountRow) -> str:
    """What it takes off, as a person would say it."""
    if code.amount is not None and code.currency is not None:
        cut = money(Money(code.amount, code.currency))
    else:
        cut = say("{percent} %", percent=code.percent)
    which = gettext("off every payment") if code.every_payment else gettext("off the first payment")
    return f"{cut} {which}"
