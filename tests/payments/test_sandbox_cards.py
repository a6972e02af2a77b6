"""Test cards: what a page accepts, and that no real card's number ever gets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Refused
from ledger.payments.gateway import Rejected
from ledger.payments.sandbox_cards import (
    CARDS,
    CvcMalformed,
    ExpiryMalformed,
    NotATestCard,
    method_for_card,
    presented,
    token_for,
)

NUMBERS = [
    ("4242 4242 4242 4242", "pm_card_visa"),
    ("4242424242424242", "pm_card_visa"),
    ("4242-4242-4242-4242", "pm_card_visa"),
    ("\u00a04242\u202f4242 4242 4242 ", "pm_card_visa"),
    ("5555 5555 5555 4444", "pm_card_mastercard"),
    ("4000 0025 0000 0003", "pm_card_fr"),
    ("4000 0035 6000 0008", "pm_card_in"),
    ("4000 0000 0000 0002", "pm_card_chargeDeclined"),
    ("4000 0000 0000 9995", "pm_card_chargeDeclinedInsufficientFunds"),
    ("4000 0000 0000 0119", "pm_card_chargeDeclinedProcessingError"),
    ("4000 0000 0000 9979", "pm_card_chargeDeclinedStolen"),
    ("4000 0000 0000 0069", "pm_card_chargeDeclinedExpiredCard"),
    ("4000 0000 0000 0341", "pm_card_chargeCustomerFail"),
    ("4000 0027 6000 3184", "pm_card_authenticationRequired"),
    ("4000 0025 0000 3155", "pm_card_authenticationRequiredOnSetup"),
    ("4000 0000 0000 5126", "pm_card_refundFail"),
    ("4000 0000 0000 7726", "pm_card_pendingRefund"),
]


@pytest.mark.parametrize(("number", "name"), NUMBERS)
def test_a_test_number_becomes_a_token(number: str, name: str) -> None:
    assert method_for_card(number, 4, 2031, "123") == f"{name}:2031-04"


def test_a_card_of_four_digits_in_its_code_is_taken_with_four() -> None:
    assert method_for_card("3782 822463 10005", 4, 2031, "1234") == "pm_card_amex:2031-04"
    with pytest.raises(CvcMalformed, match="4 digits"):
        method_for_card("3782 822463 10005", 4, 2031, "123")


@pytest.mark.parametrize(
    "number",
    ["4111 1111 1111 1111", "4242 4242 4242 4241", "", "4242", "pm_card_visa", "４２４２" * 4],
)
def test_any_other_number_is_refused(number: str) -> None:
    with pytest.raises(NotATestCard) as refusal:
        method_for_card(number, 4, 2031, "123")
    assert isinstance(refusal.value, Refused)
    assert "never enter a real card" in str(refusal.value)


def test_a_refused_number_is_not_repeated() -> None:
    with pytest.raises(NotATestCard) as refusal:
        method_for_card("4111 1111 1111 1111", 4, 2031, "123")
    kept = f"{refusal.value!r} {refusal.value} {refusal.value.args} {refusal.value.details}"
    assert "4111" not in kept


@given(st.text())
def test_no_text_but_a_test_card_is_a_token(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        presented(f"card {text}")
    assert str(refusal.value).endswith("there is no such test card.")


@pytest.mark.parametrize(
    ("month", "year"), [(0, 2031), (13, 2031), (4, 31), (4, 20310), (-1, 2031)]
)
def test_a_date_that_is_none_is_refused(month: int, year: int) -> None:
    with pytest.raises(ExpiryMalformed):
        method_for_card("4242 4242 4242 4242", month, year, "123")


@pytest.mark.parametrize("cvc", ["", "12", "1234", "12a", "１２３", "123\n"])
def test_a_security_code_has_three_digits(cvc: str) -> None:
    with pytest.raises(CvcMalformed, match="3 digits"):
        method_for_card("4242 4242 4242 4242", 4, 2031, cvc)


@pytest.mark.parametrize("name", CARDS)
def test_every_card_can_be_presented_with_a_date_and_a_serial(name: str) -> None:
    plain = presented(name)
    dated = presented(token_for(name, exp_year=2031, exp_month=4, serial="ann1"))
    assert (dated.card, dated.exp_year, dated.exp_month) == (plain.card, 2031, 4)
    assert len(plain.card.last4) == 4


def test_a_card_is_told_by_its_serial_not_by_its_date() -> None:  # part of SE1
    first = presented("pm_card_visa:2031-04:ann").fingerprint
    assert presented("pm_card_visa:2035-01:ann").fingerprint == first
    assert presented("pm_card_visa:2031-04:ben").fingerprint != first


@pytest.mark.parametrize(
    "token",
    [
        "pm_card_gold",
        "pm_card_visa:2031-13",
        "pm_card_visa:31-04",
        "pm_card_visa:2031-04:",
        "pm_card_visa\n",
        "4242424242424242",
        "",
    ],
)
def test_a_token_of_no_card_is_rejected(token: str) -> None:
    with pytest.raises(Rejected):
        presented(token)


def test_a_refusal_of_a_token_does_not_repeat_it() -> None:
    with pytest.raises(Rejected) as refusal:
        presented("4111111111111111")
    assert "4111" not in str(refusal.value)
