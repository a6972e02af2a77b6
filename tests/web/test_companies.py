"""Which payment company a site charges through, and what that costs a site without Stripe."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from ledger.clock import VirtualClock
from ledger.payments.sandbox import Sandbox
from ledger.payments.sandbox_books import MemoryBooks
from ledger.payments.stripe_gateway import StripeGateway
from tests.payments.stripe.line import gateway_over
from tests.payments.stripe.stripe_stage import StripeStage
from tests.web.conftest import NOON
from web.cli import main
from web.payments import companies
from web.payments.companies import company_of, gateway_of
from web.payments.pinned import OwnAccount
from web.settings import Settings
from web.wiring import wire

STRIPE = {
    "stripe_key": SecretStr("sk_test_1"),
    "stripe_account": "acct_emulated",
    "stripe_publishable_key": "pk_test_1",
    "stripe_webhook_secrets": SecretStr("whsec_1"),
}
ENVIRONMENT = {
    "LEDGER_STRIPE_KEY": "sk_test_1",
    "LEDGER_STRIPE_ACCOUNT": "acct_emulated",
    "LEDGER_STRIPE_PUBLISHABLE_KEY": "pk_test_1",
    "LEDGER_STRIPE_WEBHOOK_SECRETS": "whsec_1",
    "LEDGER_BASE_URL": "https://members.example",
}


@pytest.fixture
def with_stripe(tmp_path: Path) -> Settings:
    key = base64.b64encode(bytes(32)).decode()
    return Settings(data=tmp_path, master_key=key, **STRIPE)  # type: ignore[arg-type]


def test_a_site_without_a_key_charges_through_the_sandbox(settings: Settings) -> None:
    clock = VirtualClock(NOON)
    sandbox = Sandbox(books=MemoryBooks(), clock=clock)
    assert gateway_of(settings, clock, sandbox, ledger="x") is sandbox
    assert company_of(settings) == "sandbox"


def test_a_site_with_a_key_charges_through_stripe(with_stripe: Settings, database: str) -> None:
    with wire(with_stripe, database) as parts:
        gateway = parts.collection.gateway
        assert isinstance(gateway, OwnAccount)
        assert isinstance(gateway.company, StripeGateway)
        assert parts.inbox.gateway is gateway
        assert (parts.inbox.company, gateway.mode) == ("stripe", "test")


def test_nobody_without_stripe_waits_for_its_sdk() -> None:
    ask = "import sys, web.wiring, web.cli; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", ask], check=False).returncode == 0  # noqa: S603


# --- ledger stripe check ----------------------------------------------------------------


def test_there_is_nothing_to_check_without_stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    answer = CliRunner().invoke(main, ["stripe", "check"])
    assert answer.exit_code == 1
    assert "LEDGER_STRIPE_KEY is not set" in answer.output


def test_the_check_says_what_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock(NOON)
    over = gateway_over(StripeStage(clock).emulator, clock)
    monkeypatch.setattr(companies, "stripe_of", lambda *_, **__: over)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(main, ["stripe", "check"])
    assert answer.exit_code == 1
    assert "MEND  No endpoint posts to https://members.example/notices/stripe." in answer.output
    assert "sk_test" not in answer.output
