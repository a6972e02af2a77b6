"""Stripe's own ways: keys that are forgotten, searches that lag, answers that are repeated."""

from __future__ import annotations

import traceback
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import stripe

from ledger.money import Money
from ledger.payments.gateway import OutcomeUnknown, ParamsDrift, Rejected
from ledger.payments.stripe_api import StripeApi
from ledger.payments.stripe_gateway import StripeGateway, StripeMisconfigured
from tests.payments.stage import eur
from tests.payments.stripe.emulator import Fate
from tests.payments.stripe.line import KEY, LEDGER, SECRET, gateway_over
from tests.payments.stripe.stripe_stage import TRIES, StripeStage

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def asked_of(stage: StripeStage, **changes: Any) -> dict[str, Any]:
    """A charge with a saved card."""
    asked = {
        "attempt": uuid4(),
        "customer_id": stage.customer_id,
        "method_id": stage.saved().id,
        "amount": eur(1200),
    }
    return {**asked, **changes}


def posts(stage: StripeStage, path: str) -> int:
    return stage.emulator.requests.count(("POST", path))


# --- keys and what outlives them --------------------------------------------------------


@pytest.mark.parametrize("later", [timedelta(0), HOUR, DAY, 40 * DAY])
def test_a_member_keeps_their_customer_for_ever(stripe_stage: StripeStage, later: Any) -> None:
    member_id = uuid4()
    first = stripe_stage.stripe.ensure_customer(member_id=member_id)
    stripe_stage.clock.advance(later)
    elsewhere = gateway_over(stripe_stage.emulator, stripe_stage.clock)
    assert elsewhere.ensure_customer(member_id=member_id) == first


def test_two_ledgers_on_one_account_have_customers_of_their_own(
    stripe_stage: StripeStage,
) -> None:
    member_id = uuid4()
    first = stripe_stage.stripe.ensure_customer(member_id=member_id)
    stripe_stage.clock.advance(2 * DAY)
    other = gateway_over(stripe_stage.emulator, stripe_stage.clock, ledger="other-books")
    second = other.ensure_customer(member_id=member_id)
    assert second.id != first.id
    payment = stripe_stage.pay()
    with pytest.raises(Rejected):
        other.get_payment(payment_id=payment.id)


def test_a_refund_that_is_sent_again_after_days_is_made_once(stripe_stage: StripeStage) -> None:
    payment, refund_id = stripe_stage.pay(), uuid4()
    asked: dict[str, Any] = {"refund_id": refund_id, "payment_id": payment.id, "amount": eur(300)}
    made = stripe_stage.stripe.refund(**asked)
    stripe_stage.clock.advance(9 * DAY)
    assert stripe_stage.stripe.refund(**asked) == made
    with pytest.raises(ParamsDrift):
        stripe_stage.stripe.refund(**{**asked, "amount": eur(301)})
    assert posts(stripe_stage, "/v1/refunds") == 1


def test_an_attempts_id_is_its_key_and_its_mark(stripe_stage: StripeStage) -> None:
    asked = asked_of(stripe_stage)
    payment = stripe_stage.stripe.charge_offsession(**asked)
    made = stripe_stage.emulator.company.kept[payment.id]
    assert str(asked["attempt"]) in stripe_stage.emulator.keys
    assert made["metadata"] == {"ledger": LEDGER, "attempt": str(asked["attempt"])}


def test_a_repeated_answer_is_not_believed_but_looked_up(stripe_stage: StripeStage) -> None:
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stripe_stage.customer_id,
        "method": stripe_stage.card("pm_card_authenticationRequired"),
        "amount": eur(1200),
        "save": False,
    }
    waiting = stripe_stage.stripe.start_onsession(**asked)
    stripe_stage.confirm(waiting.action, approved=True)
    again = stripe_stage.stripe.start_onsession(**asked)
    assert (again.id, again.status) == (waiting.id, "succeeded")


def test_a_repeated_decline_is_looked_up_too(stripe_stage: StripeStage) -> None:
    asked = asked_of(stripe_stage, method_id=stripe_stage.saved("pm_card_chargeCustomerFail").id)
    first = stripe_stage.stripe.charge_offsession(**asked)
    assert stripe_stage.stripe.charge_offsession(**asked) == first
    assert first.decline is not None


# --- what goes wrong on the way ---------------------------------------------------------


class Sequence:
    """What becomes of the next requests that make something, one after another."""

    def __init__(self, *fates: Fate | None) -> None:
        self._fates = list(fates)

    def __call__(self, method: str, _path: str) -> Fate | None:
        return self._fates.pop(0) if method == "POST" and self._fates else None


