"""Why a bank said no: in words that people read, never as a code."""

from __future__ import annotations

import pytest

from ledger.payments.stripe_declines import decline_of
from tests.web.pages.conftest import CARD, Place
from web.mails.payments import BY_CODE
from web.wording import words

PLAINLY = "The bank declined the card."
MANDATES = (
    "debit_not_authorized",
    "india_recurring_payment_mandate_canceled",
    "invalid_mandate",
    "mandate_invalid",
)
CONFIRMATIONS = (
    "approval_required",
    "authentication_not_handled",
    "authentication_required",
)


def test_a_decline_without_words_of_its_own_is_said_plainly(  # part of DU6
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(words.DECLINE, "insufficient_funds")
    browser, gold = place.person(), place.plan()
    page = browser.get(f"/plans/{gold}")
    bad = {**CARD, "card_number": "4000 0000 0000 9995"}
    declined = browser.send(page, f"/plans/{gold}/join", bad, status=422)
    assert PLAINLY in declined.words
    assert "insufficient_funds" not in declined.words


@pytest.mark.parametrize("code", MANDATES)
def test_every_ended_mandate_is_told_as_one(code: str) -> None:  # part of DU3
    assert decline_of({"code": code}).category == "mandate"
    assert BY_CODE[code] == "mandate"
    assert words.DECLINE[code] == words.DECLINE["mandate_invalid"]


@pytest.mark.parametrize("code", CONFIRMATIONS)
def test_every_bank_that_asks_is_told_as_one(code: str) -> None:  # part of DU3
    assert decline_of({"code": code}).category == "action_required"
    assert BY_CODE[code] == "authentication"
    assert words.DECLINE[code] == words.DECLINE["authentication_required"]
