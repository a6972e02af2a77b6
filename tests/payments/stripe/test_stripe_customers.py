"""Whose customer is whose at Stripe, however little it may be asked."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from ledger.payments.gateway import OutcomeUnknown
from tests.payments.stripe.line import gateway_over
from tests.payments.stripe.stripe_stage import StripeStage

DAY = timedelta(days=1)
SEARCH = ("GET", "/v1/customers/search")


def searches(stage: StripeStage) -> int:
    return stage.emulator.requests.count(SEARCH)


def test_a_customer_that_the_books_know_is_asked_for_once_and_never_searched(
    stripe_stage: StripeStage,
) -> None:
    member_id = uuid4()
    first = stripe_stage.stripe.ensure_customer(member_id=member_id)
    stripe_stage.clock.advance(40 * DAY)
    elsewhere = gateway_over(stripe_stage.emulator, stripe_stage.clock)
    before = len(stripe_stage.emulator.requests)
    for _ in range(3):
        assert elsewhere.ensure_customer(member_id=member_id, known=first.id) == first
    assert stripe_stage.emulator.requests[before:] == [("GET", f"/v1/customers/{first.id}")]


@pytest.mark.parametrize("later", [timedelta(0), 40 * DAY])
def test_a_customer_that_was_deleted_there_is_made_anew(
    stripe_stage: StripeStage, later: timedelta
) -> None:
    member_id = uuid4()
    first = stripe_stage.stripe.ensure_customer(member_id=member_id)
    stripe_stage.clock.advance(later)
    stripe_stage.emulator.delete_customer(first.id)
    made = set()
    for _ in range(2):
        elsewhere = gateway_over(stripe_stage.emulator, stripe_stage.clock)
        made.add(elsewhere.ensure_customer(member_id=member_id, known=first.id).id)
    assert len(made) == 1
    assert first.id not in made


@pytest.mark.parametrize("known", ["cus_of_another_account", "customer of another company"])
def test_what_the_books_know_of_another_account_is_not_taken(
    stripe_stage: StripeStage, known: str
) -> None:
    member_id = uuid4()
    customer = stripe_stage.stripe.ensure_customer(member_id=member_id, known=known)
    assert stripe_stage.emulator.company.kept[customer.id]["metadata"]["member"] == str(member_id)


def test_an_account_that_may_not_search_makes_one_customer_a_member(
    stripe_stage: StripeStage,
) -> None:
    stripe_stage.emulator.may_search = False
    member_id = uuid4()
    first = stripe_stage.stripe.ensure_customer(member_id=member_id)
    stripe_stage.clock.advance(timedelta(hours=23))
    elsewhere = gateway_over(stripe_stage.emulator, stripe_stage.clock)
    assert elsewhere.ensure_customer(member_id=member_id) == first
    stripe_stage.clock.advance(40 * DAY)
    elsewhere = gateway_over(stripe_stage.emulator, stripe_stage.clock)
    assert elsewhere.ensure_customer(member_id=member_id, known=first.id) == first


def test_a_key_that_is_no_good_is_not_taken_for_a_search_that_is_refused(
    stripe_stage: StripeStage,
) -> None:
    stripe_stage.emulator.refuses_key = 403
    with pytest.raises(OutcomeUnknown, match="api_key_expired"):
        stripe_stage.stripe.ensure_customer(member_id=uuid4())
    assert searches(stripe_stage) == 2
