"""What a member owes, paid by themself while they are there."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import pytest

from ledger import ids
from ledger.billing.dues import Dues, next_charge
from ledger.errors import MembershipEnded, NothingDue, OnlyThePerson, PaymentMethodNeeded
from ledger.facts import Actor
from ledger.money import Money
from ledger.payments.gateway import Rejected
from ledger.payments.sandbox_states import ACTION, sandbox_id
from tests.application.races import at_once, crossed
from tests.application.sites import (
    SENDS_LATER_BACK,
    STAFF,
    THREE_PAYMENTS,
    VISA,
    Site,
    cause,
    eur,
    themself,
)

ASKS = "pm_card_authenticationRequired"


def failed(site: Site, card: str = SENDS_LATER_BACK) -> tuple[UUID, UUID]:
    """A member whose first renewal has failed, and the membership."""
    member_id, plan_id = site.person(), site.plan()
    joined = site.join(member_id, plan_id, card)
    if joined.outcome == "waiting":
        answer(site, joined.order_id, approved=True)
    stay = site.stay(member_id)
    site.later(28)
    assert site.charge(member_id, stay.membership_id).outcome == "declined"
    return member_id, stay.membership_id


def answer(site: Site, order_id: UUID, *, approved: bool) -> str:
    """The person's bank is answered, and the payment looked at."""
    attempt = site.ledger.order(order_id).open_attempt
    assert attempt is not None
    action = sandbox_id(ACTION, attempt.attempt_id)
    site.sandbox.authenticate(action=action, approved=approved)
    return site.collection.resume(order_id, cause=cause()).outcome


def test_what_failed_is_due_until_it_is_paid(site: Site) -> None:
    member_id, membership_id = failed(site)
    [due] = Dues(site.collection).of(member_id)
    assert (due.membership_id, due.amount, due.state) == (membership_id, eur(1_200), "open")
    assert due.decline_code == "generic_decline"
    assert due.retry_at is not None
    paid = Dues(site.collection).pay(
        member_id, membership_id, method_token=VISA, by=themself(member_id), cause=cause()
    )
    assert paid.outcome == "settled"
    assert Dues(site.collection).of(member_id) == []
    assert site.moved() == eur(2_400)


def test_a_new_method_that_pays_is_saved_in_place_of_the_one_before(  # part of DU3
    site: Site,
) -> None:
    member_id, membership_id = failed(site)
    before = site.ledger.member(member_id).method
    Dues(site.collection).pay(
        member_id,
        membership_id,
        method_token="pm_card_mastercard",
        by=themself(member_id),
        cause=cause(),
    )
    saved = site.ledger.member(member_id).method
    assert before is not None
    assert saved is not None
    assert (saved.brand, saved.method_id != before.method_id) == ("mastercard", True)
    site.later(31)
    assert site.charge(member_id, membership_id).outcome == "settled"


def test_a_payment_that_the_bank_asks_about_waits_for_its_member(site: Site) -> None:  # DU3
    member_id, membership_id = failed(site, ASKS)
    assert site.stay(member_id).billing == "action_required"
    paying = Dues(site.collection).pay(
        member_id, membership_id, by=themself(member_id), cause=cause()
    )
    assert paying.outcome == "waiting"
    assert Dues(site.collection).action(paying.order_id) == paying.action
    [due] = Dues(site.collection).of(member_id)
    assert due.state == "confirming"
    assert answer(site, paying.order_id, approved=True) == "settled"
    assert site.stay(member_id).billing == "current"


def test_a_members_own_failure_moves_no_retry_and_starts_none(site: Site) -> None:  # DU1
    member_id, membership_id = failed(site)
    before = site.stay(member_id)
    declined = Dues(site.collection).pay(
        member_id,
        membership_id,
        method_token="pm_card_chargeDeclined",
        by=themself(member_id),
        cause=cause(),
    )
    assert declined.outcome == "declined"
    assert site.stay(member_id) == before


def test_what_only_the_member_can_mend_still_waits_after_a_soft_decline(  # DU3
    site: Site,
) -> None:
    member_id, membership_id = failed(site, ASKS)
    Dues(site.collection).pay(
        member_id,
        membership_id,
        method_token="pm_card_chargeDeclined",
        by=themself(member_id),
        cause=cause(),
    )
    stay = site.stay(member_id)
    assert (stay.billing, stay.retry_at) == ("action_required", None)


