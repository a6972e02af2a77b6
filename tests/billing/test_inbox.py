"""The inbox: nothing is lost, and nothing is done twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from ledger.billing.inbox import HELD_FOR
from ledger.payments.gateway import (
    Delivery,
    NoticeRejected,
    OutcomeUnknown,
    Rejected,
)
from ledger.payments.sandbox_signing import signed
from tests.application.sites import cause, eur
from tests.billing.offices import DAY, Altered, Office, broken


def test_the_same_notice_is_kept_once_however_it_comes(office: Office) -> None:
    office.order()
    told = office.told()
    office.post([*told, *told])
    assert office.inbox.catch_up() == 0
    assert sum(office.states().values()) == len(told)


def test_nothing_is_done_when_a_notice_is_received(office: Office) -> None:
    order = office.order("pm_card_outcomeLost")
    before = office.topics(order.id)
    office.post(office.told())
    assert office.topics(order.id) == before
    assert set(office.states()) == {"received"}


def test_a_notice_of_money_of_another_kind_is_refused(office: Office) -> None:  # OR9
    office.order()
    [delivery, *_] = office.told()
    notice = office.site.sandbox.verify_notice(delivery.raw, delivery.headers)
    live = office.through(Altered(office, verify_notice=lambda *_: replace(notice, mode="live")))
    with pytest.raises(NoticeRejected, match="live"):
        live.receive(delivery.raw, delivery.headers)


# --- missed -------------------------------------------------------------------------------


def test_what_never_arrived_is_fetched(office: Office) -> None:  # part of DU9
    order = office.order("pm_card_outcomeLost")
    assert office.inbox.catch_up() > 0
    office.work()
    assert "paid" in office.topics(order.id)


def test_catching_up_reaches_back_to_the_last_time(office: Office) -> None:
    office.order()
    office.inbox.catch_up()
    asked: list[Any] = []

    def listed(*, since: Any) -> list[Any]:
        asked.append(since)
        return []

    caught_up_at = office.site.clock.now()
    office.site.later(3)
    office.through(Altered(office, list_notices=listed)).catch_up()
    [since] = asked
    assert DAY > caught_up_at - since > timedelta(hours=1)


def test_a_notice_that_arrived_does_not_stand_for_those_before_it(office: Office) -> None:
    """Only what was fetched says up to when nothing is missing."""
    lost = office.order("pm_card_outcomeLost")
    office.site.later(5)
    office.order()
    office.post(office.told(timedelta(hours=1)))
    office.work()
    assert office.topics(lost.id)[-1] == "outcome_unknown"
    office.inbox.catch_up()
    office.work()
    assert "paid" in office.topics(lost.id)


def test_a_fetch_that_fails_is_done_again_whole(office: Office) -> None:
    order = office.order("pm_card_outcomeLost")

    def away(**_: object) -> list[Any]:
        raise OutcomeUnknown(key="notices")

    with pytest.raises(OutcomeUnknown):
        office.through(Altered(office, list_notices=away)).catch_up()
    office.site.later(2)
    office.inbox.catch_up()
    office.work()
    assert "paid" in office.topics(order.id)


def test_an_attempt_is_given_up_only_once_all_notices_are_heard(office: Office) -> None:
    """The proof that a payment was never made: neither its list nor any notice has it (DI4)."""
    site, collection = office.site, office.site.collection
    collection.heard_until = office.inbox.heard_until
    order = office.order("pm_card_unreachable")
    site.later(hours=25)
    assert collection.resume(order.id, cause=cause()).outcome == "unknown"
    office.order()
    office.inbox.catch_up()
    assert office.states() == {"received": 1}
    site.later(hours=1)
    assert collection.resume(order.id, cause=cause()).outcome == "declined"
    [attempt] = site.ledger.order(order.id).attempts.values()
    assert attempt.state == "abandoned"
    assert "nor in any notice" in str(site.facts(order.id))


def test_a_notice_that_waits_holds_back_what_it_may_be_about(office: Office) -> None:
    office.order()
    office.inbox.catch_up()
    begun = office.site.clock.now()
    assert office.inbox.heard_until() == begun
    office.site.later(hours=3)
    office.inbox.catch_up()
    assert office.inbox.heard_until() == begun
    office.work()
    assert office.inbox.heard_until() == begun + timedelta(hours=3)


# --- worked off ---------------------------------------------------------------------------


def test_what_a_worker_held_that_is_gone_is_taken_up(office: Office) -> None:
    order = office.order("pm_card_outcomeLost")
    office.post(office.told())
    now = office.site.clock.now()
    office.table.take(100, now=now, until=now + HELD_FOR)
    assert not office.inbox.work().outcomes
    office.site.clock.advance(HELD_FOR)
    office.work()
    assert "paid" in office.topics(order.id)


def test_one_object_is_worked_on_by_one_worker_at_a_time(office: Office) -> None:
    """What was fetched earlier is never taken in after what was fetched later."""
    order = office.order("pm_card_noticeTwice")
    office.post(office.told())
    now = office.site.clock.now()
    [one] = office.table.take(1, now=now, until=now + HELD_FOR)
    others = office.table.take(100, now=now, until=now + HELD_FOR)
    assert one.object_id not in {other.object_id for other in others}
    assert "paid" in office.topics(order.id)


def test_a_worker_that_was_too_slow_settles_nothing(office: Office) -> None:
    office.order()
    office.post(office.told()[:1])
    now = office.site.clock.now()
    [slow] = office.table.take(1, now=now, until=now + HELD_FOR)
    later = now + HELD_FOR
    [quick] = office.table.take(1, now=later, until=later + HELD_FOR)
    office.table.settle(slow, "dead", next_at=later, why="slow", now=later)
    assert office.states() == {"received": 1}
    office.table.settle(quick, "processed", next_at=later, why=None, now=later)
    assert office.states() == {"processed": 1}


def test_many_workers_do_each_notice_once(office: Office) -> None:  # part of OR6
    orders = [office.order("pm_card_outcomeLost") for _ in range(6)]
    office.post(office.told())
    start, outcomes = Barrier(4), []

    def work() -> None:
        start.wait()
        outcomes.append(office.work().outcomes)

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    office.work()
    assert set(office.states()) == {"processed"}
    for order in orders:
        assert office.topics(order.id).count("paid") == 1


# --- evidence -----------------------------------------------------------------------------


def test_what_was_sent_is_kept_byte_for_byte_and_sealed(office: Office) -> None:
    office.order()
    [delivery, *_] = office.told()
    office.post([delivery])
    [kept] = office.table.listed(["received"])
    assert office.table.body(kept.number) == delivery.raw
    with office.site.pool.connection() as connection:
        row = connection.execute("SELECT headers, digest, sealed FROM inbox.notices").fetchone()
    assert row is not None
    assert "sandbox-signature" in row[0]
    assert delivery.raw not in bytes(row[2])


def test_bodies_are_forgotten_in_the_end_but_not_what_waits(office: Office) -> None:
    office.order()
    office.order()
    told = office.told()
    office.post(told)
    broken(office, Rejected(why="gone")).work(1)
    office.work()
    done = office.states()["processed"]
    assert office.inbox.forget_bodies() == 0
    office.site.later(91)
    assert office.inbox.forget_bodies() == done
    [waiting] = office.table.listed(["retrying"])
    assert office.table.body(waiting.number) is not None
    assert office.inbox.receive(*_again(office, told[0])) == "known"


def _again(office: Office, delivery: Delivery) -> tuple[bytes, Any]:
    [secret] = office.site.sandbox._secrets
    again = signed(delivery.raw, secret, office.site.clock.now())
    return again.raw, again.headers


def test_a_refund_of_a_lost_payment_brings_the_payment_with_it(office: Office) -> None:  # OR7
    order = office.order("pm_card_outcomeLost")
    payment = office.site.sandbox.find_payment(
        attempt=next(iter(order.attempts)),
        customer_id=office.site.sandbox.ensure_customer(member_id=order.member_id).id,
    )
    assert payment is not None
    refund = office.site.sandbox.refund_at_gateway(payment_id=payment.id, amount=eur(100))
    office.inbox.observing.take_in(refund, cause=cause())
    found = office.site.ledger.order(order.id)
    assert (found.paid, found.refunded) == (eur(9_900), eur(100))
