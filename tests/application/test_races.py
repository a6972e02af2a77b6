"""Each pair of decisions that may not cross, once at the worst moment and once by chance."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.application import Ledger
from ledger.billing.collection import Collection
from ledger.billing.outcomes import Collected
from ledger.contributor import Role
from ledger.errors import (
    AccountClosed,
    AccountHasHistory,
    AlreadyCancelling,
    AlreadyMember,
    CodeExpired,
    CodeUsedUp,
    EmailTaken,
    Forbidden,
    MembershipEnded,
    OwnerNeeded,
    PlanNotOpen,
    RefundTooLarge,
    TooManyPlans,
    TooManyTags,
)
from ledger.facts import Actor, Cause
from ledger.terms import Terms
from tests.application.races import at_once, crossed, refusals
from tests.application.sites import (
    FREE,
    MONTHLY,
    ONE_TIME,
    SCHEDULER,
    STAFF,
    VISA,
    Site,
    cause,
    eur,
    themself,
)


def begins(ledger: Ledger, member_id: UUID, plan_id: UUID, code: str | None = None) -> int:
    """Someone begins to join."""
    return ledger.begin_join(
        member_id,
        plan_id,
        membership_id=ids.new(),
        method_token=VISA,
        discount_code=code,
        by=themself(member_id),
        cause=cause(),
    )


@pytest.mark.parametrize("terms", [FREE, MONTHLY])
def test_nobody_joins_a_plan_that_closes_meanwhile(site: Site, terms: Terms) -> None:  # part of PL5
    member_id, plan_id = site.person(), site.plan(terms)
    outcome = crossed(
        site,
        slow=lambda ledger: begins(ledger, member_id, plan_id),
        quick=lambda: site.ledger.close_plan(plan_id, by=STAFF, cause=cause()),
    )
    assert isinstance(outcome, PlanNotOpen)
    assert site.topics(member_id) == ["member.account_opened"]


def test_no_charge_begins_while_the_member_is_removed(site: Site) -> None:  # part of AX2
    member_id, _, stay = site.joined()
    site.later(32)
    outcome = crossed(
        site,
        slow=lambda ledger: ledger.begin_charge(
            member_id, stay.membership_id, charge_index=1, by=SCHEDULER, cause=cause()
        ),
        quick=lambda: site.remove(member_id, stay.membership_id),
    )
    assert isinstance(outcome, MembershipEnded)
    assert site.topics(ids.order(stay.membership_id, 1)) == []


def test_no_charge_begins_while_the_member_cancels(site: Site) -> None:  # part of AX3
    member_id, _, stay = site.joined()
    site.later(32)
    outcome = crossed(
        site,
        slow=lambda ledger: ledger.begin_charge(
            member_id, stay.membership_id, charge_index=1, by=SCHEDULER, cause=cause()
        ),
        quick=lambda: site.cancel(member_id, stay.membership_id),
    )
    assert isinstance(outcome, AlreadyCancelling | MembershipEnded)
    assert site.topics(ids.order(stay.membership_id, 1)) == []


def test_a_payment_that_crosses_a_removal_goes_back(site: Site) -> None:  # part of AX2
    member_id, plan_id, stay = site.joined()
    site.later(32)
    outcome = crossed(
        site,
        slow=lambda ledger: Collection(ledger, site.sandbox).charge_due(
            member_id, stay.membership_id, cause=cause()
        ),
        quick=lambda: site.remove(member_id, stay.membership_id),
        saves_before=1,
    )
    assert outcome.outcome == "given_back"
    assert site.moved() == eur(1_200)
    assert not site.opens(member_id, plan_id)


def test_a_code_that_ends_meanwhile_is_not_used(site: Site) -> None:  # part of DI5
    member_id, plan_id, code_id = site.person(), site.plan(), site.code()
    outcome = crossed(
        site,
        slow=lambda ledger: begins(ledger, member_id, plan_id, "spring"),
        quick=lambda: site.ledger.end_discount(code_id, by=STAFF, cause=cause()),
    )
    assert isinstance(outcome, CodeExpired)
    assert not site.ledger.discount(code_id).redemptions


def test_the_last_use_goes_to_exactly_one(site: Site) -> None:  # DI3
    plan_id, code_id = site.plan(), site.code(total_uses=1)
    people = [site.person(f"p{number}") for number in range(8)]
    outcomes = at_once(
        *(lambda who=who: begins(site.ledger, who, plan_id, "SPRING") for who in people)
    )
    refused = refusals(outcomes)
    assert {type(each) for each in refused} == {CodeUsedUp}
    assert len(refused) == len(people) - 1
    assert len(site.ledger.discount(code_id).redemptions) == 1


@pytest.mark.parametrize("terms", [FREE, MONTHLY])
def test_an_account_that_closes_meanwhile_buys_nothing(
    site: Site, terms: Terms
) -> None:  # part of AC4
    member_id, plan_id = site.person(), site.plan(terms)
    outcome = crossed(
        site,
        slow=lambda ledger: begins(ledger, member_id, plan_id),
        quick=lambda: site.ledger.close_account(member_id, "asked", by=STAFF, cause=cause()),
    )
    assert isinstance(outcome, AccountClosed)


@pytest.mark.parametrize("terms", [FREE, MONTHLY])
def test_an_account_that_buys_meanwhile_stays_open(site: Site, terms: Terms) -> None:  # part of AC4
    member_id, plan_id = site.person(), site.plan(terms)
    outcome = crossed(
        site,
        slow=lambda ledger: ledger.close_account(member_id, "asked", by=STAFF, cause=cause()),
        quick=lambda: begins(site.ledger, member_id, plan_id),
    )
    assert isinstance(outcome, AccountHasHistory)
    assert site.ledger.member(member_id).closed_at is None


def test_one_address_opens_one_account(site: Site) -> None:  # part of AC5
    spellings = ["ada@example.org", "Ada@Example.ORG", "ADA@example.org", "adA@EXAMPLE.org"]

    def signs_up(email: str) -> int:
        member_id = ids.new()
        return site.ledger.open_account(
            member_id, email=email, name="A", locale="en", by=themself(member_id), cause=cause()
        )

    outcomes = at_once(*(lambda email=email: signs_up(email) for email in spellings))
    assert [type(each) for each in refusals(outcomes)] == [EmailTaken] * 3


def test_two_people_never_move_to_one_address(site: Site) -> None:  # part of AC5
    people = [site.person(f"p{number}") for number in range(4)]
    outcomes = at_once(
        *(
            lambda who=who: site.ledger.change_email(
                who, "new@example.org", by=themself(who), cause=cause()
            )
            for who in people
        )
    )
    assert [type(each) for each in refusals(outcomes)] == [EmailTaken] * 3
    assert site.ledger.member_by_email("NEW@example.org") in people


def test_two_tabs_that_pay_give_one_membership(site: Site) -> None:  # AC12
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    requests = [cause() for _tab in range(3)]
    outcomes = at_once(
        *(lambda one=one: site.join(member_id, plan_id, because=one) for one in requests)
    )
    paid = [each for each in outcomes if not refusals([each])]
    assert len(site.ledger.member(member_id).memberships) == 1
    assert [each.outcome for each in paid].count("settled") == 1
    assert site.moved() == eur(9_900)


def test_two_tabs_that_both_paid_give_one_membership(site: Site) -> None:  # AC12
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    first, second = cause(), cause()
    outcome = crossed(
        site,
        slow=lambda ledger: _joins(Collection(ledger, site.sandbox), member_id, plan_id, first),
        quick=lambda: _joins(site.collection, member_id, plan_id, second),
        saves_before=1,
    )
    assert outcome.outcome == "given_back"
    assert list(site.ledger.member(member_id).memberships) == [ids.derived(second.id, "membership")]
    assert site.topics(outcome.order_id)[-2:] == ["order.refund_requested", "order.refunded"]
    assert site.moved() == eur(9_900)


def _joins(collection: Collection, member_id: UUID, plan_id: UUID, because: Cause) -> Collected:
    return collection.join(
        member_id, plan_id, method_token=VISA, by=themself(member_id), cause=because
    )


def test_a_tab_that_is_overtaken_before_it_pays_is_never_charged(  # part of AC12
    site: Site,
) -> None:
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    site.join(member_id, site.plan(FREE, "Silver"), None)  # so that the account is in use
    outcome = crossed(
        site,
        slow=lambda ledger: begins(ledger, member_id, plan_id),
        quick=lambda: site.join(member_id, plan_id),
    )
    assert isinstance(outcome, AlreadyMember)
    assert site.moved() == eur(9_900)


def test_two_free_joins_at_once_give_one_membership(site: Site) -> None:  # part of AC7
    member_id, plan_id = site.person(), site.plan(FREE)
    outcomes = at_once(*[lambda: site.join(member_id, plan_id, None)] * 4)
    assert len(refusals(outcomes)) == 3
    assert len(site.ledger.member(member_id).memberships) == 1


def test_a_site_that_is_given_away_twice_has_one_owner(site: Site) -> None:  # NO5
    owner_id, *heirs = (_staff(site, number) for number in range(4))
    owner = Actor(kind="contributor", id=owner_id)
    outcomes = at_once(
        *(
            lambda heir=heir: site.ledger.transfer_ownership(heir, by=owner, cause=cause())
            for heir in heirs
        )
    )
    everybody = [site.ledger.contributor(each) for each in (owner_id, *heirs)]
    owners = [each.id for each in everybody if each.is_owner]
    refused = refusals(outcomes)  # who comes as the owner changes may find none who could give
    assert len(refused) == 2
    assert {type(each) for each in refused} <= {Forbidden, OwnerNeeded}
    assert owners == [site.ledger.owner_id()]


def _staff(site: Site, number: int) -> UUID:
    contributor_id = ids.new()
    about: dict[str, Any] = {"email": f"s{number}@example.org", "name": "S", "locale": "en"}
    machine = Actor(kind="machine")
    if number == 0:
        site.ledger.found_site(contributor_id, **about, by=machine, cause=cause())
    else:
        roles: frozenset[Role] = frozenset({"administrator"})
        site.ledger.add_contributor(contributor_id, **about, roles=roles, by=machine, cause=cause())
    return contributor_id


def test_the_last_place_for_a_plan_goes_to_one(site: Site) -> None:  # PL8
    small = site.ledger_of(Ledger, most_plans=3)

    def draft() -> int:
        return small.draft_plan(ids.new(), name="P", description="", by=STAFF, cause=cause())

    outcomes = at_once(*[draft] * 6)
    assert [type(each) for each in refusals(outcomes)] == [TooManyPlans] * 3
    assert len(small.taken_slots("plan_slot")) == 3


def test_the_last_place_for_a_tag_goes_to_one(site: Site) -> None:  # part of AC9
    small = site.ledger_of(Ledger, most_tags=2)
    people = [site.person(f"p{number}") for number in range(5)]
    outcomes = at_once(
        *(
            lambda who=who, tag=f"tag {number}": small.tag(who, tag, by=STAFF, cause=cause())
            for number, who in enumerate(people)
        )
    )
    assert [type(each) for each in refusals(outcomes)] == [TooManyTags] * 3


def test_refunds_at_once_never_give_back_more_than_was_paid(site: Site) -> None:  # OR2
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    order_id = site.join(member_id, plan_id).order_id
    outcomes = at_once(
        *[lambda: site.collection.refund(order_id, eur(4_000), "moved", by=STAFF, cause=cause())]
        * 5
    )
    assert [type(each) for each in refusals(outcomes)] == [RefundTooLarge] * 3
    assert site.ledger.order(order_id).refunded == eur(8_000)
    assert site.moved() == eur(1_900)


def test_two_schedulers_charge_once(site: Site) -> None:  # OR1
    member_id, _, stay = site.joined()
    site.later(32)
    at_once(*[lambda: site.charge(member_id, stay.membership_id)] * 4)
    assert site.moved() == eur(2_400)
    assert site.topics(ids.order(stay.membership_id, 1)) == [
        "order.placed",
        "order.attempt_started",
        "order.paid",
    ]
    assert site.topics(member_id).count("member.renewed") == 1


def test_one_command_sent_many_times_at_once_has_one_effect_and_one_answer(site: Site) -> None:
    member_id, note_id, one = site.person(), ids.new(), cause()
    answers = at_once(
        *[lambda: site.ledger.write_note(member_id, note_id, "Hello", by=STAFF, cause=one)] * 8
    )
    assert len(set(answers)) == 1
    assert site.topics(member_id) == ["member.account_opened", "member.noted"]


def test_one_join_sent_many_times_at_once_has_one_effect_and_one_answer(site: Site) -> None:
    member_id, plan_id, one = site.person(), site.plan(), cause()
    answers = at_once(*[lambda: site.join(member_id, plan_id, because=one)] * 6)
    assert {(each.order_id, each.outcome) for each in answers} == {
        (ids.order(ids.derived(one.id, "membership"), 0), "settled")
    }
    assert site.moved() == eur(1_200)
    assert site.topics(member_id).count("member.joined") == 1