def test_two_clicks_pay_once(site: Site) -> None:  # part of OR1
    member_id, membership_id = failed(site)
    click, dues = cause(), Dues(site.collection)
    outcomes = [
        dues.pay(
            member_id, membership_id, method_token=VISA, by=themself(member_id), cause=click
        ).outcome
        for _ in range(2)
    ]
    assert outcomes == ["settled", "settled"]
    assert site.moved() == eur(2_400)


def test_a_try_under_way_is_taken_up_and_never_doubled(site: Site) -> None:  # part of OR1
    member_id, membership_id = failed(site, ASKS)
    dues, by = Dues(site.collection), themself(member_id)
    first = dues.pay(member_id, membership_id, by=by, cause=cause())
    second = dues.pay(member_id, membership_id, by=by, cause=cause())
    assert (second.outcome, second.action) == ("waiting", first.action)
    answer(site, first.order_id, approved=True)
    assert site.moved() == eur(2_400)


def test_who_chooses_another_card_is_not_held_to_the_one_before(site: Site) -> None:
    member_id, membership_id = failed(site)
    dues, person = Dues(site.collection), themself(member_id)
    asked = dues.pay(member_id, membership_id, method_token=ASKS, by=person, cause=cause())
    assert asked.outcome == "waiting"
    paid = dues.pay(member_id, membership_id, method_token=VISA, by=person, cause=cause())
    assert paid.outcome == "settled"
    assert site.moved() == eur(2_400)
    assert answered_late(site, asked.order_id) == eur(2_400)


def test_who_confirmed_the_first_card_after_all_pays_once(site: Site) -> None:  # part of OR1
    member_id, membership_id = failed(site)
    dues, person = Dues(site.collection), themself(member_id)
    asked = dues.pay(member_id, membership_id, method_token=ASKS, by=person, cause=cause())
    attempt = site.ledger.order(asked.order_id).open_attempt
    assert attempt is not None
    site.sandbox.authenticate(action=sandbox_id(ACTION, attempt.attempt_id), approved=True)
    paid = dues.pay(member_id, membership_id, method_token=VISA, by=person, cause=cause())
    assert paid.outcome == "settled"
    assert site.moved() == eur(2_400)


def answered_late(site: Site, order_id: UUID) -> Money:
    """What was moved once the bank of a card that was left is answered all the same."""
    for attempt in site.ledger.order(order_id).attempts.values():
        action = sandbox_id(ACTION, attempt.attempt_id)
        with suppress(Rejected):
            site.sandbox.authenticate(action=action, approved=True)
    return site.moved()


def test_a_try_that_a_bank_kept_for_hours_and_refused_is_for_the_member(  # DU4
    site: Site,
) -> None:
    member_id, membership_id = failed(site)
    ledger, gateway = site.ledger, Actor(kind="gateway")
    ledger.begin_payment(
        member_id, membership_id, method_token=VISA, by=themself(member_id), cause=cause()
    )
    unpaid = site.stay(member_id).unpaid_order_id
    assert unpaid is not None
    attempt = ledger.order(unpaid).open_attempt
    assert attempt is not None
    ledger.pend_attempt(
        unpaid, attempt.attempt_id, reference="p", waits_for="bank", by=gateway, cause=cause()
    )
    ledger.fail_charge(
        unpaid, attempt.attempt_id, category="soft", code="no_funds", by=gateway, cause=cause()
    )
    stay = site.stay(member_id)
    assert (stay.billing, stay.retry_at) == ("action_required", None)


@pytest.mark.parametrize("ending", ["removed", "cancelled", "paid"])
def test_a_payment_that_goes_back_leaves_the_saved_card_as_it_was(  # AC6, AX2, AX3
    site: Site, ending: str
) -> None:
    member_id, membership_id = failed(site)
    person, before = themself(member_id), site.ledger.member(member_id).method
    asked = Dues(site.collection).pay(
        member_id, membership_id, method_token=ASKS, by=person, cause=cause()
    )
    if ending == "removed":
        site.remove(member_id, membership_id)
    elif ending == "cancelled":
        site.cancel(member_id, membership_id)
    else:
        customer = site.sandbox.ensure_customer(member_id=member_id)
        money = site.sandbox.pay_at_gateway(customer_id=customer.id, method=VISA, amount=eur(1_200))
        site.collection.observe(money, cause=cause())
    assert answer(site, asked.order_id, approved=True) == "given_back"
    assert site.ledger.member(member_id).method == before
    assert site.moved() == eur(2_400 if ending == "paid" else 1_200)


