"""The checkers themselves: each finds what it is there for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from ledger.clock import VirtualClock
from ledger.payments.stripe_notices import EVENTS
from tests.payments.conftest import NOON
from tests.payments.stripe import openapi, typed
from tests.payments.stripe.emulator import Answer, Emulator
from tests.payments.stripe.forms import decoded
from tests.payments.stripe.line import client_of
from tests.payments.stripe.openapi import Unlike
from tests.payments.stripe.stripe_stage import StripeStage

CARD = {"amount": "1200", "currency": "eur", "confirm": "true"}


def intent(**changes: Any) -> Answer:
    """A PaymentIntent as the emulator answers it, changed."""
    stage = StripeStage(VirtualClock(NOON))
    kept = stage.emulator.company.kept[stage.pay().id]
    return Answer(200, json.dumps({**kept, **changes}).encode(), {})


def seen(form: dict[str, Any], answer: Answer | None = None) -> None:
    openapi.check("POST", "/v1/payment_intents", form, answer or intent())


def test_what_is_right_passes() -> None:
    answer = intent()
    seen(CARD, answer)
    assert json.loads(answer.body)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"amount": "twelve"}, "amount"),
        ({"colour": "red"}, "colour"),
        ({"confirm": "1"}, "confirm"),
        ({"setup_future_usage": "tomorrow"}, "setup_future_usage"),
        ({"payment_method_options": {"card": {"colour": "red"}}}, "payment_method_options"),
    ],
)
def test_a_request_unlike_the_document_is_found(change: dict[str, Any], named: str) -> None:
    with pytest.raises(Unlike, match=f"request.*{named}"):
        seen({**CARD, **change})


def test_a_request_that_lacks_something_is_found() -> None:
    with pytest.raises(Unlike, match="currency"):
        seen({"amount": "1200"})


@pytest.mark.parametrize(
    "change", [{"amount": "1200"}, {"status": "paid"}, {"colour": "red"}, {"latest_charge": 7}]
)
def test_an_answer_unlike_the_document_is_found(change: dict[str, Any]) -> None:
    with pytest.raises(Unlike, match="answer 200"):
        seen(CARD, intent(**change))


def test_a_call_that_is_none_of_stripes_is_found() -> None:
    with pytest.raises(Unlike, match="no call"):
        openapi.check("GET", "/v1/memberships", {}, intent())


def test_every_allowance_for_what_is_newer_is_still_needed() -> None:
    assert list(openapi.unneeded_allowances()) == []


def test_the_document_knows_every_event_we_ask_for() -> None:
    body = openapi.document()["paths"]["/v1/webhook_endpoints"]["post"]["requestBody"]
    schema = body["content"]["application/x-www-form-urlencoded"]["schema"]
    known = schema["properties"]["enabled_events"]["items"]["enum"]
    assert set(EVENTS) <= set(known)


CALLS: dict[str, Callable[[Any], object]] = {
    "a parameter that is gone": lambda v1: v1.payment_intents.create(
        {"amount": 1200, "currency": "eur", "payment_method_types": ["card"]}
    ),
    "a misspelt parameter": lambda v1: v1.setup_intents.create({"custommer": "cus_1"}),
    "a misspelt parameter within": lambda v1: v1.payment_intents.create(
        {"amount": 1200, "currency": "eur", "payment_method_options": {"card": {"usage": "x"}}}
    ),
    "text for a number": lambda v1: v1.refunds.create({"amount": "1200"}),
    "a missing parameter": lambda v1: v1.payment_intents.create({"currency": "eur"}),
}


@pytest.mark.parametrize("call", CALLS)
def test_parameters_unlike_the_sdks_types_are_found(call: str) -> None:
    emulator = Emulator(VirtualClock(NOON), api_version=stripe.api_version)
    client = stripe.StripeClient("sk_test_x", http_client=client_of(emulator))
    with pytest.raises(Unlike):
        CALLS[call](typed.Checked(client.v1))
    assert emulator.requests == []


def test_a_form_is_read_as_the_sdk_writes_it() -> None:
    assert decoded("a[b][0]=x&a[b][1]=y&a[c]=&d=1%2B1") == {
        "a": {"b": ["x", "y"], "c": ""},
        "d": "1+1",
    }
    assert decoded("") == {}
