"""What a receipt says, line by line, in its reader's language (OR10)."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_percent

from ledger.member import Member
from ledger.member.facts import Locale, MethodFact
from ledger.order.facts import Paid
from projections.queries.receipts import Receipt
from web.parts import Parts
from web.wording.languages import day_for, money_for
from web.wording.words import BRAND

Lines = tuple[tuple[str, str], ...]

NAMES = {
    "receipt": {"en": "Receipt", "fr": "Reçu"},
    "paid_at": {"en": "Paid on", "fr": "Payé le"},
    "for": {"en": "For", "fr": "Pour"},
    "period": {"en": "Period", "fr": "Période"},
    "code": {"en": "Discount code", "fr": "Code de réduction"},
    "amount": {"en": "Amount", "fr": "Montant"},
    "tax": {"en": "Including tax at {rate}", "fr": "Dont taxe à {rate}"},
    "method": {"en": "Paid with", "fr": "Payé avec"},
}
PERIOD = {"en": "{start} to {end}", "fr": "du {start} au {end}"}
METHOD = {"en": "{brand} ending in {last_four}", "fr": "{brand} se terminant par {last_four}"}


def lines_of(
    parts: Parts, locale: Locale, receipt: Receipt, paid: Paid, *, member: Member | None = None
) -> Lines:
    """The number, what was paid, when, for what, the tax inside it, and with which card.

    `member` is whose receipt it is, if they are at hand: a long life takes a while to load.
    """
    zone = parts.settings.zone
    paid_on = receipt.paid_at.astimezone(zone).date()
    said = [
        ("receipt", receipt.label),
        ("paid_at", day_for(locale, paid_on)),
        ("for", receipt.plan_name),
    ]
    if receipt.period_end is not None:
        start, end = (
            day_for(locale, instant.astimezone(zone).date())
            for instant in (receipt.period_start, receipt.period_end)
        )
        said.append(("period", PERIOD[locale].format(start=start, end=end)))
    if receipt.discount_code:
        said.append(("code", receipt.discount_code))
    said.append(("amount", money_for(locale, receipt.amount)))
    lines = [(NAMES[name][locale], text) for name, text in said]
    member = member or parts.ledger.member(receipt.member_id)
    method = _paid_with(parts, receipt, paid, member)
    return (*lines, *_tax(locale, receipt), *(_method(locale, method) if method else ()))


def _tax(locale: Locale, receipt: Receipt) -> Lines:
    if receipt.tax is None or receipt.tax_basis_points is None:
        return ()
    rate = Decimal(receipt.tax_basis_points) / 10_000
    written = format_percent(rate, "#,##0.##\u00a0%" if locale == "fr" else "#,##0.##%", locale)
    return ((NAMES["tax"][locale].format(rate=written), money_for(locale, receipt.tax)),)


def _method(locale: Locale, method: MethodFact) -> Lines:
    brand = BRAND.get(method.brand, method.brand)
    said = METHOD[locale].format(brand=brand, last_four=method.last_four)
    return ((NAMES["method"][locale], said),)


def _paid_with(parts: Parts, receipt: Receipt, paid: Paid, member: Member) -> MethodFact | None:
    """The card that paid, also where another has taken its place since."""
    tried = parts.ledger.order(receipt.order_id).attempts.get(paid.attempt_id)

    def is_it(method: MethodFact) -> bool:
        # A card that is given for the first time has its own name only once it is saved.
        was_tried = tried is not None and method.method_id == tried.method_id
        return was_tried or method.cause == paid.cause

    now = member.method
    if now is not None and is_it(now):
        return now
    facts = parts.ledger.facts_of(receipt.member_id)
    return next((one for one in facts if isinstance(one, MethodFact) and is_it(one)), None)
