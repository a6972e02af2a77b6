"""Cards that are saved with Stripe: Indian mandates, and what is saved already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from ledger.payments.gateway import ParamsDrift
from tests.payments.stage import eur
from tests.payments.stripe.stripe_stage import StripeStage

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(("card", "mandated"), [("pm_card_in", True), ("pm_card_fr", False)])
def test_only_an_indian_card_is_given_a_mandate(
    stripe_stage: StripeStage, card: str, mandated: bool
) -> None:  # part of DU4
    by_setup, by_payment = stripe_stage.saved(card), stripe_stage.pay(card, save=True).method
    given = set(stripe_stage.emulator.company.mandates)
    assert given == ({by_setup.id, by_payment.id} if mandated else set())


def given(stage: StripeStage, card: str) -> str:
    """A payment method that belongs to nobody yet, where the page made no token."""
    company = stage.emulator.company
    return str(company.method_in({"confirmation_token": company.collect(card)})["id"])


@pytest.mark.parametrize("later", [timedelta(0), 3 * DAY])
def test_a_method_that_is_no_page_token_may_be_indian_too(
    stripe_stage: StripeStage, later: timedelta
) -> None:  # part of DU4
    by_setup, by_payment = given(stripe_stage, "pm_card_in"), given(stripe_stage, "pm_card_in")
    stripe_stage.clock.advance(later)
    stripe_stage.gateway.start_setup(
        attempt=uuid4(), customer_id=stripe_stage.customer_id, method=by_setup
    )
    stripe_stage.pay(by_payment, save=True)
    assert set(stripe_stage.emulator.company.mandates) == {by_setup, by_payment}


@pytest.mark.parametrize("later", [HOUR, 90 * DAY])
@pytest.mark.parametrize("card", ["pm_card_in", "pm_card_visa"])
def test_a_card_saved_long_ago_is_paid_with_and_not_saved_again(
    stripe_stage: StripeStage, card: str, later: timedelta
) -> None:
    method, company = stripe_stage.saved(card), stripe_stage.emulator.company
    mandates = dict(company.mandates)
    stripe_stage.clock.advance(later)
    payment = stripe_stage.pay(method.id, save=True)
    assert payment.status == "succeeded"
    assert company.kept[payment.id]["setup_future_usage"] is None
    assert company.mandates == mandates


@pytest.mark.parametrize("card", ["pm_card_in", "pm_card_visa"])
@pytest.mark.parametrize("age", [timedelta(0), 2 * DAY])
def test_a_method_that_an_attempt_saved_does_not_change_the_attempt(
    stripe_stage: StripeStage, card: str, age: timedelta
) -> None:  # part of OR1
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stripe_stage.customer_id,
        "method": given(stripe_stage, card),
        "amount": eur(1200),
        "save": True,
    }
    stripe_stage.clock.advance(age)
    first = stripe_stage.stripe.start_onsession(**asked)
    stripe_stage.clock.advance(20 * HOUR)
    assert stripe_stage.stripe.start_onsession(**asked).id == first.id
    stripe_stage.emulator.detach(asked["method"])
    assert stripe_stage.stripe.start_onsession(**asked).id == first.id
    with pytest.raises(ParamsDrift):
        stripe_stage.stripe.start_onsession(**{**asked, "amount": eur(1201)})


def test_a_method_that_a_setup_saved_does_not_change_the_setup(stripe_stage: StripeStage) -> None:
    method, attempt = given(stripe_stage, "pm_card_in"), uuid4()
    asked: dict[str, Any] = {"customer_id": stripe_stage.customer_id, "method": method}
    stripe_stage.clock.advance(2 * DAY)
    first = stripe_stage.stripe.start_setup(attempt=attempt, **asked)
    stripe_stage.clock.advance(2 * DAY)
    assert stripe_stage.stripe.start_setup(attempt=attempt, **asked) == first
    assert stripe_stage.stripe.start_setup(attempt=uuid4(), **asked).status == "succeeded"
