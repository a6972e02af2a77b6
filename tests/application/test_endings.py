"""Endings, and what they do to access and to later charges."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from ledger import ids
from ledger.errors import (
    AlreadyCancelling,
    MembershipEnded,
    NotCancelling,
    NotFound,
    NotLeavable,
    NotSelfCancellable,
)
from ledger.terms import Terms
from tests.application.sites import (
    FREE,
    MONTHLY,
    NOON,
    ONE_TIME,
    SCHEDULER,
    SENDS_LATER_BACK,
    THREE_PAYMENTS,
    Site,
    cause,
    eur,
    themself,
)

MOMENT = timedelta(microseconds=1)


def test_access_is_true_while_some_membership_covers_the_instant(site: Site) -> None:  # AX1
    member_id, plan_id, first = site.joined(FREE)
    site.later(10)
    site.ledger.leave(member_id, first.membership_id, by=themself(member_id), cause=cause())
    site.later(10)
    site.join(member_id, plan_id, None)
    answers = {
        days: site.ledger.access(member_id, plan_id, NOON + timedelta(days=days)).allowed
        for days in (-1, 0, 9, 10, 19, 20, 4_000)
    }
    assert answers == {-1: False, 0: True, 9: True, 10: False, 19: False, 20: True, 4_000: True}


def test_after_a_removal_there_is_no_access_and_no_charge(site: Site) -> None:  # AX2
    member_id, plan_id, stay = site.joined()
    other = site.plan(ONE_TIME, "Silver")
    site.join(member_id, other)
    stays = list(site.ledger.member(member_id).memberships)
    assert site.remove(member_id, *stays)
    assert not site.opens(member_id, plan_id)
    assert not site.opens(member_id, other)
    assert site.ledger.access(member_id, plan_id, NOON - MOMENT).allowed is False
    site.later(28)
    with pytest.raises(MembershipEnded):
        site.charge(member_id, stay.membership_id)
    assert site.moved() == eur(1_200 + 9_900)


def test_of_several_memberships_all_are_removed_or_none(site: Site) -> None:  # AX2
    member_id, plan_id, stay = site.joined(FREE)
    with pytest.raises(NotFound):
        site.remove(member_id, stay.membership_id, ids.new())
    assert site.opens(member_id, plan_id)


def test_an_unpaid_order_is_withdrawn_with_the_removal(site: Site) -> None:  # part of AX2
    member_id, _, stay = site.joined(card=SENDS_LATER_BACK)
    site.later(28)
    order_id = site.charge(member_id, stay.membership_id).order_id
    site.remove(member_id, stay.membership_id)
    assert site.topics(order_id)[-2:] == ["order.payment_failed", "order.withdrawn"]


def test_a_payment_that_settles_after_the_removal_goes_back(site: Site) -> None:  # AX2
    member_id, plan_id, stay = site.joined(card="pm_card_in")
    site.later(28)
    waiting = site.charge(member_id, stay.membership_id)
    assert waiting.outcome == "waiting"
    site.remove(member_id, stay.membership_id)
    site.later(hours=27)
    assert site.collection.resume(waiting.order_id, cause=cause()).outcome == "given_back"
    assert site.moved() == eur(1_200)
    assert not site.opens(member_id, plan_id)


def test_a_cancelled_membership_lasts_to_the_end_of_the_paid_period(site: Site) -> None:  # AX3
    member_id, plan_id, stay = site.joined()
    site.later(3)
    site.cancel(member_id, stay.membership_id)
    until = stay.period_end
    assert until is not None
    assert site.ledger.access(member_id, plan_id, until - MOMENT).allowed
    assert not site.ledger.access(member_id, plan_id, until).allowed
    site.later(25)
    with pytest.raises((AlreadyCancelling, MembershipEnded)):
        site.charge(member_id, stay.membership_id)
    assert site.moved() == eur(1_200)


def test_a_later_charge_that_settles_after_the_cancellation_goes_back(site: Site) -> None:  # AX3
    member_id, _, stay = site.joined(card="pm_card_in")
    site.later(28)
    waiting = site.charge(member_id, stay.membership_id)
    site.cancel(member_id, stay.membership_id)
    site.later(hours=27)
    assert site.collection.resume(waiting.order_id, cause=cause()).outcome == "given_back"
    assert site.ledger.order(waiting.order_id).refunded == eur(1_200)


def test_a_cancellation_is_withdrawn_until_it_takes_effect_and_never_after(  # AX4
    site: Site,
) -> None:
    member_id, plan_id, stay = site.joined()
    by = themself(member_id)
    site.cancel(member_id, stay.membership_id)
    site.later(27)
    site.ledger.withdraw_cancellation(member_id, stay.membership_id, by=by, cause=cause())
    site.later(1)
    assert site.charge(member_id, stay.membership_id).outcome == "settled"
    site.cancel(member_id, stay.membership_id)
    site.later(31)
    assert not site.opens(member_id, plan_id)
    with pytest.raises((MembershipEnded, NotCancelling)):
        site.ledger.withdraw_cancellation(member_id, stay.membership_id, by=by, cause=cause())


def test_a_free_membership_is_left_at_once(site: Site) -> None:  # AX5
    member_id, plan_id, stay = site.joined(FREE)
    site.ledger.leave(member_id, stay.membership_id, by=themself(member_id), cause=cause())
    assert not site.opens(member_id, plan_id)
    assert site.stay(member_id).ending == "left"


@pytest.mark.parametrize("terms", [MONTHLY, ONE_TIME, THREE_PAYMENTS])
def test_only_a_free_membership_is_left(site: Site, terms: Terms) -> None:  # AX5
    member_id, _, stay = site.joined(terms)
    with pytest.raises(NotLeavable):
        site.ledger.leave(member_id, stay.membership_id, by=themself(member_id), cause=cause())


@pytest.mark.parametrize("terms", [ONE_TIME, THREE_PAYMENTS])
def test_what_is_bought_is_not_self_cancelled_but_removed(site: Site, terms: Terms) -> None:  # AX5
    member_id, plan_id, stay = site.joined(terms)
    with pytest.raises(NotSelfCancellable):
        site.cancel(member_id, stay.membership_id)
    site.remove(member_id, stay.membership_id)
    assert not site.opens(member_id, plan_id)


def test_instalments_give_access_from_the_first_and_without_end_after_the_last(  # AX5
    site: Site,
) -> None:
    member_id, plan_id, stay = site.joined(THREE_PAYMENTS)
    for days in (28, 31):
        assert site.opens(member_id, plan_id)
        site.later(days)
        assert site.charge(member_id, stay.membership_id).outcome == "settled"
    site.later(4_000)
    assert site.opens(member_id, plan_id)
    assert site.moved() == eur(9_000)
    assert site.stay(member_id).billing == "completed"


def test_an_instalment_past_due_keeps_access_within_grace(site: Site) -> None:  # AX5
    member_id, plan_id, stay = site.joined(THREE_PAYMENTS, SENDS_LATER_BACK)
    site.later(28)
    assert site.charge(member_id, stay.membership_id).outcome == "declined"
    site.later(9)
    assert site.opens(member_id, plan_id)
    site.later(1)
    assert not site.opens(member_id, plan_id)


def test_the_gap_between_two_stays_is_there_for_ever(site: Site) -> None:  # AX6
    member_id, plan_id, _first = site.joined(ONE_TIME)
    site.later(5)
    site.remove(member_id, *site.ledger.member(member_id).memberships)
    site.later(5)
    site.join(member_id, plan_id)
    at = [NOON + timedelta(days=days) for days in (4, 5, 9, 10)]
    assert [site.ledger.access(member_id, plan_id, t).allowed for t in at] == [
        True,
        False,
        False,
        True,
    ]


def test_an_answer_names_its_rule_and_facts(site: Site) -> None:  # AX7
    member_id, plan_id, stay = site.joined()
    known = {fact.fact_id: fact.TOPIC for fact in site.facts(member_id)}
    yes = site.ledger.access(member_id, plan_id)
    assert (yes.allowed, yes.rule) == (True, "within_paid_period")
    assert [known[fact_id] for fact_id in yes.fact_ids] == ["member.joined"]
    site.remove(member_id, stay.membership_id)
    known = {fact.fact_id: fact.TOPIC for fact in site.facts(member_id)}
    no = site.ledger.access(member_id, plan_id)
    assert (no.allowed, no.rule) == (False, "ended_removed")
    assert "member.removed" in [known[fact_id] for fact_id in no.fact_ids]
    assert site.ledger.access(site.person("else"), plan_id).rule == "never_joined"


@pytest.mark.parametrize("late_by", [0, 3, 40])
def test_a_late_lapse_changes_no_answer(site: Site, late_by: int) -> None:  # AX8
    member_id, plan_id, stay = site.joined(card=SENDS_LATER_BACK)
    site.later(28)
    for days in (0, 5, 5):  # due, and both retries
        site.later(days)
        site.charge(member_id, stay.membership_id)
    site.later(late_by)
    span = range(80)
    before = [_open_on(site, member_id, plan_id, day) for day in span]
    site.ledger.lapse(member_id, stay.membership_id, by=SCHEDULER, cause=cause())
    assert site.stay(member_id).ending == "lapsed"
    assert site.stay(member_id).ended_at == NOON + timedelta(days=38)
    assert [_open_on(site, member_id, plan_id, day) for day in span] == before
    assert before == [day < 38 for day in span]


def test_a_lapse_before_its_time_is_no_news(site: Site) -> None:  # part of AX8
    member_id, _, stay = site.joined(card=SENDS_LATER_BACK)
    site.later(28)
    site.charge(member_id, stay.membership_id)
    site.later(9)
    before = site.topics(member_id)
    assert site.ledger.lapse(member_id, stay.membership_id, by=SCHEDULER, cause=cause()) == 0
    assert site.topics(member_id) == before


def _open_on(site: Site, member_id: UUID, plan_id: UUID, day: int) -> bool:
    return site.ledger.access(member_id, plan_id, NOON + timedelta(days=day)).allowed