def test_nobody_else_pays_and_nothing_else_is_paid(site: Site) -> None:
    member_id, membership_id = failed(site)
    dues = Dues(site.collection)
    for other in (STAFF, Actor(kind="scheduler"), themself(ids.new())):
        with pytest.raises(OnlyThePerson):
            dues.pay(member_id, membership_id, method_token=VISA, by=other, cause=cause())
    by = themself(member_id)
    dues.pay(member_id, membership_id, method_token=VISA, by=by, cause=cause())
    with pytest.raises(NothingDue):
        dues.pay(member_id, membership_id, method_token=VISA, by=by, cause=cause())


def test_without_a_saved_method_a_new_one_is_asked_for(site: Site) -> None:
    member_id, membership_id = failed(site)
    by = themself(member_id)
    site.collection.methods.remove(member_id, by=by, cause=cause())
    with pytest.raises(PaymentMethodNeeded):
        Dues(site.collection).pay(member_id, membership_id, by=by, cause=cause())


def test_all_that_is_due_is_paid_with_a_method_saved_now(site: Site) -> None:  # DU3
    member_id = site.person()
    for name in ("Gold", "Silver"):
        site.join(member_id, site.plan(name=name), SENDS_LATER_BACK)
    site.later(28)
    for membership_id in site.ledger.member(member_id).memberships:
        site.charge(member_id, membership_id)
    by = themself(member_id)
    site.collection.save_method(member_id, method_token=VISA, by=by, cause=cause())
    paid = Dues(site.collection).pay_all(member_id, by=by, cause=cause())
    assert [one.outcome for one in paid] == ["settled", "settled"]
    assert site.moved() == eur(4_800)


def test_a_removal_ends_what_is_due(site: Site) -> None:  # part of DU5
    member_id, membership_id = failed(site)
    site.remove(member_id, membership_id)
    assert Dues(site.collection).of(member_id) == []
    assert Dues(site.collection).of_membership(member_id, membership_id) is None


def test_the_next_charge_is_told_with_its_discount_and_none_after_the_last(site: Site) -> None:
    member_id, plan_id = site.person(), site.plan(THREE_PAYMENTS)
    site.code("HALF", percent=50, every_payment=True)
    site.join(member_id, plan_id, code="HALF")
    stay = site.stay(member_id)
    following = next_charge(site.ledger, stay)
    assert following is not None
    assert (following.amount, following.at) == (eur(1_500), stay.period_end)
    for _ in range(2):
        site.later(31)
        site.charge(member_id, stay.membership_id)
    assert next_charge(site.ledger, site.stay(member_id)) is None


def test_no_payment_begins_while_the_member_is_removed(site: Site) -> None:  # part of AX2
    member_id, membership_id = failed(site)
    before = site.topics(ids.order(membership_id, 1))
    outcome = crossed(
        site,
        slow=lambda ledger: ledger.begin_payment(
            member_id, membership_id, method_token=VISA, by=themself(member_id), cause=cause()
        ),
        quick=lambda: site.remove(member_id, membership_id),
    )
    assert isinstance(outcome, MembershipEnded)
    assert site.topics(ids.order(membership_id, 1)) == [*before, "order.withdrawn"]


def test_a_member_who_pays_as_the_retry_comes_is_charged_once(site: Site) -> None:  # part of OR1
    member_id, membership_id = failed(site)
    site.later(5)
    dues, by = Dues(site.collection), themself(member_id)
    outcomes = at_once(
        lambda: dues.pay(member_id, membership_id, method_token=VISA, by=by, cause=cause()),
        lambda: site.charge(member_id, membership_id),
    )
    if site.stay(member_id).is_unpaid:  # the retry was first, and failed
        dues.pay(member_id, membership_id, method_token=VISA, by=by, cause=cause())
    assert site.stay(member_id).billing == "current"
    assert site.moved() == eur(2_400), outcomes
