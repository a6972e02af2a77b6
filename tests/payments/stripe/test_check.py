"""`ledger stripe check`: each thing that may be wrong is found, and said how to mend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from ledger.clock import VirtualClock
from ledger.payments.stripe_check import findings, problems
from ledger.payments.stripe_notices import EVENTS
from tests.payments.conftest import NOON
from tests.payments.stripe.emulator import Emulator
from tests.payments.stripe.objects import webhook_endpoint
from tests.payments.stripe.stripe_stage import StripeStage

ADDRESS = "https://members.example/notices/stripe"
Endpoint = dict[str, Any]


@pytest.fixture
def stage() -> StripeStage:
    return StripeStage(VirtualClock(NOON))


def with_endpoint(emulator: Emulator) -> Endpoint:
    """The endpoint as it should be."""
    company = emulator.company
    made = webhook_endpoint(company.new_id("we"), company.now, ADDRESS, EVENTS, stripe.api_version)
    return company.keep(made)


def to_mend(stage: StripeStage) -> list[str]:
    account = stage.emulator.company.account
    found = problems(stage.stripe.api, account=account, address=ADDRESS)
    return [f"{each.found}: {each.mend}" for each in found]


def test_what_is_right_needs_no_mending(stage: StripeStage) -> None:
    with_endpoint(stage.emulator)
    found = list(
        findings(stage.stripe.api, account=stage.emulator.company.account, address=ADDRESS)
    )
    assert len(found) == 5
    assert to_mend(stage) == []


def test_another_accounts_key_is_found(stage: StripeStage) -> None:
    with_endpoint(stage.emulator)
    found = problems(stage.stripe.api, account="acct_other", address=ADDRESS)
    assert ["acct_other" in each.found for each in found] == [True]


def test_an_account_that_is_not_complete_is_found(stage: StripeStage) -> None:
    with_endpoint(stage.emulator)
    company = stage.emulator.company
    company.kept[company.account]["charges_enabled"] = False
    assert to_mend(stage) == ["The account may not charge yet: complete it in Stripe's Dashboard"]


def test_a_missing_endpoint_is_found_and_described(stage: StripeStage) -> None:
    (said,) = to_mend(stage)
    assert said.startswith(f"No endpoint posts to {ADDRESS}")
    assert all(kind in said for kind in [*EVENTS, stripe.api_version])


WRONG: dict[str, tuple[Callable[[Endpoint], object], str]] = {
    "off": (lambda one: one.update(status="disabled"), "is disabled"),
    "old": (lambda one: one.update(api_version="2026-05-27.dahlia"), "2026-05-27.dahlia"),
    "the account's version": (lambda one: one.update(api_version=None), "of the account"),
    "deaf": (lambda one: one["enabled_events"].remove("refund.failed"), "refund.failed"),
    "elsewhere": (lambda one: one.update(url=f"{ADDRESS}/x"), "No endpoint"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_endpoint_that_is_wrong_is_found(stage: StripeStage, wrong: str) -> None:
    change, named = WRONG[wrong]
    change(with_endpoint(stage.emulator))
    (said,) = to_mend(stage)
    assert named in said


def test_an_endpoint_that_tells_everything_tells_enough(stage: StripeStage) -> None:
    with_endpoint(stage.emulator)["enabled_events"] = ["*"]
    assert to_mend(stage) == []


def test_silence_is_found(stage: StripeStage) -> None:
    stage.emulator.fate = lambda _method, _path: "call lost"
    (said,) = to_mend(stage)
    assert said.startswith("Stripe does not answer")


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_key_that_is_refused_is_found(stage: StripeStage, refusal: Any) -> None:
    stage.emulator.refuses_key = refusal
    (said,) = to_mend(stage)
    assert said.startswith("The key is refused")
    assert "sk_test" not in said
