"""What the worker does by itself, item by item."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from ledger import ids
from ledger.billing.sweep import Sweep
from ledger.facts import Cause
from ledger.payments.gateway import OutcomeUnknown, Rejected
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


def test_a_run_is_over_once_the_company_is_silent(site: Site) -> None:
    plan_id = site.plan()
    lost = [site.join(site.person(name), plan_id, "pm_card_outcomeLost").order_id for name in "abc"]
    silent = faulty(site.sandbox, "before")
    run = Sweep(site.collection_through(silent), Cause(kind="job", id=ids.new()))
    run.resume(lost)
    assert silent.calls == ["start_onsession"]  # type: ignore[attr-defined]
    assert (run.report.outcomes, run.report.silent_about) == ({"unknown": 1}, lost[0])
    run = sweep(site)
    run.resume(lost)
    assert (run.report.outcomes, run.report.silent_about) == ({"settled": 3}, None)


def test_charges_and_refunds_are_over_as_well_once_the_company_is_silent(site: Site) -> None:
    stays = [(person, stay.membership_id) for person, _, stay in (site.joined(), site.joined())]
    first = [ids.order(membership_id, 0) for _, membership_id in stays]
    for order_id in first:
        away = site.collection_through(faulty(site.sandbox, "before"))
        away.refund(order_id, eur(100), "sorry", by=STAFF, cause=cause())
    site.later(28)
    silent = faulty(site.sandbox, "before", "before")
    charging, refunding = (
        Sweep(site.collection_through(silent), Cause(kind="job", id=ids.new())) for _ in range(2)
    )
    charging.charge(stays)
    refunding.resume(first)
    assert charging.report.silent_about == stays[0][1]
    assert refunding.report.silent_about == first[0]
    assert silent.calls == ["charge_offsession", "refund"]  # type: ignore[attr-defined]
    run = sweep(site)
    run.resume(first)
    assert site.moved() == eur(2_200)


def test_refunds_are_not_looked_at_one_by_one_while_the_company_is_silent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_id, asked = site.plan(), list[object]()
    made = [site.join(site.person(name), plan_id).order_id for name in "ab"]
    for order_id in made:
        site.collection.refund(order_id, eur(100), "sorry", by=STAFF, cause=cause())

    def silent(**which: object) -> None:
        asked.append(which)
        raise OutcomeUnknown(key="refund")

    monkeypatch.setattr(site.sandbox, "get_refund", silent)
    run = sweep(site)
    run.look_again(made)
    assert len(asked) == 1
    assert run.report.silent_about == made[0]


def test_a_company_that_refuses_to_tell_of_one_is_asked_about_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_id = site.plan()
    lost = [site.join(site.person(name), plan_id, "pm_card_outcomeLost").order_id for name in "ab"]
    site.later(hours=1)

    def refused(**_: object) -> None:
        raise Rejected(why="no such customer")

    monkeypatch.setattr(site.sandbox, "ensure_customer", refused)
    run = sweep(site)
    run.resume(lost)
    assert (run.report.outcomes, run.report.silent_about) == ({"unknown": 2}, None)


def test_a_database_that_is_away_is_no_fault_of_the_item(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr(site.collection, "resume", away)
    run = sweep(site)
    with pytest.raises(psycopg.OperationalError):
        run.resume([ids.new(), ids.new()])
    assert run.report.is_well


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
