"""Joining: what it costs, what it needs, and whom it lets in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.errors import (
    AlreadyMember,
    EarlyAccessPasswordNeeded,
    LedgerError,
    OnlyThePerson,
    PaymentMethodNeeded,
    PlanNotOpen,
    PlanOutsideWindow,
    PlanRetired,
    TooManyPlans,
)
from ledger.facts import Actor
from ledger.money import Money
from ledger.terms import Terms
from tests.application.sites import (
    FREE,
    MONTHLY,
    NOON,
    ONE_TIME,
    SCHEDULER,
    STAFF,
    THREE_PAYMENTS,
    VISA,
    Site,
    cause,
    eur,
    themself,
)

WAIVED = MONTHLY.model_copy(update={"free_start_without_method": True})
NOT_THE_PERSON = [
    STAFF,
    Actor(kind="machine"),
    Actor(kind="program", id=ids.new()),
    Actor(kind="member", id=ids.new()),
    Actor(kind="member"),
    SCHEDULER,
    Actor(kind="gateway"),
]


def free_for_a_week(site: Site, plan_id: UUID) -> None:
    site.ledger.set_early_access(
        plan_id,
        password_until=None,
        free_until=NOON + timedelta(days=7),
        by=STAFF,
        cause=cause(),
    )


# --- what it needs ----------------------------------------------------------------------


@pytest.mark.parametrize("terms", [MONTHLY, THREE_PAYMENTS])
def test_a_plan_that_charges_again_keeps_the_method_it_was_paid_with(  # PL1
    site: Site, terms: Terms
) -> None:
    member_id, _, _ = site.joined(terms)
    method = site.ledger.member(member_id).method
    assert method is not None
    assert method.last_four == "4242"


def test_a_plan_that_charges_once_keeps_no_method(site: Site) -> None:  # PL1
    member_id, _, _ = site.joined(ONE_TIME)
    assert site.ledger.member(member_id).method is None


@pytest.mark.parametrize("terms", [MONTHLY, ONE_TIME, THREE_PAYMENTS])
def test_a_plan_that_takes_money_is_not_joined_without_a_method(  # PL1
    site: Site, terms: Terms
) -> None:
    member_id, plan_id = site.person(), site.plan(terms)
    with pytest.raises(PaymentMethodNeeded):
        site.join(member_id, plan_id, None)
    assert site.topics(member_id) == ["member.account_opened"]


def test_a_saved_method_pays_where_no_other_is_given(site: Site) -> None:  # part of PL1
    member_id, _, _ = site.joined()
    assert site.join(member_id, site.plan(ONE_TIME, "Silver"), None).outcome == "settled"
    assert site.moved() == eur(1_200 + 9_900)


def test_a_free_start_saves_a_method_without_a_charge(site: Site) -> None:  # PL1
    member_id, plan_id = site.person(), site.plan()
    free_for_a_week(site, plan_id)
    with pytest.raises(PaymentMethodNeeded):
        site.join(member_id, plan_id, None)
    joined = site.join(member_id, plan_id)
    assert joined.outcome == "nothing_to_collect"
    assert site.ledger.member(member_id).method is not None
    assert site.moved() == eur(0)


def test_a_free_start_by_a_code_saves_a_method_too(site: Site) -> None:  # PL1
    member_id, plan_id = site.person(), site.plan()
    site.code("GIFT", percent=100)
    assert site.join(member_id, plan_id, code="gift").outcome == "nothing_to_collect"
    assert site.ledger.member(member_id).method is not None


def test_a_free_start_with_a_card_that_is_declined_joins_nothing(site: Site) -> None:  # part of PL1
    member_id, plan_id = site.person(), site.plan()
    site.code("GIFT", percent=100, total_uses=1)
    tried = site.join(member_id, plan_id, "pm_card_chargeDeclined", "GIFT")
    assert (tried.outcome, tried.decline_code) == ("setup_failed", "generic_decline")
    assert site.topics(member_id) == ["member.account_opened"]
    assert site.join(member_id, plan_id, VISA, "GIFT").outcome == "nothing_to_collect"


def test_a_free_start_waits_for_the_persons_bank(site: Site) -> None:  # part of PL1
    member_id, plan_id, one = site.person(), site.plan(), cause()
    free_for_a_week(site, plan_id)
    card = "pm_card_authenticationRequiredOnSetup"
    waiting = site.join(member_id, plan_id, card, because=one)
    assert waiting.outcome == "waiting"
    site.sandbox.authenticate(action=str(waiting.action), approved=True)
    assert site.join(member_id, plan_id, card, because=one).outcome == "nothing_to_collect"


def test_where_the_plan_waives_it_the_first_renewal_asks_for_action(site: Site) -> None:  # PL1
    member_id, plan_id = site.person(), site.plan(WAIVED)
    free_for_a_week(site, plan_id)
    site.join(member_id, plan_id, None)
    site.later(28)
    stay = site.stay(member_id)
    assert site.charge(member_id, stay.membership_id).outcome == "waiting"
    assert site.stay(member_id).billing == "action_required"
    assert site.topics(stay.unpaid_order_id or ids.order(stay.membership_id, 1)) == ["order.placed"]


def test_a_free_plan_needs_none_and_calls_no_gateway(site: Site) -> None:  # PL1, OR5
    member_id, plan_id = site.person(), site.plan(FREE)
    joined = site.collection_through(None).join(  # type: ignore[arg-type]
        member_id, plan_id, method_token=None, by=themself(member_id), cause=cause()
    )
    assert joined.outcome == "nothing_to_collect"
    assert site.topics(joined.order_id) == ["order.placed"]


# --- prices -----------------------------------------------------------------------------


def test_an_order_is_in_the_one_currency_of_its_plan(site: Site) -> None:  # PL2
    yen = Terms(model="one_time", amount=Money(500, "JPY"))
    member_id, plan_id = site.person(), site.plan(yen)
    order = site.ledger.order(site.join(member_id, plan_id).order_id)
    assert order.paid == Money(500, "JPY")
    with pytest.raises(LedgerError, match="never added"):
        site.collection.refund(order.id, eur(500), "moved", by=STAFF, cause=cause())


def test_members_keep_the_price_at_which_they_joined(site: Site) -> None:  # PL3
    early_id, plan_id, early = site.joined()
    dearer = MONTHLY.model_copy(update={"amount": eur(1_500)})
    site.ledger.set_price(plan_id, dearer, by=STAFF, cause=cause())
    late_id = site.person("late")
    site.join(late_id, plan_id)
    site.later(28)
    charged = site.charge(early_id, early.membership_id)
    assert site.ledger.order(charged.order_id).paid == eur(1_200)
    assert site.stay(late_id).terms.amount == eur(1_500)


def test_existing_members_move_at_their_first_renewal_after_the_date(site: Site) -> None:  # PL4
    member_id, plan_id, stay = site.joined()  # renews on the 28th of February, 31st of March
    site.tell_price(member_id, site.dearer(plan_id, NOON + timedelta(days=30)))
    paid = []
    for days in (28, 31):
        site.later(days)
        charged = site.charge(member_id, stay.membership_id)
        paid.append(site.ledger.order(charged.order_id).paid)
    assert paid == [eur(1_200), eur(1_500)]
    assert site.topics(member_id)[-2:] == ["member.price_moved", "member.renewed"]


# --- doors ------------------------------------------------------------------------------


def test_sign_up_is_refused_outside_the_window_and_members_stay(site: Site) -> None:  # PL5
    member_id, plan_id, _ = site.joined(FREE)
    opens_at, closes_at = NOON + timedelta(days=1), NOON + timedelta(days=2)
    site.ledger.open_plan(plan_id, opens_at=opens_at, closes_at=closes_at, by=STAFF, cause=cause())
    late = site.person("late")
    for hours in (23, 25):  # an hour before, and from the closing on
        site.later(hours=hours)
        with pytest.raises(PlanOutsideWindow):
            site.join(late, plan_id, None)
    assert site.opens(member_id, plan_id)


def test_a_closed_plan_takes_nobody_and_keeps_its_members(site: Site) -> None:  # PL5
    member_id, plan_id, _ = site.joined(FREE)
    site.ledger.close_plan(plan_id, by=STAFF, cause=cause())
    with pytest.raises(PlanNotOpen):
        site.join(site.person("late"), plan_id, None)
    assert site.opens(member_id, plan_id)


def test_early_access_asks_for_a_password_until_a_date(site: Site) -> None:  # PL6
    member_id, plan_id = site.person(), site.plan(FREE)
    until = NOON + timedelta(days=7)
    site.ledger.set_early_access(
        plan_id, password_until=until, free_until=None, by=STAFF, cause=cause()
    )
    with pytest.raises(EarlyAccessPasswordNeeded):
        site.join(member_id, plan_id, None)
    site.join(member_id, plan_id, None, password_matches=True)
    site.later(7)
    late = site.join(site.person("late"), plan_id, None)
    assert late.outcome == "nothing_to_collect"


def test_a_free_start_renews_at_the_plans_price(site: Site) -> None:  # PL6
    member_id, plan_id = site.person(), site.plan()
    free_for_a_week(site, plan_id)
    site.join(member_id, plan_id)
    stay = site.stay(member_id)
    assert stay.began_free
    site.later(28)
    assert site.charge(member_id, stay.membership_id).outcome == "settled"
    assert site.moved() == eur(1_200)


def test_retiring_a_plan_ends_nothing_and_lets_nobody_in(site: Site) -> None:  # PL7
    member_id, plan_id, stay = site.joined()
    site.ledger.retire_plan(plan_id, by=STAFF, cause=cause())
    with pytest.raises(PlanRetired):
        site.join(site.person("late"), plan_id)
    site.later(28)
    assert site.charge(member_id, stay.membership_id).outcome == "settled"
    assert site.opens(member_id, plan_id)


def test_the_501st_plan_is_refused(site: Site) -> None:  # PL8
    assert site.ledger.rules.most_plans == 500
    with site.ledger.batch():
        for _number in range(500):
            last = ids.new()
            site.ledger.draft_plan(last, name="P", description="", by=STAFF, cause=cause())
    with pytest.raises(TooManyPlans, match="500"):
        site.ledger.draft_plan(ids.new(), name="P", description="", by=STAFF, cause=cause())
    site.ledger.retire_plan(last, by=STAFF, cause=cause())
    assert site.ledger.draft_plan(ids.new(), name="P", description="", by=STAFF, cause=cause())


# --- who --------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", NOT_THE_PERSON)
def test_nobody_else_signs_up_or_joins_for_a_person(site: Site, actor: Actor) -> None:  # AC1
    member_id, plan_id = site.person(), site.plan(FREE)
    with pytest.raises(OnlyThePerson):
        site.ledger.open_account(
            ids.new(), email="b@example.org", name="B", locale="fr", by=actor, cause=cause()
        )
    with pytest.raises(OnlyThePerson):
        site.collection.join(member_id, plan_id, method_token=None, by=actor, cause=cause())
    assert site.topics(member_id) == ["member.account_opened"]


@pytest.mark.parametrize("actor", NOT_THE_PERSON)
def test_nobody_else_decides_for_a_member(site: Site, actor: Actor) -> None:  # AC1
    member_id, _, stay = site.joined()
    ledger, who = site.ledger, member_id
    why: dict[str, Any] = {"by": actor, "cause": cause()}
    before = site.topics(member_id)
    acts: list[Callable[[], object]] = [
        lambda: ledger.self_cancel(who, stay.membership_id, **why),
        lambda: ledger.withdraw_cancellation(who, stay.membership_id, **why),
        lambda: ledger.leave(who, stay.membership_id, **why),
        lambda: ledger.rename(who, "Other", **why),
        lambda: ledger.change_email(who, "other@example.org", **why),
        lambda: ledger.verify_email(who, **why),
        lambda: ledger.choose_locale(who, "fr", **why),
    ]
    for act in acts:
        with pytest.raises(OnlyThePerson):
            act()
    assert site.topics(member_id) == before


def test_an_account_is_not_a_membership_and_may_join_later(site: Site) -> None:  # AC2
    member_id, plan_id = site.person(), site.plan(FREE)
    assert not site.opens(member_id, plan_id)
    assert not site.ledger.member(member_id).memberships
    site.later(400)
    site.join(member_id, plan_id, None)
    assert site.opens(member_id, plan_id)


def test_after_a_removal_a_person_rejoins_at_once(site: Site) -> None:  # AC3, AX6
    member_id, plan_id, first = site.joined()
    site.remove(member_id, first.membership_id)
    assert not site.opens(member_id, plan_id)
    assert site.join(member_id, plan_id).outcome == "settled"
    assert site.opens(member_id, plan_id)
    stays = site.ledger.member(member_id).memberships
    assert len(stays) == 2
    assert stays[first.membership_id].ending == "removed"


def test_after_an_account_was_closed_the_address_signs_up_again(site: Site) -> None:  # AC3
    before = site.person()
    site.ledger.close_account(before, "a double", by=STAFF, cause=cause())
    after = site.person()
    assert before != after
    assert site.ledger.member_by_email("ada@example.org") == after
    assert site.topics(before) == ["member.account_opened", "member.account_closed"]


def test_several_memberships_but_not_two_in_one_plan(site: Site) -> None:  # AC7
    member_id, plan_id, _ = site.joined(FREE)
    other_id = site.plan(FREE, "Silver")
    site.join(member_id, other_id, None)
    with pytest.raises(AlreadyMember):
        site.join(member_id, plan_id, None)
    assert site.opens(member_id, plan_id)
    assert site.opens(member_id, other_id)


def test_each_join_mints_a_membership_of_its_own(site: Site) -> None:  # part of AC12
    member_id, plan_id = site.person(), site.plan()
    one, other = cause(), cause()
    for _again in range(2):
        site.join(member_id, plan_id, because=one)
    with pytest.raises(AlreadyMember):
        site.join(member_id, plan_id, because=other)
    assert list(site.ledger.member(member_id).memberships) == [ids.derived(one.id, "membership")]
