"""Refunds and disputes: money that goes back, and never more than came in."""

from __future__ import annotations

from uuid import UUID

import pytest

from ledger.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    NotFound,
    OrderNotPaid,
    ReasonMalformed,
    RefundTooLarge,
)
from ledger.money import Money
from ledger.order import Order
from tests.ledger.stories import (
    GOLD,
    JOINED_MONTHLY,
    TRIED,
    anne,
    by_gateway,
    by_staff,
    day,
    eur,
    names,
    order,
    paid,
    placed,
    recorded,
    uid,
)

FIRST, SECOND, THIRD = map(uid, ("first refund", "second refund", "third refund"))


def paid_order() -> Order:
    """Placed, tried and paid: 12 euros."""
    return order(placed(), TRIED, paid())


def refund(charged: Order, amount: int, refund_id: UUID = FIRST, *, of: str | None = None) -> None:
    """Staff give money back."""
    charged.request_refund(
        eur(amount), "moved away", refund_id=refund_id, payment_reference=of, stamp=by_staff()
    )


def settle(charged: Order, refund_id: UUID = FIRST) -> None:
    """The gateway made the refund."""
    charged.settle_refund(refund_id, reference=f"re {refund_id}", stamp=by_gateway())


def fail(charged: Order, refund_id: UUID = FIRST) -> None:
    """The gateway could not make the refund."""
    charged.fail_refund(refund_id, code="expired_card", stamp=by_gateway())


def dispute(charged: Order, amount: int = 1_200) -> None:
    """The bank contests the first payment."""
    charged.open_dispute(
        "dp_1",
        payment_reference="pay_1",
        amount=eur(amount),
        reason="fraudulent",
        stamp=by_gateway(),
    )


def test_a_refund_keeps_the_membership() -> None:  # OR4
    member, charged = anne(JOINED_MONTHLY), paid_order()
    refund(charged, 1_200)
    settle(charged)
    assert charged.refunded == eur(1_200)
    assert member.access(GOLD, day(1)).allowed


def test_a_refund_is_partial_or_full() -> None:  # OR2
    charged = paid_order()
    refund(charged, 500)
    assert charged.refundable == eur(700)
    refund(charged, 700, SECOND)
    assert charged.refundable == eur(0)


@pytest.mark.parametrize("amount", [701, 1_200, 99_999_999])
def test_refunds_are_never_more_than_was_paid(amount: int) -> None:  # OR2
    charged = paid_order()
    refund(charged, 500)
    with pytest.raises(RefundTooLarge, match=r"has 7\.00 EUR left"):
        refund(charged, amount, SECOND)


@pytest.mark.parametrize("amount", [0, -1, -1_200])
def test_a_refund_is_more_than_nothing(amount: int) -> None:  # OR2
    with pytest.raises(AmountNotPositive):
        refund(paid_order(), amount)


def test_a_refund_is_in_the_currency_of_its_order() -> None:  # PL2
    with pytest.raises(CurrencyMismatch):
        paid_order().request_refund(Money(1, "USD"), "x", refund_id=FIRST, stamp=by_staff())


def test_what_was_never_paid_is_not_refunded() -> None:  # OR2
    with pytest.raises(OrderNotPaid):
        refund(order(placed(), TRIED), 1)


def test_an_order_of_nothing_is_not_refunded() -> None:  # OR5
    with pytest.raises(OrderNotPaid):
        refund(order(placed(eur(0))), 1)


def test_a_refund_names_a_reason() -> None:
    with pytest.raises(ReasonMalformed):
        paid_order().request_refund(eur(1), "", refund_id=FIRST, stamp=by_staff())


def test_a_refund_sent_twice_is_one() -> None:  # OR2
    charged = paid_order()
    refund(charged, 1_000)
    refund(charged, 200)
    assert names(charged) == ["order.refund_requested"]
    assert charged.refundable == eur(200)


def test_a_refund_counts_once_it_is_settled() -> None:  # OR8
    charged = paid_order()
    refund(charged, 500)
    charged.pend_refund(FIRST, reference="re_1", stamp=by_gateway())
    charged.pend_refund(FIRST, reference="re_1", stamp=by_gateway())
    assert (charged.refunded, charged.refundable) == (eur(0), eur(700))
    settle(charged)
    settle(charged)
    assert (charged.refunded, charged.refundable) == (eur(500), eur(700))


def test_a_refund_that_fails_can_be_made_again() -> None:  # OR2
    charged = paid_order()
    refund(charged, 1_200)
    fail(charged)
    fail(charged)
    assert charged.refundable == eur(1_200)
    refund(charged, 1_200, SECOND)
    assert names(charged)[-2:] == ["order.refund_failed", "order.refund_requested"]


def test_a_refund_that_fails_after_it_settled_is_a_fact_of_its_own() -> None:  # OR2
    charged = paid_order()
    refund(charged, 500)
    settle(charged)
    fail(charged)
    settle(charged)
    assert names(charged)[1:] == ["order.refunded", "order.refund_failed"]
    assert (charged.refunded, charged.refundable) == (eur(0), eur(1_200))


