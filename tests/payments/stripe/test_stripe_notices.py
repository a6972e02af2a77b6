"""Stripe's notices: whose they are, what they are about, and what they don't say."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import stripe

from ledger.payments.balance import Dispute
from ledger.payments.gateway import MethodChange, Notice, NoticeRejected, Payment, Rejected, Setup
from ledger.payments.stripe_notices import EVENTS
from tests.payments.stripe import objects
from tests.payments.stripe.line import LEDGER, gateway_over
from tests.payments.stripe.stripe_stage import StripeStage

DAY = timedelta(days=1)


def event(stage: StripeStage, **changes: Any) -> bytes:
    """What was told of a payment, changed."""
    stage.pay()
    told = json.loads(stage.sent()[0].raw)
    return json.dumps({**told, **changes}).encode()


def notice_of(stage: StripeStage, kind: str, object_id: str, about: Any = None) -> Notice:
    """A notice that nobody sent."""
    data = {"object": about or {"id": object_id}}
    made = objects.event("evt_1", stage.emulator.company.now, kind, data, stripe.api_version)
    told = stage.signed(json.dumps(made).encode())
    return stage.stripe.verify_notice(told.raw, told.headers)


# --- whose it is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"livemode": True}, "the other mode"),
        ({"livemode": None}, "the other mode"),
        ({"account": "acct_other"}, "another account"),
        ({"api_version": "2026-05-27.dahlia"}, "version"),
        ({"api_version": None}, "version"),
        ({"object": "v2.core.event"}, "not signed"),
        ({"object": "charge"}, "no event"),
        ({"created": None}, "lacks"),
        ({"created": 10**30}, "lacks"),
        ({"data": {}}, "lacks"),
        ({"data": {"object": []}}, "lacks"),
        ({"id": None}, "no event"),
        ({"id": ""}, "name"),
        ({"id": "e" * 256}, "name"),
        ({"id": "evt\0"}, "characters"),
        ({"id": "evt\ud800"}, "characters"),
        ({"type": "charge.updated\0"}, "characters"),
        ({"type": 7}, "lacks"),
        ({"data": {"object": {"id": "pi_\0"}}}, "characters"),
        ({"created": True}, "no time"),
        ({"created": 253402300799}, "no time"),
    ],
)
def test_a_signed_event_that_is_not_for_us_is_rejected(
    stripe_stage: StripeStage, change: dict[str, Any], why: str
) -> None:
    told = stripe_stage.signed(event(stripe_stage, **change))
    with pytest.raises(NoticeRejected, match=why):
        stripe_stage.stripe.verify_notice(told.raw, told.headers)


def test_our_own_account_may_be_named(stripe_stage: StripeStage) -> None:
    account = stripe_stage.emulator.company.account
    told = stripe_stage.signed(event(stripe_stage, account=account))
    assert stripe_stage.stripe.verify_notice(told.raw, told.headers).account == account


def test_while_a_secret_is_replaced_both_are_good(stripe_stage: StripeStage) -> None:
    raw = event(stripe_stage)
    clock, seconds = stripe_stage.clock, int(stripe_stage.clock.now().timestamp())
    rolling = gateway_over(stripe_stage.emulator, clock, webhook_secrets=("whsec_old", "whsec_new"))
    sign = stripe.WebhookSignature.generate_signature_header
    for secret in ("whsec_old", "whsec_new"):
        headers = {"Stripe-Signature": sign(raw.decode(), secret, seconds)}
        assert rolling.verify_notice(raw, headers).body == raw
    with pytest.raises(NoticeRejected):
        rolling.verify_notice(raw, {"Stripe-Signature": sign(raw.decode(), "whsec_x", seconds)})
    none = gateway_over(stripe_stage.emulator, clock, webhook_secrets=())
    with pytest.raises(NoticeRejected):
        none.verify_notice(raw, {"Stripe-Signature": sign(raw.decode(), "whsec_old", seconds)})


# --- what it is about -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["invoice.paid", "payment_intent.created", "charge.succeeded"])
def test_what_was_not_asked_for_is_foreign(stripe_stage: StripeStage, kind: str) -> None:
    payment = stripe_stage.pay()
    assert stripe_stage.stripe.resolve(notice_of(stripe_stage, kind, payment.id)).foreign


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if kind != "customer.deleted"])
@pytest.mark.parametrize("object_id", ["", "x", "pi_missing", "../v1/account"])
def test_what_does_not_exist_is_rejected(
    stripe_stage: StripeStage, kind: str, object_id: str
) -> None:
    with pytest.raises(Rejected):
        stripe_stage.stripe.resolve(notice_of(stripe_stage, kind, object_id))


def test_another_ledgers_payment_is_foreign(stripe_stage: StripeStage) -> None:
    payment = stripe_stage.pay()
    other = gateway_over(stripe_stage.emulator, stripe_stage.clock, ledger="other-books")
    for notice in stripe_stage.notices():
        assert other.resolve(notice).foreign
    assert stripe_stage.stripe.get_payment(payment_id=payment.id) == payment


def test_a_method_that_its_network_renewed_is_told(stripe_stage: StripeStage) -> None:
    method, company = stripe_stage.saved(), stripe_stage.emulator.company
    stripe_stage.sent()
    company.kept[method.id]["card"].update(exp_year=2099, exp_month=1)
    company.tell("payment_method.automatically_updated", company.kept[method.id])
    (told,) = stripe_stage.notices()
    (change,) = stripe_stage.stripe.resolve(told).observations
    assert isinstance(change, MethodChange)
    assert change.method is not None
    assert (change.method.id, change.method.exp_year) == (method.id, 2099)


@pytest.mark.parametrize(("mark", "foreign"), [(LEDGER, False), ("another", True), (None, True)])
def test_a_deleted_customer_is_ours_or_foreign(
    stripe_stage: StripeStage, mark: str | None, foreign: bool
) -> None:
    gone = objects.customer("cus_1", 1, {"ledger": mark} if mark else {})
    notice = notice_of(stripe_stage, "customer.deleted", "cus_1", gone)
    resolved = stripe_stage.stripe.resolve(notice)
    lost = MethodChange(None, "cus_1", None, "test")
    assert resolved.foreign == foreign
    assert list(resolved.observations) == ([] if foreign else [lost])


def test_a_page_at_stripes_leads_to_what_was_done_there(stripe_stage: StripeStage) -> None:
    attempt = uuid4()
    address = stripe_stage.stripe.start_checkout(
        attempt=attempt, customer_id=stripe_stage.customer_id, back_to="https://site.example/?s="
    )
    session_id = address.rpartition("/")[2]
    stripe_stage.emulator.give_on_page(session_id, "pm_card_visa")
    told = {notice.kind: notice for notice in stripe_stage.notices()}
    (seen,) = stripe_stage.stripe.resolve(told["checkout.session.completed"]).observations
    assert isinstance(seen, Setup)
    assert (seen.attempt, seen.status) == (attempt, "succeeded")
    stripe_stage.emulator.company.kept[session_id]["metadata"] = {"ledger": "another"}
    assert stripe_stage.stripe.resolve(told["checkout.session.completed"]).foreign


def test_a_dispute_ends_when_its_event_says(stripe_stage: StripeStage) -> None:  # part of DU9
    payment = stripe_stage.pay()
    dispute_id = stripe_stage.dispute(payment)
    stripe_stage.clock.advance(DAY)
    stripe_stage.decide(dispute_id, "lost")
    ended = stripe_stage.clock.now()
    stripe_stage.clock.advance(DAY)
    for notice in reversed(stripe_stage.notices_of(dispute_id)):
        seen = list(stripe_stage.stripe.resolve(notice).observations)
        assert [type(each) for each in seen] == [Payment, Dispute]
        assert [each.closed_at for each in seen if isinstance(each, Dispute)] == [ended]


def test_events_older_than_a_month_are_gone(stripe_stage: StripeStage) -> None:
    stripe_stage.pay()
    began = stripe_stage.began
    assert stripe_stage.stripe.list_notices(since=began)
    stripe_stage.clock.advance(31 * DAY)
    assert stripe_stage.stripe.list_notices(since=began) == []


def test_a_listed_notice_resolves_like_one_that_was_sent(stripe_stage: StripeStage) -> None:
    method = stripe_stage.saved()
    stripe_stage.stripe.detach_method(method_id=method.id)
    sent = stripe_stage.notices()
    listed = stripe_stage.stripe.list_notices(since=stripe_stage.began)
    assert [stripe_stage.stripe.resolve(each) for each in listed] == [
        stripe_stage.stripe.resolve(each) for each in sent
    ]
