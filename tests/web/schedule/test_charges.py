"""What falls due is charged, once, also after a long absence; on the virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger.dunning import GENTLE, STANDARD, STRICT, DunningPolicy
from ledger.errors import NotDue
from ledger.terms import Terms
from tests.web.schedule.sites import (
    ASKS_THE_PERSON,
    DECLINES_LATER,
    INDIAN,
    INDIAN_DECLINED,
    JANUARY,
    MASTERCARD,
    NEEDS_A_MANDATE,
    VISA,
    Site,
    cause,
    eur,
    every,
)

PARIS_WINTER, PARIS_SUMMER = 10, 9
"""The hour in UTC that is eleven in the site's time zone."""


def test_nothing_is_charged_before_it_is_due(site: Site) -> None:
    site.join()
    assert site.live(20, step_hours=24) == {}


def test_what_is_due_is_charged_once_however_often_the_jobs_run(site: Site) -> None:
    stay = site.join()
    site.sleep(28)
    assert site.run("charges") == {"settled": 1}
    assert site.run("charges") == {}
    assert stay.now.charge_index == 1
    assert stay.now.period_end == datetime(2026, 3, 31, PARIS_SUMMER, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "failed_on", "lapses_on"),
    [(STANDARD, [0, 5, 10], 10), (GENTLE, [0, 2, 7, 14, 21], 21), (STRICT, [0], 0)],
)
def test_retries_and_grace_are_those_of_the_policy(
    site: Site, policy: DunningPolicy, failed_on: list[int], lapses_on: int
) -> None:  # DU1
    site.keep_to(policy)
    stay = site.join(DECLINES_LATER)
    due_at = stay.now.period_end
    assert due_at is not None
    last = due_at + timedelta(days=lapses_on)
    site.live_until(last - timedelta(hours=1), step_hours=24)
    if lapses_on:
        assert stay.opens
    site.live_until(due_at + timedelta(days=40), step_hours=24)
    facts = site.parts.ledger.facts_of(stay.order(1))
    tried = [fact.occurred_at for fact in facts if fact.TOPIC == "order.attempt_started"]
    assert [(at - due_at).days for at in tried] == failed_on
    assert stay.now.ending == "lapsed"
    assert stay.now.ended_at == last
    assert not stay.opens


def test_each_failure_is_told_to_the_member_and_to_those_who_run_the_site(
    site: Site,
) -> None:  # DU2
    owner = site.found()
    stay = site.join(DECLINES_LATER)
    site.live(45, step_hours=24)
    assert stay.told("own_payment_failed") == 3
    assert site.told("payment_failed", owner) == 3
    site.live(10, step_hours=24)
    assert stay.told("own_payment_failed") == 3


def test_what_only_the_member_can_mend_waits_for_them(site: Site) -> None:  # DU3
    stay = site.join(NEEDS_A_MANDATE)
    site.live(30, step_hours=24)
    assert stay.billing == "action_required"
    assert stay.told("own_payment_failed") == 1
    assert site.live(5) == {}
    assert stay.opens
    stay.bring(MASTERCARD)
    assert stay.billing == "current"
    assert stay.now.charge_index == 1
    assert site.moved() == eur(2_400)


def test_an_indian_card_is_charged_ahead_and_is_open_while_its_bank_thinks(
    site: Site,
) -> None:  # part of DU4
    stay = site.join(INDIAN)
    due_at = stay.now.period_end
    assert due_at is not None
    site.live_until(due_at - timedelta(hours=27), step_hours=6)
    started = site.parts.ledger.facts_of(stay.order(1))[1]
    assert started.TOPIC == "order.attempt_started"
    assert timedelta(hours=27) <= due_at - started.occurred_at <= timedelta(hours=48)
    pending = site.parts.ledger.order(stay.order(1)).open_attempt
    assert pending is not None
    assert pending.state == "pending"
    assert stay.opens
    site.live_until(due_at)
    assert stay.now.charge_index == 1
    assert stay.now.period_start == due_at
    assert site.moved() == eur(2_400)


def test_an_indian_card_that_fails_is_never_tried_again_by_itself(site: Site) -> None:  # DU4
    stay = site.join(INDIAN_DECLINED)
    due_at = stay.now.period_end
    assert due_at is not None
    site.live_until(due_at + timedelta(days=9))
    tries = site.topics(stay.order(1)).count("order.attempt_started")
    assert tries == 1
    assert stay.billing == "action_required"
    assert stay.told("own_payment_failed") == 1
    assert stay.opens
    stay.bring(INDIAN)
    site.live(3)
    assert stay.billing == "current"
    assert stay.now.charge_index == 1


