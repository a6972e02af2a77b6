"""The adapter against Stripe's own sandbox, where somebody asks for it by giving a test key.

`LEDGER_TEST_STRIPE_KEY=sk_test_... .venv/bin/pytest tests/payments/stripe/test_real_sandbox.py -n0`
leaves a customer with a few test payments there. A live key is refused, and CI never runs it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from ledger.clock import SystemClock
from ledger.money import Money
from ledger.payments.gateway import ParamsDrift, Rejected
from ledger.payments.stripe_gateway import StripeGateway
from tests.payments.stage import eur

NAME = "LEDGER_TEST_STRIPE_KEY"
asked_for = pytest.mark.skipif(
    NAME not in os.environ or "CI" in os.environ,
    reason=f"calls Stripe over the network; set {NAME} to a test key to run it",
)


class LiveKey(Exception):
    """A live key was given for a test: real money could move."""


def sandbox_key(environment: Mapping[str, str]) -> str:
    """The test key that was given. Raises LiveKey for anything else."""
    key = environment[NAME]
    if not key.startswith(("sk_test_", "rk_test_")):
        raise LiveKey
    return key


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "pk_test_1", "", "whatever"])
def test_nothing_but_a_test_key_is_taken(key: str) -> None:
    with pytest.raises(LiveKey):
        sandbox_key({NAME: key})
    assert sandbox_key({NAME: "sk_test_1"}) == "sk_test_1"


@pytest.fixture
def real() -> StripeGateway:
    key = sandbox_key(os.environ)
    given = {"key": key, "account": "acct_unknown", "webhook_secrets": ["whsec_none"]}
    clock, cap = SystemClock(), Money(50_000, "EUR")
    return StripeGateway(**given, ledger="sandbox-run", clock=clock, mandate_cap=cap)  # type: ignore[arg-type]


@asked_for
def test_a_card_is_saved_charged_refunded_and_forgotten(real: StripeGateway) -> None:
    began = SystemClock().now() - timedelta(minutes=5)
    identity = real.identify()
    assert (identity.account[:5], identity.mode) == ("acct_", "test")
    customer = real.ensure_customer(member_id=uuid4())
    setup = real.start_setup(attempt=uuid4(), customer_id=customer.id, method="pm_card_visa")
    assert setup.method is not None
    attempt = uuid4()
    asked: dict[str, Any] = {"customer_id": customer.id, "method_id": setup.method.id}
    payment = real.charge_offsession(attempt=attempt, amount=eur(1200), **asked)
    assert (payment.status, payment.amount, payment.mode) == ("succeeded", eur(1200), "test")
    assert real.charge_offsession(attempt=attempt, amount=eur(1200), **asked).id == payment.id
    with pytest.raises(ParamsDrift):
        real.charge_offsession(attempt=attempt, amount=eur(1300), **asked)
    found = real.find_payment(attempt=attempt, customer_id=customer.id)
    assert found is not None
    assert found.id == payment.id
    refund = real.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(500))
    assert refund.status in {"succeeded", "pending"}
    with pytest.raises(Rejected, match=r"7\.00 EUR is left"):
        real.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(701))
    real.detach_method(method_id=setup.method.id)
    real.detach_method(method_id=setup.method.id)
    gone = real.charge_offsession(attempt=uuid4(), amount=eur(1200), **asked)
    assert gone.decline is not None
    assert gone.decline.category == "update_method"
    assert payment.id in {notice.object_id for notice in real.list_notices(since=began)}


@asked_for
@pytest.mark.parametrize(
    ("card", "category"),
    [
        ("pm_card_visa_chargeDeclined", "soft"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "soft"),
        ("pm_card_visa_chargeDeclinedStolenCard", "hard"),
        ("pm_card_chargeDeclinedExpiredCard", "update_method"),
    ],
)
def test_declines_are_values_there_too(real: StripeGateway, card: str, category: str) -> None:
    customer = real.ensure_customer(member_id=uuid4())
    payment = real.start_onsession(
        attempt=uuid4(), customer_id=customer.id, method=card, amount=eur(1200), save=False
    )
    assert payment.decline is not None
    assert (payment.status, payment.decline.category) == ("failed", category)


@asked_for
def test_a_bank_that_asks_is_waited_for_there_too(real: StripeGateway) -> None:
    customer = real.ensure_customer(member_id=uuid4())
    payment = real.start_onsession(
        attempt=uuid4(),
        customer_id=customer.id,
        method="pm_card_threeDSecure2Required",
        amount=eur(1200),
        save=True,
    )
    assert (payment.status, payment.action is not None) == ("action_required", True)
    assert real.close_onsession(payment_id=payment.id).status == "cancelled"
