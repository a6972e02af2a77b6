"""French and English: words, amounts and dates, as the reader of a page wants them.

The message ids are English; French stands in `translations/fr.po`, read when the site starts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from gettext import GNUTranslations
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from babel import Locale as Region
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from flask import Flask, g, has_request_context, request
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from ledger.currencies import DECIMALS
from ledger.errors import LedgerError
from ledger.member.facts import Locale
from ledger.money import Money
from web.identity.auth import parts

LOCALES: tuple[Locale, ...] = ("en", "fr")
NAMES: dict[Locale, str] = {"en": "English", "fr": "Français"}
REGIONS = {"en": "en_GB", "fr": "fr_FR"}
"""Whose customs amounts and dates follow: a day before its month in both."""

CATALOGUES = Path(__file__).parent.with_name("translations")
CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Z])(?=[0-9])")
"""Where a currency has no sign but its code, which some regions would glue to the amount."""
FIRST_OF_MONTH = re.compile(r"\b1(?= )")
"""In French, where the first of a month alone is counted in order: le 1er mai, le 2 mai."""

FEW_AMOUNTS = FEW_NUMBERS = 1024
"""How many written amounts are kept: a list has the same prices over and over."""
FEW_TEXTS = 4_096
"""How many translated texts are kept: a table says the same ones in every row."""

DAY_OF_MOMENT = "d MMM y"
BEFORE_TIME: dict[Locale, str] = {"en": ", ", "fr": " à "}
"""Between a day and a time of it."""

COOKIE = "lang"
COOKIE_SECONDS = 365 * 24 * 3600
PARAMETER = "lang"


def install(app: Flask) -> None:
    """Teach an application both languages."""
    catalogue("fr")
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True
    )
    # The library's own copy all variables of a loop each time that a text within it is said.
    environment.globals.update(_=_in_page, gettext=_in_page, ngettext=_counted_in_page)
    environment.filters.update(money=money, day=day, moment=moment, month=month, number=number)
    environment.globals.update(locale=locale, locales=NAMES)
    app.after_request(_remember)


@cache
def catalogue(name: str) -> GNUTranslations:
    """The translations of one language, read once."""
    with (CATALOGUES / f"{name}.po").open("rb") as file:
        messages = read_po(file, locale=name)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return GNUTranslations(compiled)


# --- which language ---------------------------------------------------------------------


def locale() -> Locale:
    """The reader's language: asked for here, chosen before, or what the browser prefers."""
    try:  # hundreds of times for a page, and known from the first time on
        found: Locale = g.locale
    except (RuntimeError, AttributeError):
        found = _chosen() if has_request_context() else "en"
        if has_request_context():
            g.locale = found
    return found


def remember(answer: Response, chosen: Locale) -> None:
    """Let this browser be answered in a language from now on."""
    answer.set_cookie(
        COOKIE,
        chosen,
        max_age=COOKIE_SECONDS,
        secure=parts().settings.secure,
        httponly=True,
        samesite="Lax",
    )
    answer.headers["Cache-Control"] = "no-store"


def remember_nothing() -> None:
    """Leave no cookie with the answer at hand: it may stand in another site's page."""
    g.remembers_nothing = True


def _chosen() -> Locale:
    for wish in (request.args.get(PARAMETER), request.cookies.get(COOKIE)):
        if wish in LOCALES:
            return wish
    preferred = request.accept_languages.best_match(LOCALES, parts().settings.default_locale)
    return cast("Locale", preferred)


def _remember(answer: Response) -> Response:
    if "locale" in g:
        answer.vary.update(("Accept-Language", "Cookie"))
    wish = request.args.get(PARAMETER)
    kept = request.cookies.get(COOKIE) == wish or "remembers_nothing" in g
    if wish in LOCALES and not kept:
        remember(answer, wish)
    return answer


# --- words ------------------------------------------------------------------------------


def message(text: str) -> str:
    """Marks a text in a table for translation; it is translated when it is said."""
    return text


def gettext(text: str) -> str:
    """A text in the reader's language."""
    found = _translations()
    return found.gettext(text) if found and text else text


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form of a text that fits a number, in the reader's language."""
    found = _translations()
    if found:
        return found.ngettext(singular, plural, number)
    return singular if number == 1 else plural


def say(text: str, /, **values: object) -> str:
    """A text with its `{names}` filled in as the reader writes them."""
    return gettext(text).format(**_written(values))


def refusal(error: LedgerError, details: Mapping[str, object]) -> str:
    """The sentence of a refusal of the books, in the reader's language."""
    sentence = (type(error).__doc__ or "").strip().splitlines()[0]
    return gettext(sentence).format(**_written(details))


@pass_eval_context
def _in_page(page: EvalContext, text: str, /, **values: object) -> str:
    said = _as_markup(text, locale()) if page.autoescape else gettext(text)
    return _filled(said, values) if "%" in said else said


