"""Stripe's amounts and decline codes, in the ledger's words and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.currencies import DECIMALS
from ledger.money import Money
from ledger.payments.gateway import Rejected
from ledger.payments.stripe_amounts import from_stripe, to_stripe
from ledger.payments.stripe_declines import decline_of

currencies = st.sampled_from(sorted(DECIMALS))


# --- amounts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "counted"),
    [
        (1234, "EUR", 1234),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (500, "MGA", 5),
        (5120, "KWD", 5120),
        (1500, "HUF", 1500),
    ],
)
def test_amounts_as_stripe_counts_them(minor: int, currency: str, counted: int) -> None:
    assert to_stripe(Money(minor, currency)) == counted
    assert from_stripe(counted, currency.lower()) == Money(minor, currency)


@pytest.mark.parametrize(("minor", "currency"), [(5123, "KWD"), (501, "MGA"), (1, "BHD")])
def test_what_stripe_can_not_take_exactly_is_rejected(minor: int, currency: str) -> None:
    with pytest.raises(Rejected, match=currency):
        to_stripe(Money(minor, currency))


@given(st.integers(min_value=-(10**8), max_value=10**8), currencies)
def test_an_amount_comes_back_as_it_went(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    try:
        counted = to_stripe(amount)
    except Rejected:
        assert minor % 100
        return
    assert from_stripe(counted, currency.lower()) == amount


@given(st.integers(min_value=-(10**8), max_value=10**8), currencies)
def test_what_stripe_counted_is_told_exactly_or_not_at_all(counted: int, currency: str) -> None:
    try:
        amount = from_stripe(counted, currency.lower())
        assert to_stripe(amount) == counted
    except ValueError:
        assert counted % 100
    except Rejected:
        assert counted % 10  # a fee may be finer than what is charged


# --- decline codes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "category", "code"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "soft", None),
        ({"code": "card_declined", "decline_code": "try_again_later"}, "soft", None),
        ({"code": "card_declined", "decline_code": "pickup_card"}, "hard", None),
        ({"code": "card_declined", "decline_code": "fraudulent"}, "hard", None),
        ({"code": "card_declined", "decline_code": "invalid_account"}, "hard", None),
        ({"code": "card_declined", "decline_code": "expired_card"}, "update_method", None),
        ({"code": "incorrect_cvc"}, "update_method", "incorrect_cvc"),
        ({"code": "expired_card", "decline_code": "generic_decline"}, "update_method", None),
        ({"code": "authentication_required"}, "action_required", "authentication_required"),
        (
            {"code": "payment_intent_authentication_failure"},
            "action_required",
            "authentication_failure",
        ),
        ({"code": "payment_intent_mandate_invalid"}, "mandate", "mandate_invalid"),
        ({"code": "india_recurring_payment_mandate_canceled"}, "mandate", None),
        ({"code": "card_declined", "decline_code": "currency_not_supported"}, "config", None),
        ({"code": "card_declined", "decline_code": "of_tomorrow"}, "soft", "of_tomorrow"),
        ({"code": "card_declined"}, "soft", "card_declined"),
        ({}, "soft", "unknown"),
    ],
)
def test_a_decline_says_what_it_asks_for(
    error: dict[str, Any], category: str, code: str | None
) -> None:
    decline = decline_of(error)
    assert decline.category == category
    assert decline.code == code or (code is None and decline.code in error.values())


@pytest.mark.parametrize(
    ("advice", "category"),
    [
        ("do_not_try_again", "hard"),
        ("confirm_card_data", "update_method"),
        ("try_again_later", "soft"),
        (None, "soft"),
    ],
)
def test_the_banks_advice_decides_where_its_code_says_nothing(
    advice: str | None, category: str
) -> None:
    vague = {"code": "card_declined", "decline_code": "generic_decline", "advice_code": advice}
    assert decline_of(vague).category == category
    clear = {**vague, "decline_code": "stolen_card"}
    assert decline_of(clear).category == "hard"
