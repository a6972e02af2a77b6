"""What every payment company promises the ledger: disputes, from the first word to the last."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from ledger.payments.balance import Dispute, Movement
from ledger.payments.gateway import Observation, Payment, Rejected
from tests.payments.conftest import NOON
from tests.payments.stage import Stage, eur

DAY = timedelta(days=1)


def told(stage: Stage) -> list[Observation]:
    seen = [stage.gateway.resolve(notice).observations for notice in stage.notices()]
    return [observation for observations in seen for observation in observations]


def disputed(stage: Stage) -> tuple[Payment, Dispute]:
    """A payment, and the dispute of it as it was told."""
    payment = stage.pay()
    stage.sent()
    stage.clock.advance(DAY)
    stage.dispute(payment)
    (dispute,) = {seen for seen in told(stage) if isinstance(seen, Dispute)}
    return payment, dispute


def funds(dispute: Dispute) -> int:
    """What it moved so far, without its fees; in minor units."""
    return sum(one.amount.minor for one in dispute.moved if one.kind != "dispute_fee")


def listed(stage: Stage, dispute: Dispute) -> list[Movement]:
    """What the company's own list of movements says of a dispute."""
    moved = stage.gateway.list_movements(since=NOON, until=stage.clock.now() + DAY)
    return [movement for movement in moved if movement.source == dispute.id]


def test_a_dispute_takes_the_money_first(stage: Stage) -> None:  # part of OR7
    payment, dispute = disputed(stage)
    assert (dispute.payment_id, dispute.status, dispute.mode) == (payment.id, "open", "test")
    assert (dispute.amount, funds(dispute)) == (eur(1200), -1200)
    assert (dispute.made_at, dispute.closed_at, dispute.refundable) == (NOON + DAY, None, False)
    assert stage.get_dispute(dispute.id) == dispute
    assert stage.moved() == ["payment", "fee", "dispute", "dispute_fee"]


def test_a_dispute_is_told_after_its_payment(stage: Stage) -> None:
    payment = stage.pay()
    stage.sent()
    stage.dispute(payment)
    seen = told(stage)
    first = next(position for position, one in enumerate(seen) if isinstance(one, Dispute))
    assert seen[first - 1] == payment


def test_a_dispute_tells_each_change_of_the_balance_by_itself(stage: Stage) -> None:  # OR7
    _, dispute = disputed(stage)
    for minor, fee in ((500, 0), (700, 1_500), (-1_200, -1_500), (0, 1_500)):
        stage.clock.advance(DAY)
        stage.move_again(dispute.id, eur(minor), fee=fee)
    seen = stage.get_dispute(dispute.id)
    assert seen in told(stage)
    assert list(seen.moved) == listed(stage, dispute)
    assert len({one.id for one in seen.moved}) == len(seen.moved) == 8
    assert [one.at for one in seen.moved] == [NOON + day * DAY for day in (1, 1, 2, 3, 3, 4, 4, 5)]
    assert funds(seen) == -1_200


def test_a_movement_of_a_dispute_keeps_its_name(stage: Stage) -> None:  # part of OR6
    _, dispute = disputed(stage)
    stage.move_again(dispute.id, eur(-100))
    before = stage.get_dispute(dispute.id).moved
    stage.clock.advance(DAY)
    stage.decide(dispute.id, "won")
    after = stage.get_dispute(dispute.id).moved
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1


def test_the_fee_of_a_dispute_is_told_with_it(stage: Stage) -> None:
    payment, dispute = disputed(stage)
    (kept,) = [one for one in dispute.moved if one.kind == "dispute_fee"]
    assert (kept.source, kept.payment_id, kept.mode) == (dispute.id, payment.id, "test")
    assert kept.amount.minor < 0


def test_a_contested_payment_is_not_refunded(stage: Stage) -> None:
    payment, _ = disputed(stage)
    with pytest.raises(Rejected):
        stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(1))


def test_a_dispute_that_is_lost_keeps_the_money(stage: Stage) -> None:  # part of OR8
    payment, dispute = disputed(stage)
    stage.clock.advance(DAY)
    stage.decide(dispute.id, "lost")
    closed = stage.get_dispute(dispute.id)
    assert closed in told(stage)
    assert (closed.status, funds(closed)) == ("lost", -1200)
    assert closed.closed_at == stage.clock.now()
    assert "dispute_reversal" not in stage.moved()
    with pytest.raises(Rejected):
        stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(1))


def test_a_dispute_that_is_won_gives_the_money_back(stage: Stage) -> None:  # part of OR8
    payment, dispute = disputed(stage)
    stage.clock.advance(DAY)
    stage.decide(dispute.id, "won")
    closed = stage.get_dispute(dispute.id)
    assert closed in told(stage)
    assert (closed.status, funds(closed)) == ("won", 0)
    assert stage.moved() == ["payment", "fee", "dispute", "dispute_reversal", "dispute_fee"]
    again = stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(1200))
    assert again.status == "succeeded"


def test_a_dispute_that_was_lost_may_be_won_after_all(stage: Stage) -> None:  # part of OR8
    payment, dispute = disputed(stage)
    stage.clock.advance(DAY)
    stage.decide(dispute.id, "lost")
    lost = stage.get_dispute(dispute.id)
    stage.clock.advance(DAY)
    stage.sent()
    stage.decide(dispute.id, "won")
    won = stage.get_dispute(dispute.id)
    assert won in told(stage)
    assert [(one.status, funds(one), one.closed_at) for one in (lost, won)] == [
        ("lost", -1200, NOON + 2 * DAY),
        ("won", 0, NOON + 3 * DAY),
    ]
    assert list(won.moved) == listed(stage, won)
    again = stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(1200))
    assert again.status == "succeeded"


def test_a_dispute_contests_what_was_not_given_back(stage: Stage) -> None:
    payment = stage.pay()
    stage.gateway.refund(refund_id=uuid4(), payment_id=payment.id, amount=eur(500))
    dispute = stage.get_dispute(stage.dispute(payment))
    assert (dispute.amount, funds(dispute)) == (eur(700), -700)


def test_the_movements_of_a_dispute_name_it_and_its_payment(stage: Stage) -> None:
    payment, dispute = disputed(stage)
    stage.decide(dispute.id, "won")
    moved = stage.gateway.list_movements(since=NOON, until=NOON + 9 * DAY)
    of_dispute = {m.kind: m.amount.minor for m in moved if m.source == dispute.id}
    assert of_dispute.keys() == {"dispute", "dispute_reversal", "dispute_fee"}
    assert (of_dispute["dispute"], of_dispute["dispute_reversal"]) == (-1200, 1200)
    assert of_dispute["dispute_fee"] < 0
    assert {m.payment_id for m in moved} == {payment.id}


@pytest.mark.parametrize(
    ("card", "outcome"),
    [("pm_card_createDispute", "lost"), ("pm_card_createDisputeProductNotReceived", "won")],
)
def test_some_cards_dispute_by_themselves(stage: Stage, card: str, outcome: str) -> None:
    payment = stage.pay(card)
    stage.clock.advance(30 * DAY)
    (dispute,) = {seen for seen in told(stage) if isinstance(seen, Dispute)}
    if dispute.status == "open":
        stage.decide(dispute.id, outcome)  # type: ignore[arg-type]  # one of the two
        dispute = stage.get_dispute(dispute.id)
    assert (dispute.payment_id, dispute.status) == (payment.id, outcome)
