"""Renewals, failures and lapses, as far as a membership decides them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from ledger import ids
from ledger.dunning import GENTLE, STANDARD, STRICT, DunningPolicy
from ledger.errors import AlreadyCancelling, MembershipEnded, NotDue, NotFound
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
    STAY,
    Past,
    anne,
    by_anne,
    by_gateway,
    by_scheduler,
    by_staff,
    day,
    eur,
    joined,
    names,
    past,
    recorded,
)

DUE, NEXT_DUE = day(28), day(59)
SECOND_ORDER = ids.order(STAY, 1)
MOMENT = timedelta(microseconds=1)
DEARER = Terms(model="recurring", amount=eur(1_500), unit="month", every=1)
CANCELLED = past(facts.SelfCancelled, day(3), membership_id=STAY, access_until=day(28))
FAILED = past(
    facts.PastDue,
    day(28),
    membership_id=STAY,
    order_id=ids.order(STAY, 1),
    due_at=day(28),
    failures=1,
    retry_at=day(33),
    grace_until=day(38),
)
GIVEN_UP = past(facts.PastDue, day(38), **{**FAILED.fields, "failures": 3, "retry_at": None})
CARD_EXPIRED = past(
    facts.ActionRequired,
    day(28),
    membership_id=STAY,
    order_id=ids.order(STAY, 1),
    due_at=day(28),
    why="expired_card",
    grace_until=day(38),
)
PAID_AGAIN = past(
    facts.Renewed,
    day(28),
    membership_id=STAY,
    order_id=ids.order(STAY, 1),
    charge_index=1,
    period_start=day(28),
    period_end=day(59),
    access_until=day(69),
)


def renew(member: Member, at: datetime, *, index: int = 1, end: datetime | None = NEXT_DUE) -> None:
    """The money for a later period came in."""
    member.renew(
        STAY,
        order_id=ids.order(STAY, index),
        charge_index=index,
        period_start=day(28),
        period_end=end,
        policy=STANDARD,
        stamp=by_gateway(at),
    )


def fail(
    member: Member,
    at: datetime,
    *,
    policy: DunningPolicy = STANDARD,
    due_at: datetime = DUE,
    order_id: UUID = SECOND_ORDER,
) -> None:
    """A later charge failed."""
    member.fall_past_due(
        STAY, order_id=order_id, due_at=due_at, policy=policy, stamp=by_gateway(at)
    )


def is_open(member: Member, instant: datetime) -> bool:
    """Whether the plan Gold is open to her."""
    return member.access(GOLD, instant).allowed


# --- due --------------------------------------------------------------------------------


def test_a_period_is_charged_when_it_is_over() -> None:
    membership = anne(JOINED_MONTHLY).membership(STAY)
    with pytest.raises(NotDue):
        membership.require_charge_due(day(28) - MOMENT)
    membership.require_charge_due(day(28))


@pytest.mark.parametrize("story", [JOINED_FREE, JOINED_FOR_GOOD])
def test_what_does_not_repeat_is_never_due(story: Past) -> None:
    with pytest.raises(NotDue):
        anne(story).membership(STAY).require_charge_due(day(40_000))


def test_a_charge_that_is_merely_late_ends_nothing() -> None:  # AX8
    member = anne(JOINED_MONTHLY)
    assert [is_open(member, day(n)) for n in (28, 37, 38, 90)] == [True, True, False, False]
    assert member.membership(STAY).is_running(day(90))


# --- renewed ----------------------------------------------------------------------------


def test_a_renewal_is_paid_to_the_end_of_its_period() -> None:
    member = anne(JOINED_MONTHLY)
    renew(member, day(28))
    assert [is_open(member, day(n)) for n in (28, 58, 68, 69)] == [True, True, True, False]
    assert member.access(GOLD, day(40)).fact_ids == (f"{member.id}/2", f"{member.id}/3")


def test_a_renewal_told_twice_is_no_news() -> None:
    member = anne(JOINED_MONTHLY, PAID_AGAIN)
    renew(member, day(30))
    renew(member, day(30), index=0)
    assert recorded(member) == []


def test_a_renewal_ends_the_dunning() -> None:  # part of DU1
    member = anne(JOINED_MONTHLY, FAILED)
    renew(member, day(33))
    membership = member.membership(STAY)
    assert (membership.billing, membership.failures, membership.retry_at) == ("current", 0, None)
    assert not membership.is_unpaid


def test_a_late_renewal_does_not_fill_the_gap_before_it() -> None:  # AX8
    member = anne(JOINED_MONTHLY)
    answers = [is_open(member, day(n)) for n in range(45)]
    renew(member, day(45))
    assert [is_open(member, day(n)) for n in range(45)] == answers
    assert is_open(member, day(45))


@pytest.mark.parametrize("at", [day(20), day(28), day(35)])
def test_money_after_a_removal_revives_nothing(at: datetime) -> None:  # AX2
    member = anne(JOINED_MONTHLY, past(facts.Removed, day(3), membership_id=STAY, reason="asked"))
    with pytest.raises(MembershipEnded):
        renew(member, at)
    assert not is_open(member, at)


def test_money_after_a_self_cancellation_renews_nothing() -> None:  # AX3
    member = anne(JOINED_MONTHLY, CANCELLED)
    with pytest.raises(AlreadyCancelling):
        renew(member, day(27))
    assert not is_open(member, day(28))


def test_money_after_a_lapse_revives_nothing() -> None:  # part of DU7
    member = anne(JOINED_MONTHLY, FAILED, GIVEN_UP)
    with pytest.raises(MembershipEnded, match="lapsed"):
        renew(member, day(39))


def test_money_dated_before_a_rejoin_does_not_make_two_memberships() -> None:  # AC7
    next_stay = joined(FREE, at=day(40), membership_id=NEXT_STAY)
    member = anne(JOINED_MONTHLY, FAILED, GIVEN_UP, next_stay)
    with pytest.raises(MembershipEnded):
        renew(member, day(37))


# --- instalments ------------------------------------------------------------------------


def test_all_instalments_paid_give_access_without_end() -> None:  # AX5
    member = anne(JOINED_IN_INSTALMENTS)
    renew(member, day(28))
    renew(member, day(59), index=2, end=None)
    assert names(member) == ["member.renewed", "member.renewed", "member.instalments_completed"]
    answer = member.access(GOLD, day(40_000))
    assert (answer.allowed, answer.rule) == (True, "instalments_completed")


def test_an_instalment_past_due_keeps_access_within_the_grace() -> None:  # AX5
    member = anne(JOINED_IN_INSTALMENTS)
    fail(member, day(28))
    assert [is_open(member, day(n)) for n in (28, 37, 38)] == [True, True, False]


def test_a_late_failure_takes_nothing_from_who_paid_everything() -> None:  # AX5
    member = anne(JOINED_IN_INSTALMENTS)
    renew(member, day(28))
    renew(member, day(59), index=2, end=None)
    fail(member, day(60), due_at=day(59))
    assert is_open(member, day(40_000))


# --- failed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "retries", "open_until"),
    [
        (STANDARD, [33, 38, None], 38),
        (GENTLE, [30, 35, 42, 49, None], 49),
        (STRICT, [None], 28),
    ],
)
def test_each_failure_says_when_it_is_tried_again(  # part of DU1
    policy: DunningPolicy, retries: list[int | None], open_until: int
) -> None:
    member = anne(joined(MONTHLY, period_end=day(28), access_until=policy.grace_until(day(28))))
    membership, at = member.membership(STAY), day(28)
    for retry in retries:
        fail(member, at, policy=policy)
        assert membership.retry_at == (None if retry is None else day(retry))
        assert membership.is_running(at + MOMENT) == (retry is not None)
        at = membership.retry_at or at
    assert [is_open(member, t) for t in (day(open_until) - MOMENT, day(open_until))] == [
        True,
        False,
    ]


def test_the_last_retry_comes_when_the_grace_ends_and_still_counts() -> None:  # part of DU1
    second = past(facts.PastDue, day(33), **{**FAILED.fields, "failures": 2, "retry_at": day(38)})
    member = anne(JOINED_MONTHLY, FAILED, second)
    member.membership(STAY).require_charge_due(day(38, hours=1))
    renew(member, day(38, hours=1))
    assert is_open(member, day(39))


def test_the_failures_of_another_order_are_counted_anew() -> None:
    member = anne(JOINED_MONTHLY, FAILED)
    fail(member, day(60), order_id=ids.order(STAY, 2), due_at=day(59))
    assert member.membership(STAY).failures == 1


def test_a_failure_told_after_the_payment_is_no_news() -> None:
    member = anne(JOINED_MONTHLY, PAID_AGAIN)
    fail(member, day(29))
    act_now(member, day(29))
    assert recorded(member) == []


def test_a_failure_after_a_self_cancellation_asks_for_nothing() -> None:  # AX3, part of DU5
    member = anne(JOINED_MONTHLY, CANCELLED)
    fail(member, day(27))
    act_now(member, day(27))
    assert recorded(member) == []
    assert not is_open(member, day(28))


def test_a_failure_after_a_removal_is_refused() -> None:
    member = anne(JOINED_MONTHLY, past(facts.Removed, day(3), membership_id=STAY, reason="asked"))
    for act in (fail, act_now):
        with pytest.raises(MembershipEnded):
            act(member, day(28))


def act_now(member: Member, at: datetime) -> None:
    """A charge failed because the card has expired."""
    member.require_action(
        STAY,
        order_id=ids.order(STAY, 1),
        due_at=day(28),
        why="expired_card",
        policy=STANDARD,
        stamp=by_gateway(at),
    )


def test_only_the_member_can_mend_an_expired_card() -> None:  # part of DU3
    member = anne(JOINED_MONTHLY, FAILED)
    act_now(member, day(33))
    membership = member.membership(STAY)
    assert (membership.billing, membership.retry_at) == ("action_required", None)
    assert [is_open(member, day(n)) for n in (37, 38)] == [True, False]
    assert member.access(GOLD, day(34)).fact_ids == (f"{member.id}/2", f"{member.id}/4")


def test_cancelling_while_past_due_stops_the_retries() -> None:  # part of DU5
    member = anne(JOINED_MONTHLY, FAILED)
    member.self_cancel(STAY, stamp=by_anne(day(30)))
    assert member.membership(STAY).retry_at is None
    assert not is_open(member, day(30))
    assert member.membership(STAY).ending_at(day(40)) == "self_cancelled"


# --- lapsed -----------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [GIVEN_UP, CARD_EXPIRED])
def test_what_nobody_pays_lapses_when_the_grace_ends(failure: Past) -> None:  # AX8
    member = anne(JOINED_MONTHLY, failure)
    answers = [is_open(member, day(n)) for n in range(60)]
    assert member.membership(STAY).ending_at(day(38)) == "lapsed"
    member.lapse(STAY, stamp=by_scheduler(day(38)))
    assert names(member) == ["member.lapsed"]
    assert [is_open(member, day(n)) for n in range(60)] == answers


@pytest.mark.parametrize(
    "story",
    [
        [],
        [FAILED],
        [CARD_EXPIRED],
        [GIVEN_UP, past(facts.Lapsed, day(38), membership_id=STAY, order_id=STAY)],
        [past(facts.Removed, day(3), membership_id=STAY, reason="asked")],
        [past(facts.SelfCancelled, day(30), membership_id=STAY, access_until=day(30))],
    ],
)
def test_what_is_not_given_up_does_not_lapse(story: list[Past]) -> None:
    member = anne(JOINED_MONTHLY, *story)
    member.lapse(STAY, stamp=by_scheduler(day(37)))
    assert recorded(member) == []


def test_after_a_lapse_the_person_rejoins() -> None:  # AC3
    member = anne(JOINED_MONTHLY, FAILED, GIVEN_UP)
    member.require_may_join(GOLD, "Gold", needs_method=False, instant=day(38))
    assert member.running_in(GOLD, day(38)) is None


# --- price ------------------------------------------------------------------------------


def test_a_price_moves_when_a_renewal_is_due() -> None:  # PL4
    member = anne(JOINED_MONTHLY)
    member.move_price(STAY, price_version=2, terms=DEARER, stamp=by_scheduler(day(28)))
    membership = member.membership(STAY)
    assert (membership.terms, membership.price_version, membership.moved_from) == (DEARER, 2, [1])


def test_a_price_never_moves_within_a_period() -> None:  # PL4
    with pytest.raises(NotDue):
        anne(JOINED_MONTHLY).move_price(
            STAY, price_version=2, terms=DEARER, stamp=by_scheduler(day(27))
        )


def test_the_same_price_is_no_move() -> None:
    member = anne(JOINED_MONTHLY)
    member.move_price(STAY, price_version=1, terms=MONTHLY, stamp=by_scheduler(day(28)))
    assert recorded(member) == []


def test_acts_on_a_membership_that_never_was_are_refused() -> None:
    member = anne()
    with pytest.raises(NotFound):
        renew(member, day(28))
    with pytest.raises(NotFound):
        member.remove(STAY, "asked", stamp=by_staff())


def test_a_stricter_policy_takes_back_no_access_that_was_given() -> None:  # AX8
    member = anne(joined(MONTHLY, period_end=day(28), access_until=GENTLE.grace_until(day(28))))
    fail(member, day(33), policy=STRICT)
    assert [is_open(member, day(n)) for n in (28, 32, 33)] == [True, True, False]
    assert member.membership(STAY).access_until == day(33)
