"""What holds for every use case: facts stay, say who and why, and a command happens once."""

from __future__ import annotations

import psycopg
import pytest

from ledger import ids
from ledger.application import Ledger
from ledger.errors import CurrencyMismatch, NotFound
from ledger.facts import Actor
from ledger.member import Member
from ledger.money import Money
from ledger.plan import Plan
from tests.application.sites import (
    MONTHLY,
    NOON,
    STAFF,
    VISA,
    Site,
    cause,
    themself,
)

CHANGES = [
    "update ledger.facts set topic = 'member.noted'",
    "update ledger.facts set state = '{}' where position = 1",
    "delete from ledger.facts",
    "delete from ledger.facts where position = 1",
    "truncate ledger.facts",
]


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_recorded_is_changed_or_removed(site: Site, change: str) -> None:  # AU1
    member_id, _, _ = site.joined()
    before = site.facts(member_id)
    with site.pool.connection() as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(change)
    assert site.facts(member_id) == before


def test_a_correction_is_a_new_fact(site: Site) -> None:  # AU1
    member_id = site.person("ada")
    site.ledger.rename(member_id, "Ada L", by=themself(member_id), cause=cause())
    assert site.topics(member_id) == ["member.account_opened", "member.renamed"]
    assert site.facts(member_id)[0].name == "ada"


def test_every_fact_says_who_why_and_when(site: Site) -> None:  # AU2
    member_id, plan_id, one = site.person(), site.plan(), cause()
    site.later(1)
    joined = site.join(member_id, plan_id, because=one)
    now = site.clock.now()
    facts = [*site.facts(member_id)[1:], *site.facts(joined.order_id)]
    assert {(fact.cause, fact.occurred_at, fact.recorded_at) for fact in facts} == {(one, now, now)}
    assert {(fact.TOPIC, fact.actor.kind) for fact in facts} == {
        ("order.placed", "member"),
        ("order.attempt_started", "member"),
        ("order.paid", "gateway"),
        ("member.joined", "gateway"),
        ("member.method_saved", "gateway"),
    }
    assert {fact.member_id for fact in facts} == {member_id}


def test_what_was_learned_late_says_both_times(site: Site) -> None:  # AU2
    member_id, _, stay = site.joined(MONTHLY, "pm_card_chargeCustomerFail")
    site.later(28)
    for days in (0, 5, 5):
        site.later(days)
        site.charge(member_id, stay.membership_id)
    site.later(20)
    site.ledger.lapse(member_id, stay.membership_id, by=Actor(kind="scheduler"), cause=cause())
    lapsed = site.facts(member_id)[-1]
    assert lapsed.TOPIC == "member.lapsed"
    assert (lapsed.occurred_at - NOON).days == 38
    assert (lapsed.recorded_at - NOON).days == 58


def test_a_command_that_is_sent_again_answers_as_the_first_time(site: Site) -> None:
    member_id, one = site.person(), cause()
    first = site.ledger.tag(member_id, "vip", by=STAFF, cause=one)
    site.ledger.untag(member_id, "vip", by=STAFF, cause=cause())
    assert site.ledger.tag(member_id, "vip", by=STAFF, cause=one) == first
    assert site.ledger.member(member_id).tags == set()


def test_a_command_whose_effect_is_there_answers_as_the_first_time(site: Site) -> None:
    member_id, one = site.person(), cause()
    answers = {site.ledger.tag(member_id, "vip", by=STAFF, cause=one) for _ in range(3)}
    assert answers == {site.ledger.position_of(member_id)}


def test_a_command_answers_as_the_first_time_though_its_effect_forbids_it_now(site: Site) -> None:
    member_id, _, stay = site.joined()
    one, by = cause(), themself(member_id)
    answers = {
        site.ledger.self_cancel(member_id, stay.membership_id, by=by, cause=one) for _ in range(3)
    }
    assert len(answers) == 1


def test_what_follows_from_a_command_and_is_refused_is_not_taken_for_done(site: Site) -> None:
    member_id, plan_id, one = site.person(), site.plan(), cause()
    membership_id = ids.new()
    order_id = ids.order(membership_id, 0)

    def joins(currency: str) -> int:
        site.ledger.begin_join(
            member_id,
            plan_id,
            membership_id=membership_id,
            method_token=VISA,
            by=themself(member_id),
            cause=one,
        )
        return site.ledger.settle_join(
            order_id,
            ids.attempt(order_id, 1),
            reference="pi_1",
            amount=Money(1_200, currency),
            method=None,
            by=Actor(kind="gateway"),
            cause=one,
        )

    for _again in range(2):
        with pytest.raises(CurrencyMismatch):
            joins("USD")
    assert not site.ledger.member(member_id).memberships
    assert joins("EUR") == site.ledger.position_of(member_id)


def test_an_answer_is_where_the_whole_save_ends(site: Site) -> None:
    member_id, plan_id, other_id = site.person(), site.plan(), site.plan(MONTHLY, "Silver")
    for plan in (plan_id, other_id):
        site.join(member_id, plan)
    one, stays = cause(), list(site.ledger.member(member_id).memberships)
    answers = {
        site.ledger.remove_memberships(member_id, stays, "rude", by=STAFF, cause=one)
        for _ in range(2)
    }
    assert answers == {site.ledger.position_of(member_id)}


def test_a_join_answers_with_where_its_membership_stands(site: Site) -> None:
    member_id, plan_id, one = site.person(), site.plan(), cause()
    answers = {site.join(member_id, plan_id, because=one).position for _ in range(2)}
    assert answers == {site.ledger.position_of(member_id)}


def test_what_has_no_effect_records_nothing(site: Site) -> None:
    member_id = site.person()
    site.ledger.tag(member_id, "vip", by=STAFF, cause=cause())
    before = site.ledger.position_of(member_id)
    assert site.ledger.tag(member_id, "vip", by=STAFF, cause=cause()) == 0
    assert site.ledger.position_of(member_id) == before


def test_an_unknown_id_or_one_of_another_kind_is_not_found(site: Site) -> None:
    plan_id = site.plan()
    for kind, stream_id in ((Member, ids.new()), (Member, plan_id), (Plan, ids.new())):
        with pytest.raises(NotFound, match=str(stream_id)):
            site.ledger.load(kind, stream_id)


def test_what_is_at_hand_is_brought_up_to_date(site: Site) -> None:
    plan_id, other = site.plan(), site.ledger_of(Ledger)
    for ledger in (site.ledger, other):
        assert ledger.plan(plan_id).state == "open"
    other.close_plan(plan_id, by=STAFF, cause=cause())
    assert site.ledger.plan(plan_id).state == "closed"


def test_what_is_at_hand_keeps_nothing_that_was_not_saved(site: Site) -> None:
    member_id, plan_id, code_id = site.person(), site.plan(), site.code(total_uses=1)
    decided = site.ledger.discount(code_id)
    decided.redeem(
        order_id=ids.new(),
        member_id=member_id,
        plan_id=plan_id,
        plan_name="Gold",
        currency="EUR",
        stamp=site.ledger.stamp(themself(member_id), cause()),
    )
    decided.redemptions[ids.new()] = member_id
    again = site.ledger.discount(code_id)
    assert (again.version, again.redemptions, again.pending_events) == (1, {}, [])
    assert site.join(member_id, plan_id, code="SPRING").outcome == "settled"