@pytest.mark.parametrize("fate", ["call lost", "answer lost", "conflict"])
def test_the_sdk_tries_again_with_the_same_key(stripe_stage: StripeStage, fate: Fate) -> None:
    asked = asked_of(stripe_stage)
    stripe_stage.emulator.fate = Sequence(fate, fate)
    assert stripe_stage.stripe.charge_offsession(**asked).status == "succeeded"
    assert posts(stripe_stage, "/v1/payment_intents") == TRIES
    assert stripe_stage.moved() == ["payment", "fee"]


@pytest.mark.parametrize(
    ("fate", "tries"),
    [("call lost", TRIES), ("answer lost", TRIES), ("conflict", TRIES), ("busy", 1)],
)
def test_what_lasts_leaves_the_outcome_unknown(
    stripe_stage: StripeStage, fate: Fate, tries: int
) -> None:
    asked = asked_of(stripe_stage)
    stripe_stage.emulator.fate = Sequence(*[fate] * tries)
    with pytest.raises(OutcomeUnknown) as lost:
        stripe_stage.stripe.charge_offsession(**asked)
    assert lost.value.details["key"] == str(asked["attempt"])
    assert posts(stripe_stage, "/v1/payment_intents") == tries
    assert stripe_stage.stripe.charge_offsession(**asked).status == "succeeded"
    assert stripe_stage.moved() == ["payment", "fee"]


def test_garbage_for_an_answer_leaves_the_outcome_unknown(stripe_stage: StripeStage) -> None:
    asked = asked_of(stripe_stage)
    stripe_stage.emulator.fate = Sequence("garbage")
    with pytest.raises(OutcomeUnknown):
        stripe_stage.stripe.charge_offsession(**asked)
    stripe_stage.emulator.fate = lambda _method, _path: "garbage"
    with pytest.raises(OutcomeUnknown):
        stripe_stage.stripe.find_payment(
            attempt=asked["attempt"], customer_id=stripe_stage.customer_id
        )


@pytest.mark.parametrize("missing", ["id", "amount_received", "status", "created", "currency"])
def test_an_answer_that_lacks_something_leaves_the_outcome_unknown(
    stripe_stage: StripeStage, missing: str
) -> None:
    payment = stripe_stage.pay()
    half = {k: v for k, v in stripe_stage.stripe.api.payment(payment.id).items() if k != missing}
    stripe_stage.stripe.api.payment = lambda _: half  # type: ignore[method-assign,assignment]
    with pytest.raises(OutcomeUnknown):
        stripe_stage.stripe.get_payment(payment_id=payment.id)


def test_an_old_failure_that_is_repeated_is_looked_up(stripe_stage: StripeStage) -> None:
    asked = asked_of(stripe_stage)
    stripe_stage.emulator.fate = Sequence("broken")
    payment = stripe_stage.stripe.charge_offsession(**asked)
    assert (payment.status, payment.attempt) == ("succeeded", asked["attempt"])
    assert stripe_stage.stripe.charge_offsession(**asked) == payment
    assert stripe_stage.moved() == ["payment", "fee"]


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_refused_key_decides_nothing(stripe_stage: StripeStage, refusal: Any) -> None:
    asked = asked_of(stripe_stage)
    stripe_stage.emulator.fate = Sequence("answer lost", "answer lost", "answer lost")
    with pytest.raises(OutcomeUnknown):
        stripe_stage.stripe.charge_offsession(**asked)
    stripe_stage.emulator.refuses_key = refusal
    with pytest.raises(OutcomeUnknown, match="api_key_expired"):
        stripe_stage.stripe.charge_offsession(**asked)
    stripe_stage.emulator.refuses_key = None
    assert stripe_stage.stripe.charge_offsession(**asked).status == "succeeded"
    assert stripe_stage.moved() == ["payment", "fee"]


@pytest.mark.parametrize("save", [True, False])
def test_a_payment_is_found_when_its_pages_token_is_gone(
    stripe_stage: StripeStage, save: bool
) -> None:
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stripe_stage.customer_id,
        "method": stripe_stage.card("pm_card_visa"),
        "amount": eur(1200),
        "save": save,
    }
    stripe_stage.emulator.fate = Sequence("answer lost", "answer lost", "answer lost")
    with pytest.raises(OutcomeUnknown):
        stripe_stage.stripe.start_onsession(**asked)
    stripe_stage.clock.advance(13 * HOUR)
    payment = stripe_stage.stripe.start_onsession(**asked)
    assert (payment.attempt, payment.status) == (asked["attempt"], "succeeded")
    with pytest.raises(Rejected):
        stripe_stage.stripe.start_onsession(**{**asked, "attempt": uuid4()})
    assert stripe_stage.moved() == ["payment", "fee"]


# --- methods ----------------------------------------------------------------------------


def test_a_method_detached_in_the_dashboard_asks_for_another(stripe_stage: StripeStage) -> None:
    first = stripe_stage.pay(save=True)
    stripe_stage.emulator.detach(first.method.id)
    payment = stripe_stage.charge(first.method)
    assert payment.decline is not None
    assert (payment.status, payment.decline.category) == ("failed", "update_method")
    stripe_stage.stripe.detach_method(method_id=first.method.id)


