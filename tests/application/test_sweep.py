"""What the worker does by itself, item by item."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from ledger import ids
from ledger.billing.sweep import Sweep
from ledger.facts import Cause
from tests.application.gateways import faulty
from tests.application.sites import SENDS_LATER_BACK, STAFF, VISA, Site, cause, eur, themself


def sweep(site: Site) -> Sweep:
    """A run of the worker."""
    return Sweep(site.collection, Cause(kind="job", id=ids.new()))


def test_what_is_due_is_charged_and_what_is_not_is_left(site: Site) -> None:
    early, _, first = site.joined()
    site.later(1)
    late, _, second = site.joined()
    site.clock.advance_to(_due(site, early))
    run = sweep(site)
    stays = [(early, first.membership_id), (late, second.membership_id)]
    run.charge(stays)
    run.charge(stays)
    assert run.report.outcomes == {"settled": 1, "overtaken": 3}
    assert run.report.is_well


def test_one_that_breaks_is_reported_and_the_others_go_on(site: Site) -> None:
    member_id, _, stay = site.joined()
    nobody, nothing = ids.new(), ids.new()
    site.clock.advance_to(_due(site, member_id))
    run = sweep(site)
    run.charge([(nobody, nothing), (member_id, stay.membership_id)])
    run.resume([nothing])
    assert [(each.item, each.code) for each in run.report.broken] == [(nothing, "not_found")] * 2
    assert run.report.outcomes == {"settled": 1}


def test_a_run_is_broken_off_before_the_next_item(site: Site) -> None:
    due = [(person, stay.membership_id) for person, _, stay in (site.joined(), site.joined())]
    site.later(28)
    left = [True]

    def only_one() -> None:
        if not left:
            raise InterruptedError
        left.pop()

    run = Sweep(site.collection, Cause(kind="job", id=ids.new()), before_each=only_one)
    with pytest.raises(InterruptedError):
        run.charge(due)
    assert run.report.outcomes == {"settled": 1}


def test_even_a_mistake_of_ours_stops_nobody_else(site: Site) -> None:
    plan_id = site.plan()
    lost = [site.join(site.person(name), plan_id, "pm_card_outcomeLost") for name in "ab"]
    collection = site.collection_through(faulty(site.sandbox, "mistake"))
    run = Sweep(collection, Cause(kind="job", id=ids.new()))
    run.resume(each.order_id for each in lost)
    assert [(each.item, each.code) for each in run.report.broken] == [
        (lost[0].order_id, "ZeroDivisionError")
    ]
    assert run.report.outcomes == {"settled": 1}


def test_the_grace_that_is_over_ends_the_membership(site: Site) -> None:
    member_id, _, stay = site.joined(card=SENDS_LATER_BACK)
    stays = [(member_id, stay.membership_id)]
    outcomes = []
    for days in (28, 5, 5):
        site.later(days)
        run = sweep(site)
        run.charge(stays)
        run.lapse(stays)
        outcomes.append(dict(run.report.outcomes))
    assert outcomes == [
        {"declined": 1, "not_yet": 1},
        {"declined": 1, "not_yet": 1},
        {"declined": 1, "lapsed": 1},
    ]
    assert site.stay(member_id).ending == "lapsed"


def test_lost_answers_are_asked_for_again(site: Site) -> None:
    member_id, plan_id = site.person(), site.plan()
    lost = site.collection_through(faulty(site.sandbox, "before")).join(
        member_id, plan_id, method_token=VISA, by=themself(member_id), cause=cause()
    )
    run = sweep(site)
    run.resume([lost.order_id])
    assert run.report.outcomes == {"settled": 1}
    assert site.opens(member_id, plan_id)


def test_a_page_that_nobody_pays_is_given_up(site: Site) -> None:
    waiting = site.join(site.person(), site.plan(), "pm_card_authenticationRequired")
    run = sweep(site)
    run.resume([waiting.order_id])
    assert run.report.outcomes == {"waiting": 1}
    site.later(1)
    run = sweep(site)
    run.resume([waiting.order_id])
    assert run.report.outcomes == {"declined": 1}
    assert site.topics(waiting.order_id)[-1] == "order.withdrawn"


def test_a_refund_that_comes_back_is_seen(site: Site) -> None:
    joined = site.join(site.person(), site.plan(), "pm_card_refundFail")
    site.collection.refund(joined.order_id, eur(100), "sorry", by=STAFF, cause=cause())
    outcomes: list[str] = []
    for _day in range(2):
        run = sweep(site)
        run.look_again([joined.order_id])
        outcomes += run.report.outcomes
        site.later(1)
    assert outcomes == ["still_made", "came_back"]
    assert site.moved() == eur(1_200)


def test_every_item_has_a_cause_of_its_own_that_names_the_run(site: Site) -> None:
    member_id, _, stay = site.joined()
    site.clock.advance_to(_due(site, member_id) + timedelta(hours=1))
    run = Cause(kind="job", id=UUID(int=9))
    Sweep(site.collection, run).charge([(member_id, stay.membership_id)])
    renewed = site.facts(member_id)[-1]
    assert renewed.cause == Cause(kind="job", id=ids.derived(run.id, stay.membership_id))


def _due(site: Site, member_id: UUID) -> datetime:
    due_at = site.stay(member_id).period_end
    assert due_at is not None
    return due_at
