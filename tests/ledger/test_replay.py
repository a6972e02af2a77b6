"""Facts are read for ever: no rule is asked of what has happened, however loose rules once were."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from ledger import ids
from ledger.discount import DiscountCode, DiscountRules
from ledger.member import facts
from ledger.order.facts import DisputeOpened, Paid, Refunded, RefundRequested, Withdrawn
from ledger.plan import Plan
from ledger.terms import Terms
from tests.ledger.stories import (
    ATTEMPT,
    FREE,
    GOLD,
    JOINED_FOR_GOOD,
    JOINED_FREE,
    JOINED_MONTHLY,
    MONTHLY,
    NEXT_STAY,
    STAY,
    TRIED,
    Past,
    anne,
    day,
    eur,
    given,
    joined,
    order,
    paid,
    past,
    placed,
    uid,
)


def renewed(at: datetime, index: int) -> Past:
    """A renewal, whatever came before it."""
    return past(
        facts.Renewed,
        at,
        membership_id=STAY,
        order_id=ids.order(STAY, index),
        charge_index=index,
        period_start=at,
        period_end=day(90),
        access_until=day(100),
    )


REMOVED = past(facts.Removed, day(3), membership_id=STAY, reason="")
COMPLETED = past(facts.InstalmentsCompleted, day(4), membership_id=STAY)
CANCELLED = past(facts.SelfCancelled, day(5), membership_id=STAY, access_until=day(1))
FAILED = past(
    facts.PastDue,
    day(6),
    membership_id=STAY,
    order_id=ids.order(STAY, 1),
    due_at=day(1),
    failures=-1,
    retry_at=None,
    grace_until=day(2),
)
ODD_TERMS = Terms(model="recurring", amount=eur(-5), unit=None, every=0)


@pytest.mark.parametrize(
    "story",
    [
        [JOINED_MONTHLY, REMOVED, renewed(day(4), 1)],
        [JOINED_MONTHLY, CANCELLED, CANCELLED, REMOVED, REMOVED],
        [JOINED_FOR_GOOD, FAILED, COMPLETED, FAILED],
        [JOINED_FREE, joined(FREE, membership_id=NEXT_STAY), JOINED_FREE],
        [joined(ODD_TERMS), renewed(day(1), -7), renewed(day(0), 0)],
        [past(facts.MethodRemoved), past(facts.Untagged, tag="never there")],
        [past(facts.NoteCorrected, note_id=uid("note"), text="")],
        [past(facts.AccountClosed, reason=""), past(facts.Renamed, name="")],
    ],
)
def test_no_rule_is_asked_of_a_members_past(story: list[Past]) -> None:  # AU1
    member = anne(*story)
    assert member.version == len(story) + 1
    for days in (-1, 0, 5, 1_000):
        assert member.access(GOLD, day(days)).rule


def test_what_was_removed_stays_shut_whatever_followed() -> None:  # AX2
    member = anne(JOINED_MONTHLY, REMOVED, renewed(day(4), 1), COMPLETED)
    assert not any(member.access(GOLD, day(days)).allowed for days in range(3, 200))


def refund(refund_id: UUID, amount: int) -> list[Past]:
    """A refund, asked for and made, with no question."""
    return [
        past(
            RefundRequested,
            refund_id=refund_id,
            payment_reference="pay_1",
            amount=eur(amount),
            reason="",
        ),
        past(Refunded, refund_id=refund_id, reference="re", amount=eur(amount), mode="live"),
    ]


def test_no_rule_is_asked_of_an_orders_past() -> None:  # AU1
    story = [placed(), TRIED, TRIED, paid(), past(Withdrawn, reason="")]
    charged = order(*story, *refund(uid("a"), 1_200), *refund(uid("b"), 5_000))
    assert (charged.refunded, charged.refundable) == (eur(6_200), eur(0))


def test_what_is_left_is_never_less_than_nothing() -> None:  # OR2
    dispute = past(
        DisputeOpened,
        dispute_id="dp",
        payment_reference="pay_1",
        amount=eur(1_200),
        reason="",
    )
    charged = order(placed(), TRIED, paid(), *refund(uid("a"), 700), dispute)
    assert charged.refundable == eur(0)


def test_a_payment_of_an_attempt_that_is_not_there_is_read() -> None:  # AU1
    stray = past(Paid, attempt_id=uid("stray"), reference="x", amount=eur(1_200), mode="live")
    assert order(placed(), stray).is_settled
    assert ATTEMPT not in order(placed(), stray).attempts


def test_no_rule_is_asked_of_a_plans_past() -> None:  # AU1
    plan = given(
        Plan,
        past(Plan.Drafted, name="", description="", tax_basis_points=-1, member_id=None),
        past(Plan.Opened, opens_at=day(5), closes_at=day(1)),
        past(Plan.PriceSet, version=1, terms=ODD_TERMS, effective_for_existing_from=day(-9)),
        past(Plan.Retired),
        past(Plan.PriceSet, version=2, terms=MONTHLY, effective_for_existing_from=None),
        past(Plan.Closed),
        stream_id=GOLD,
    )
    assert (plan.state, plan.price.terms) == ("closed", MONTHLY)


def test_no_rule_is_asked_of_a_codes_past() -> None:  # AU1
    code = given(
        DiscountCode,
        past(DiscountCode.Made, code="?", rules=DiscountRules(percent=900), member_id=None),
        past(DiscountCode.Released, order_id=STAY),
        past(DiscountCode.Ended),
        past(DiscountCode.Redeemed, order_id=STAY, member_id=None),
        stream_id=uid("code"),
    )
    assert code.redemptions == {STAY: None}
