"""What every payment company promises the ledger: money back, and what moved the balance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from ledger.money import Money
from ledger.payments.balance import Movement
from ledger.payments.gateway import ParamsDrift, Payment, Refund, Rejected
from tests.payments.conftest import NOON
from tests.payments.stage import Stage, eur

DAY = timedelta(days=1)


def refund(stage: Stage, payment: Payment, minor: int, refund_id: UUID | None = None) -> Refund:
    return stage.gateway.refund(
        refund_id=refund_id or uuid4(), payment_id=payment.id, amount=eur(minor)
    )


def test_a_refund_sends_money_back(stage: Stage) -> None:
    payment, refund_id = stage.pay(), uuid4()
    made = refund(stage, payment, 1200, refund_id)
    assert (made.status, made.settled_at, made.amount) == ("succeeded", NOON, eur(1200))
    assert made.moved_at == NOON
    assert (made.refund_id, made.payment_id, made.mode) == (refund_id, payment.id, "test")
    assert stage.gateway.get_refund(gateway_refund_id=made.id) == made
    assert stage.gateway.get_payment(payment_id=payment.id) == payment


def test_refunds_never_add_up_to_more_than_was_paid(stage: Stage) -> None:  # part of OR2
    payment = stage.pay()
    refund(stage, payment, 500)
    with pytest.raises(Rejected, match=r"7\.00 EUR is left"):
        refund(stage, payment, 701)
    refund(stage, payment, 700)
    with pytest.raises(Rejected):
        refund(stage, payment, 1)


@pytest.mark.parametrize("amount", [eur(0), eur(-1), Money(100, "CHF")])
def test_a_refund_is_positive_and_in_the_payments_currency(stage: Stage, amount: Money) -> None:
    payment = stage.pay()
    with pytest.raises(Rejected):
        stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=amount)


def test_the_same_refund_again_is_the_same_refund(stage: Stage) -> None:
    payment, other, refund_id = stage.pay(), stage.pay(), uuid4()
    made = refund(stage, payment, 800, refund_id)
    assert refund(stage, payment, 800, refund_id) == made
    with pytest.raises(ParamsDrift):
        refund(stage, payment, 801, refund_id)
    with pytest.raises(ParamsDrift):
        refund(stage, other, 800, refund_id)
    assert refund(stage, payment, 400).status == "succeeded"


def test_a_rejected_refund_leaves_no_trace(stage: Stage) -> None:
    payment, refund_id = stage.pay(), uuid4()
    with pytest.raises(Rejected):
        refund(stage, payment, 1201, refund_id)
    assert refund(stage, payment, 1200, refund_id).status == "succeeded"


@pytest.mark.parametrize("card", ["pm_card_chargeDeclined", "pm_card_authenticationRequired"])
def test_what_was_not_paid_is_not_refunded(stage: Stage, card: str) -> None:
    payment = stage.pay(card)
    with pytest.raises(Rejected):
        refund(stage, payment, 1)


def test_a_pending_payment_is_refunded_only_once_it_settles(stage: Stage) -> None:
    payment = stage.charge(stage.saved("pm_card_in"))
    with pytest.raises(Rejected):
        refund(stage, payment, 1200)
    stage.clock.advance(timedelta(hours=26))
    assert refund(stage, payment, 1200).status == "succeeded"


def test_a_refund_may_fail_later(stage: Stage) -> None:  # part of OR2
    payment = stage.pay("pm_card_refundFail")
    made = refund(stage, payment, 1200)
    assert made.status == "succeeded"
    stage.clock.advance(DAY)
    failed = stage.gateway.get_refund(gateway_refund_id=made.id)
    assert (failed.status, failed.failure, failed.settled_at) == (
        "failed",
        "returned_by_bank",
        NOON + DAY,
    )
    assert failed.moved_at == NOON, "it was made, and only then it failed"
    assert refund(stage, payment, 1200).status == "succeeded"


def test_a_refund_may_be_pending_first(stage: Stage) -> None:
    payment = stage.pay("pm_card_pendingRefund")
    made = refund(stage, payment, 1200)
    assert (made.status, made.moved_at, made.settled_at) == ("pending", None, None)
    with pytest.raises(Rejected):
        refund(stage, payment, 1)
    stage.clock.advance(DAY)
    settled = stage.gateway.get_refund(gateway_refund_id=made.id)
    assert (settled.status, settled.settled_at) == ("succeeded", NOON + DAY)


def test_an_unknown_payment_is_not_refunded(stage: Stage) -> None:
    with pytest.raises(Rejected):
        stage.gateway.refund(
            refund_id=uuid4(), payment_id="sandbox_payment_of_nobody", amount=eur(1)
        )


# --- movements --------------------------------------------------------------------------


def test_every_movement_of_the_balance_is_listed(stage: Stage) -> None:
    payment = stage.pay("pm_card_refundFail", eur(10_000))
    stage.clock.advance(DAY)
    made = refund(stage, payment, 4_000)
    stage.clock.advance(DAY)
    moved = stage.gateway.list_movements(since=NOON, until=NOON + 3 * DAY)
    assert [m.at for m in moved] == sorted(m.at for m in moved)
    assert NOON <= only(moved, "fee").at <= NOON + stage.settling
    assert [(m.kind, m.source, m.amount.minor, m.at) for m in moved if m.kind != "fee"] == [
        ("payment", payment.id, 10_000, NOON),
        ("refund", made.id, -4_000, NOON + DAY),
        ("refund_failure", made.id, 4_000, NOON + 2 * DAY),
    ]
    assert only(moved, "fee").amount.minor < 0
    assert {(m.payment_id, m.mode, m.amount.currency) for m in moved} == {
        (payment.id, "test", "EUR")
    }
    assert len({m.id for m in moved}) == 4


def only(moved: Sequence[Movement], kind: str) -> Movement:
    (found,) = [movement for movement in moved if movement.kind == kind]
    return found


def test_a_list_of_movements_starts_at_since_and_ends_before_until(stage: Stage) -> None:
    payment = stage.pay()
    stage.clock.advance(DAY)
    refund(stage, payment, 1200)

    def listed(since: datetime, until: datetime) -> list[str]:
        moved = stage.gateway.list_movements(since=since, until=until)
        return [m.kind for m in moved if m.kind != "fee"]

    assert listed(NOON - DAY, NOON) == []
    assert listed(NOON, NOON + DAY) == ["payment"]
    assert listed(NOON + DAY, NOON + 2 * DAY) == ["refund"]
    assert listed(NOON + 2 * DAY, NOON + 3 * DAY) == []


def test_what_has_not_moved_yet_is_not_listed(stage: Stage) -> None:
    payment = stage.charge(stage.saved("pm_card_in"))
    refund(stage, stage.pay("pm_card_pendingRefund"), 1200)
    stage.pay("pm_card_chargeDeclined")
    stage.pay("pm_card_authenticationRequired")
    assert stage.moved() == ["payment", "fee"]
    stage.clock.advance(9 * DAY)
    assert stage.moved() == ["payment", "payment", "fee", "fee", "refund"]
    moved = stage.gateway.list_movements(since=NOON, until=NOON + 9 * DAY)
    settled = [m.at for m in moved if (m.source, m.kind) == (payment.id, "payment")]
    assert settled == [NOON + timedelta(hours=26)]