def test_an_indian_card_that_fails_may_be_replaced_before_the_day(site: Site) -> None:
    stay = site.join(INDIAN_DECLINED)
    due_at = stay.now.period_end
    assert due_at is not None
    site.live_until(due_at - timedelta(hours=6))
    assert stay.billing == "action_required"
    stay.bring(VISA)
    assert stay.now.charge_index == 1
    assert stay.now.period_start == due_at


@pytest.mark.parametrize("ending", ["cancel", "remove", "lapse"])
def test_an_ending_stops_all_retries(site: Site, ending: str) -> None:  # DU5
    stay = site.join(DECLINES_LATER)
    site.live(29, step_hours=24)
    assert stay.billing == "past_due"
    if ending == "lapse":
        site.live(11, step_hours=24)
        assert stay.now.ending == "lapsed"
    else:
        getattr(stay, ending)()
    before = site.topics(stay.order(1))
    assert site.live(60, step_hours=24) == {}
    assert site.topics(stay.order(1)) == before
    assert site.moved() == eur(1_200)


def test_a_first_payment_that_is_never_completed_makes_no_membership(site: Site) -> None:  # DU6
    member_id, plan_id = site.person(), site.plan()
    waiting = site.try_to_join(member_id, plan_id, ASKS_THE_PERSON)
    assert waiting.outcome == "waiting"
    site.live(2)
    assert site.topics(waiting.order_id)[-1] == "order.withdrawn"
    assert not site.parts.ledger.member(member_id).memberships
    again = site.try_to_join(member_id, plan_id, VISA)
    assert again.outcome == "settled"
    assert site.moved() == eur(1_200)


def test_a_lapsed_membership_is_not_revived_but_joined_anew(site: Site) -> None:  # DU7
    stay = site.join(DECLINES_LATER)
    site.live(40, step_hours=24)
    assert stay.now.ending == "lapsed"
    stay.bring(VISA)
    assert site.live(40, step_hours=24) == {}
    assert stay.now.ending == "lapsed"
    assert not stay.opens
    site.try_to_join(stay.member_id, stay.plan_id, VISA)
    stays = site.parts.ledger.member(stay.member_id).memberships
    assert len(stays) == 2
    assert stay.opens


def test_of_several_missed_periods_only_the_latest_is_charged(site: Site) -> None:  # DU10
    stay = site.join()
    site.sleep(100)
    assert site.run("charges") == {"settled": 1}
    assert site.run("charges") == {}
    assert stay.now.charge_index == 3
    latest = datetime(2026, 4, 30, PARIS_SUMMER, tzinfo=UTC)
    assert site.parts.ledger.order(stay.order(3)).placed.due_at == latest
    site.catch_up()
    (missed,) = site.missed()
    assert missed.membership_id == stay.membership_id
    assert missed.periods == 2
    assert missed.missed_from == datetime(2026, 2, 28, PARIS_WINTER, tzinfo=UTC)
    assert missed.missed_until == latest
    assert missed.order_id == stay.order(3)
    assert (missed.list_price, missed.currency) == (1_200, "EUR")


def test_who_joined_on_the_31st_renews_on_the_last_day_and_on_the_31st_again(
    site: Site,
) -> None:  # DU11
    stay = site.join()
    site.live(190, step_hours=24)
    renewals = [
        (fact.period_start.month, fact.period_start.day, fact.period_start.hour)  # type: ignore[attr-defined]
        for fact in site.parts.ledger.facts_of(stay.member_id)
        if fact.TOPIC == "member.renewed"
    ]
    assert renewals == [
        (2, 28, PARIS_WINTER),
        (3, 31, PARIS_SUMMER),
        (4, 30, PARIS_SUMMER),
        (5, 31, PARIS_SUMMER),
        (6, 30, PARIS_SUMMER),
        (7, 31, PARIS_SUMMER),
    ]


def test_instalments_are_charged_until_all_are_paid(site: Site) -> None:
    terms = Terms(model="instalments", amount=eur(3_000), unit="month", every=1, payments=3)
    stay = site.join(terms=terms)
    assert site.live(100, step_hours=24) == {"settled": 2}
    assert stay.billing == "completed"
    assert site.moved() == eur(9_000)


def test_a_charge_is_not_begun_long_before_its_day(site: Site) -> None:
    stay = site.join()
    with pytest.raises(NotDue):
        site.parts.collection.charge_due(stay.member_id, stay.membership_id, cause=cause())
    assert site.topics(stay.order(0))[-1] == "order.paid"


def test_a_self_cancellation_ends_by_itself(site: Site) -> None:
    stay = site.join()
    stay.cancel()
    before = site.topics(stay.member_id)
    assert site.live(28.5) == {}
    assert not stay.opens
    assert site.topics(stay.member_id) == before
    assert site.clock.now() > JANUARY
    assert every("month") == site.parts.ledger.plan(stay.plan_id).price.terms