@pass_eval_context
def _counted_in_page(
    page: EvalContext, singular: str, plural: str, number: int, /, **values: object
) -> str:
    counted = ngettext(singular, plural, number)
    said = Markup(counted) if page.autoescape else counted  # noqa: S704 -- the texts are our own
    return _filled(said, {"num": number, **values}) if "%" in said else said


def _filled(said: str, values: Mapping[str, object]) -> str:
    """A text of a template with its `%(names)s` filled in, escaped where the page is."""
    if not isinstance(said, Markup):
        return said % values
    # What the library does by itself takes several times as long, and tables do it in every row.
    escaped = {name: escape(value) for name, value in values.items()}
    return Markup(str.__mod__(said, escaped))  # noqa: S704 -- all that is filled in is escaped


@lru_cache(maxsize=FEW_TEXTS)
def _as_markup(text: str, reader: Locale) -> Markup:
    """A text of a template: what is filled into it, is escaped."""
    said = catalogue("fr").gettext(text) if text and reader == "fr" else text
    return Markup(said)  # noqa: S704 -- the texts are our own


def _translations() -> GNUTranslations | None:
    return catalogue("fr") if locale() == "fr" else None


def _written(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _write(value) for name, value in values.items()}


def _write(value: object) -> object:
    if isinstance(value, Money):
        return money(value)
    return moment(value) if isinstance(value, datetime) else value


# --- amounts ----------------------------------------------------------------------------


def money(amount: Money | int, currency: str | None = None) -> str:
    """An amount as the reader writes it. An int is minor units of `currency`."""
    if isinstance(amount, int):
        amount = Money(amount, currency or parts().settings.currency)
    return _money(REGIONS[locale()], amount)


def money_for(reader: Locale, amount: Money) -> str:
    """An amount as somebody who is not here writes it, in a mail."""
    return _money(REGIONS[reader], amount)


@lru_cache(maxsize=FEW_AMOUNTS)
def _money(region_name: str, amount: Money) -> str:
    region, decimals = _named(region_name), DECIMALS[amount.currency]
    pattern = copy(region.currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    value = Decimal(amount.minor).scaleb(-decimals)
    written: str = pattern.apply(value, region, currency=amount.currency, currency_digits=False)
    return CODE_BEFORE_DIGIT.sub("\u00a0", written)


def plain_amount(amount: Money) -> str:
    """An amount as someone types it into a field: no currency, no grouping."""
    decimals = DECIMALS[amount.currency]
    text = f"{Decimal(amount.minor).scaleb(-decimals):f}"
    return text.replace(".", ",") if locale() == "fr" else text


def parse_amount(text: str, currency: str) -> Money | None:
    """The amount that someone typed: a point or a comma before the decimals, blanks anywhere."""
    digits = "".join(text.split()).replace(",", ".")
    whole, point, rest = digits.partition(".")
    decimals = DECIMALS[currency]
    fits = whole.isdecimal() and whole.isascii() and len(whole) <= len("999999999999")
    if not fits or (point and not (rest.isdecimal() and rest.isascii() and len(rest) <= decimals)):
        return None
    return Money(int(whole + rest.ljust(decimals, "0")), currency)


def number(count: int) -> str:
    """A whole number with its thousands set apart."""
    return _number(count, locale())


@lru_cache(maxsize=FEW_NUMBERS)
def _number(count: int, reader: Locale) -> str:
    return format_decimal(count, locale=_named(REGIONS[reader]))


# --- dates ------------------------------------------------------------------------------


def day(instant: datetime | date | None, style: str = "medium") -> str:
    """A date in the site's time zone; nothing for None."""
    if instant is None:
        return ""
    local = instant.astimezone(_zone()).date() if isinstance(instant, datetime) else instant
    return _day(local, style, locale())


def day_for(reader: Locale, day: date) -> str:
    """A date as somebody who is not here writes it, in a mail."""
    return _day(day, "long", reader)


@lru_cache(maxsize=4_096)
def _day(day: date, style: str, reader: Locale) -> str:
    written = format_date(day, style, locale=_named(REGIONS[reader]))
    return FIRST_OF_MONTH.sub("1er", written, count=1) if reader == "fr" else written


def month(stored: str) -> str:
    """A card's last month, stored as 2031-12, as it stands on the card."""
    year, _, name = stored.partition("-")
    return f"{name}/{year}"


def moment(instant: datetime | None) -> str:
    """A date and a time in the site's time zone; nothing for None."""
    if instant is None:
        return ""
    local, reader = instant.astimezone(_zone()), locale()
    written = _day(local.date(), DAY_OF_MOMENT, reader)
    return f"{written}{BEFORE_TIME[reader]}{local.hour:02}:{local.minute:02}"


def _zone() -> ZoneInfo:
    return parts().settings.zone


@cache
def _named(region_name: str) -> Region:
    return Region.parse(region_name)
