"""Discount codes: who may use them, how often, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.discount import DiscountCode, DiscountRules
from ledger.errors import (
    AmountNotPositive,
    AmountTooLarge,
    CodeAlreadyUsed,
    CodeExpired,
    CodeNotForPlan,
    CodeNotYetValid,
    CodeUsedUp,
    CodeWrongCurrency,
    DiscountMalformed,
    Refused,
)
from ledger.money import LARGEST_CHARGE, Money
from tests.ledger.stories import (
    ANNE,
    BOB,
    GOLD,
    NOON,
    SILVER,
    by_anne,
    by_staff,
    day,
    eur,
    given,
    names,
    past,
    recorded,
    uid,
)

CODE = uid("code")
FIRST, SECOND, THIRD = map(uid, ("first order", "second order", "third order"))


def code(**rules: Any) -> DiscountCode:
    """The code SPRING, which cuts a quarter unless told otherwise."""
    told = DiscountRules(**{**({} if "amount" in rules else {"percent": 25}), **rules})
    made = past(DiscountCode.Made, code="SPRING", rules=told, member_id=None)
    return given(DiscountCode, made, stream_id=CODE)


def redeem(used: DiscountCode, **change: Any) -> None:
    """Anne uses it for her first order of Gold, unless told otherwise."""
    told: dict[str, Any] = {
        "order_id": FIRST,
        "member_id": ANNE,
        "plan_id": GOLD,
        "plan_name": "Gold",
        "currency": "EUR",
        "stamp": by_anne(day(1)),
    }
    used.redeem(**{**told, **change})


def make(text: str = "SPRING", **rules: Any) -> DiscountCode:
    """Make a code."""
    return DiscountCode.make(CODE, code=text, rules=DiscountRules(**rules), stamp=by_staff())


@pytest.mark.parametrize("text", ["SPRING", "spring", "  Spring "])
def test_spellings_that_differ_by_case_are_one_code(text: str) -> None:  # DI1
    assert make(text, percent=25).code == "SPRING"


@pytest.mark.parametrize("text", ["", "ab", "a b c", "-ABC", "ABC-", "É" * 5, "A" * 41, "AB\0C"])
def test_a_code_can_be_typed(text: str) -> None:
    with pytest.raises(DiscountMalformed):
        make(text, percent=25)


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"percent": 25, "amount": eur(500)},
        {"percent": 0},
        {"percent": 101},
        {"percent": -5},
        {"percent": 10**30},
        {"percent": 25, "total_uses": 0},
        {"percent": 25, "total_uses": -1},
        {"percent": 25, "total_uses": 10**30},
        {"percent": 25, "starts_at": day(2), "ends_at": day(2)},
        {"percent": 25, "starts_at": day(2), "ends_at": day(1)},
    ],
)
def test_malformed_rules_are_refused(rules: dict[str, Any]) -> None:  # DI1
    with pytest.raises(DiscountMalformed):
        make(**rules)
    with pytest.raises(DiscountMalformed):
        code().change(DiscountRules(**rules), stamp=by_staff())


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [(0, AmountNotPositive), (-1, AmountNotPositive), (LARGEST_CHARGE + 1, AmountTooLarge)],
)
def test_a_fixed_cut_is_an_amount(amount: int, refusal: type[Refused]) -> None:  # DI1
    with pytest.raises(refusal):
        make(amount=eur(amount))


@pytest.mark.parametrize("percent", [1, 100])
def test_a_percentage_is_1_to_100(percent: int) -> None:  # DI1
    assert make(percent=percent).terms().percent == percent


def test_a_use_gives_the_cut() -> None:  # DI1
    used = code(every_payment=True)
    redeem(used)
    (fact,) = recorded(used)
    assert (fact.member_id, fact.TOPIC) == (ANNE, "discount.redeemed")
    assert used.terms().cut(eur(1_200), 5) == eur(900)


def test_an_order_uses_a_code_once() -> None:  # DI3
    used = code(once_per_person=False, total_uses=1)
    redeem(used)
    redeem(used)
    assert names(used) == ["discount.redeemed"]


def test_a_code_is_used_once_by_a_person() -> None:  # DI1
    used = code()
    redeem(used)
    with pytest.raises(CodeAlreadyUsed):
        redeem(used, order_id=SECOND)
    redeem(used, order_id=SECOND, member_id=BOB)
    assert len(used.redemptions) == 2


def test_a_code_may_be_used_again_by_a_person() -> None:  # DI1
    used = code(once_per_person=False)
    redeem(used)
    redeem(used, order_id=SECOND)
    assert len(used.redemptions) == 2


def test_the_last_use_is_the_last() -> None:  # DI3
    used = code(total_uses=2, once_per_person=False)
    redeem(used)
    redeem(used, order_id=SECOND)
    with pytest.raises(CodeUsedUp):
        redeem(used, order_id=THIRD)


def test_an_abandoned_payment_gives_its_use_back() -> None:  # DI4
    used = code(total_uses=1)
    redeem(used)
    used.release(FIRST, stamp=by_anne(day(2)))
    used.release(FIRST, stamp=by_anne(day(2)))
    assert names(used) == ["discount.redeemed", "discount.released"]
    redeem(used, order_id=SECOND)
    assert used.redemptions == {SECOND: ANNE}


JUST_BEFORE = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("rules", "change", "refusal", "words"),
    [
        ({"ends_at": day(1)}, {}, CodeExpired, "SPRING expired on 2026-02-01"),
        ({"starts_at": day(2)}, {}, CodeNotYetValid, "SPRING is valid from 2026-02-02"),
        ({"plan_ids": (SILVER,)}, {}, CodeNotForPlan, "is not for the plan Gold"),
        ({"amount": Money(5, "USD")}, {}, CodeWrongCurrency, "is in USD; the plan Gold is not"),
    ],
)
def test_each_refusal_has_its_own_sentence(  # DI5
    rules: dict[str, Any], change: dict[str, Any], refusal: type[Refused], words: str
) -> None:
    used = code(**rules)
    with pytest.raises(refusal, match=words):
        redeem(used, **change)
    assert recorded(used) == []


@pytest.mark.parametrize("instant", [day(2), day(4) - JUST_BEFORE])
def test_a_code_is_used_from_its_start_until_its_end(instant: datetime) -> None:  # DI1
    used = code(starts_at=day(2), ends_at=day(4))
    redeem(used, stamp=by_anne(instant))
    assert used.redemptions == {FIRST: ANNE}


def test_a_code_is_for_named_plans_or_any() -> None:  # DI1
    redeem(code())
    used = code(plan_ids=(SILVER, GOLD))
    redeem(used)
    assert used.redemptions == {FIRST: ANNE}


def test_a_code_that_was_ended_has_expired() -> None:  # DI5
    used = code()
    used.end(stamp=by_staff(NOON))
    used.end(stamp=by_staff(day(1)))
    assert names(used) == ["discount.ended"]
    with pytest.raises(CodeExpired):
        redeem(used)
    with pytest.raises(CodeExpired):
        used.change(DiscountRules(percent=10), stamp=by_staff())


def test_earlier_uses_keep_their_cut() -> None:
    used = code()
    before = used.terms()
    used.change(DiscountRules(percent=50), stamp=by_staff())
    used.change(DiscountRules(percent=50), stamp=by_staff())
    assert names(used) == ["discount.changed"]
    assert (before.percent, used.terms().percent) == (25, 50)


def test_someone_unknown_may_ask_for_the_price() -> None:
    used = code()
    used.require_usable(
        member_id=None, plan_id=GOLD, plan_name="Gold", currency="EUR", instant=day(1)
    )
    assert recorded(used) == []