def test_a_declined_payment_can_not_be_paid_after_it_was_closed(
    stripe_stage: StripeStage,
) -> None:
    payment = stripe_stage.pay("pm_card_chargeDeclined")
    assert stripe_stage.stripe.close_onsession(payment_id=payment.id) == payment
    assert stripe_stage.emulator.company.kept[payment.id]["status"] == "canceled"
    assert stripe_stage.stripe.get_payment(payment_id=payment.id) == payment


def test_all_of_a_customers_payments_are_looked_through(stripe_stage: StripeStage) -> None:
    first = stripe_stage.pay("pm_card_chargeDeclined")
    make = stripe_stage.emulator.intents.create_payment
    for _ in range(250):
        make(
            {
                "amount": 100,
                "confirm": "true",
                "currency": "eur",
                "customer": stripe_stage.customer_id,
                "payment_method": "pm_card_visa",
                "metadata": {"ledger": LEDGER, "attempt": str(uuid4())},
            }
        )
    found = stripe_stage.stripe.find_payment(
        attempt=first.attempt, customer_id=stripe_stage.customer_id
    )
    assert found == first


def test_a_card_may_be_given_on_stripes_own_page(stripe_stage: StripeStage) -> None:
    gateway, attempt = stripe_stage.stripe, uuid4()
    asked: dict[str, Any] = {
        "attempt": attempt,
        "customer_id": stripe_stage.customer_id,
        "back_to": "https://site.example/account/method/checkout?session=",
    }
    address = gateway.start_checkout(**asked)
    assert gateway.start_checkout(**asked) == address
    session_id = address.rpartition("/")[2]
    with pytest.raises(Rejected):
        gateway.finish_checkout(session_id=session_id)
    back = stripe_stage.emulator.give_on_page(session_id, "pm_card_visa")
    assert back == f"https://site.example/account/method/checkout?session={session_id}"
    setup = gateway.finish_checkout(session_id=session_id)
    assert (setup.attempt, setup.customer_id) == (attempt, stripe_stage.customer_id)
    assert setup.method is not None
    assert stripe_stage.charge(setup.method).status == "succeeded"
    other = gateway_over(stripe_stage.emulator, stripe_stage.clock, ledger="other-books")
    for unknown in ("", "cs_missing", session_id):
        with pytest.raises(Rejected):
            other.finish_checkout(session_id=unknown)


# --- settings ---------------------------------------------------------------------------


def made_with(stage: StripeStage, **changes: Any) -> StripeGateway:
    asked = {
        "key": KEY,
        "account": "acct_1",
        "webhook_secrets": [SECRET],
        "ledger": LEDGER,
        "clock": stage.clock,
        "mandate_cap": Money(50_000, "EUR"),
    }
    return StripeGateway(**{**asked, **changes})


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"key": "pk_test_1"},
        {"account": "1"},
        {"webhook_secrets": [SECRET, ""]},
        {"webhook_secrets": ["whsec_"]},
    ],
)
def test_settings_that_can_not_work_are_refused(
    stripe_stage: StripeStage, wrong: dict[str, Any]
) -> None:
    with pytest.raises(StripeMisconfigured) as refused:
        made_with(stripe_stage, **wrong)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "mode"), [("sk_test_1", "test"), ("rk_live_1", "live"), ("sk_live_1", "live")]
)
def test_a_key_says_whether_money_is_real(
    stripe_stage: StripeStage, key: str, mode: str
) -> None:  # part of OR9
    assert made_with(stripe_stage, key=key).mode == mode


def test_the_sdk_waits_for_half_a_minute_and_tells_nobody_about_it() -> None:
    client = StripeApi(KEY)._client._requestor
    http_client: Any = client._client
    assert http_client._timeout == (5, 30)
    assert client._options.max_network_retries == 2
    assert stripe.enable_telemetry is False


def test_nothing_about_people_reaches_a_log(
    stripe_stage: StripeStage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    method, gateway = stripe_stage.saved(), stripe_stage.stripe
    told = ""
    for missing in ("pi_nobodys", "cus_nobodys", "pm_nobodys"):
        with pytest.raises(Rejected) as refused:
            gateway.start_onsession(
                attempt=uuid4(),
                customer_id=missing if missing[0] == "c" else stripe_stage.customer_id,
                method=missing if missing[:2] == "pm" else "pm_card_visa",
                amount=eur(0 if missing[:2] == "pi" else 1200),
                save=False,
            )
        told += "".join(traceback.format_exception(refused.value))
    stripe_stage.charge(method)
    assert "nobodys" not in told.replace(__file__, "")
    assert "resource_missing" in told
    assert "req_emulated" in told
    for secret in (method.id, stripe_stage.customer_id, KEY):
        assert secret not in caplog.text
