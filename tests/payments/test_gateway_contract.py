"""What every payment company promises the ledger: customers, saved methods and payments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger.money import Money
from ledger.payments.gateway import OutcomeUnknown, ParamsDrift, Rejected
from tests.payments.conftest import NOON
from tests.payments.stage import Stage, eur

DECLINES = [
    ("pm_card_chargeDeclined", "soft", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "soft", "insufficient_funds"),
    ("pm_card_chargeDeclinedProcessingError", "soft", "processing_error"),
    ("pm_card_chargeDeclinedStolen", "hard", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "update_method", "expired_card"),
]
LATER_DECLINES = [
    ("pm_card_chargeCustomerFail", "soft", "generic_decline"),
    ("pm_card_authenticationRequired", "action_required", "authentication_required"),
    ("pm_card_mandateInvalid", "mandate", "mandate_invalid"),
    ("pm_card_currencyUnsupported", "config", "currency_not_supported"),
]
GARBAGE = ["", "x", "sandbox_payment_", f"sandbox_payment_{UUID(int=1).hex}", "4242424242424242"]


def test_the_account_is_always_the_same_and_says_its_mode(stage: Stage) -> None:
    assert stage.gateway.identify() == stage.gateway.identify()
    assert stage.gateway.identify().mode == "test"


def test_a_member_has_one_customer(stage: Stage) -> None:
    member_id = uuid4()
    first = stage.gateway.ensure_customer(member_id=member_id)
    assert stage.gateway.ensure_customer(member_id=member_id) == first
    assert first.id != stage.customer_id
    assert (first.member_id, first.mode) == (member_id, "test")
    assert stage.gateway.ensure_customer(member_id=member_id, known=first.id) == first


# --- saved methods ----------------------------------------------------------------------


def test_a_setup_saves_a_method_without_a_charge(stage: Stage) -> None:  # part of PL1
    setup = stage.gateway.start_setup(
        attempt=uuid4(), customer_id=stage.customer_id, method=stage.card("pm_card_visa")
    )
    assert (setup.status, setup.decline, setup.action, setup.mode) == (
        "succeeded",
        None,
        None,
        "test",
    )
    method = setup.method
    assert method is not None
    assert (method.brand, method.last4, method.country) == ("visa", "4242", "US")
    assert method.reusable
    assert stage.gateway.get_setup(setup_id=setup.id) == setup
    assert list(stage.gateway.list_movements(since=NOON, until=NOON + timedelta(1))) == []


def test_the_same_setup_again_is_the_same_setup(stage: Stage) -> None:
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stage.customer_id,
        "method": stage.card("pm_card_visa"),
    }
    assert stage.gateway.start_setup(**asked) == stage.gateway.start_setup(**asked)
    with pytest.raises(ParamsDrift):
        stage.gateway.start_setup(**{**asked, "method": stage.card("pm_card_mastercard")})


@pytest.mark.parametrize(("card", "category", "code"), DECLINES)
def test_a_declined_setup_is_a_value(stage: Stage, card: str, category: str, code: str) -> None:
    setup = stage.gateway.start_setup(
        attempt=uuid4(), customer_id=stage.customer_id, method=stage.card(card)
    )
    assert (setup.status, setup.method) == ("failed", None)
    assert setup.decline is not None
    assert (setup.decline.category, setup.decline.code) == (category, code)


@pytest.mark.parametrize(("approved", "status"), [(True, "succeeded"), (False, "failed")])
def test_a_setup_may_wait_for_the_person(stage: Stage, approved: bool, status: str) -> None:
    setup = stage.gateway.start_setup(
        attempt=uuid4(),
        customer_id=stage.customer_id,
        method=stage.card("pm_card_authenticationRequired"),
    )
    assert (setup.status, setup.method) == ("action_required", None)
    stage.confirm(setup.action, approved=approved)
    answered = stage.gateway.get_setup(setup_id=setup.id)
    assert (answered.status, answered.method is not None) == (status, approved)


def test_the_same_card_has_the_same_fingerprint(stage: Stage) -> None:  # part of SE1
    assert stage.saved().fingerprint == stage.saved().fingerprint
    assert stage.saved().fingerprint != stage.saved("pm_card_mastercard").fingerprint


def test_a_forgotten_method_is_never_charged_again(stage: Stage) -> None:
    method = stage.saved()
    stage.gateway.detach_method(method_id=method.id)
    stage.gateway.detach_method(method_id=method.id)
    payment = stage.charge(method)
    assert (payment.status, payment.settled_at) == ("failed", None)
    assert payment.decline is not None
    assert payment.decline.category == "update_method"


# --- on session -------------------------------------------------------------------------


def test_a_payment_on_session_takes_money_at_once(stage: Stage) -> None:
    payment = stage.pay(amount=eur(1999))
    assert (payment.status, payment.amount, payment.settled_at) == ("succeeded", eur(1999), NOON)
    assert (payment.customer_id, payment.mode) == (stage.customer_id, "test")
    assert not payment.method.reusable
    assert stage.gateway.get_payment(payment_id=payment.id) == payment


def test_a_card_that_was_not_saved_is_not_charged_again(stage: Stage) -> None:
    payment = stage.pay()
    with pytest.raises(Rejected):
        stage.charge(payment.method)


def test_paying_may_save_the_card_for_later(stage: Stage) -> None:
    first = stage.gateway.start_onsession(
        attempt=uuid4(),
        customer_id=stage.customer_id,
        method=stage.card("pm_card_visa"),
        amount=eur(1200),
        save=True,
    )
    assert first.method.reusable
    later = stage.charge(first.method)
    assert (later.status, later.method) == ("succeeded", first.method)


@pytest.mark.parametrize(
    "drift",
    [
        {"amount": eur(1201)},
        {"amount": Money(1200, "CHF")},
        {"method": "pm_card_mastercard"},
        {"save": True},
    ],
)
def test_the_same_attempt_pays_once(stage: Stage, drift: dict[str, Any]) -> None:  # part of OR1
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stage.customer_id,
        "method": stage.card("pm_card_visa"),
        "amount": eur(1200),
        "save": False,
    }
    first = stage.gateway.start_onsession(**asked)
    assert stage.gateway.start_onsession(**asked) == first
    if "method" in drift:
        drift = {"method": stage.card(drift["method"])}
    with pytest.raises(ParamsDrift):
        stage.gateway.start_onsession(**{**asked, **drift})
    assert stage.moved() == ["payment", "fee"]


@pytest.mark.parametrize(("card", "category", "code"), DECLINES)
def test_a_decline_is_a_value(stage: Stage, card: str, category: str, code: str) -> None:
    payment = stage.pay(card)
    assert (payment.status, payment.settled_at) == ("failed", None)
    assert payment.decline is not None
    assert (payment.decline.category, payment.decline.code) == (category, code)


@pytest.mark.parametrize(("approved", "status"), [(True, "succeeded"), (False, "failed")])
def test_a_payment_may_wait_for_the_person(stage: Stage, approved: bool, status: str) -> None:
    payment = stage.pay("pm_card_authenticationRequired")
    assert (payment.status, payment.settled_at) == ("action_required", None)
    stage.clock.advance(timedelta(minutes=3))
    stage.confirm(payment.action, approved=approved)
    answered = stage.gateway.get_payment(payment_id=payment.id)
    assert (answered.status, answered.action) == (status, None)
    assert answered.settled_at == (NOON + timedelta(minutes=3) if approved else None)


def test_a_closed_payment_can_not_be_confirmed(stage: Stage) -> None:
    payment = stage.pay("pm_card_authenticationRequired")
    closed = stage.gateway.close_onsession(payment_id=payment.id)
    assert (closed.status, closed.action) == ("cancelled", None)
    stage.confirm(payment.action, approved=True)
    assert stage.gateway.get_payment(payment_id=payment.id) == closed
    assert stage.gateway.close_onsession(payment_id=payment.id) == closed


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_chargeDeclined"])
def test_closing_what_is_settled_changes_nothing(stage: Stage, card: str) -> None:
    payment = stage.pay(card)
    assert stage.gateway.close_onsession(payment_id=payment.id) == payment


# --- off session ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "drift", [{"amount": eur(1201)}, {"amount": Money(1200, "CHF")}, {"method_id": "other"}]
)
def test_the_same_attempt_charges_once(stage: Stage, drift: dict[str, Any]) -> None:  # part of OR1
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stage.customer_id,
        "method_id": stage.saved().id,
        "amount": eur(1200),
    }
    first = stage.gateway.charge_offsession(**asked)
    assert (first.status, first.settled_at) == ("succeeded", NOON)
    assert stage.gateway.charge_offsession(**asked) == first
    if "method_id" in drift:
        drift = {"method_id": stage.saved("pm_card_mastercard").id}
    with pytest.raises(ParamsDrift):
        stage.gateway.charge_offsession(**{**asked, **drift})


def test_an_attempt_is_one_call_only(stage: Stage) -> None:
    method, attempt = stage.saved(), uuid4()
    stage.gateway.charge_offsession(
        attempt=attempt, customer_id=stage.customer_id, method_id=method.id, amount=eur(1200)
    )
    with pytest.raises(ParamsDrift):
        stage.gateway.start_setup(
            attempt=attempt, customer_id=stage.customer_id, method=stage.card("pm_card_visa")
        )
    with pytest.raises(ParamsDrift):
        stage.gateway.start_onsession(
            attempt=attempt,
            customer_id=stage.customer_id,
            method=method.id,
            amount=eur(1200),
            save=False,
        )


@pytest.mark.parametrize(("card", "category", "code"), LATER_DECLINES)
def test_a_card_may_be_saved_and_decline_later(
    stage: Stage, card: str, category: str, code: str
) -> None:
    payment = stage.charge(stage.saved(card))
    assert payment.status == "failed"
    assert payment.decline is not None
    assert (payment.decline.category, payment.decline.code) == (category, code)


def test_what_needs_the_person_is_paid_with_the_saved_card_on_session(
    stage: Stage,
) -> None:  # part of DU3
    method = stage.saved("pm_card_authenticationRequired")
    assert stage.charge(method).status == "failed"
    payment = stage.pay(method.id)
    assert payment.status == "action_required"
    stage.confirm(payment.action, approved=True)
    assert stage.gateway.get_payment(payment_id=payment.id).status == "succeeded"


def test_a_card_confirmed_once_is_charged_without_the_person(stage: Stage) -> None:
    assert stage.charge(stage.saved("pm_card_authenticationRequiredOnSetup")).status == "succeeded"


def test_an_indian_card_stays_pending_for_26_hours(stage: Stage) -> None:  # part of DU4
    payment = stage.charge(stage.saved("pm_card_in"))
    assert (payment.status, payment.settled_at) == ("pending", None)
    assert stage.gateway.close_onsession(payment_id=payment.id) == payment
    stage.clock.advance(timedelta(hours=26) - timedelta(seconds=1))
    assert stage.gateway.get_payment(payment_id=payment.id) == payment
    stage.clock.advance(timedelta(seconds=1))
    settled = stage.gateway.get_payment(payment_id=payment.id)
    assert (settled.status, settled.settled_at) == ("succeeded", NOON + timedelta(hours=26))


def test_a_saved_card_expires(stage: Stage) -> None:
    method = stage.saved("pm_card_visa:2026-04")
    assert (method.exp_year, method.exp_month) == (2026, 4)
    stage.clock.advance(timedelta(days=60))
    assert stage.charge(method).status == "succeeded"
    stage.clock.advance(timedelta(days=1))
    expired = stage.charge(method)
    assert expired.decline is not None
    assert (expired.decline.category, expired.decline.code) == ("update_method", "expired_card")


# --- what is unknown, and what is refused -----------------------------------------------


def test_an_outcome_that_was_lost_can_be_found_and_asked_again(stage: Stage) -> None:
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stage.customer_id,
        "method_id": stage.saved("pm_card_outcomeLost").id,
        "amount": eur(1200),
    }
    with pytest.raises(OutcomeUnknown):
        stage.gateway.charge_offsession(**asked)
    found = stage.gateway.find_payment(attempt=asked["attempt"], customer_id=stage.customer_id)
    assert found is not None
    assert found.status == "succeeded"
    assert stage.gateway.charge_offsession(**asked) == found
    assert stage.moved() == ["payment", "fee"]


def test_what_never_arrived_is_not_found(stage: Stage) -> None:
    method, attempt = stage.saved("pm_card_unreachable"), uuid4()
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            stage.gateway.charge_offsession(
                attempt=attempt,
                customer_id=stage.customer_id,
                method_id=method.id,
                amount=eur(1200),
            )
    assert stage.gateway.find_payment(attempt=attempt, customer_id=stage.customer_id) is None


def test_a_payment_is_found_for_its_customer_only(stage: Stage) -> None:
    payment = stage.pay()
    other = stage.gateway.ensure_customer(member_id=uuid4()).id
    find = stage.gateway.find_payment
    assert find(attempt=payment.attempt, customer_id=stage.customer_id) == payment
    assert find(attempt=payment.attempt, customer_id=other) is None
    assert find(attempt=uuid4(), customer_id=stage.customer_id) is None


@pytest.mark.parametrize("minor", [0, -1, 100_000_000])
def test_an_amount_that_is_no_charge_is_rejected(stage: Stage, minor: int) -> None:
    with pytest.raises(Rejected):
        stage.pay(amount=eur(minor))
    with pytest.raises(Rejected):
        stage.charge(stage.saved(), amount=eur(minor))


def test_another_customers_method_is_rejected(stage: Stage) -> None:
    method = stage.saved()
    stage.customer_id = stage.gateway.ensure_customer(member_id=uuid4()).id
    with pytest.raises(Rejected):
        stage.charge(method)
    with pytest.raises(Rejected):
        stage.pay(method.id)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_an_unknown_id_is_rejected(stage: Stage, garbage: str) -> None:
    gateway = stage.gateway
    method, payment = stage.saved(), stage.pay()
    calls: list[tuple[Callable[..., object], dict[str, str]]] = [
        (gateway.get_setup, {"setup_id": garbage}),
        (gateway.get_payment, {"payment_id": garbage}),
        (gateway.get_refund, {"gateway_refund_id": garbage}),
        (gateway.close_onsession, {"payment_id": garbage}),
        (gateway.detach_method, {"method_id": garbage}),
        (gateway.detach_method, {"method_id": payment.method.id}),
        (gateway.get_payment, {"payment_id": method.id}),
    ]
    for call, asked in calls:
        with pytest.raises(Rejected) as refusal:
            call(**asked)
        assert not garbage or garbage not in str(refusal.value)