def test_a_refund_that_never_was_is_not_found() -> None:
    for act in (settle, fail):
        with pytest.raises(NotFound):
            act(paid_order())


# --- two payments -----------------------------------------------------------------------


def test_the_second_payment_goes_back_by_its_name() -> None:  # part of AC12
    charged = order(placed(), TRIED, paid(), paid(reference="pay_2"))
    refund(charged, 1_200, of="pay_1")
    refund(charged, 1_200, SECOND)
    assert [r.payment_reference for r in charged.refunds.values()] == ["pay_1", "pay_2"]


def test_a_refund_is_never_more_than_its_payment() -> None:  # OR2
    charged = order(placed(), TRIED, paid(), paid(eur(300), reference="pay_2"))
    assert charged.refundable == eur(1_500)
    with pytest.raises(RefundTooLarge):
        refund(charged, 301, of="pay_2")
    refund(charged, 301)
    assert charged.refunds[FIRST].payment_reference == "pay_1"
    with pytest.raises(RefundTooLarge, match=r"has 8\.99 EUR left"):
        refund(charged, 1_199, SECOND)


def test_only_a_payment_that_came_in_is_refunded() -> None:
    with pytest.raises(NotFound):
        refund(paid_order(), 1, of="pay_9")


# --- made at the gateway ----------------------------------------------------------------


def observe(charged: Order, amount: int, *, reference: str = "re_9") -> None:
    """Someone refunded in the gateway's own pages."""
    charged.observe_refund(
        THIRD,
        payment_reference="pay_1",
        reference=reference,
        amount=eur(amount),
        stamp=by_gateway(),
    )


def test_a_refund_made_at_the_gateway_becomes_the_same_facts() -> None:  # OR7
    charged = paid_order()
    observe(charged, 500)
    observe(charged, 500)
    assert names(charged) == ["order.refund_requested", "order.refunded"]
    assert (charged.refunded, charged.refundable) == (eur(500), eur(700))


def test_a_refund_made_at_the_gateway_is_true_whatever_is_left() -> None:  # OR7
    charged = paid_order()
    refund(charged, 1_000)
    observe(charged, 500)
    assert (charged.refunded, charged.refundable) == (eur(500), eur(0))


def test_our_own_refund_is_not_observed_again() -> None:  # OR7
    charged = paid_order()
    refund(charged, 500)
    charged.settle_refund(FIRST, reference="re_9", stamp=by_gateway())
    observe(charged, 500)
    assert charged.refunded == eur(500)


# --- disputes ---------------------------------------------------------------------------


def test_a_disputed_payment_is_not_refunded() -> None:  # OR8
    charged = paid_order()
    dispute(charged)
    dispute(charged)
    assert names(charged) == ["order.dispute_opened"]
    with pytest.raises(RefundTooLarge):
        refund(charged, 1)


def test_a_dispute_that_is_won_changes_nothing() -> None:  # OR8
    charged = paid_order()
    dispute(charged)
    charged.close_dispute("dp_1", outcome="won", stamp=by_gateway())
    assert (charged.lost, charged.refundable) == (eur(0), eur(1_200))


def test_a_dispute_that_is_lost_leaves_the_total() -> None:  # OR8
    charged = paid_order()
    dispute(charged, 1_000)
    for _notice in range(2):
        charged.close_dispute("dp_1", outcome="lost", stamp=by_gateway())
    assert names(charged) == ["order.dispute_opened", "order.dispute_closed"]
    assert (charged.lost, charged.refundable) == (eur(1_000), eur(200))


def test_a_dispute_that_was_lost_and_is_won_after_all_counts_again() -> None:  # OR8
    charged = paid_order()
    dispute(charged, 1_000)
    for outcome in ("lost", "won", "won", "lost"):  # the last was decided no later than the one
        charged.close_dispute("dp_1", outcome=outcome, stamp=by_gateway())
    assert names(charged).count("order.dispute_closed") == 2
    assert (charged.lost, charged.refundable) == (eur(0), eur(1_200))


def test_a_dispute_in_another_currency_never_enters_the_books() -> None:  # PL2
    charged = paid_order()
    with pytest.raises(CurrencyMismatch):
        charged.open_dispute(
            "dp_1",
            payment_reference="pay_1",
            amount=Money(1, "USD"),
            reason="fraudulent",
            stamp=by_gateway(),
        )
    assert recorded(charged) == []


def test_a_dispute_that_never_was_is_not_found() -> None:
    with pytest.raises(NotFound):
        paid_order().close_dispute("dp_1", outcome="won", stamp=by_gateway())


def test_a_dispute_contests_a_payment_that_came_in() -> None:
    with pytest.raises(NotFound):
        dispute(order(placed(), TRIED))
