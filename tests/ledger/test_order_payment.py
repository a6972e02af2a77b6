"""Trying and paying: what the books say of money that comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pytest

from ledger import ids
from ledger.errors import (
    AmountNotPositive,
    AttemptOpen,
    CurrencyMismatch,
    NotFound,
    OrderSettled,
    OrderWithdrawn,
)
from ledger.money import Money
from ledger.order import Moved, Order
from ledger.order.order import inclusive_tax
from tests.ledger.stories import (
    ANNE,
    ATTEMPT,
    GOLD,
    NOON,
    ORDER,
    STAY,
    TRIED,
    by_gateway,
    by_scheduler,
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


def place(index: int = 0, *, amount: Money | None = None) -> Order:
    """Place an order of Anne's membership."""
    return Order.place(
        member_id=ANNE,
        membership_id=STAY,
        plan_id=GOLD,
        plan_name="Gold",
        price_version=1,
        charge="first" if index == 0 else "renewal",
        charge_index=index,
        list_price=eur(1_200),
        amount=eur(1_200) if amount is None else amount,
        discount=None,
        tax_basis_points=None,
        period_start=NOON,
        period_end=day(28),
        mode="live",
        stamp=by_scheduler(),
    )


def pay(
    charged: Order, amount: int = 1_200, *, reference: str = "pay_1", at: datetime = NOON
) -> None:
    """Money comes in under the first attempt."""
    charged.pay(ATTEMPT, reference=reference, amount=eur(amount), stamp=by_gateway(at))


def test_one_charge_is_one_order() -> None:  # OR1
    assert place(1).id == place(1).id == ids.order(STAY, 1)
    assert len({place(index).id for index in range(20)}) == 20


def test_an_order_is_someones() -> None:  # AU2
    charged = place()
    assert charged.member_id == charged.subject_id == recorded(charged)[0].subject_id == ANNE


def test_an_order_of_nothing_is_settled_and_calls_no_gateway() -> None:  # OR5
    charged = place(amount=eur(0))
    assert charged.is_settled
    with pytest.raises(OrderSettled):
        charged.start_attempt(method_id="pm_1", off_session=True, stamp=by_scheduler())
    with pytest.raises(OrderSettled):
        charged.withdraw("declined", stamp=by_scheduler())
    assert names(charged) == ["order.placed"]


def test_a_try_is_written_down_before_it_is_made() -> None:
    charged = order(placed())
    attempt = charged.start_attempt(method_id="pm_1", off_session=True, stamp=by_scheduler())
    assert (attempt.attempt_id, attempt.state) == (ids.attempt(ORDER, 1), "open")
    assert charged.open_attempt == attempt


def test_two_tries_are_never_under_way() -> None:
    charged = order(placed(), TRIED)
    with pytest.raises(AttemptOpen):
        charged.start_attempt(method_id="pm_1", off_session=True, stamp=by_scheduler())


def test_a_failed_try_makes_room_for_the_next() -> None:
    charged = order(placed(), TRIED)
    charged.fail(ATTEMPT, category="soft", code="insufficient_funds", stamp=by_gateway())
    second = charged.start_attempt(method_id="pm_1", off_session=True, stamp=by_scheduler())
    assert (second.number, second.attempt_id) == (2, ids.attempt(ORDER, 2))


def test_what_is_paid_is_not_tried_again() -> None:  # OR1
    with pytest.raises(OrderSettled):
        order(placed(), TRIED, paid()).start_attempt(
            method_id="pm_1", off_session=True, stamp=by_scheduler()
        )


def test_what_is_withdrawn_is_not_tried_again() -> None:
    charged = order(placed())
    charged.withdraw("removed", stamp=by_scheduler())
    charged.withdraw("removed", stamp=by_scheduler())
    assert names(charged) == ["order.withdrawn"]
    with pytest.raises(OrderWithdrawn):
        charged.start_attempt(method_id="pm_1", off_session=True, stamp=by_scheduler())


def test_a_try_under_way_is_not_withdrawn() -> None:
    with pytest.raises(AttemptOpen):
        order(placed(), TRIED).withdraw("removed", stamp=by_scheduler())


def test_what_is_paid_is_not_withdrawn() -> None:
    with pytest.raises(OrderSettled):
        order(placed(), TRIED, paid(eur(1))).withdraw("removed", stamp=by_scheduler())


# --- money in ---------------------------------------------------------------------------


def test_a_payment_settles_the_order() -> None:
    charged = order(placed(), TRIED)
    pay(charged)
    assert charged.is_settled
    assert charged.open_attempt is None
    assert charged.attempts[ATTEMPT].state == "paid"


def test_one_payment_announced_twice_is_one_fact() -> None:  # OR6
    charged = order(placed(), TRIED)
    pay(charged)
    pay(charged, at=day(1))
    assert (names(charged), charged.paid) == (["order.paid"], eur(1_200))


def test_two_payments_are_two_facts() -> None:  # OR6
    charged = order(placed(), TRIED, paid())
    pay(charged, reference="pay_2")
    assert (names(charged), charged.paid) == (["order.paid"], eur(2_400))


