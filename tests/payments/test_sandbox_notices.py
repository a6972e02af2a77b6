"""The sandbox's own notices: how they are signed, posted, repeated and dated."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.balance import Dispute
from ledger.payments.gateway import (
    Delivery,
    MethodChange,
    Notice,
    NoticeRejected,
    Payment,
    Rejected,
)
from ledger.payments.sandbox import Sandbox
from ledger.payments.sandbox_books import MemoryBooks
from ledger.payments.sandbox_signing import NoticeSecretEmpty, signed
from ledger.store.sandbox_books import PostgresBooks
from tests.payments.conftest import NOON
from tests.payments.sandbox_stage import SECRET, SandboxStage, sandbox_stage
from tests.payments.stage import eur

DAY = timedelta(days=1)
LONG = 60 * DAY


@pytest.fixture
def played() -> SandboxStage:
    """The sandbox alone, in memory."""
    return sandbox_stage(MemoryBooks(), NOON)


def with_secrets(*secrets: bytes) -> Sandbox:
    return Sandbox(books=MemoryBooks(), clock=VirtualClock(NOON), notice_secrets=secrets)


def a_notice(sandbox: Sandbox) -> Delivery:
    customer = sandbox.ensure_customer(member_id=uuid4())
    sandbox.start_setup(attempt=uuid4(), customer_id=customer.id, method="pm_card_visa")
    return sandbox.deliveries(since=NOON, until=NOON + DAY)[0]


# --- secrets ----------------------------------------------------------------------------


def test_secrets_can_roll() -> None:
    before, rolling, after = (
        with_secrets(b"old"),
        with_secrets(b"new", b"old"),
        with_secrets(b"new"),
    )
    old, new = a_notice(before), a_notice(rolling)
    assert rolling.verify_notice(old.raw, old.headers).body == old.raw
    assert after.verify_notice(new.raw, new.headers).body == new.raw
    with pytest.raises(NoticeRejected):
        after.verify_notice(old.raw, old.headers)
    with pytest.raises(NoticeRejected):
        before.verify_notice(new.raw, new.headers)


@pytest.mark.parametrize("secrets", [(b"",), (b"one", b"")])
def test_an_empty_secret_is_refused_at_the_start(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(NoticeSecretEmpty):
        with_secrets(*secrets)


def test_a_sandbox_without_a_secret_believes_itself_alone() -> None:
    one, other = with_secrets(), with_secrets()
    told = a_notice(one)
    assert one.verify_notice(told.raw, told.headers).body == told.raw
    with pytest.raises(NoticeRejected):
        other.verify_notice(told.raw, told.headers)


@pytest.mark.parametrize(("field", "value"), [("account", "another"), ("mode", "live")])
def test_a_notice_about_others_is_rejected(played: SandboxStage, field: str, value: str) -> None:
    played.pay()
    body = json.loads(played.sent()[0].raw) | {field: value}
    told = signed(json.dumps(body).encode(), SECRET, NOON)
    with pytest.raises(NoticeRejected, match=value if field == "mode" else "another account"):
        played.gateway.verify_notice(told.raw, told.headers)


# --- posting ----------------------------------------------------------------------------


def posted(stage: SandboxStage) -> list[str]:
    """The kinds of what is posted now, all taken."""
    kinds = []

    def take(told: Delivery) -> bool:
        kinds.append(json.loads(told.raw)["kind"])
        return True

    assert stage.sandbox.post(take) == len(kinds)
    return kinds


def test_each_notice_is_posted_once(postgres_books: PostgresBooks) -> None:
    stage = sandbox_stage(postgres_books, NOON)
    stage.pay()
    stage.clock.advance(timedelta(minutes=1))
    assert posted(stage) == ["payment.succeeded"]
    stage.clock.advance(DAY)
    assert posted(sandbox_stage(postgres_books, stage.clock.now())) == ["fee.known"]
    assert posted(stage) == []


def test_what_happens_while_notices_are_posted_is_posted_next(played: SandboxStage) -> None:
    played.pay()
    assert posted(played) == []
    played.pay("pm_card_chargeDeclined")
    played.clock.advance(timedelta(minutes=1))
    assert sorted(posted(played)) == ["payment.failed", "payment.succeeded"]


def test_a_notice_that_is_not_taken_is_posted_again(played: SandboxStage) -> None:
    for _ in range(3):
        played.pay("pm_card_chargeDeclined")
        played.clock.advance(timedelta(minutes=1))
    answers = iter([True, False])
    assert played.sandbox.post(lambda _: next(answers)) == 1
    assert len(posted(played)) == 2


def test_deliveries_side_by_side_leave_nothing_out_and_repeat_nothing(
    played: SandboxStage,
) -> None:
    played.pay("pm_card_createDispute")
    played.clock.advance(LONG)
    instants = [NOON + DAY * days for days in range(0, 61, 3)]
    told = [
        delivery.raw
        for since, until in pairwise(instants)
        for delivery in played.sandbox.deliveries(since=since, until=until)
    ]
    assert told == [notice.body for notice in played.sandbox.list_notices(since=NOON)]
    assert len(told) == 5


def test_a_company_may_stutter(played: SandboxStage) -> None:  # part of OR6
    payment = played.pay("pm_card_noticeTwice")
    told = played.notices()
    assert {notice.object_id for notice in told} == {payment.id}
    assert sorted(Counter(notice.id for notice in told).values()) == [2, 2]
    listed = played.gateway.list_notices(since=NOON)
    assert {notice.id for notice in listed} == {notice.id for notice in told}
    assert len(listed) == 2


@given(st.lists(st.sampled_from(["pay", "refund", "decline", "detach", "wait"]), max_size=12))
def test_the_list_of_notices_only_grows(acts: list[str]) -> None:
    stage, before = sandbox_stage(MemoryBooks(), NOON), set[str]()
    for act in acts:
        _act(stage, act)
        told = {notice.id for notice in stage.gateway.list_notices(since=NOON)}
        assert before <= told
        before = told


def _act(stage: SandboxStage, act: str) -> None:
    if act == "pay":
        stage.pay("pm_card_createDispute")
    elif act == "refund":
        payment = stage.pay("pm_card_refundFail")
        stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(1))
    elif act == "decline":
        stage.pay("pm_card_chargeDeclined")
    elif act == "detach":
        stage.gateway.detach_method(method_id=stage.saved("pm_card_in").id)
    else:
        stage.clock.advance(timedelta(hours=30))


def test_a_notice_of_nothing_is_rejected_or_foreign(played: SandboxStage) -> None:
    def about(object_id: str) -> Notice:
        return Notice("n", "payment.succeeded", object_id, "sandbox", "test", NOON, b"")

    prefixes = ("payment", "refund", "dispute", "setup", "method", "mandate")
    for prefix in prefixes:
        with pytest.raises(Rejected):
            played.sandbox.resolve(about(f"sandbox_{prefix}_{UUID(int=1).hex}"))
    assert played.sandbox.resolve(about("something_else")).foreign


# --- what cards do by themselves --------------------------------------------------------


def disputes(stage: SandboxStage) -> list[Dispute]:
    seen = [stage.gateway.resolve(notice).observations for notice in stage.notices()]
    found = [one for observations in seen for one in observations if isinstance(one, Dispute)]
    return list(dict.fromkeys(found))


def test_a_disputed_card_is_disputed_by_the_clock(played: SandboxStage) -> None:
    played.pay("pm_card_createDispute")
    assert disputes(played) == []
    played.clock.advance(2 * DAY)
    (opened,) = disputes(played)
    assert (opened.status, opened.made_at) == ("open", NOON + 2 * DAY)
    played.clock.advance(14 * DAY)
    (closed,) = disputes(played)
    assert (closed.status, closed.closed_at) == ("lost", NOON + 16 * DAY)


def test_an_inquiry_moves_no_money_and_may_be_refunded(played: SandboxStage) -> None:
    payment = played.pay("pm_card_createDisputeInquiry")
    played.clock.advance(2 * DAY)
    (opened,) = disputes(played)
    assert (opened.status, opened.moved, opened.refundable) == ("open", (), True)
    played.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(1200))
    played.clock.advance(14 * DAY)
    assert [found.status for found in disputes(played)] == ["won"]
    assert played.moved() == ["payment", "fee", "refund"]


def test_what_was_given_back_is_not_disputed(played: SandboxStage) -> None:
    payment = played.pay("pm_card_createDispute")
    played.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(1200))
    played.clock.advance(LONG)
    assert disputes(played) == []
    with pytest.raises(Rejected):
        played.dispute(payment)


def test_a_dispute_that_has_not_come_is_unknown(played: SandboxStage) -> None:
    payment = played.pay("pm_card_createDispute")
    to_come = payment.id.replace("payment", "dispute")
    with pytest.raises(Rejected):
        played.get_dispute(to_come)
    with pytest.raises(Rejected):
        played.decide(to_come, "won")


def test_a_decision_stands(played: SandboxStage) -> None:
    dispute_id = played.dispute(played.pay())
    played.decide(dispute_id, "won")
    closed = played.get_dispute(dispute_id)
    played.clock.advance(DAY)
    played.decide(dispute_id, "lost")
    assert played.get_dispute(dispute_id) == closed


@pytest.mark.parametrize(
    ("amount", "status"),
    [(Money(15_000_00, "INR"), "pending"), (Money(15_000_01, "INR"), "failed")],
)
def test_an_indian_mandate_needs_approval_above_a_limit(
    played: SandboxStage, amount: Money, status: str
) -> None:  # part of DU4
    payment = played.charge(played.saved("pm_card_in"), amount)
    assert payment.status == status
    assert played.charge(played.saved("pm_card_in"), eur(20_000_00)).status == "pending"
    if payment.decline:
        assert payment.decline.category == "action_required"


def test_a_card_that_was_renewed_is_told_and_charged(played: SandboxStage) -> None:
    method = played.saved("pm_card_visa:2026-04")
    played.clock.advance(LONG + DAY)
    assert played.charge(method).status == "failed"
    played.sent()
    played.sandbox.renew_at_gateway(method_id=method.id, exp_year=2031, exp_month=4)
    (notice,) = played.notices()
    (change,) = played.gateway.resolve(notice).observations
    assert isinstance(change, MethodChange)
    assert change.method is not None
    assert (change.method.exp_year, change.method.exp_month) == (2031, 4)
    assert played.charge(method).status == "succeeded"


def test_the_same_act_at_the_company_happens_once(played: SandboxStage) -> None:
    key, payment = uuid4(), played.pay()
    for _ in range(2):
        made = played.sandbox.refund_at_gateway(payment_id=payment.id, amount=eur(1), key=key)
        assert made.amount == eur(1)
    contested = {
        played.sandbox.dispute_at_gateway(payment_id=payment.id, key=UUID(int=7)) for _ in range(2)
    }
    assert len(contested) == 1
    assert played.moved() == ["payment", "fee", "refund", "dispute", "dispute_fee"]
    paid = [
        played.sandbox.pay_at_gateway(
            customer_id=None, method="pm_card_visa", amount=eur(1), key=payment_key
        )
        for payment_key in (key, key)
    ]
    assert paid[0] == paid[1]
    assert isinstance(paid[0], Payment)
