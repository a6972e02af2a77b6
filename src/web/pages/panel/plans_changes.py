"""Making a plan and changing it: words, sign-ups, early access, its end (PL5 to PL8)."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from flask import render_template
from werkzeug.wrappers import Response

from ledger import ids
from ledger.currencies import DECIMALS
from ledger.errors import LedgerError
from ledger.facts import Cause
from ledger.terms import Terms
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import signed
from web.pages.forms import Filled, actor, cause, command_id, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.pages.panel.plans import found, shown
from web.pages.panel.plans_forms import (
    EarlyForm,
    PlanForm,
    WindowForm,
    WordsForm,
    beside,
    instant,
    read_terms,
    read_words,
    tax_of,
    written_tax,
)
from web.problems import FieldFault, Problem
from web.wording.languages import gettext, say

pages = group("plan_changes", url_prefix="/panel/plans")


class Words(TypedDict):
    """What people read, and the tax, as the books take them."""

    name: str
    description: str
    tax_basis_points: int | None


@pages.get("/new")
@requires(Permission.CHANGE_PLANS)
def new() -> str:
    """A form for everything a plan needs before it can be opened."""
    return _new()


@pages.post("/new")
@requires(Permission.CHANGE_PLANS)
def create() -> Response | tuple[str, int]:
    """A draft with its first price."""
    filled = read_words(read_form(PlanForm))
    currency = (filled.value.currency if filled.value else None) or parts().settings.currency
    filled, terms = read_terms(filled, currency.upper())
    if filled.value is None or terms is None:
        return _new(filled), UNPROCESSABLE
    try:
        plan_id = _draft(filled.value, terms)
    except (LedgerError, Problem) as refused:
        filled, wrong = beside(filled, refused)
        return _new(filled, wrong), UNPROCESSABLE
    notice = gettext("The plan is a draft: look at it, then open its sign-ups.")
    return onward("plans.one", notice, plan_id=plan_id)


@pages.get("/<uuid:plan_id>/words")
@requires(Permission.CHANGE_PLANS)
def words(plan_id: UUID) -> str:
    """Its name, description and tax as they are."""
    return _words(plan_id)


@pages.post("/<uuid:plan_id>/words")
@requires(Permission.CHANGE_PLANS)
def describe(plan_id: UUID) -> Response | tuple[str, int]:
    """Change what people read, and the tax of later orders."""
    filled = read_words(read_form(WordsForm))
    if filled.value is None:
        return _words(plan_id, filled), UNPROCESSABLE
    try:
        settled(parts().ledger.describe_plan(plan_id, **_said(filled.value), **signed()))
    except (LedgerError, Problem) as refused:
        filled, wrong = beside(filled, refused)
        return _words(plan_id, filled, wrong), UNPROCESSABLE
    return onward("plans.one", gettext("Changed."), plan_id=plan_id)


@pages.post("/<uuid:plan_id>/open")
@requires(Permission.CHANGE_PLANS)
def open_(plan_id: UUID) -> Response | tuple[str, int]:
    """Open sign-ups, at once and without end, or within a window (PL5)."""
    filled = read_form(WindowForm)
    if filled.value is None:
        return shown(plan_id, window=filled), UNPROCESSABLE
    bounds = {
        "opens_at": instant(filled.value.opens_at),
        "closes_at": instant(filled.value.closes_at),
    }
    try:
        settled(parts().ledger.open_plan(plan_id, **bounds, **signed()))
    except (LedgerError, Problem) as refused:
        filled, wrong = beside(filled, refused)
        return shown(plan_id, window=filled, wrong=wrong), UNPROCESSABLE
    return onward("plans.one", gettext("Sign-ups are open as given here."), plan_id=plan_id)


@pages.post("/<uuid:plan_id>/close")
@requires(Permission.CHANGE_PLANS)
def close(plan_id: UUID) -> Response | tuple[str, int]:
    """Close sign-ups; members stay (PL5)."""
    try:
        settled(parts().ledger.close_plan(plan_id, **signed()))
    except (LedgerError, Problem) as refused:
        return shown(plan_id, wrong=_sentence(refused)), UNPROCESSABLE
    notice = gettext("Sign-ups are closed. Members stay as they are.")
    return onward("plans.one", notice, plan_id=plan_id)


@pages.post("/<uuid:plan_id>/early-access")
@requires(Permission.CHANGE_PLANS)
def early_access(plan_id: UUID) -> Response | tuple[str, int]:
    """Ask for a password until an instant, be free until an instant (PL6)."""
    filled = read_form(EarlyForm)
    if filled.value is None:
        return shown(plan_id, early=filled), UNPROCESSABLE
    if filled.value.password_until and not _has_password(plan_id, filled.value):
        missing = FieldFault(pointer="/password", code="missing", detail="missing")
        return shown(
            plan_id, early=Filled(filled.given, faults={"password": missing})
        ), UNPROCESSABLE
    try:
        _set_early_access(plan_id, filled.value)
    except (LedgerError, Problem) as refused:
        filled, wrong = beside(filled, refused)
        return shown(plan_id, early=filled, wrong=wrong), UNPROCESSABLE
    return onward("plans.one", gettext("Early access is as given here."), plan_id=plan_id)


@pages.get("/<uuid:plan_id>/retire")
@requires(Permission.CHANGE_PLANS)
def ask_retire(plan_id: UUID) -> str:
    """What retiring does, before it is done: it can't be taken back."""
    return _retire(plan_id)


