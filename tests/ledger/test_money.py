"""Money: whole minor units of one currency, and no cent lost."""

from __future__ import annotations

from fractions import Fraction

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ledger.currencies import DECIMALS
from ledger.errors import AmountNotPositive, AmountTooLarge, CurrencyMismatch, UnknownCurrency
from ledger.money import LARGEST_CHARGE, LARGEST_SUM, Money, require_charge
from tests.ledger.stories import eur

AMOUNTS = st.integers(-LARGEST_CHARGE, LARGEST_CHARGE).map(eur)
PRICES = st.integers(0, LARGEST_CHARGE).map(eur)
MONEY = TypeAdapter(Money)


@given(AMOUNTS, AMOUNTS)
def test_what_is_added_can_be_taken_away(one: Money, other: Money) -> None:
    assert one + other - other == one
    assert one - other == -(other - one)


@given(AMOUNTS, AMOUNTS)
def test_amounts_compare_as_their_minor_units(one: Money, other: Money) -> None:
    comparisons = (one < other, one <= other, one > other, one >= other, one == other)
    x, y = one.minor, other.minor
    assert comparisons == (x < y, x <= y, x > y, x >= y, x == y)


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__gt__", "less"])
def test_two_currencies_never_meet(operation: str) -> None:  # PL2
    with pytest.raises(CurrencyMismatch):
        getattr(eur(1), operation)(Money(1, "USD"))


def test_equal_minor_units_of_two_currencies_are_not_equal() -> None:  # PL2
    assert eur(1) != Money(1, "USD")


@pytest.mark.parametrize("currency", ["eur", "EURO", "XTS", "XAU", "", "E\0R", "ＥＵＲ"])
def test_an_unknown_currency_is_refused(currency: str) -> None:  # PL2
    with pytest.raises(UnknownCurrency):
        Money(1, currency)


@pytest.mark.parametrize("minor", [True, "12", None, 2**53, -(2**53), 10**400])
def test_minor_units_are_whole_and_bounded(minor: object) -> None:  # PL2
    with pytest.raises(ValidationError):
        Money(minor, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("json", ['{"currency":"EUR","minor":1.5}', '{"currency":"EUR"}'])
def test_money_is_read_strictly(json: str) -> None:  # PL2
    with pytest.raises(ValidationError):
        MONEY.validate_json(json)


@given(st.integers(-LARGEST_SUM, LARGEST_SUM))
def test_money_survives_json(minor: int) -> None:
    assert MONEY.validate_json(MONEY.dump_json(eur(minor))) == eur(minor)


@given(AMOUNTS, st.integers(1, 120))
def test_a_split_loses_nothing(amount: Money, parts: int) -> None:
    shares = [share.minor for share in amount.split(parts)]
    assert len(shares) == parts
    assert sum(shares) == amount.minor
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(PRICES, st.integers(0, 100))
def test_a_percentage_leaves_the_nearest_minor_unit(price: Money, percent: int) -> None:  # DI1
    exact = price.minor * Fraction(100 - percent, 100)
    left = price.percent_off(percent)
    assert eur(0) <= left <= price
    assert abs(left.minor - exact) <= Fraction(1, 2)
    assert left.minor < exact or left.minor - exact < Fraction(1, 2)  # a half is the person's


@pytest.mark.parametrize(
    ("price", "percent", "left"),
    [(1200, 10, 1080), (999, 50, 499), (1, 1, 1), (1, 50, 0), (110, 1, 109), (1200, 100, 0)],
)
def test_percentages_by_hand(price: int, percent: int, left: int) -> None:  # DI1
    assert eur(price).percent_off(percent) == eur(left)


@given(PRICES, PRICES)
def test_a_fixed_cut_never_makes_a_price_negative(price: Money, cut: Money) -> None:  # DI2
    assert price.less(cut) == eur(max(0, price.minor - cut.minor))


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(1200, "EUR"), "12.00 EUR"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(0, "USD"), "0.00 USD"),
        (Money(1200, "JPY"), "1200 JPY"),
        (Money(-1, "JPY"), "-1 JPY"),
        (Money(1200, "KWD"), "1.200 KWD"),
        (Money(7, "TND"), "0.007 TND"),
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(money: Money, words: str) -> None:
    assert str(money) == words


def test_the_table_of_currencies_agrees_with_iso_4217() -> None:
    official = {c.code: c.exponent for c in iso4217.Currency if c.code in DECIMALS}
    assert official == {code: DECIMALS[code] for code in official}
    assert len(official) > 140


@pytest.mark.parametrize("minor", [1, 1200, LARGEST_CHARGE])
def test_a_charge_is_more_than_nothing(minor: int) -> None:
    assert require_charge(eur(minor)) == eur(minor)


@pytest.mark.parametrize("minor", [0, -1, -LARGEST_SUM])
def test_nothing_and_less_is_no_charge(minor: int) -> None:
    with pytest.raises(AmountNotPositive):
        require_charge(eur(minor))


@pytest.mark.parametrize("minor", [LARGEST_CHARGE + 1, LARGEST_SUM])
def test_a_charge_has_a_limit(minor: int) -> None:
    with pytest.raises(AmountTooLarge):
        require_charge(eur(minor))
