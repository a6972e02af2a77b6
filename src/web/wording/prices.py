"""What a plan costs, as a sentence a person would say."""

from __future__ import annotations

from ledger.money import Money
from ledger.terms import Terms
from projections.memberships import MembershipRow
from projections.plans import PriceLine
from web.wording.languages import gettext, message, say

EACH = {
    "week": message("{amount} a week"),
    "month": message("{amount} a month"),
    "year": message("{amount} a year"),
}
EVERY = {
    "week": message("{amount} every {every} weeks"),
    "month": message("{amount} every {every} months"),
    "year": message("{amount} every {every} years"),
}
INSTALMENTS = {
    "week": message("{payments} payments of {amount}, one a week"),
    "month": message("{payments} payments of {amount}, one a month"),
    "year": message("{payments} payments of {amount}, one a year"),
}
INSTALMENTS_EVERY = {
    "week": message("{payments} payments of {amount}, one every {every} weeks"),
    "month": message("{payments} payments of {amount}, one every {every} months"),
    "year": message("{payments} payments of {amount}, one every {every} years"),
}


def of_terms(terms: Terms) -> str:
    """What a price version's terms cost."""
    return _sentence(terms.model, terms.amount, terms.unit, terms.every, terms.payments)


def of_line(line: PriceLine) -> str:
    """What a plan's price version costs, from its view."""
    amount = Money(line.minor, line.currency)
    return _sentence(line.model, amount, line.unit, line.every, line.payments)


def of_membership(row: MembershipRow) -> str:
    """What a membership costs, from its view."""
    amount = Money(row.price, row.currency)
    return _sentence(row.model, amount, row.unit, row.every, row.payments)


def of_charges(terms: Terms, amount: Money) -> str:
    """What each later charge of a membership takes, which may be less than its price."""
    every = terms.every
    if terms.unit is None:
        return say("{amount}, once", amount=amount)
    return say((EACH if every in {None, 1} else EVERY)[terms.unit], amount=amount, every=every)


def _sentence(
    model: str, amount: Money, unit: str | None, every: int | None, payments: int | None
) -> str:
    if model == "free":
        return gettext("Free")
    if model == "one_time" or unit is None:
        return say("{amount}, once", amount=amount)
    single = every in {None, 1}
    if model == "instalments":
        text = (INSTALMENTS if single else INSTALMENTS_EVERY)[unit]
        return say(text, payments=payments, amount=amount, every=every)
    return say((EACH if single else EVERY)[unit], amount=amount, every=every)