@pages.post("/<uuid:plan_id>/retire")
@requires(Permission.CHANGE_PLANS)
def retire(plan_id: UUID) -> Response | tuple[str, int]:
    """Let nobody join it ever again; no membership ends by it (PL7)."""
    try:
        settled(parts().ledger.retire_plan(plan_id, **signed()))
    except (LedgerError, Problem) as refused:
        return _retire(plan_id, _sentence(refused)), UNPROCESSABLE
    notice = say("{plan} is retired. Its members stay as they are.", plan=found(plan_id).name)
    return onward("plans.one", notice, plan_id=plan_id)


def _draft(form: PlanForm, terms: Terms) -> UUID:
    """The draft and its price: two commands of one form, each of which may be sent twice."""
    plan_id, ledger = ids.derived(command_id(), "plan"), parts().ledger
    ledger.draft_plan(plan_id, **_said(form), **signed())
    pricing = Cause(kind="request", id=ids.derived(command_id(), "price"))
    settled(ledger.set_price(plan_id, terms, by=actor(), cause=pricing))
    return plan_id


def _said(form: WordsForm) -> Words:
    return {
        "name": form.name,
        "description": form.description or "",
        "tax_basis_points": tax_of(form),
    }


def _has_password(plan_id: UUID, form: EarlyForm) -> bool:
    return form.password is not None or parts().desk.plan_passwords.known(plan_id)


def _set_early_access(plan_id: UUID, form: EarlyForm) -> None:
    parts().ledger.plan(plan_id)
    if form.password is not None:
        parts().desk.plan_passwords.put(plan_id, form.password)
    position = parts().ledger.set_early_access(
        plan_id,
        password_until=instant(form.password_until),
        free_until=instant(form.free_until),
        by=actor(),
        cause=cause(),
    )
    settled(position)


def _sentence(refused: LedgerError | Problem) -> str:
    return beside(Filled[WordsForm]({}), refused)[1]


def _new(filled: Filled[PlanForm] | None = None, wrong: str = "") -> str:
    return render_template(
        "panel/plan_new.html",
        form=filled,
        wrong=wrong,
        currencies=[(code, code) for code in sorted(DECIMALS)],
        currency=parts().settings.currency,
    )


def _words(plan_id: UUID, filled: Filled[WordsForm] | None = None, wrong: str = "") -> str:
    plan = found(plan_id)
    tax = written_tax(plan.tax_basis_points)
    return render_template("panel/plan_words.html", plan=plan, tax=tax, form=filled, wrong=wrong)


def _retire(plan_id: UUID, wrong: str = "") -> str:
    return render_template("panel/plan_retire.html", plan=found(plan_id), wrong=wrong)
