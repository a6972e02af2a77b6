"""A new price of a plan, and who pays what when if it is set (PL3, PL4)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import render_template
from werkzeug.wrappers import Response

from ledger.errors import LedgerError, PriceDateInThePast
from ledger.plan import Plan
from ledger.terms import Terms
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import signed
from web.pages.forms import Filled, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.pages.panel.plans_forms import PriceForm, beside, midnight, read_terms
from web.pages.past_pages import now, reading
from web.problems import Problem
from web.reading.price_change import Told, told_of
from web.wording.languages import gettext, plain_amount

pages = group("plan_prices", url_prefix="/panel/plans/<uuid:plan_id>/price")


@pages.get("")
@requires(Permission.CHANGE_PLANS)
def ask(plan_id: UUID) -> str:
    """The price as it is, to be changed; or as it was typed, to be changed again."""
    typed = read_args(PriceForm)
    return _form(plan_id, typed if typed.given else None)


@pages.get("/preview")
@requires(Permission.CHANGE_PLANS)
def preview(plan_id: UUID) -> str | tuple[str, int]:
    """Who pays what when; nothing is set yet."""
    plan, filled, terms = _read(plan_id, read_args(PriceForm))
    form = filled.value
    if form is None or terms is None:
        return _form(plan_id, filled), UNPROCESSABLE
    since = midnight(form.since)
    if since is not None and since <= parts().clock.now():
        filled, wrong = beside(filled, PriceDateInThePast())
        return _form(plan_id, filled, wrong), UNPROCESSABLE
    return render_template(
        "panel/plan_price_preview.html",
        plan=plan,
        terms=terms,
        since=form.since,
        groups=_told(plan, form.since),
        sent={name: texts[-1] for name, texts in filled.given.items()},
    )


@pages.post("")
@requires(Permission.CHANGE_PLANS)
def set_(plan_id: UUID) -> Response | tuple[str, int]:
    """Make the price version."""
    _, filled, terms = _read(plan_id, read_form(PriceForm))
    if filled.value is None or terms is None:
        return _form(plan_id, filled), UNPROCESSABLE
    since = midnight(filled.value.since)
    try:
        position = parts().ledger.set_price(
            plan_id, terms, effective_for_existing_from=since, **signed()
        )
    except (LedgerError, Problem) as refused:
        filled, wrong = beside(filled, refused)
        return _form(plan_id, filled, wrong), UNPROCESSABLE
    settled(position)
    notice = gettext("The price is set: who joins from now on pays it.")
    return onward("plans.one", notice, plan_id=plan_id)


def _read(plan_id: UUID, filled: Filled[PriceForm]) -> tuple[Plan, Filled[PriceForm], Terms | None]:
    """Model and currency are the plan's, once it has a price (PL1, PL2)."""
    plan = parts().ledger.plan(plan_id)
    wanted = (filled.value.currency if filled.value else None) or parts().settings.currency
    currency = plan.price.terms.amount.currency if plan.prices else wanted.upper()
    filled, terms = read_terms(filled, currency)
    return plan, filled, terms


def _form(plan_id: UUID, filled: Filled[PriceForm] | None = None, wrong: str = "") -> str:
    plan = parts().ledger.plan(plan_id)
    terms = plan.price.terms if plan.prices else None
    return render_template(
        "panel/plan_price.html",
        plan=plan,
        terms=terms,
        amount=plain_amount(terms.amount) if terms else "",
        currency=terms.amount.currency if terms else parts().settings.currency,
        form=filled,
        wrong=wrong,
    )


def _told(plan: Plan, since: date | None) -> list[Told]:
    coming, zone = reading().queries.coming, parts().settings.zone
    return told_of(coming, plan.id, since, versions=len(plan.prices), at=now(), zone=zone)
