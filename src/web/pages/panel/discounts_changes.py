"""Making, changing and ending a discount code: owner and administrators alone (DI6)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger import ids
from ledger.currencies import DECIMALS
from ledger.discount import MOST_PERCENT, MOST_USES, DiscountRules, normal_code
from ledger.errors import DiscountMalformed, LedgerError
from ledger.money import LARGEST_CHARGE, Money
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import LONGEST_TYPED, signed
from web.pages.forms import Filled, command_id, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.pages.panel.discounts import cut_of, found
from web.pages.panel.plans_forms import beside, instant, typed
from web.problems import FieldFault, Problem
from web.wording.languages import gettext, message, parse_amount, plain_amount, say

pages = group("discount_changes", url_prefix="/panel/discounts")

WRONG = {
    "percent_wrong": message("Give a whole number from 1 to 100."),
    "cut_wrong": message("Give an amount of more than zero, such as 5.00."),
    "uses_wrong": message("Give a whole number from 1 to 1,000,000, or nothing."),
    "window_inverted": message("A code ends after it starts."),
    "code_malformed": message("A code has 3 to 40 letters, digits, - or _."),
    "currency_unknown": message("This is not a currency such as EUR."),
}


class RulesForm(Query):
    """What a code cuts and who may use it, as typed; instants in the site's time."""

    kind: Literal["percent", "amount"]
    percent: str | None = Field(default=None, max_length=10)
    amount: str | None = Field(default=None, max_length=40)
    currency: str | None = Field(default=None, max_length=3)
    plan_ids: list[UUID] = Field(default=[], max_length=500)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    total_uses: str | None = Field(default=None, max_length=10)
    once_per_person: str | None = None
    lasting: Literal["first", "every"] = "first"


class CodeForm(RulesForm):
    """A new code."""

    discount_code: str = Field(max_length=LONGEST_TYPED)


Rules = TypeVar("Rules", bound=RulesForm)


@pages.get("/new")
@requires(Permission.CHANGE_DISCOUNTS)
def new() -> str:
    """A form for a new code."""
    return _form()


@pages.post("/new")
@requires(Permission.CHANGE_DISCOUNTS)
def create() -> Response | tuple[str, int]:
    """Make it; two spellings that differ by case are one code."""
    filled = _checked(read_form(CodeForm))
    if filled.value is None:
        return _form(filled), UNPROCESSABLE
    discount_id, code = ids.derived(command_id(), "discount"), filled.value.discount_code
    try:
        position = parts().ledger.make_discount(
            discount_id, code=code, rules=_rules(filled.value), **signed()
        )
    except (LedgerError, Problem) as refused:
        filled, wrong = beside(filled, refused)
        return _form(filled, wrong), UNPROCESSABLE
    settled(position)
    notice = gettext("The code can be used as given here.")
    return onward("discounts.one", notice, discount_id=discount_id)


@pages.get("/<uuid:discount_id>/change")
@requires(Permission.CHANGE_DISCOUNTS)
def ask(discount_id: UUID) -> str:
    """Its rules as they are."""
    return _form(discount_id=discount_id)


@pages.post("/<uuid:discount_id>/change")
@requires(Permission.CHANGE_DISCOUNTS)
def change(discount_id: UUID) -> Response | tuple[str, int]:
    """The rules of later uses; earlier uses keep theirs."""
    filled = _checked(read_form(RulesForm))
    if filled.value is None:
        return _form(filled, discount_id=discount_id), UNPROCESSABLE
    try:
        settled(parts().ledger.change_discount(discount_id, _rules(filled.value), **signed()))
    except (LedgerError, Problem) as refused:
        filled, wrong = beside(filled, refused)
        return _form(filled, wrong, discount_id=discount_id), UNPROCESSABLE
    notice = gettext("Changed for later uses; earlier ones keep what they had.")
    return onward("discounts.one", notice, discount_id=discount_id)


@pages.get("/<uuid:discount_id>/end")
@requires(Permission.CHANGE_DISCOUNTS)
def ask_end(discount_id: UUID) -> str:
    """What ending does, before it is done."""
    code = found(discount_id)
    return render_template("panel/discount_end.html", code=code, cut=cut_of(code))


@pages.post("/<uuid:discount_id>/end")
@requires(Permission.CHANGE_DISCOUNTS)
def end(discount_id: UUID) -> Response:
    """Let nobody use it any more."""
    settled(parts().ledger.end_discount(discount_id, **signed()))
    notice = say("Nobody can use {discount} any more.", discount=found(discount_id).code)
    return onward("discounts.one", notice, discount_id=discount_id)


def _checked(filled: Filled[Rules]) -> Filled[Rules]:
    """The form, or its first fault beside its field."""
    wrong = _wrong(filled.value) if filled.value is not None else None
    if wrong is None:
        return filled
    name, code = wrong
    said = FieldFault(pointer=f"/{name}", code=code, detail=gettext(WRONG[code]))
    return Filled(filled.given, faults={name: said})


def _wrong(form: RulesForm) -> tuple[str, str] | None:
    currency = (form.currency or parts().settings.currency).upper()
    if form.kind == "amount" and currency not in DECIMALS:
        return "currency", "currency_unknown"
    cut = parse_amount(form.amount or "", currency) if form.kind == "amount" else None
    window = (instant(form.starts_at), instant(form.ends_at))
    faults = {
        ("discount_code", "code_malformed"): isinstance(form, CodeForm)
        and not _is_code(form.discount_code),
        ("percent", "percent_wrong"): form.kind == "percent"
        and not _is_count(form.percent, MOST_PERCENT),
        ("amount", "cut_wrong"): form.kind == "amount"
        and (cut is None or not 0 < cut.minor <= LARGEST_CHARGE),
        ("ends_at", "window_inverted"): window[0] is not None
        and window[1] is not None
        and window[1] <= window[0],
        ("total_uses", "uses_wrong"): form.total_uses is not None
        and not _is_count(form.total_uses, MOST_USES),
    }
    return next((where for where, holds in faults.items() if holds), None)


def _rules(form: RulesForm) -> DiscountRules:
    currency = (form.currency or parts().settings.currency).upper()
    by_percent = form.kind == "percent"
    return DiscountRules(
        percent=int(form.percent or "") if by_percent else None,
        amount=None if by_percent else parse_amount(form.amount or "", currency),
        plan_ids=tuple(form.plan_ids),
        starts_at=instant(form.starts_at),
        ends_at=instant(form.ends_at),
        total_uses=int(form.total_uses) if form.total_uses else None,
        once_per_person=form.once_per_person is not None,
        every_payment=form.lasting == "every",
    )


def _is_code(text: str) -> bool:
    try:
        normal_code(text)
    except DiscountMalformed:
        return False
    return True


def _is_count(text: str | None, most: int) -> bool:
    digits = (text or "").strip()
    return digits.isascii() and digits.isdecimal() and 1 <= int(digits) <= most


def _form(
    filled: Filled[Rules] | None = None, wrong: str = "", *, discount_id: UUID | None = None
) -> str:
    code = found(discount_id) if discount_id else None
    cut = Money(code.amount, code.currency) if code and code.amount and code.currency else None
    settings = parts().settings
    return render_template(
        "panel/discount_form.html",
        code=code,
        amount=plain_amount(cut) if cut else "",
        currency=cut.currency if cut else settings.currency,
        currencies=[(each, each) for each in sorted(DECIMALS)],
        plans=[
            plan
            for plan in parts().queries.plans.all()
            if plan.state != "retired" or (code and plan.plan_id in code.plan_ids)
        ],
        typed=typed,
        form=filled,
        wrong=wrong,
    )
