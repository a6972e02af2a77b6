"""What card networks are told of a saved card: for which kind of charge it is kept and used."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.terms import Terms
from tests.application.sites import MONTHLY, ONE_TIME, THREE_PAYMENTS, cause, themself
from tests.payments.stripe.emulator import Answer
from tests.payments.stripe.shop import Shop

INTENTS = {"/v1/payment_intents", "/v1/setup_intents"}


class Heard:
    """What Stripe is asked for, as it arrives there."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, method: str, path: str, form: dict[str, Any], _: Answer) -> None:
        if method == "POST" and path in INTENTS:
            self.asked.append(form)

    @property
    def cards(self) -> list[dict[str, Any]]:
        """What was said of the card each time."""
        return [form.get("payment_method_options", {}).get("card", {}) for form in self.asked]


@pytest.mark.parametrize(
    ("terms", "usage"), [(MONTHLY, "recurring"), (THREE_PAYMENTS, "installment")]
)
def test_a_card_is_saved_and_charged_for_what_its_plan_says(
    shop: Shop, terms: Terms, usage: str
) -> None:
    heard = Heard()
    shop.site.collection = shop.elsewhere(heard)
    member_id = shop.site.person()
    shop.site.join(member_id, shop.site.plan(terms), shop.stage.card("pm_card_visa"))
    shop.site.later(31)
    stay = shop.site.stay(member_id)
    assert shop.site.charge(member_id, stay.membership_id).outcome == "settled"
    shop.site.collection.save_method(
        member_id, method_token="pm_card_visa", by=themself(member_id), cause=cause()
    )
    saved_paying, charged, saved = heard.cards
    assert saved_paying == {"setup_credential_usage": usage}
    assert charged == {"stored_credential_usage": usage}
    assert saved == {"setup_credential_usage": usage}
    present, away, _ = heard.asked
    assert present["setup_future_usage"] == "off_session"
    assert (away["off_session"], "setup_future_usage" in away) == ("true", False)


def test_a_card_that_pays_for_both_kinds_is_saved_as_recurring(shop: Shop) -> None:
    member_id = shop.site.person()
    for name, terms in (("Gold", MONTHLY), ("Course", THREE_PAYMENTS)):
        plan_id = shop.site.plan(terms, name)
        shop.site.join(member_id, plan_id, shop.stage.card("pm_card_visa"))
    heard = Heard()
    shop.elsewhere(heard).save_method(
        member_id, method_token="pm_card_visa", by=themself(member_id), cause=cause()
    )
    assert heard.cards == [{"setup_credential_usage": "recurring"}]


def test_a_card_that_pays_once_is_neither_saved_nor_said_to_be(shop: Shop) -> None:
    heard = Heard()
    shop.site.collection = shop.elsewhere(heard)
    token = shop.stage.card("pm_card_visa")
    shop.site.join(shop.site.person(), shop.site.plan(ONE_TIME), token)
    assert heard.cards == [{}]
    assert "setup_future_usage" not in heard.asked[0]


def test_an_indian_card_is_given_a_mandate_beside_its_purpose(shop: Shop) -> None:  # part of DU4
    heard = Heard()
    shop.site.collection = shop.elsewhere(heard)
    token = shop.stage.card("pm_card_in")
    shop.site.join(shop.site.person(), shop.site.plan(THREE_PAYMENTS), token)
    [card] = heard.cards
    assert card["setup_credential_usage"] == "installment"
    assert card["mandate_options"]["supported_types"] == ["india"]