def test_money_for_a_withdrawn_order_is_in_the_books() -> None:  # OR6
    charged = order(placed())
    charged.withdraw("removed", stamp=by_scheduler())
    pay(charged)
    assert charged.paid == charged.refundable == eur(1_200)


def test_a_payment_made_at_the_gateway_is_in_the_books() -> None:  # OR7
    charged = order(placed())
    charged.pay(uid("unknown"), reference="pay_9", amount=eur(1_200), stamp=by_gateway())
    assert charged.is_settled
    charged.request_refund(eur(1_200), "not asked for", refund_id=STAY, stamp=by_staff())
    assert charged.refunds[STAY].payment_reference == "pay_9"


def test_part_of_the_money_settles_nothing() -> None:
    charged = order(placed(), TRIED)
    pay(charged, 1_199)
    assert not charged.is_settled


def test_money_in_another_currency_is_refused_before_it_is_a_fact() -> None:  # PL2
    charged = order(placed(), TRIED)
    with pytest.raises(CurrencyMismatch):
        charged.pay(ATTEMPT, reference="pay_1", amount=Money(1, "USD"), stamp=by_gateway())
    assert recorded(charged) == []


@pytest.mark.parametrize("amount", [0, -1])
def test_a_payment_is_more_than_nothing(amount: int) -> None:
    with pytest.raises(AmountNotPositive):
        pay(order(placed(), TRIED), amount)


def test_a_decline_after_the_payment_is_no_news() -> None:
    charged = order(placed(), TRIED, paid())
    charged.fail(ATTEMPT, category="soft", code="late", stamp=by_gateway())
    charged.pend(ATTEMPT, reference="pay_1", waits_for="bank", stamp=by_gateway())
    charged.lose_sight(ATTEMPT, stamp=by_gateway())
    charged.abandon(ATTEMPT, proof="none", stamp=by_gateway())
    assert recorded(charged) == []


@pytest.mark.parametrize("waits_for", ["member", "bank"])
def test_an_undecided_try_stays_open(waits_for: Literal["member", "bank"]) -> None:
    charged = order(placed(), TRIED)
    charged.lose_sight(ATTEMPT, stamp=by_gateway())
    charged.lose_sight(ATTEMPT, stamp=by_gateway())
    charged.pend(ATTEMPT, reference="pay_1", waits_for=waits_for, stamp=by_gateway())
    charged.pend(ATTEMPT, reference="pay_1", waits_for=waits_for, stamp=by_gateway())
    assert names(charged) == ["order.outcome_unknown", "order.attempt_pending"]
    assert charged.open_attempt is not None
    assert charged.open_attempt.reference == "pay_1"


def test_what_the_gateway_never_had_is_abandoned_with_its_proof() -> None:
    charged = order(placed(), TRIED)
    charged.abandon(ATTEMPT, proof="not among the customer's payments", stamp=by_gateway())
    assert charged.open_attempt is None
    pay(charged)
    assert charged.is_settled


def test_an_attempt_that_never_was_is_not_found() -> None:
    with pytest.raises(NotFound):
        order(placed()).fail(ATTEMPT, category="soft", code="x", stamp=by_gateway())


KEPT = Moved("txn_1_fee", eur(-43), NOON, is_fee=True)


def test_a_fee_is_recorded_once_and_changes_no_total() -> None:
    charged = order(placed(), TRIED, paid())
    for _ in range(2):
        charged.record_fee("pay_1", [KEPT], stamp=by_gateway())
    (fee,) = charged.pending_events
    assert isinstance(fee, Order.FeeRecorded)
    assert (fee.amount, fee.movement_id, fee.occurred_at) == (eur(43), "txn_1_fee", NOON)
    assert charged.paid == charged.refundable == eur(1_200)


@pytest.mark.parametrize("mode", ["live", "test"])
def test_money_is_marked_with_the_mode_of_its_order(mode: str) -> None:  # OR9
    charged = order(placed(mode=mode), TRIED)
    pay(charged)
    charged.record_fee("pay_1", [KEPT], stamp=by_gateway())
    charged.request_refund(eur(1), "a test", refund_id=STAY, stamp=by_staff())
    charged.settle_refund(STAY, reference="re_1", stamp=by_gateway())
    marks = [getattr(fact, "mode", mode) for fact in recorded(charged)]
    assert marks == [mode] * 4


# --- tax --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "rate", "tax"),
    [
        (1_200, 2_000, 200),
        (1_000, 2_000, 167),
        (999, 550, 52),
        (1, 2_000, 0),
        (3, 10_000, 2),
        (1_200, 0, 0),
        (1_200, 10_000, 600),
        (99_999_999, 1, 9_999),
    ],
)
def test_a_tax_is_inside_the_amount(amount: int, rate: int, tax: int) -> None:  # part of OR10
    assert inclusive_tax(eur(amount), rate) == eur(tax)
    assert order(placed(eur(amount), tax=rate)).tax == eur(tax)


def test_a_plan_without_rate_names_no_tax() -> None:  # part of OR10
    assert order(placed()).tax is None
