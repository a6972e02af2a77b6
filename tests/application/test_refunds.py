"""Money back: how much, by whom, and what it leaves as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.errors import OrderNotPaid, RefundTooLarge
from ledger.money import Money
from ledger.order import Moved, Order
from ledger.payments.gateway import Refund
from tests.application.sites import GATEWAY, NOON, ONE_TIME, STAFF, Site, cause, eur


def bought(site: Site, card: str = "pm_card_visa") -> Order:
    """A paid order of 99.00."""
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    return site.ledger.order(site.join(member_id, plan_id, card).order_id)


def refund(site: Site, order_id: UUID, minor: int) -> UUID:
    return site.collection.refund(order_id, eur(minor), "moved", by=STAFF, cause=cause())


def test_a_refund_is_partial_or_full_and_never_more_than_is_left(site: Site) -> None:  # OR2
    order = bought(site)
    refund(site, order.id, 4_000)
    for minor in (5_901, 9_900):
        with pytest.raises(RefundTooLarge, match=r"59\.00"):
            refund(site, order.id, minor)
    refund(site, order.id, 5_900)
    assert site.ledger.order(order.id).refundable == eur(0)
    assert site.moved() == eur(0)


def test_a_refund_under_way_counts_and_one_that_fails_does_not(site: Site) -> None:  # OR2
    order = bought(site, "pm_card_refundFail")
    refund(site, order.id, 9_900)
    assert site.ledger.order(order.id).refunded == eur(9_900)
    site.later(1)
    site.collection.refunds.look_again(order.id, cause=cause())
    assert site.topics(order.id)[-2:] == ["order.refunded", "order.refund_failed"]
    assert site.ledger.order(order.id).refundable == eur(9_900)
    assert site.moved() == eur(9_900)


def test_a_refund_that_settles_later_is_pending_until_then(site: Site) -> None:  # part of OR2
    order = bought(site, "pm_card_pendingRefund")
    refund(site, order.id, 1_000)
    assert site.topics(order.id)[-1] == "order.refund_pending"
    with pytest.raises(RefundTooLarge):
        refund(site, order.id, 9_000)
    site.later(1)
    site.collection.resume(order.id, cause=cause())
    assert site.ledger.order(order.id).refunded == eur(1_000)


def test_a_refund_is_issued_from_the_order_by_staff(site: Site) -> None:  # OR3
    order = bought(site)
    refund_id = refund(site, order.id, 1)
    asked = next(f for f in site.facts(order.id) if f.TOPIC == "order.refund_requested")
    assert (asked.refund_id, asked.actor, asked.reason) == (refund_id, STAFF, "moved")


def test_an_order_that_was_not_paid_has_nothing_to_refund(site: Site) -> None:  # part of OR3
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    order_id = site.join(member_id, plan_id, "pm_card_chargeDeclined").order_id
    with pytest.raises(OrderNotPaid):
        refund(site, order_id, 1)


def test_a_full_refund_leaves_the_member_as_they_were(site: Site) -> None:  # OR4
    order = bought(site)
    before = site.topics(order.member_id)
    refund(site, order.id, 9_900)
    assert site.topics(order.member_id) == before
    assert site.opens(order.member_id, order.placed.plan_id)


def test_a_refund_made_at_the_gateway_becomes_the_same_facts(site: Site) -> None:  # OR7
    order = bought(site)
    [payment_id] = order.references
    made = site.sandbox.refund(refund_id=ids.new(), payment_id=payment_id, amount=eur(2_000))
    for _notice in range(2):
        site.collection.refunds.observe(order.id, made, cause=cause())
    assert site.topics(order.id)[-2:] == ["order.refund_requested", "order.refunded"]
    assert site.ledger.order(order.id).refunded == eur(2_000)
    assert site.moved() == eur(7_900)


def test_a_refund_of_ours_that_is_announced_is_no_second_one(site: Site) -> None:  # OR7
    order = bought(site)
    refund_id = refund(site, order.id, 2_000)
    reference = site.ledger.order(order.id).refunds[refund_id].reference
    found = site.sandbox.get_refund(gateway_refund_id=str(reference))
    assert isinstance(found, Refund)
    site.collection.refunds.observe(order.id, found, cause=cause())
    assert site.ledger.order(order.id).refunded == eur(2_000)


def test_a_payment_made_behind_our_back_is_recorded_once_seen(site: Site) -> None:  # OR7
    order = bought(site)
    site.ledger.settle_join(
        order.id,
        ids.attempt(order.id, 9),
        reference="pi_by_hand",
        amount=eur(9_900),
        method=None,
        by=GATEWAY,
        cause=cause(),
    )
    assert site.ledger.order(order.id).paid == eur(19_800)


def test_spent_is_paid_less_refunds_and_lost_disputes_when_settled(site: Site) -> None:  # OR7, OR8
    order = bought(site, "pm_card_pendingRefund")
    [payment_id] = order.references
    refund(site, order.id, 1_000)
    opened = {
        "payment_reference": payment_id,
        "amount": eur(2_000),
        "reason": "fraudulent",
        "refundable": False,
        "moved": [],
        "opened_at": site.clock.now(),
    }
    about: dict[str, Any] = {**opened, "by": GATEWAY, "cause": cause()}
    for _notice in range(2):
        site.ledger.observe_dispute(order.id, "dp_1", outcome=None, closed_at=None, **about)
    assert spent(site, order.id) == (eur(9_900), eur(0), eur(0))
    assert site.ledger.order(order.id).refundable == eur(0)  # the company takes none meanwhile
    lost: dict[str, Any] = {**about, "outcome": "lost", "closed_at": site.clock.now()}
    for _notice in range(2):
        site.ledger.observe_dispute(order.id, "dp_1", **lost)
    site.later(1)
    site.collection.resume(order.id, cause=cause())
    assert spent(site, order.id) == (eur(9_900), eur(1_000), eur(2_000))
    assert site.topics(order.id).count("order.dispute_closed") == 1


@pytest.mark.parametrize("days", [-4_000, 4_000])
def test_a_refund_settles_after_it_was_asked_for_and_not_in_days_to_come(
    site: Site, days: int
) -> None:  # part of OR2
    order, refund_id = bought(site), ids.new()
    site.later(2)
    about: dict[str, Any] = {"cause": cause()}
    site.ledger.request_refund(order.id, eur(100), "asked", refund_id=refund_id, by=STAFF, **about)
    site.later(1)
    asked_at, now = site.facts(order.id)[-1].occurred_at, site.clock.now()
    site.ledger.settle_refund(
        order.id,
        refund_id,
        reference="re_1",
        settled_at=now + timedelta(days=days),
        by=GATEWAY,
        cause=cause(),
    )
    assert site.facts(order.id)[-1].occurred_at == (asked_at if days < 0 else now)


def test_a_fee_is_kept_once_and_leaves_what_can_be_refunded(site: Site) -> None:  # part of OR8
    order = bought(site)
    for _notice in range(2):
        kept = Moved("fee_1", eur(-174), site.clock.now(), is_fee=True)
        [reference] = order.references
        site.ledger.record_fee(order.id, reference=reference, moved=kept, by=GATEWAY, cause=cause())
    assert site.topics(order.id).count("order.fee_recorded") == 1
    assert site.ledger.order(order.id).refundable == eur(9_900)


def test_money_counts_from_when_it_moved_though_it_is_learned_later(
    site: Site,
) -> None:  # part of OR8
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    lost = site.join(member_id, plan_id, "pm_card_outcomeLost")
    assert lost.outcome == "unknown"
    site.later(hours=5)
    assert site.collection.resume(lost.order_id, cause=cause()).outcome == "settled"
    paid = site.facts(lost.order_id)[-1]
    assert (paid.TOPIC, paid.occurred_at) == ("order.paid", NOON)
    assert (paid.recorded_at - paid.occurred_at).seconds == 5 * 3600


def spent(site: Site, order_id: UUID) -> tuple[Money, Money, Money]:
    order = site.ledger.order(order_id)
    return order.paid, order.refunded, order.lost
