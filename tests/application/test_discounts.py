"""Discount codes, from typing one to giving its use back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ledger.errors import (
    CodeAlreadyUsed,
    CodeExpired,
    CodeNotForPlan,
    CodeNotYetValid,
    CodeTaken,
    CodeUnknown,
    CodeUsedUp,
    CodeWrongCurrency,
    LedgerError,
)
from ledger.money import Money
from tests.application.sites import MONTHLY, NOON, ONE_TIME, STAFF, Site, cause, eur


@pytest.mark.parametrize(
    ("rules", "first", "second"),
    [
        ({"percent": 25}, 900, 1_200),
        ({"percent": 25, "every_payment": True}, 900, 900),
        ({"amount": eur(500)}, 700, 1_200),
        ({"amount": eur(500), "every_payment": True}, 700, 700),
    ],
)
def test_a_code_cuts_the_first_payment_or_every_one(  # DI1
    site: Site, rules: dict[str, Any], first: int, second: int
) -> None:
    member_id, plan_id = site.person(), site.plan(MONTHLY)
    site.code("SPRING", **rules)
    joined = site.join(member_id, plan_id, code="spring")
    site.later(28)
    charged = site.charge(member_id, site.stay(member_id).membership_id)
    paid = [site.ledger.order(each.order_id).paid for each in (joined, charged)]
    assert paid == [eur(first), eur(second)]


def test_a_cut_larger_than_the_price_leaves_nothing_to_pay(site: Site) -> None:  # DI2
    member_id, plan_id = site.person(), site.plan(ONE_TIME)
    site.code("HUGE", amount=eur(50_000))
    joined = site.join(member_id, plan_id, None, "HUGE")
    assert joined.outcome == "nothing_to_collect"
    order = site.ledger.order(joined.order_id)
    assert order.placed.amount == eur(0)
    assert order.placed.discount is not None
    assert order.placed.discount.cut == eur(9_900)


def test_a_failed_first_payment_gives_the_use_back(site: Site) -> None:  # DI4
    plan_id, code_id = site.plan(), site.code(total_uses=1)
    first = site.person("a")
    assert site.join(first, plan_id, "pm_card_chargeDeclined", "SPRING").outcome == "declined"
    assert not site.ledger.discount(code_id).redemptions
    assert site.join(site.person("b"), plan_id, code="SPRING").outcome == "settled"


def test_an_abandoned_first_payment_gives_the_use_back(site: Site) -> None:  # DI4
    plan_id, code_id = site.plan(), site.code(total_uses=1)
    waiting = site.join(site.person("a"), plan_id, "pm_card_authenticationRequired", "SPRING")
    assert waiting.outcome == "waiting"
    with pytest.raises(CodeUsedUp):
        site.join(site.person("b"), plan_id, code="SPRING")
    assert site.collection.give_up(waiting.order_id, cause=cause()).outcome == "declined"
    assert not site.ledger.discount(code_id).redemptions
    assert site.topics(waiting.order_id)[-2:] == ["order.payment_failed", "order.withdrawn"]


def test_a_page_that_nobody_pays_within_a_day_is_closed(site: Site) -> None:  # DI4
    plan_id, code_id = site.plan(), site.code(total_uses=1)
    waiting = site.join(site.person("a"), plan_id, "pm_card_authenticationRequired", "SPRING")
    site.later(hours=23)
    assert site.collection.resume(waiting.order_id, cause=cause()).outcome == "waiting"
    site.later(hours=1)
    assert site.collection.resume(waiting.order_id, cause=cause()).outcome == "declined"
    assert not site.ledger.discount(code_id).redemptions


def test_a_page_that_was_paid_meanwhile_is_not_given_up(site: Site) -> None:  # part of DI4
    member_id, plan_id, code_id = site.person(), site.plan(), site.code()
    waiting = site.join(member_id, plan_id, "pm_card_authenticationRequired", "SPRING")
    site.sandbox.authenticate(action=str(waiting.action), approved=True)
    assert site.collection.give_up(waiting.order_id, cause=cause()).outcome == "settled"
    assert site.ledger.discount(code_id).redemptions
    assert site.opens(member_id, plan_id)


def late(site: Site, order_id: UUID) -> str:
    """The first payment of an order, which was thought to have failed, comes in all the same."""
    [attempt] = site.ledger.order(order_id).attempts.values()
    customer = site.sandbox.ensure_customer(member_id=site.ledger.order(order_id).member_id)
    known = site.sandbox.find_payment(attempt=attempt.attempt_id, customer_id=customer.id)
    assert known is not None
    came_in = replace(known, status="succeeded", decline=None, settled_at=site.clock.now())
    return site.collection.observe(came_in, cause=cause()).outcome


def test_a_first_payment_that_comes_in_late_uses_its_code_again(site: Site) -> None:  # DI4
    plan_id, code_id = site.plan(), site.code(total_uses=1)
    member_id = site.person("a")
    failed = site.join(member_id, plan_id, "pm_card_chargeDeclined", "SPRING")
    assert not site.ledger.discount(code_id).redemptions
    assert [late(site, failed.order_id) for _ in range(2)] == ["settled", "settled"]
    assert site.opens(member_id, plan_id)
    assert list(site.ledger.discount(code_id).redemptions.values()) == [member_id]
    assert site.topics(code_id).count("discount.redeemed") == 2
    with pytest.raises(CodeUsedUp):
        site.join(site.person("b"), plan_id, code="SPRING")


def test_a_code_whose_last_use_went_to_somebody_else_counts_both(site: Site) -> None:  # DI4
    plan_id, code_id = site.plan(), site.code(total_uses=1)
    first, second = site.person("a"), site.person("b")
    failed = site.join(first, plan_id, "pm_card_chargeDeclined", "SPRING")
    site.join(second, plan_id, code="SPRING")
    late(site, failed.order_id)
    assert set(site.ledger.discount(code_id).redemptions.values()) == {first, second}


def test_a_late_payment_that_goes_back_uses_no_code(site: Site) -> None:  # part of DI4
    plan_id, code_id = site.plan(), site.code()
    member_id = site.person("a")
    failed = site.join(member_id, plan_id, "pm_card_chargeDeclined", "SPRING")
    site.join(member_id, plan_id)
    assert late(site, failed.order_id) == "given_back"
    assert not site.ledger.discount(code_id).redemptions


def test_a_full_refund_does_not_give_the_use_back(site: Site) -> None:  # DI4
    plan_id, code_id = site.plan(), site.code(total_uses=1)
    order_id = site.join(site.person("a"), plan_id, code="SPRING").order_id
    site.collection.refund(order_id, eur(600), "moved", by=STAFF, cause=cause())
    assert site.ledger.order(order_id).refundable == eur(0)
    assert len(site.ledger.discount(code_id).redemptions) == 1
    with pytest.raises(CodeUsedUp):
        site.join(site.person("b"), plan_id, code="SPRING")


def test_each_reason_has_its_own_sentence(site: Site) -> None:  # DI5
    plan_id, other_id = site.plan(), site.plan(MONTHLY, "Silver")
    hour = timedelta(hours=1)
    site.code("EXPIRED", ends_at=NOON)
    site.code("EARLY", starts_at=NOON + hour)
    site.code("USEDUP", total_uses=1)
    site.code("OTHERPLAN", plan_ids=(other_id,))
    site.code("YEN", amount=Money(100, "JPY"))
    site.code("AGAIN")
    buyer = site.person("buyer")
    site.join(buyer, other_id, code="AGAIN")
    site.join(site.person("quick"), plan_id, code="USEDUP")
    refused = {
        text: _refusal(site, buyer, plan_id, text)
        for text in ("EXPIRED", "EARLY", "USEDUP", "OTHERPLAN", "YEN", "AGAIN", "NOSUCH", "?")
    }
    assert {text: type(each) for text, each in refused.items()} == {
        "EXPIRED": CodeExpired,
        "EARLY": CodeNotYetValid,
        "USEDUP": CodeUsedUp,
        "OTHERPLAN": CodeNotForPlan,
        "YEN": CodeWrongCurrency,
        "AGAIN": CodeAlreadyUsed,
        "NOSUCH": CodeUnknown,
        "?": CodeUnknown,
    }
    assert len({str(each) for each in refused.values()}) == len(refused)
    assert not [m for m in site.ledger.member(buyer).memberships.values() if m.plan_id == plan_id]


def test_a_quote_refuses_what_joining_would(site: Site) -> None:  # part of DI5
    plan_id, buyer = site.plan(), site.person()
    site.code("SPRING", total_uses=1)
    quoted = site.ledger.quote(plan_id, discount_code="spring", member_id=buyer)
    assert (quoted.list_price, quoted.first_charge) == (eur(1_200), eur(600))
    site.join(buyer, plan_id, code="SPRING")
    with pytest.raises(CodeAlreadyUsed):
        site.ledger.quote(plan_id, discount_code="spring", member_id=buyer)


def test_two_spellings_are_one_code(site: Site) -> None:  # part of DI1
    site.code("Spring")
    with pytest.raises(CodeTaken):
        site.code("SPRING")


def _refusal(site: Site, member_id: UUID, plan_id: UUID, text: str) -> LedgerError:
    with pytest.raises(LedgerError) as refused:
        site.join(member_id, plan_id, code=text)
    return refused.value
