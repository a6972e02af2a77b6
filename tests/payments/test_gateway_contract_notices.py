"""What every payment company promises the ledger: it tells what happened, and only it can."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from ledger import ids
from ledger.payments.balance import Fee
from ledger.payments.gateway import (
    Delivery,
    Mandate,
    MethodChange,
    Notice,
    NoticeRejected,
    Observation,
    OutcomeUnknown,
    Payment,
    Refund,
    Rejected,
    Setup,
)
from tests.payments.conftest import NOON
from tests.payments.stage import Stage, eur

DAY = timedelta(days=1)
INDIA = timedelta(hours=26)
Kind = TypeVar("Kind")


def observed(stage: Stage, notices: Sequence[Notice] | None = None) -> list[Observation]:
    """All that some notices come to (those sent meanwhile, unless given), one after another."""
    told = stage.notices() if notices is None else notices
    return [seen for notice in told for seen in stage.gateway.resolve(notice).observations]


def last(kind: type[Kind], seen: Sequence[Observation]) -> Kind:
    """The last that was seen of a kind."""
    return [found for found in seen if isinstance(found, kind)][-1]


# --- what is told -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "card",
    ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired"],
)
def test_every_payment_is_told_as_it_stands(stage: Stage, card: str) -> None:  # part of OR7
    payment = stage.pay(card)
    seen = observed(stage)
    assert last(Payment, seen) == payment
    assert {found.id for found in seen if isinstance(found, Payment)} == {payment.id}


@pytest.mark.parametrize(("approved", "status"), [(True, "succeeded"), (False, "failed")])
def test_what_the_person_decided_is_told(stage: Stage, approved: bool, status: str) -> None:
    payment = stage.pay("pm_card_authenticationRequired")
    assert last(Payment, observed(stage)).status == "action_required"
    stage.confirm(payment.action, approved=approved)
    assert last(Payment, observed(stage)).status == status


def test_a_payment_that_was_closed_is_told(stage: Stage) -> None:
    payment = stage.pay("pm_card_authenticationRequired")
    stage.sent()
    stage.gateway.close_onsession(payment_id=payment.id)
    assert last(Payment, observed(stage)).status == "cancelled"


def test_a_pending_payment_is_told_twice_over(stage: Stage) -> None:  # part of DU4
    method = stage.saved("pm_card_in")
    stage.sent()
    payment = stage.charge(method)
    assert last(Payment, observed(stage)).status == "pending"
    stage.clock.advance(INDIA)
    settled = last(Payment, observed(stage))
    assert (settled.id, settled.status, settled.settled_at) == (
        payment.id,
        "succeeded",
        NOON + INDIA,
    )


def test_a_pending_payment_may_be_declined_in_the_end(stage: Stage) -> None:  # part of DU4
    payment = stage.charge(stage.saved("pm_card_inDeclined"))
    assert (payment.status, payment.decline) == ("pending", None)
    stage.clock.advance(INDIA)
    failed = last(Payment, observed(stage))
    assert (failed.status, failed.settled_at) == ("failed", None)
    assert failed.decline is not None
    assert stage.moved() == []


def test_an_old_notice_tells_what_is_true_now(stage: Stage) -> None:  # part of DU9
    payment = stage.pay("pm_card_authenticationRequired")
    waiting = stage.notices()
    stage.confirm(payment.action, approved=True)
    assert last(Payment, observed(stage, waiting)).status == "succeeded"


def test_a_fee_is_told_with_its_payment(stage: Stage) -> None:
    payment = stage.pay()
    stage.clock.advance(stage.settling)
    seen = observed(stage)
    fee = last(Fee, seen)
    (moved,) = [m for m in movements(stage) if m.kind == "fee"]
    assert (fee.payment_id, fee.amount, fee.mode) == (payment.id, -moved.amount, "test")
    assert (fee.id, fee.at) == (moved.id, moved.at)
    assert isinstance(seen[seen.index(fee) - 1], Payment)


def movements(stage: Stage) -> Sequence[Any]:
    return stage.gateway.list_movements(since=NOON, until=stage.clock.now() + DAY)


def test_a_failed_payment_has_no_fee(stage: Stage) -> None:
    stage.pay("pm_card_chargeDeclined")
    stage.clock.advance(stage.settling)
    assert not [seen for seen in observed(stage) if isinstance(seen, Fee)]


def test_a_setup_is_told(stage: Stage) -> None:
    setup = stage.gateway.start_setup(
        attempt=uuid4(),
        customer_id=stage.customer_id,
        method=stage.card("pm_card_authenticationRequired"),
    )
    stage.confirm(setup.action, approved=True)
    told = last(Setup, observed(stage))
    assert (told.id, told.attempt, told.status) == (setup.id, setup.attempt, "succeeded")
    assert told.method is not None


def test_a_refund_is_told_after_its_payment(stage: Stage) -> None:
    payment = stage.pay()
    stage.sent()
    made = stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(500))
    seen = observed(stage)
    assert last(Refund, seen) == made
    assert isinstance(seen[seen.index(made) - 1], Payment)


def test_a_refund_that_fails_later_is_told(stage: Stage) -> None:  # part of OR2
    payment = stage.pay("pm_card_refundFail")
    made = stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(500))
    stage.sent()
    stage.clock.advance(DAY)
    failed = last(Refund, observed(stage))
    assert (failed.id, failed.status) == (made.id, "failed")


def test_a_method_that_was_detached_is_told(stage: Stage) -> None:
    method = stage.saved()
    stage.sent()
    stage.gateway.detach_method(method_id=method.id)
    change = last(MethodChange, observed(stage))
    assert (change.method_id, change.method) == (method.id, None)


def test_a_mandate_that_ends_is_told(stage: Stage) -> None:  # part of DU3
    method = stage.saved("pm_card_in")
    assert stage.charge(method).status == "pending"
    stage.sent()
    stage.end_mandate(method)
    mandate = last(Mandate, observed(stage))
    assert (mandate.method_id, mandate.status) == (method.id, "inactive")
    refused = stage.charge(method)
    assert refused.decline is not None
    assert refused.decline.category == "mandate"


# --- behind our back --------------------------------------------------------------------


def test_a_refund_made_at_the_company_is_observed_under_one_id(stage: Stage) -> None:  # part of OR7
    payment = stage.pay()
    stage.sent()
    gateway_id = stage.refund_there(payment, eur(300))
    made = last(Refund, observed(stage))
    assert (made.id, made.payment_id, made.amount) == (gateway_id, payment.id, eur(300))
    assert made.refund_id == ids.observed(gateway_id)
    assert stage.gateway.get_refund(gateway_refund_id=gateway_id) == made
    with pytest.raises(Rejected):
        stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(901))


def test_a_payment_made_at_the_company_is_observed_under_one_id(
    stage: Stage,
) -> None:  # part of OR7
    method = stage.saved()
    stage.sent()
    gateway_id = stage.pay_there(method)
    made = last(Payment, observed(stage))
    assert (made.id, made.status, made.customer_id) == (
        gateway_id,
        "succeeded",
        stage.customer_id,
    )
    assert made.attempt == ids.observed(gateway_id)
    assert stage.gateway.get_payment(payment_id=gateway_id) == made


def test_what_is_none_of_ours_is_foreign(stage: Stage) -> None:
    gateway_id = stage.pay_there(None)
    told = stage.notices()
    assert told
    assert all(stage.gateway.resolve(notice).foreign for notice in told)
    assert not observed(stage, told)
    with pytest.raises(Rejected):
        stage.gateway.get_payment(payment_id=gateway_id)
    assert "payment" in stage.moved()


# --- asked for again --------------------------------------------------------------------


def test_every_notice_that_was_sent_is_listed(stage: Stage) -> None:
    stage.pay()
    payment = stage.pay("pm_card_refundFail")
    stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(500))
    stage.clock.advance(2 * DAY)
    sent = stage.notices()
    listed = stage.gateway.list_notices(since=NOON)
    assert [notice.made_at for notice in listed] == sorted(notice.made_at for notice in listed)
    assert {identity(notice) for notice in listed} == {identity(notice) for notice in sent}
    assert len({notice.id for notice in listed}) == len(listed)


def identity(notice: Notice) -> tuple[str, str, str]:
    return notice.id, notice.kind, notice.object_id


def test_what_has_not_happened_yet_is_not_listed(stage: Stage) -> None:
    payment = stage.charge(stage.saved("pm_card_in"))
    before = stage.gateway.list_notices(since=NOON)
    stage.clock.advance(INDIA)
    after = stage.gateway.list_notices(since=stage.clock.now() - timedelta(hours=1))
    assert payment.id in {notice.object_id for notice in after}
    assert not {notice.id for notice in before} & {notice.id for notice in after}


def test_a_list_starts_at_since(stage: Stage) -> None:
    payment = stage.pay()
    assert payment.id in {n.object_id for n in stage.gateway.list_notices(since=NOON)}
    assert not stage.gateway.list_notices(since=NOON + timedelta(seconds=1))


@pytest.mark.parametrize("what", ["call", "answer"])
def test_a_lost_line_leaves_the_outcome_unknown(stage: Stage, what: Any) -> None:
    asked: dict[str, Any] = {
        "attempt": uuid4(),
        "customer_id": stage.customer_id,
        "method_id": stage.saved().id,
        "amount": eur(1200),
    }
    stage.lose(what)
    with pytest.raises(OutcomeUnknown):
        stage.gateway.charge_offsession(**asked)
    found = stage.gateway.find_payment(attempt=asked["attempt"], customer_id=stage.customer_id)
    assert (found is not None) == (what == "answer")
    again = stage.gateway.charge_offsession(**asked)
    assert again.status == "succeeded"
    assert found in {None, again}
    assert stage.moved() == ["payment", "fee"]


# --- what is believed -------------------------------------------------------------------


def test_a_notice_says_whose_it_is_and_what_was_sent(stage: Stage) -> None:
    payment = stage.pay()
    (told,) = [each for each in stage.sent() if payment.id.encode() in each.raw][:1]
    notice = stage.gateway.verify_notice(told.raw, told.headers)
    identity = stage.gateway.identify()
    assert (notice.account, notice.mode) == (identity.account, identity.mode)
    assert (notice.body, notice.made_at) == (told.raw, NOON)


def test_the_names_of_headers_are_read_in_any_case(stage: Stage) -> None:
    told = a_delivery(stage)
    for named in (str.lower, str.upper):
        headers = {named(name): value for name, value in told.headers.items()}
        assert stage.gateway.verify_notice(told.raw, headers).body == told.raw


def a_delivery(stage: Stage) -> Delivery:
    stage.pay()
    return stage.sent()[0]


FORGERIES: dict[str, Callable[[Delivery], Delivery]] = {
    "another body": lambda told: Delivery(told.raw + b" ", told.headers),
    "cut short": lambda told: Delivery(told.raw[:-1], told.headers),
    "empty": lambda told: Delivery(b"", told.headers),
    "unsigned": lambda told: Delivery(told.raw, {}),
    "garbled": lambda told: Delivery(told.raw, dict.fromkeys(told.headers, "x")),
    "one digit off": lambda told: Delivery(
        told.raw, {name: value[:-1] + "!" for name, value in told.headers.items()}
    ),
    "not ascii": lambda told: Delivery(told.raw, dict.fromkeys(told.headers, "t=١,v1=é")),
}


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_forged_notice_is_rejected(stage: Stage, forged: str) -> None:
    told = FORGERIES[forged](a_delivery(stage))
    with pytest.raises(NoticeRejected):
        stage.gateway.verify_notice(told.raw, told.headers)


@pytest.mark.parametrize("minutes", [-11, 11, 60 * 24 * 365])
def test_a_notice_that_was_not_sent_just_now_is_rejected(stage: Stage, minutes: int) -> None:
    raw = a_delivery(stage).raw
    told = stage.signed(raw, at=NOON + timedelta(minutes=minutes))
    with pytest.raises(NoticeRejected):
        stage.gateway.verify_notice(told.raw, told.headers)


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_may_differ_by_some_minutes(stage: Stage, minutes: int) -> None:
    raw = a_delivery(stage).raw
    told = stage.signed(raw, at=NOON + timedelta(minutes=minutes))
    assert stage.gateway.verify_notice(told.raw, told.headers).body == raw


def test_a_notice_that_is_replayed_too_late_is_rejected(stage: Stage) -> None:
    told = a_delivery(stage)
    assert stage.gateway.verify_notice(told.raw, told.headers).body == told.raw
    stage.clock.advance(timedelta(minutes=11))
    with pytest.raises(NoticeRejected):
        stage.gateway.verify_notice(told.raw, told.headers)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"{}", b"\xff\xfe", b'{"id": 7}', b"[" * 50_000],
)
def test_a_signed_body_that_is_no_notice_is_rejected(stage: Stage, body: bytes) -> None:
    told = stage.signed(body)
    with pytest.raises(NoticeRejected):
        stage.gateway.verify_notice(told.raw, told.headers)


def test_a_rejection_does_not_repeat_what_was_sent(stage: Stage) -> None:
    told = stage.signed(json.dumps({"id": "secret words"}).encode())
    with pytest.raises(NoticeRejected) as refusal:
        stage.gateway.verify_notice(told.raw, told.headers)
    kept = f"{refusal.value!r} {refusal.value} {refusal.value.details}"
    assert "secret words" not in kept
