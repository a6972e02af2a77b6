"""Answers that are lost and processes that die: one charge, one membership, one refund."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta
from itertools import product
from uuid import UUID

import pytest

from ledger import ids
from ledger.billing.dues import Dues
from ledger.billing.outcomes import Collected
from ledger.facts import Cause
from ledger.payments.gateway import Gateway, Rejected
from tests.application.gateways import Crash, Fault, faulty
from tests.application.sites import (
    ONE_TIME,
    SENDS_LATER_BACK,
    STAFF,
    VISA,
    Site,
    cause,
    eur,
    themself,
)

FAULTS: list[Fault] = ["before", "after", "crash_before", "crash_after"]
PAIRS = list(product(FAULTS, FAULTS))


def until_answered(site: Site, gateway: Gateway, order_id: UUID, because: Cause) -> Collected:
    """Resume, as the sweep does, until the gateway answers."""
    collection = site.collection_through(gateway)
    for _sweep in range(6):
        with suppress(Crash):
            collected = collection.resume(order_id, cause=because)
            if collected.outcome != "unknown":
                return collected
        site.later(hours=1)
    message = "the order is never decided"
    raise AssertionError(message)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_join_ends_in_one_charge_and_one_membership(
    site: Site, first: Fault, second: Fault
) -> None:
    member_id, plan_id, one = site.person(), site.plan(), cause()
    gateway = faulty(site.sandbox, first, second)
    with suppress(Crash):
        site.collection_through(gateway).join(
            member_id, plan_id, method_token=VISA, by=themself(member_id), cause=one
        )
    order_id = ids.order(ids.derived(one.id, "membership"), 0)
    assert until_answered(site, gateway, order_id, cause()).outcome == "settled"
    assert site.moved() == eur(1_200)
    assert site.topics(member_id).count("member.joined") == 1
    assert site.topics(order_id).count("order.paid") == 1


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_renewal_ends_in_one_charge_and_one_period(
    site: Site, first: Fault, second: Fault
) -> None:
    member_id, _, stay = site.joined()
    site.later(28)
    collection = site.collection_through(faulty(site.sandbox, first, second))
    for _tick in range(3):  # the scheduler's ticks, each a job of its own
        with suppress(Crash):
            collected = collection.charge_due(member_id, stay.membership_id, cause=cause())
            if collected.outcome == "settled":
                break
    assert site.moved() == eur(2_400)
    assert site.stay(member_id).charge_index == 1
    order_id = ids.order(stay.membership_id, 1)
    assert site.topics(order_id).count("order.attempt_started") == 1


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_refund_is_made_once(site: Site, first: Fault, second: Fault) -> None:
    member_id, plan_id, one = site.person(), site.plan(ONE_TIME), cause()
    order_id = site.join(member_id, plan_id).order_id
    gateway = faulty(site.sandbox, first, second)
    with suppress(Crash):
        site.collection_through(gateway).refund(order_id, eur(2_000), "moved", by=STAFF, cause=one)
    for _sweep in range(2):
        with suppress(Crash):
            site.collection_through(gateway).resume(order_id, cause=cause())
    order = site.ledger.order(order_id)
    assert order.refunded == eur(2_000)
    assert list(order.refunds) == [ids.derived(one.id, "refund")]
    assert site.moved() == eur(7_900)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_superfluous_payment_goes_back_though_the_refund_is_interrupted(  # part of AC12
    site: Site, fault: Fault
) -> None:
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    waiting = site.join(member_id, plan_id, "pm_card_authenticationRequired")
    site.join(member_id, plan_id)
    site.sandbox.authenticate(action=str(waiting.action), approved=True)
    gateway = faulty(site.sandbox, fault)
    for _sweep in range(2):
        with suppress(Crash):
            site.collection_through(gateway).resume(waiting.order_id, cause=cause())
    assert site.moved() == eur(9_900)
    assert len(site.ledger.member(member_id).memberships) == 1


def test_a_join_that_is_sent_again_after_a_crash_is_the_same_join(site: Site) -> None:
    member_id, plan_id, one = site.person(), site.plan(), cause()
    collection = site.collection_through(faulty(site.sandbox, "crash_after"))

    def join() -> Collected:
        return collection.join(
            member_id, plan_id, method_token=VISA, by=themself(member_id), cause=one
        )

    with pytest.raises(Crash):
        join()
    answers = {(each.order_id, each.outcome) for each in (join(), join())}
    assert answers == {(ids.order(ids.derived(one.id, "membership"), 0), "settled")}
    assert list(site.ledger.member(member_id).memberships) == [ids.derived(one.id, "membership")]
    assert site.moved() == eur(1_200)


def test_a_refund_that_is_sent_again_after_a_crash_is_the_same_refund(site: Site) -> None:
    member_id, plan_id, one = site.person(), site.plan(ONE_TIME), cause()
    order_id = site.join(member_id, plan_id).order_id
    collection = site.collection_through(faulty(site.sandbox, "crash_after"))
    with pytest.raises(Crash):
        collection.refund(order_id, eur(1_000), "moved", by=STAFF, cause=one)
    made = {collection.refund(order_id, eur(1_000), "moved", by=STAFF, cause=one) for _ in range(2)}
    assert made == {ids.derived(one.id, "refund")}
    assert site.moved() == eur(8_900)


def test_a_card_that_is_saved_again_after_a_crash_is_saved_once(site: Site) -> None:
    member_id, one = site.person(), cause()
    collection = site.collection_through(faulty(site.sandbox, "crash_after"))
    by = themself(member_id)
    with pytest.raises(Crash):
        collection.save_method(member_id, method_token=VISA, by=by, cause=one)
    for _again in range(2):
        collection.save_method(member_id, method_token=VISA, by=by, cause=one)
    assert site.topics(member_id) == ["member.account_opened", "member.method_saved"]


def test_an_old_attempt_is_looked_up_and_never_sent_again(site: Site) -> None:
    member_id, plan_id, one = site.person(), site.plan(), cause()
    gateway = faulty(site.sandbox, "after")
    site.collection_through(gateway).join(
        member_id, plan_id, method_token=VISA, by=themself(member_id), cause=one
    )
    site.later(hours=23)
    order_id = ids.order(ids.derived(one.id, "membership"), 0)
    assert until_answered(site, gateway, order_id, cause()).outcome == "settled"
    assert gateway.calls == ["start_onsession"]  # type: ignore[attr-defined]
    assert site.moved() == eur(1_200)


def test_a_first_attempt_that_was_never_made_is_abandoned_with_the_proof(  # part of DI4
    site: Site,
) -> None:
    member_id, plan_id, code_id = site.person(), site.plan(), site.code()
    lost = site.join(member_id, plan_id, "pm_card_unreachable", "SPRING")
    site.later(hours=23)
    assert site.collection.resume(lost.order_id, cause=cause()).outcome == "unknown"
    site.later(hours=1)
    given_up = site.collection.resume(lost.order_id, cause=cause())
    assert (given_up.outcome, given_up.decline_code) == ("declined", "abandoned")
    abandoned, withdrawn = site.facts(lost.order_id)[-2:]
    assert abandoned.TOPIC == "order.attempt_abandoned"
    assert "24 hours later" in abandoned.proof
    assert withdrawn.TOPIC == "order.withdrawn"
    assert not site.ledger.discount(code_id).redemptions
    assert site.join(member_id, plan_id, code="SPRING").outcome == "settled"


def test_a_later_attempt_that_was_never_made_is_followed_by_another(site: Site) -> None:
    member_id, _, stay = site.joined()
    site.later(28)
    collection = site.collection_through(faulty(site.sandbox, "before", "none"))
    assert collection.charge_due(member_id, stay.membership_id, cause=cause()).outcome == "unknown"
    site.later(hours=24)
    lost = collection.charge_due(member_id, stay.membership_id, cause=cause())
    assert lost.decline_code == "abandoned"
    paid = collection.charge_due(member_id, stay.membership_id, cause=cause())
    assert paid.outcome == "settled"
    assert [a.state for a in site.ledger.order(paid.order_id).attempts.values()] == [
        "abandoned",
        "paid",
    ]
    assert site.moved() == eur(2_400)


def test_a_members_own_try_that_was_never_made_uses_up_no_try(  # part of DU1, DU3
    site: Site,
) -> None:
    member_id, _, stay = site.joined(card=SENDS_LATER_BACK)
    site.later(28)
    site.charge(member_id, stay.membership_id)
    by, before = themself(member_id), site.stay(member_id)
    site.collection.save_method(member_id, method_token=VISA, by=by, cause=cause())
    away = Dues(site.collection_through(faulty(site.sandbox, "before")))
    lost = away.pay(member_id, stay.membership_id, by=by, cause=cause())
    assert lost.outcome == "unknown"
    site.later(1)
    assert site.collection.resume(lost.order_id, cause=cause()).decline_code == "abandoned"
    after = site.stay(member_id)
    assert (after.failures, after.retry_at) == (before.failures, before.retry_at)
    assert site.charge(member_id, stay.membership_id).outcome == "settled"
    assert site.moved() == eur(2_400)


def test_what_nobody_wants_any_more_is_not_sent_again(site: Site) -> None:  # part of AX2
    member_id, _, stay = site.joined()
    site.later(28)
    collection = site.collection_through(faulty(site.sandbox, "before", "none"))
    lost = collection.charge_due(member_id, stay.membership_id, cause=cause())
    assert lost.outcome == "unknown"
    site.remove(member_id, stay.membership_id)
    site.later(hours=1)
    assert site.collection.resume(lost.order_id, cause=cause()).outcome == "unknown"
    site.later(hours=24)
    assert site.collection.resume(lost.order_id, cause=cause()).decline_code == "abandoned"
    assert site.moved() == eur(1_200)


def test_a_company_that_refuses_to_tell_has_not_said_that_nothing_happened(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_id, _, stay = site.joined()
    site.later(28)
    collection = site.collection_through(faulty(site.sandbox, "after", "none"))
    lost = collection.charge_due(member_id, stay.membership_id, cause=cause())

    def refused(**_: object) -> None:
        raise Rejected(why="no such customer")

    with monkeypatch.context() as patch:
        patch.setattr(site.sandbox, "ensure_customer", refused)
        site.later(hours=25)
        assert site.collection.resume(lost.order_id, cause=cause()).outcome == "unknown"
    assert site.collection.resume(lost.order_id, cause=cause()).outcome == "settled"
    assert site.moved() == eur(2_400)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_breaks_books_and_company_agree(site: Site, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 -- a story, no secret
    faults: list[Fault] = dice.choices(["none", *FAULTS], [4, 1, 1, 1, 1], k=200)
    gateway = faulty(site.sandbox, *faults)
    collection = site.collection_through(gateway)
    plan_id = site.plan()
    people = [site.person(f"p{number}") for number in range(4)]
    orders = []
    for member_id in people:
        one = cause()
        orders.append(ids.order(ids.derived(one.id, "membership"), 0))
        with suppress(Crash):
            card = dice.choice([VISA, SENDS_LATER_BACK])
            collection.join(
                member_id, plan_id, method_token=card, by=themself(member_id), cause=one
            )
    for order_id in orders:
        until_answered(site, gateway, order_id, cause())
    site.clock.advance(timedelta(days=28))
    for member_id in people:
        stay = site.stay(member_id)
        with suppress(Crash):
            collection.charge_due(member_id, stay.membership_id, cause=cause())
        orders.append(ids.order(stay.membership_id, 1))
        with suppress(Crash):
            collection.refund(orders[0], eur(100), "sorry", by=STAFF, cause=cause())
    for order_id in orders:
        until_answered(site, gateway, order_id, cause())
        until_answered(site, site.sandbox, order_id, cause())
    books = [site.ledger.order(order_id) for order_id in orders]
    assert not [order for order in books if order.open_attempt]
    assert sum((o.paid - o.refunded for o in books), eur(0)) == site.moved()
    assert [site.topics(who).count("member.joined") for who in people] == [1] * 4
