"""Stripe's own command line, from npm, drives the emulated Stripe: a client that we did not write.

It is found as `stripe` on the PATH, or where LEDGER_TEST_STRIPE_CLI says; to get it:
`npm install --global @stripe/cli`. It speaks to the emulator on this machine and to nobody else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import stripe

from ledger.clock import VirtualClock
from tests.payments.conftest import NOON
from tests.payments.stripe import openapi
from tests.payments.stripe.door import door
from tests.payments.stripe.line import KEY
from tests.payments.stripe.stripe_stage import StripeStage

CLI = os.environ.get("LEDGER_TEST_STRIPE_CLI") or shutil.which("stripe")
needs_cli = pytest.mark.skipif(
    CLI is None, reason="the official Stripe CLI is absent: npm install --global @stripe/cli"
)

TRIGGERS = {
    "payment_intent.succeeded": {"payment_intent.succeeded", "charge.updated"},
    "payment_intent.payment_failed": {"payment_intent.payment_failed"},
    "payment_intent.canceled": {"payment_intent.canceled"},
    "charge.refunded": {"payment_intent.succeeded", "charge.updated", "refund.created"},
    "charge.dispute.created": {
        "payment_intent.succeeded",
        "charge.updated",
        "charge.dispute.created",
    },
    "setup_intent.succeeded": {"setup_intent.succeeded"},
    "setup_intent.setup_failed": {"setup_intent.setup_failed"},
    "customer.deleted": {"customer.deleted"},
    "payment_method.detached": {"payment_method.detached"},
}


def trigger(kind: str, address: str, home: Path) -> str:
    """What the command line says of one trigger."""
    assert CLI is not None
    command = [CLI, "trigger", kind, "--api-base", address, "--api-key", KEY]
    alone = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PATH": os.defpath}
    # A proxy that nobody listens at: what is not for this machine goes nowhere.
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(  # noqa: S603
        command, env={**alone, **nowhere}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


@needs_cli
@pytest.mark.parametrize("kind", TRIGGERS)
def test_the_official_command_line_drives_the_emulator(kind: str, tmp_path: Path) -> None:
    stage = StripeStage(VirtualClock(NOON))
    with door(stage.emulator, [openapi.check]) as address:
        said = trigger(kind, address, tmp_path)
    assert "Trigger succeeded" in said, said
    told = stage.notices()
    assert {notice.kind for notice in told} == TRIGGERS[kind]
    # Whatever others do with the account is none of ours.
    assert all(stage.stripe.resolve(notice).foreign for notice in told)


def test_the_door_answers_on_this_machine_alone() -> None:
    stage = StripeStage(VirtualClock(NOON))
    with door(stage.emulator) as address:
        assert address.startswith("http://127.0.0.1:")
        client = stripe.StripeClient(KEY, base_addresses={"api": address})
        assert client.v1.accounts.retrieve_current().id == stage.emulator.company.account
