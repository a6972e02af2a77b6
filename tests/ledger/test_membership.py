"""Joining, ending, and the answer to "may they come in?"."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from ledger import ids
from ledger.dunning import STANDARD
from ledger.errors import (
    AlreadyCancelling,
    AlreadyMember,
    Forbidden,
    MembershipEnded,
    NotCancelling,
    NotFound,
    NotLeavable,
    NotSelfCancellable,
    ReasonMalformed,
)
from ledger.facts import Stamp
from ledger.member import Member, facts
from ledger.terms import Terms
from tests.ledger.stories import (
    FREE,
    GOLD,
    JOINED_FOR_GOOD,
    JOINED_FREE,
    JOINED_IN_INSTALMENTS,
    JOINED_MONTHLY,
    MONTHLY,
    NEXT_STAY,
    NOON,
    ONE_TIME,
    SILVER,
    STAY,
    THREE_PAYMENTS,
    Past,
    anne,
    by_anne,
    by_gateway,
    by_staff,
    day,
    joined,
    names,
    past,
    recorded,
)

CENTURY = timedelta(days=36_525)
REMOVED = past(facts.Removed, day(3), membership_id=STAY, reason="asked by phone")
CANCELLED = past(facts.SelfCancelled, day(3), membership_id=STAY, access_until=day(28))
ANY_KIND = [JOINED_FREE, JOINED_FOR_GOOD, JOINED_IN_INSTALMENTS, JOINED_MONTHLY]


def join(
    member: Member,
    *,
    terms: Terms = FREE,
    membership_id: UUID = NEXT_STAY,
    plan_id: UUID = GOLD,
    period_end: datetime | None = None,
    by: Stamp,
) -> None:
    """Begin a membership at price version 1."""
    member.join(
        membership_id,
        plan_id=plan_id,
        plan_name="Gold",
        terms=terms,
        price_version=1,
        order_id=ids.order(membership_id, 0),
        discount=None,
        began_free=False,
        period_end=period_end,
        policy=STANDARD,
        stamp=by,
    )


def is_open(member: Member, instant: datetime) -> bool:
    """Whether the plan Gold is open to her."""
    return member.access(GOLD, instant).allowed


# --- joining ----------------------------------------------------------------------------


def test_a_membership_gives_access_from_its_first_instant() -> None:  # AX1
    member = anne()
    join(member, by=by_anne(day(1)))
    assert [is_open(member, t) for t in (day(0), day(1), day(9))] == [False, True, True]


def test_access_is_to_the_plan_that_was_joined() -> None:  # AX1
    assert not anne(JOINED_FREE).access(SILVER, NOON).allowed


def test_several_memberships_run_in_different_plans() -> None:  # AC7
    member = anne(JOINED_FREE)
    join(member, plan_id=SILVER, by=by_anne(day(1)))
    assert is_open(member, day(2))
    assert member.access(SILVER, day(2)).allowed


@pytest.mark.parametrize("story", ANY_KIND)
def test_no_two_memberships_run_in_one_plan(story: Past) -> None:  # AC7
    member = anne(story)
    with pytest.raises(AlreadyMember):
        join(member, by=by_anne(day(1)))


def test_a_cancelled_membership_runs_until_its_end() -> None:  # AC7
    with pytest.raises(AlreadyMember):
        join(anne(JOINED_MONTHLY, CANCELLED), by=by_anne(day(27)))


def test_a_join_that_settles_twice_is_one_membership() -> None:  # AC12
    member = anne()
    join(member, by=by_anne(day(1)))
    join(member, by=by_gateway(day(2)))
    assert names(member) == ["member.joined"]
    assert member.memberships[NEXT_STAY].joined_at == day(1)


def test_a_join_announced_again_does_not_revive_what_was_removed() -> None:  # AC12, AX2
    member = anne(JOINED_FREE, REMOVED)
    join(member, membership_id=STAY, by=by_gateway(day(4)))
    assert recorded(member) == []
    assert not is_open(member, day(4))


def test_a_second_join_of_the_same_plan_is_refused_under_another_id() -> None:  # part of AC12
    member = anne()
    join(member, by=by_anne())
    with pytest.raises(AlreadyMember):
        join(member, membership_id=STAY, by=by_anne())


def test_staff_cannot_subscribe_a_member() -> None:  # AC1
    with pytest.raises(Forbidden):
        join(anne(), by=by_staff())


def test_a_member_keeps_the_terms_at_which_they_joined() -> None:  # PL3
    member = anne()
    join(member, terms=MONTHLY, period_end=day(28), by=by_anne())
    membership = member.membership(NEXT_STAY)
    assert (membership.terms, membership.price_version) == (MONTHLY, 1)


def test_a_membership_that_never_was_is_not_found() -> None:
    with pytest.raises(NotFound):
        anne().membership(STAY)


# --- removal ----------------------------------------------------------------------------


@pytest.mark.parametrize("story", ANY_KIND)
def test_removal_ends_access_at_once_and_for_ever(story: Past) -> None:  # AX2, AX5
    member = anne(story)
    member.remove(STAY, "asked by phone", stamp=by_staff(day(3)))
    moments = [day(3) - timedelta(microseconds=1), day(3), day(4), day(30), NOON + CENTURY]
    assert [is_open(member, t) for t in moments] == [True, False, False, False, False]


def test_a_removed_membership_is_not_charged_again() -> None:  # AX2, part of DU5
    membership = anne(JOINED_MONTHLY, REMOVED).membership(STAY)
    assert membership.retry_at is None
    with pytest.raises(MembershipEnded, match="removed"):
        membership.require_charge_due(day(28))


def test_removal_names_a_reason() -> None:
    with pytest.raises(ReasonMalformed):
        anne(JOINED_FREE).remove(STAY, " ", stamp=by_staff())


def test_what_has_ended_is_not_removed_again() -> None:
    with pytest.raises(MembershipEnded):
        anne(JOINED_FREE, REMOVED).remove(STAY, "again", stamp=by_staff(day(4)))


def test_an_ending_is_final_even_for_acts_dated_before_it() -> None:  # AX2
    member = anne(JOINED_MONTHLY, REMOVED)
    with pytest.raises(MembershipEnded):
        member.self_cancel(STAY, stamp=by_anne(day(2)))


def test_a_removed_person_may_rejoin_at_once() -> None:  # AC3, AX6
    member = anne(JOINED_FREE, REMOVED)
    join(member, by=by_anne(day(3)))
    assert is_open(member, day(3))
    assert len(member.memberships) == 2


def test_the_gap_before_a_rejoin_stays_visible() -> None:  # AX6
    member = anne(JOINED_FREE, REMOVED, joined(FREE, at=day(5), membership_id=NEXT_STAY))
    assert [is_open(member, day(n)) for n in range(7)] == [True] * 3 + [False] * 2 + [True] * 2


# --- self-cancellation ------------------------------------------------------------------


def test_self_cancellation_keeps_access_to_the_end_of_the_period() -> None:  # AX3
    member = anne(JOINED_MONTHLY)
    member.self_cancel(STAY, stamp=by_anne(day(3)))
    last = day(28) - timedelta(microseconds=1)
    assert [is_open(member, t) for t in (day(3), last, day(28))] == [True, True, False]


def test_no_later_charge_follows_a_self_cancellation() -> None:  # AX3
    membership = anne(JOINED_MONTHLY, CANCELLED).membership(STAY)
    for instant in (day(5), day(27)):
        with pytest.raises(AlreadyCancelling):
            membership.require_charge_due(instant)
    with pytest.raises(MembershipEnded):
        membership.require_charge_due(day(28))


def test_self_cancellation_in_the_grace_ends_access_now() -> None:  # AX3
    member = anne(JOINED_MONTHLY)
    member.self_cancel(STAY, stamp=by_anne(day(30)))
    assert [is_open(member, t) for t in (day(29), day(30), day(31))] == [True, False, False]


def test_one_cancels_once() -> None:
    with pytest.raises(AlreadyCancelling):
        anne(JOINED_MONTHLY, CANCELLED).self_cancel(STAY, stamp=by_anne(day(4)))


@pytest.mark.parametrize("story", [JOINED_FREE, JOINED_FOR_GOOD, JOINED_IN_INSTALMENTS])
def test_only_a_recurring_membership_is_self_cancelled(story: Past) -> None:  # AX5
    with pytest.raises(NotSelfCancellable):
        anne(story).self_cancel(STAY, stamp=by_anne(day(1)))


def test_a_cancellation_is_withdrawn_before_it_takes_effect() -> None:  # AX4
    member = anne(JOINED_MONTHLY, CANCELLED)
    member.withdraw_cancellation(STAY, policy=STANDARD, stamp=by_anne(day(27)))
    assert is_open(member, day(30))
    member.membership(STAY).require_charge_due(day(28))


def test_a_cancellation_is_not_withdrawn_once_it_took_effect() -> None:  # AX4
    with pytest.raises(MembershipEnded, match="self_cancelled"):
        anne(JOINED_MONTHLY, CANCELLED).withdraw_cancellation(
            STAY, policy=STANDARD, stamp=by_anne(day(28))
        )


def test_only_a_cancellation_is_withdrawn() -> None:  # AX4
    with pytest.raises(NotCancelling):
        anne(JOINED_MONTHLY).withdraw_cancellation(STAY, policy=STANDARD, stamp=by_anne(day(1)))


def test_staff_may_remove_what_is_being_cancelled() -> None:  # AX2
    member = anne(JOINED_MONTHLY, CANCELLED)
    member.remove(STAY, "asked by phone", stamp=by_staff(day(5)))
    assert not is_open(member, day(5))
    assert member.membership(STAY).ending == "removed"


# --- leaving ----------------------------------------------------------------------------


def test_a_free_membership_is_left_at_once() -> None:  # AX5
    member = anne(JOINED_FREE)
    member.leave(STAY, stamp=by_anne(day(2)))
    assert [is_open(member, day(n)) for n in (1, 2)] == [True, False]
    assert member.membership(STAY).ending == "left"


@pytest.mark.parametrize("story", [JOINED_FOR_GOOD, JOINED_IN_INSTALMENTS, JOINED_MONTHLY])
def test_what_costs_money_is_not_left(story: Past) -> None:  # AX5
    with pytest.raises(NotLeavable):
        anne(story).leave(STAY, stamp=by_anne(day(1)))


def test_a_free_membership_is_left_once() -> None:
    member = anne(JOINED_FREE)
    member.leave(STAY, stamp=by_anne(day(2)))
    with pytest.raises(MembershipEnded):
        member.leave(STAY, stamp=by_anne(day(3)))


# --- access without end -----------------------------------------------------------------


@pytest.mark.parametrize("terms", [FREE, ONE_TIME])
def test_what_is_bought_for_good_never_ends(terms: Terms) -> None:  # AX5
    member = anne()
    join(member, terms=terms, by=by_anne())
    assert is_open(member, NOON + CENTURY)


def test_instalments_give_access_from_the_first_payment() -> None:  # AX5
    member = anne()
    join(member, terms=THREE_PAYMENTS, period_end=day(28), by=by_anne())
    assert [is_open(member, day(n)) for n in (0, 27, 37, 38)] == [True, True, True, False]


# --- explained --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "instant", "rule"),
    [
        ([], day(1), "never_joined"),
        ([JOINED_FREE], day(-1), "not_yet_joined"),
        ([JOINED_FREE], day(1), "free"),
        ([JOINED_FOR_GOOD], day(1), "bought_for_good"),
        ([JOINED_MONTHLY], day(1), "within_paid_period"),
        ([JOINED_MONTHLY], day(29), "within_grace"),
        ([JOINED_MONTHLY], day(39), "unpaid"),
        ([JOINED_MONTHLY, CANCELLED], day(27), "paid_until_cancellation_takes_effect"),
        ([JOINED_MONTHLY, CANCELLED], day(28), "ended_self_cancelled"),
        ([JOINED_MONTHLY, REMOVED], day(4), "ended_removed"),
        ([JOINED_FREE, past(facts.Left, day(2), membership_id=STAY)], day(2), "ended_left"),
    ],
)
def test_an_answer_names_its_rule(story: list[Past], instant: datetime, rule: str) -> None:  # AX7
    assert anne(*story).access(GOLD, instant).rule == rule


def test_an_answer_names_the_facts_that_decide_it() -> None:  # AX7
    member = anne(JOINED_MONTHLY, CANCELLED)
    answer = member.access(GOLD, day(4))
    assert answer.fact_ids == (f"{member.id}/2", f"{member.id}/3")
    assert (answer.until, answer.membership_id) == (day(28), STAY)


def test_a_gap_is_explained_by_the_membership_before_it() -> None:  # AX7
    member = anne(JOINED_FREE, REMOVED, joined(FREE, at=day(5), membership_id=NEXT_STAY))
    answer = member.access(GOLD, day(4))
    assert (answer.rule, answer.membership_id) == ("ended_removed", STAY)


def test_a_no_has_no_end() -> None:  # AX7
    assert anne(JOINED_FREE, REMOVED).access(GOLD, day(4)).until is None
