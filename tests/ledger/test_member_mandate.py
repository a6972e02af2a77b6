"""The right to debit, and what only the member could mend."""

from __future__ import annotations

from datetime import timedelta

from ledger import ids
from ledger.dunning import STANDARD
from ledger.member import Member
from tests.ledger.stories import (
    JOINED_MONTHLY,
    STAY,
    anne,
    by_anne,
    by_gateway,
    by_staff,
    day,
    names,
)

METHOD = {
    "method_id": "pm_1",
    "customer_id": "cus_1",
    "brand": "visa",
    "last_four": "4242",
    "fingerprint": "f",
    "expires": "2030-01",
    "country": "FR",
}


def with_card() -> Member:
    """Anne with a saved card."""
    member = anne(JOINED_MONTHLY)
    member.save_method(stamp=by_anne(), **METHOD)
    return member


def test_a_mandate_that_ends_is_known_once() -> None:  # part of DU3
    member = with_card()
    for _notice in range(2):
        member.change_mandate("m_1", method_id="pm_1", status="inactive", stamp=by_gateway())
    assert names(member)[-2:] == ["member.method_saved", "member.mandate_changed"]
    assert member.has_ended_mandate


def test_the_mandate_of_another_method_is_no_news() -> None:  # part of DU3
    member = with_card()
    member.change_mandate("m_0", method_id="pm_0", status="inactive", stamp=by_gateway())
    assert member.mandate is None


def test_another_card_brings_another_right() -> None:  # part of DU3
    member = with_card()
    member.change_mandate("m_1", method_id="pm_1", status="inactive", stamp=by_gateway())
    member.save_method(stamp=by_anne(), **{**METHOD, "method_id": "pm_2"})
    assert not member.has_ended_mandate


def waiting() -> Member:
    """Anne, for whom a charge waits that only she can mend."""
    member = anne(JOINED_MONTHLY)
    member.require_action(
        STAY,
        order_id=ids.order(STAY, 1),
        due_at=day(28),
        why="expired_card",
        policy=STANDARD,
        stamp=by_gateway(day(28)),
    )
    return member


def test_what_is_mended_is_due_at_once() -> None:  # part of DU3
    member = waiting()
    before = member.membership(STAY).access_until
    for _notice in range(2):
        member.clear_action(STAY, why="renewed", stamp=by_gateway(day(29)))
    stay = member.membership(STAY)
    assert names(member)[-1] == "member.action_cleared"
    assert names(member).count("member.action_cleared") == 1
    assert (stay.billing, stay.retry_at, stay.access_until) == ("past_due", day(29), before)
    assert stay.unpaid_order_id == ids.order(STAY, 1)


def test_what_is_mended_too_late_is_over() -> None:  # part of DU7
    member = waiting()
    late = (member.membership(STAY).access_until or day(0)) + timedelta(days=1)
    member.clear_action(STAY, why="renewed", stamp=by_gateway(late))
    assert "member.action_cleared" not in names(member)


def test_nothing_to_mend_is_no_news() -> None:
    member = anne(JOINED_MONTHLY)
    member.clear_action(STAY, why="renewed", stamp=by_gateway())
    member.remove(STAY, "rude", stamp=by_staff())
    member.clear_action(STAY, why="renewed", stamp=by_gateway())
    assert names(member) == ["member.removed"]
