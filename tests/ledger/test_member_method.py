"""A saved payment method is the member's own business."""

from __future__ import annotations

import pytest

from ledger.errors import MethodForbidden, NotFound, PaymentMethodNeeded
from ledger.facts import Actor, Stamp
from ledger.member import Member
from tests.ledger.stories import (
    GOLD,
    NOON,
    SAVED_CARD,
    anne,
    by_anne,
    by_gateway,
    by_scheduler,
    by_staff,
    names,
    recorded,
    stamp,
    uid,
)

CARD = {
    "method_id": "pm_2",
    "customer_id": "cus_1",
    "brand": "mastercard",
    "last_four": "4444",
    "fingerprint": "f2",
    "expires": "2031-12",
    "country": "FR",
}
STRANGERS = [
    by_staff(),
    by_scheduler(),
    stamp(Actor(kind="machine"), NOON),
    stamp(Actor(kind="program", id=uid("program")), NOON),
    stamp(Actor(kind="member", id=uid("eve")), NOON),
    stamp(Actor(kind="member"), NOON),
]


def saved(member: Member) -> str | None:
    """The method that later charges use."""
    return member.method.method_id if member.method else None


@pytest.mark.parametrize("by", [by_anne(), by_gateway()])
def test_a_member_saves_replaces_and_removes_a_method(by: Stamp) -> None:  # AC6
    member = anne()
    member.save_method(stamp=by, **{**CARD, "method_id": "pm_1"})
    member.save_method(stamp=by, **CARD)
    assert saved(member) == "pm_2"
    member.remove_method(stamp=by)
    assert saved(member) is None
    assert names(member) == [
        "member.method_saved",
        "member.method_replaced",
        "member.method_removed",
    ]


@pytest.mark.parametrize("by", STRANGERS)
def test_nobody_else_saves_a_method(by: Stamp) -> None:  # AC6
    member = anne()
    with pytest.raises(MethodForbidden):
        member.save_method(stamp=by, **CARD)
    assert recorded(member) == []


@pytest.mark.parametrize("by", STRANGERS)
def test_nobody_else_removes_a_method(by: Stamp) -> None:  # AC6
    member = anne(SAVED_CARD)
    with pytest.raises(MethodForbidden):
        member.remove_method(stamp=by)
    assert member.method is not None


def test_only_a_method_that_is_saved_is_removed() -> None:
    with pytest.raises(NotFound):
        anne().remove_method(stamp=by_anne())


def test_a_plan_that_charges_later_asks_for_a_method() -> None:  # PL1
    with pytest.raises(PaymentMethodNeeded):
        anne().require_may_join(GOLD, "Gold", needs_method=True, instant=NOON)
    anne(SAVED_CARD).require_may_join(GOLD, "Gold", needs_method=True, instant=NOON)


def test_a_plan_that_never_charges_again_asks_for_none() -> None:  # PL1
    member = anne()
    member.require_may_join(GOLD, "Gold", needs_method=False, instant=NOON)
    assert recorded(member) == []
