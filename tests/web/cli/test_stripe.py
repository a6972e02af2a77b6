"""`ledger stripe`, as typed at a terminal, before and after the endpoint is there."""

from __future__ import annotations

import pytest
import stripe
from click.testing import CliRunner, Result

import web.payments.companies
from ledger.clock import VirtualClock
from ledger.payments.stripe_notices import EVENTS
from tests.payments.conftest import NOON
from tests.payments.stripe.objects import webhook_endpoint
from tests.payments.stripe.stripe_stage import StripeStage
from web.cli.main import main

SITE = "https://members.example"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> StripeStage:
    """The emulated Stripe, and a site whose settings name its account."""
    stage = StripeStage(VirtualClock(NOON))
    monkeypatch.setattr(web.payments.companies, "stripe_of", lambda *_, **__: stage.stripe)
    for name, value in {
        "KEY": "sk_test_1",
        "PUBLISHABLE_KEY": "pk_test_1",
        "ACCOUNT": stage.emulator.company.account,
        "WEBHOOK_SECRETS": "whsec_1",
    }.items():
        monkeypatch.setenv(f"LEDGER_STRIPE_{name}", value)
    return stage


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["stripe", *words], catch_exceptions=False)


def test_what_an_endpoint_needs_is_told_before_there_is_any_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEDGER_BASE_URL", SITE)
    said = typed("endpoint").stdout
    assert f"{SITE}/notices/stripe\n" in said
    assert stripe.api_version in said
    assert [line.split()[-1] for line in said.splitlines()[2:]] == list(EVENTS)


def test_a_site_that_stripe_cant_reach_is_told_how_notices_come(stage: StripeStage) -> None:
    told = typed("check")
    assert told.exit_code == 1
    assert "MEND  No endpoint posts to http://127.0.0.1:8000/notices/stripe." in told.stdout
    assert (
        "`stripe listen --latest --forward-to http://127.0.0.1:8000/notices/stripe`" in told.stdout
    )
    assert told.stderr == "Error: 1 to mend.\n"


def test_what_fits_together_is_well(stage: StripeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_BASE_URL", SITE)
    company = stage.emulator.company
    address = f"{SITE}/notices/stripe"
    made = webhook_endpoint(company.new_id("we"), company.now, address, EVENTS, stripe.api_version)
    company.keep(made)
    told = typed("check")
    assert (told.exit_code, told.stderr) == (0, "")
    assert "MEND" not in told.stdout
    assert "listen" not in told.stdout


def test_without_a_key_there_is_nothing_to_check() -> None:
    told = typed("check")
    assert told.exit_code == 1
    assert "LEDGER_STRIPE_KEY is not set" in told.stderr
