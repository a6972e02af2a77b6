"""What a plan's forms hold, and what is wrong with them, field by field, in the reader's words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from pydantic import Field

from ledger.currencies import DECIMALS
from ledger.errors import LedgerError
from ledger.money import LARGEST_CHARGE, Money
from ledger.plan import MOST_TAX_BASIS_POINTS
from ledger.terms import (
    FEWEST_PAYMENTS,
    MOST_EVERY,
    MOST_PAYMENTS,
    PriceModel,
    Terms,
    Unit,
    require_terms,
)
from web.api.models import Query
from web.identity.auth import parts
from web.pages.filling import LONGEST_TYPED, blame
from web.pages.forms import Filled
from web.pages.frame import reason
from web.problems import FieldFault, Problem
from web.wording.languages import gettext, message, parse_amount

Model = TypeVar("Model", bound=Query)

PLACES = {
    "terms": "amount",
    "terms/model": "model",
    "terms/amount/currency": "currency",
    "effective_for_existing_from": "since",
}
"""Which field a pointer of the books stands for, where it has another name here."""

WRONG = {
    "amount_missing": message("A price is more than zero, such as 12.50."),
    "amount_too_large": message("This is more than one charge can take."),
    "every_wrong": message("Give a whole number from 1 to 120."),
    "payments_wrong": message("Instalments are 2 to 120 payments."),
    "tax_wrong": message("Give a percentage from 0 to 100, such as 5.5."),
    "currency_unknown": message("This is not a currency such as EUR."),
}


class WordsForm(Query):
    """What people read, and the tax that prices include, in percent as typed."""

    name: str = Field(max_length=LONGEST_TYPED)
    description: str | None = Field(default=None, max_length=50_000)
    tax: str | None = Field(default=None, max_length=20)


class PriceForm(Query):
    """A price as typed: only what its model needs is read. `since` is a day of the site."""

    model: PriceModel
    amount: str | None = Field(default=None, max_length=40)
    currency: str | None = Field(default=None, max_length=3)
    unit: Unit = "month"
    every: str | None = Field(default=None, max_length=10)
    payments: str | None = Field(default=None, max_length=10)
    without_method: str | None = None
    since: date | None = None


class PlanForm(PriceForm, WordsForm):
    """A new plan: words and first price."""


class WindowForm(Query):
    """When sign-ups are open, in the site's time; nothing for no bound."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None


class EarlyForm(Query):
    """Early access: a password until an instant, free until an instant, in the site's time."""

    password: str | None = Field(default=None, max_length=LONGEST_TYPED)
    password_until: datetime | None = None
    free_until: datetime | None = None


def instant(local: datetime | None) -> datetime | None:
    """A date and time as typed, which are the site's, as an instant."""
    if local is None:
        return None
    there = local if local.tzinfo else local.replace(tzinfo=parts().settings.zone)
    return there.astimezone(UTC)


def midnight(day: date | None) -> datetime | None:
    """When a day of the site begins."""
    return None if day is None else instant(datetime.combine(day, time()))


def typed(value: datetime | None) -> str:
    """An instant as a field for date and time takes it."""
    if value is None:
        return ""
    local = value.astimezone(parts().settings.zone).replace(tzinfo=None)
    return local.isoformat(timespec="minutes")


def fault(filled: Filled[Model], name: str, code: str) -> Filled[Model]:
    """The form with a fault of our own beside a field."""
    detail = gettext(WRONG[code])
    return Filled(
        filled.given, faults={name: FieldFault(pointer=f"/{name}", code=code, detail=detail)}
    )


def beside(filled: Filled[Model], error: LedgerError | Problem) -> tuple[Filled[Model], str]:
    """What the books refuse, beside the field at fault where there is one."""
    filled, wrong = blame(filled, error)
    pointer = (error.pointer or "").strip("/") if isinstance(error, LedgerError) else ""
    name = PLACES.get(pointer, "")
    if wrong and filled.value is not None and name in type(filled.value).model_fields:
        found = FieldFault(pointer=f"/{name}", code=error.code, detail=reason(error))
        return Filled(filled.given, faults={name: found}), ""
    return filled, wrong


def tax_of(form: WordsForm) -> int | None:
    """The tax in hundredths of a percent. ValueError where it is none."""
    if not form.tax:
        return None
    try:
        percent = Decimal(form.tax.strip().removesuffix("%").strip().replace(",", "."))
        points = percent * 100
        if points == int(points) and 0 <= points <= MOST_TAX_BASIS_POINTS:
            return int(points)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise ValueError("tax_wrong")


def written_tax(basis_points: int | None) -> str:
    """A tax as it is typed."""
    if basis_points is None:
        return ""
    return f"{(Decimal(basis_points) / 100).normalize():f}"


def read_words(filled: Filled[Model]) -> Filled[Model]:
    """The form, with a fault beside the tax if it is none."""
    if isinstance(filled.value, WordsForm):
        try:
            tax_of(filled.value)
        except ValueError:
            return fault(filled, "tax", "tax_wrong")
    return filled


def read_terms(filled: Filled[Model], currency: str) -> tuple[Filled[Model], Terms | None]:
    """The terms of a form, or the form with the fault beside its field."""
    form = filled.value
    if not isinstance(form, PriceForm):
        return filled, None
    wrong = _wrong(form, currency)
    if wrong:
        return fault(filled, *wrong), None
    return filled, require_terms(_terms(form, currency))


def _wrong(form: PriceForm, currency: str) -> tuple[str, str] | None:
    if currency not in DECIMALS:
        return "currency", "currency_unknown"
    amount = _amount(form, currency)
    repeats = form.model in {"recurring", "instalments"}
    faults = {
        ("amount", "amount_missing"): amount is None or (form.model != "free" and amount.is_zero),
        ("amount", "amount_too_large"): amount is not None and amount.minor > LARGEST_CHARGE,
        ("payments", "payments_wrong"): form.model == "instalments"
        and not _within(form.payments, FEWEST_PAYMENTS, MOST_PAYMENTS),
        ("every", "every_wrong"): repeats and not _within(form.every or "1", 1, MOST_EVERY),
    }
    return next((where for where, found in faults.items() if found), None)


def _terms(form: PriceForm, currency: str) -> Terms:
    repeats = form.model in {"recurring", "instalments"}
    return Terms(
        model=form.model,
        amount=_amount(form, currency) or Money.zero(currency),
        unit=form.unit if repeats else None,
        every=int(form.every or "1") if repeats else None,
        payments=int(form.payments or "") if form.model == "instalments" else None,
        free_start_without_method=repeats and form.without_method is not None,
    )


def _amount(form: PriceForm, currency: str) -> Money | None:
    if form.model == "free":
        return Money.zero(currency)
    return parse_amount(form.amount or "", currency)


def _within(text: str | None, least: int, most: int) -> bool:
    digits = (text or "").strip()
    return digits.isascii() and digits.isdecimal() and least <= int(digits) <= most
