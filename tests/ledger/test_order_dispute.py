"""What banks and the payment company do to a payment, and what it leaves to give back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ledger.errors import NotFound, RefundBlocked
from ledger.money import Money
from ledger.order import Moved, Order
from tests.ledger.stories import (
    NOON,
    TRIED,
    by_gateway,
    by_staff,
    eur,
    names,
    order,
    paid,
    placed,
    uid,
)

REFUND = uid("a refund")
HOUR = timedelta(hours=1)


def disputed(refundable: bool | None = None, amount: int = 1_000) -> Order:
    """Twelve euros were paid, of which a bank contests some."""
    charged = order(placed(), TRIED, paid())
    charged.open_dispute(
        "dp_1",
        payment_reference="pay_1",
        amount=eur(amount),
        reason="fraudulent",
        refundable=refundable,
        stamp=by_gateway(),
    )
    return charged


def say(charged: Order, amount: int, *, refundable: bool | None) -> None:
    """The bank says what it contests now."""
    charged.update_dispute(
        "dp_1", amount=eur(amount), reason="fraudulent", refundable=refundable, stamp=by_gateway()
    )


@pytest.mark.parametrize(("refundable", "left"), [(None, 200), (True, 1_200), (False, 0)])
def test_what_is_left_to_refund_is_as_the_company_says(
    refundable: bool | None, left: int
) -> None:  # part of OR2
    assert disputed(refundable).refundable == eur(left)


def test_a_payment_that_takes_no_refund_is_refused_by_name() -> None:  # part of OR2
    with pytest.raises(RefundBlocked):
        disputed(refundable=False).request_refund(
            eur(1), "asked", refund_id=REFUND, stamp=by_staff()
        )


def test_another_payment_of_the_order_can_be_refunded_meanwhile() -> None:  # part of OR2
    charged = disputed(refundable=False)
    charged.pay(uid("by hand"), reference="pay_2", amount=eur(1_200), stamp=by_gateway())
    charged.request_refund(eur(1_200), "twice", refund_id=REFUND, stamp=by_staff())
    assert charged.refunds[REFUND].payment_reference == "pay_2"


def test_a_bank_that_says_the_same_again_is_no_news() -> None:
    charged = disputed()
    say(charged, 1_000, refundable=None)
    say(charged, 900, refundable=False)
    say(charged, 900, refundable=False)
    assert names(charged) == ["order.dispute_opened", "order.dispute_updated"]
    assert charged.refundable == eur(0)


def test_what_was_decided_keeps_its_amount() -> None:  # part of OR8
    charged = disputed()
    charged.close_dispute("dp_1", outcome="lost", stamp=by_gateway())
    say(charged, 5, refundable=None)
    assert (charged.lost, names(charged)[-1]) == (eur(1_000), "order.dispute_closed")


def moved(*minors: int, currency: str = "EUR", is_fee: bool = False) -> list[Moved]:
    """Balance transactions, one an hour."""
    return [
        Moved(f"txn_{hour}", Money(minor, currency), NOON + hour * HOUR, is_fee=is_fee)
        for hour, minor in enumerate(minors)
    ]


def funds_told(charged: Order) -> list[tuple[str | None, int, datetime]]:
    return [
        (fact.movement_id, fact.amount.minor, fact.occurred_at)
        for fact in charged.pending_events
        if isinstance(fact, Order.DisputeFundsMoved)
    ]


def test_each_movement_of_a_dispute_is_told_once_when_it_moved() -> None:  # part of OR8
    charged, all_of_it = disputed(), moved(-1_000, 400, 600, -1_000)
    for known in (1, 1, 2, 4, 4):
        charged.move_dispute_funds("dp_1", all_of_it[:known], stamp=by_gateway())
    assert funds_told(charged) == [(one.movement_id, one.amount.minor, one.at) for one in all_of_it]
    assert (charged.lost, charged.paid) == (eur(0), eur(1_200))


def test_a_fee_that_came_back_is_told_by_itself() -> None:  # part of OR8
    charged, fees = disputed(), moved(-1_500, 1_500, is_fee=True)
    for known in (1, 2, 2):
        charged.record_fee("dp_1", fees[:known], stamp=by_gateway())
    told = [fact for fact in charged.pending_events if isinstance(fact, Order.FeeRecorded)]
    assert [(fee.amount, fee.occurred_at) for fee in told] == [
        (eur(1_500), NOON),
        (eur(-1_500), NOON + HOUR),
    ]


def test_our_balance_may_be_in_another_currency() -> None:  # part of PL2
    charged = disputed()
    charged.move_dispute_funds("dp_1", moved(-1_100, 1_100, currency="USD"), stamp=by_gateway())
    assert charged.disputes["dp_1"].funds == Money(0, "USD")


@pytest.mark.parametrize(
    ("unnamed", "listed", "news"),
    [
        ([], [-1_000, 1_000], [-1_000, 1_000]),
        ([-1_000], [-1_000], []),
        ([-1_000], [-1_000, 1_000, -1_000], [1_000, -1_000]),
        ([-1_000, 1_000], [-1_000, 1_000, -500], [-500]),
        ([-1_000, 1_000, -1_000], [-1_000, 1_000, -1_000, 1_000], [1_000]),
        ([-1_000], [-600, -400, 1_000], [1_000]),
        ([-1_000], [-600, -500], []),
    ],
)
def test_what_facts_told_before_they_named_movements_is_not_told_again(
    unnamed: list[int], listed: list[int], news: list[int]
) -> None:  # part of OR6
    charged = disputed()
    for minor in unnamed:
        charged.record(
            Order.DisputeFundsMoved,
            stamp=by_gateway(),
            dispute_id="dp_1",
            amount=eur(minor),
            mode="live",
        )
    for _ in range(2):
        charged.move_dispute_funds("dp_1", moved(*listed), stamp=by_gateway())
    assert [minor for _, minor, _ in funds_told(charged)] == [*unnamed, *news]


def test_a_fee_that_was_told_before_fees_had_names_is_not_told_again() -> None:  # part of OR6
    charged = disputed()
    charged.record(
        Order.FeeRecorded, stamp=by_gateway(), reference="pay_1", amount=eur(43), mode="live"
    )
    charged.record_fee("pay_1", moved(-43, is_fee=True), stamp=by_gateway())
    assert names(charged).count("order.fee_recorded") == 1


def test_a_dispute_that_never_was_is_not_found() -> None:
    charged = order(placed(), TRIED, paid())
    with pytest.raises(NotFound):
        say(charged, 1, refundable=None)
    with pytest.raises(NotFound):
        charged.move_dispute_funds("dp_9", moved(-1), stamp=by_gateway())


def test_a_payment_that_is_taken_back_is_not_paid_and_not_refunded() -> None:  # part of OR8
    charged = order(placed(), TRIED, paid())
    for _notice in range(2):
        charged.reverse_payment("pay_1", code="returned", stamp=by_gateway())
    assert names(charged) == ["order.payment_reversed"]
    assert (charged.paid, charged.refundable) == (eur(0), eur(0))
    charged.pay(uid("again"), reference="pay_1", amount=eur(1_200), stamp=by_gateway())
    assert charged.paid == eur(0)


def test_what_had_gone_back_before_is_not_taken_twice() -> None:  # part of OR8
    charged = order(placed(), TRIED, paid())
    charged.request_refund(eur(500), "asked", refund_id=REFUND, stamp=by_staff())
    charged.settle_refund(REFUND, reference="re_1", stamp=by_gateway())
    charged.reverse_payment("pay_1", code="returned", stamp=by_gateway())
    assert charged.paid - charged.refunded == eur(0)


def test_no_other_payment_is_taken_back() -> None:
    with pytest.raises(NotFound):
        order(placed()).reverse_payment("pay_9", code="returned", stamp=by_gateway())
