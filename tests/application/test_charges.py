"""Later charges: when they are due, once each, and what a failure leads to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger import ids
from ledger.application import Ledger
from ledger.billing.collection import Collection
from ledger.billing.outcomes import ModesMixed
from ledger.errors import MembershipEnded, NotDue
from ledger.terms import Terms
from tests.application.sites import (
    GATEWAY,
    MONTHLY,
    ONE_TIME,
    SCHEDULER,
    SENDS_LATER_BACK,
    STAFF,
    VISA,
    Site,
    cause,
    eur,
    themself,
)


def test_the_same_charge_is_not_made_twice(site: Site) -> None:  # OR1
    member_id, _, stay = site.joined()
    site.later(28)
    charged = site.charge(member_id, stay.membership_id)
    assert charged.order_id == ids.order(stay.membership_id, 1)
    with pytest.raises(NotDue):
        site.charge(member_id, stay.membership_id)
    assert site.moved() == eur(2_400)


def test_a_renewal_of_nothing_calls_no_gateway(site: Site) -> None:  # OR5
    member_id, plan_id = site.person(), site.plan()
    site.code("GIFT", percent=100, every_payment=True)
    site.join(member_id, plan_id, code="GIFT")
    stay = site.stay(member_id)
    site.later(28)
    alone = site.collection_through(None)  # type: ignore[arg-type]
    charged = alone.charge_due(member_id, stay.membership_id, cause=cause())
    assert charged.outcome == "nothing_to_collect"
    assert site.topics(charged.order_id) == ["order.placed"]
    assert site.stay(member_id).charge_index == 1


def test_two_notices_of_one_payment_are_one_fact(site: Site) -> None:  # OR6
    member_id, _, stay = site.joined()
    order = site.ledger.order(ids.order(stay.membership_id, 0))
    [reference], [attempt_id] = order.references, order.attempts
    for _notice in range(2):
        settled = site.ledger.settle_join(
            order.id,
            attempt_id,
            reference=reference,
            amount=eur(1_200),
            method=None,
            by=GATEWAY,
            cause=cause(),
        )
        assert settled == 0
    assert site.topics(order.id).count("order.paid") == 1
    assert site.topics(member_id).count("member.joined") == 1


@pytest.mark.parametrize("removed", [False, True])
def test_a_second_payment_for_one_order_is_a_second_fact_and_goes_back(  # OR6
    site: Site, removed: bool
) -> None:
    member_id, plan_id, stay = site.joined(ONE_TIME)
    if removed:
        site.remove(member_id, stay.membership_id)
    order = site.ledger.order(ids.order(stay.membership_id, 0))
    site.ledger.settle_join(
        order.id,
        ids.attempt(order.id, 2),
        reference="pi_second",
        amount=eur(9_900),
        method=None,
        by=GATEWAY,
        cause=cause(),
    )
    order = site.ledger.order(order.id)
    assert order.paid == eur(19_800)
    assert [refund.payment_reference for refund in order.refunds.values()] == ["pi_second"]
    assert site.topics(member_id).count("member.joined") == 1
    assert site.opens(member_id, plan_id) is not removed


def test_a_second_payment_of_a_renewal_goes_back(site: Site) -> None:  # OR6
    member_id, _, stay = site.joined()
    site.later(28)
    order_id = site.charge(member_id, stay.membership_id).order_id
    site.ledger.settle_charge(
        order_id,
        ids.attempt(order_id, 2),
        reference="pi_second",
        amount=eur(1_200),
        by=GATEWAY,
        cause=cause(),
    )
    order = site.ledger.order(order_id)
    assert order.refundable == eur(1_200)
    assert site.stay(member_id).charge_index == 1


def test_money_of_another_mode_is_never_taken_in(site: Site) -> None:  # OR9
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    live = site.ledger_of(Ledger, mode="live")
    with pytest.raises(ModesMixed):
        Collection(live, site.sandbox).join(
            member_id, plan_id, method_token=VISA, by=themself(member_id), cause=cause()
        )
    assert site.moved() == eur(0)


def test_every_fact_of_money_names_its_mode(site: Site) -> None:  # OR9
    _, _, stay = site.joined()
    order_id = ids.order(stay.membership_id, 0)
    paid = [fact for fact in site.facts(order_id) if fact.TOPIC == "order.paid"]
    assert [fact.mode for fact in paid] == ["test"]


def test_of_several_missed_periods_only_the_latest_is_charged(site: Site) -> None:  # part of DU10
    member_id, _, stay = site.joined()
    site.later(100)  # due on February 28th, March 31st and April 30th
    charged = site.charge(member_id, stay.membership_id)
    placed = site.ledger.order(charged.order_id).placed
    assert placed.charge_index == 3
    assert placed.due_at.date().isoformat() == "2025-04-30"
    assert site.moved() == eur(2_400)
    with pytest.raises(NotDue):
        site.charge(member_id, stay.membership_id)


@pytest.mark.parametrize(
    ("effective_after", "told_after", "charged"),
    [(45, 88, 1_500), (45, 90, 1_200), (95, 88, 1_200)],
)
def test_after_an_outage_a_renewal_costs_what_was_told_before_the_day_it_fell_due(
    site: Site, effective_after: int, told_after: int, charged: int
) -> None:  # PL3, PL4, DU10
    member_id, plan_id, stay = site.joined()
    price = site.dearer(plan_id, site.clock.now() + timedelta(days=effective_after))
    site.later(told_after)
    site.tell_price(member_id, price)
    site.later(100 - told_after)  # due on February 28th, March 31st and April 30th, the 89th day
    order_id = site.charge(member_id, stay.membership_id).order_id
    assert site.ledger.order(order_id).placed.amount == eur(charged)
    assert site.moved() == eur(1_200 + charged)


def test_a_price_that_is_set_after_a_renewal_fell_due_is_not_charged_for_it(
    site: Site,
) -> None:  # PL3, PL4
    member_id, plan_id, stay = site.joined()
    site.later(32)
    site.tell_price(member_id, site.dearer(plan_id, site.clock.now() + timedelta(hours=1)))
    site.later(hours=2)
    order_id = site.charge(member_id, stay.membership_id).order_id
    assert site.ledger.order(order_id).placed.amount == eur(1_200)


def test_a_membership_of_the_31st_renews_on_the_last_day_of_short_months(
    site: Site,
) -> None:  # DU11
    member_id, _, stay = site.joined()
    days = []
    for _month in range(4):
        due_at = site.stay(member_id).period_end
        assert due_at is not None
        site.clock.advance_to(due_at)
        site.charge(member_id, stay.membership_id)
        days.append(site.stay(member_id).period_start.isoformat())
    assert days == [
        "2025-02-28T12:00:00+00:00",
        "2025-03-31T11:00:00+00:00",  # noon by winter time is 13:00 in Paris; now it is summer
        "2025-04-30T11:00:00+00:00",
        "2025-05-31T11:00:00+00:00",
    ]


def test_a_failed_charge_waits_for_its_day(site: Site) -> None:  # part of DU1
    member_id, plan_id, stay = site.joined(card=SENDS_LATER_BACK)
    site.later(28)
    order_id = site.charge(member_id, stay.membership_id).order_id
    for days in (4, 4):
        site.later(days)
        with pytest.raises(NotDue):
            site.charge(member_id, stay.membership_id)
        site.later(1)
        assert site.charge(member_id, stay.membership_id).order_id == order_id
    with pytest.raises(MembershipEnded):
        site.charge(member_id, stay.membership_id)
    assert site.topics(order_id).count("order.payment_failed") == 3
    assert not site.opens(member_id, plan_id)


@pytest.mark.parametrize(
    "card", ["pm_card_authenticationRequired", "pm_card_mandateInvalid", "pm_card_visa:2025-02"]
)
def test_what_only_the_member_can_mend_is_not_tried_again(
    site: Site, card: str
) -> None:  # part of DU3
    member_id, plan_id = site.person(), site.plan()
    joined = site.join(member_id, plan_id, card)
    if joined.action:
        site.sandbox.authenticate(action=joined.action, approved=True)
        site.collection.resume(joined.order_id, cause=cause())
    stay = site.stay(member_id)
    site.later(31)
    assert site.charge(member_id, stay.membership_id).outcome == "declined"
    assert site.stay(member_id).billing == "action_required"
    site.later(5)
    before = site.topics(member_id)
    with pytest.raises(NotDue, match="another payment method"):
        site.charge(member_id, stay.membership_id)
    assert site.topics(member_id) == before


def test_another_method_pays_at_once_what_is_due(site: Site) -> None:  # part of DU3
    member_id, _, stay = site.joined(card=SENDS_LATER_BACK)
    site.later(28)
    site.charge(member_id, stay.membership_id)
    site.later(1)
    site.collection.save_method(member_id, method_token=VISA, by=themself(member_id), cause=cause())
    [charged] = site.collection.charge_unpaid(member_id, cause=cause())
    assert charged.outcome == "settled"
    assert site.stay(member_id).billing == "current"
    assert site.collection.charge_unpaid(member_id, cause=cause()) == []


def test_a_card_that_was_just_declined_is_not_tried_again_at_once(  # part of DU3
    site: Site,
) -> None:
    member_id, _, stay = site.joined(card=SENDS_LATER_BACK)
    site.later(28)
    site.charge(member_id, stay.membership_id)
    site.later(1)
    site.collection.save_method(
        member_id, method_token=SENDS_LATER_BACK, by=themself(member_id), cause=cause()
    )
    again = [site.collection.charge_unpaid(member_id, cause=cause()) for _ in range(2)]
    assert [[each.outcome for each in charged] for charged in again] == [["declined"], []]


def test_without_a_method_the_member_is_asked_once(site: Site) -> None:  # part of DU3
    member_id, _, stay = site.joined()
    site.collection.methods.remove(member_id, by=themself(member_id), cause=cause())
    site.later(28)
    site.charge(member_id, stay.membership_id)
    for _tick in range(2):
        with pytest.raises(NotDue):
            site.charge(member_id, stay.membership_id)
    assert site.topics(member_id).count("member.action_required") == 1


def test_nothing_is_charged_before_it_is_due(site: Site) -> None:
    member_id, _, stay = site.joined()
    site.later(27)
    with pytest.raises(NotDue):
        site.charge(member_id, stay.membership_id)
    assert site.ledger.lapse(member_id, stay.membership_id, by=SCHEDULER, cause=cause()) == 0


def test_a_receipt_says_the_tax_inside_its_amount(site: Site) -> None:  # part of OR10
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    site.ledger.describe_plan(
        plan_id,
        name="Gold",
        description="",
        tax_basis_points=2_000,
        by=STAFF,
        cause=cause(),
    )
    order = site.ledger.order(site.join(member_id, plan_id).order_id)
    assert order.tax == eur(1_650)


def test_yearly_terms_are_charged_a_year_later(site: Site) -> None:  # part of DU11
    yearly = Terms(model="recurring", amount=MONTHLY.amount, unit="year", every=1)
    member_id, _, stay = site.joined(yearly)
    site.later(364)
    with pytest.raises(NotDue):
        site.charge(member_id, stay.membership_id)
    site.later(1)
    assert site.charge(member_id, stay.membership_id).outcome == "settled"
