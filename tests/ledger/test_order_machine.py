"""Any sequence of notices and acts on an order, against a plain oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.errors import LedgerError
from ledger.order import Order
from tests.ledger.order_oracle import PurseOracle
from tests.ledger.stories import (
    ANNE,
    GOLD,
    NOON,
    STAY,
    by_gateway,
    by_scheduler,
    by_staff,
    eur,
    replayed,
    state,
    uid,
)

PRICE = 1_000
NUMBERS = st.integers(1, 3)
AMOUNTS = st.sampled_from([-1, 0, 1, 400, 600, 999, 1_000, 1_001])
PAYMENTS = st.sampled_from(["pay 1", "pay 2", "pay 3"])
REFUNDS = st.sampled_from(["refund 1", "refund 2", "refund 3", "refund 4"])
TOLD = st.sampled_from([True, False, None])
DISPUTES = st.sampled_from(["dispute 1", "dispute 2"])


class OrderMachine(RuleBasedStateMachine):
    """Everything that the books, the staff and the gateway may say of one order."""

    @initialize(price=st.sampled_from([0, PRICE]))
    def place(self, price: int) -> None:
        self.oracle = PurseOracle(price)
        self.order = Order.place(
            member_id=ANNE,
            membership_id=STAY,
            plan_id=GOLD,
            plan_name="Gold",
            price_version=1,
            charge="first",
            charge_index=0,
            list_price=eur(PRICE),
            amount=eur(price),
            discount=None,
            tax_basis_points=None,
            period_start=NOON,
            period_end=None,
            mode="test",
            stamp=by_scheduler(),
        )

    def agree(
        self, expected: str | None, act: Callable[..., Any], *args: Any, **fields: Any
    ) -> None:
        """The product refuses with the class that the oracle names, or does it."""
        before, refusal = self.order.version, None
        try:
            act(*args, **fields)
        except LedgerError as error:
            refusal = type(error).__name__
        assert refusal == expected
        assert refusal is None or self.order.version == before

    def attempt_id(self, number: int) -> Any:
        """The nth attempt's id, or one that never was."""
        attempts = list(self.order.attempts)
        return attempts[number - 1] if number <= len(attempts) else uid(f"attempt {number}")

    # --- trying -------------------------------------------------------------------------

    @rule()
    def start(self) -> None:
        expected = self.oracle.start()
        act = self.order.start_attempt
        self.agree(expected, act, method_id="pm_1", off_session=True, stamp=by_scheduler())

    @rule(number=NUMBERS, what=st.sampled_from(["pending", "unknown", "abandoned", "failed"]))
    def hear(self, number: int, what: str) -> None:
        acts: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
            "pending": (self.order.pend, {"reference": f"pay {number}", "waits_for": "bank"}),
            "unknown": (self.order.lose_sight, {}),
            "abandoned": (self.order.abandon, {"proof": "listed"}),
            "failed": (self.order.fail, {"category": "soft", "code": "declined"}),
        }
        act, fields = acts[what]
        expected = self.oracle.hear(number, what)
        self.agree(expected, act, self.attempt_id(number), stamp=by_gateway(), **fields)

    @rule(number=NUMBERS, reference=PAYMENTS, amount=AMOUNTS)
    def pay(self, number: int, reference: str, amount: int) -> None:
        self.agree(
            self.oracle.pay(number, reference, amount),
            self.order.pay,
            self.attempt_id(number),
            reference=reference,
            amount=eur(amount),
            stamp=by_gateway(),
        )

    @rule()
    def withdraw(self) -> None:
        expected = self.oracle.withdraw()
        self.agree(expected, self.order.withdraw, "removed", stamp=by_scheduler())

    # --- giving back --------------------------------------------------------------------

    @rule(refund=REFUNDS, amount=AMOUNTS, payment=st.none() | PAYMENTS)
    def request_refund(self, refund: str, amount: int, payment: str | None) -> None:
        self.agree(
            self.oracle.request(refund, amount, payment),
            self.order.request_refund,
            eur(amount),
            "moved away",
            refund_id=uid(refund),
            payment_reference=payment,
            stamp=by_staff(),
        )

    @rule(refund=REFUNDS, what=st.sampled_from(["pending", "made", "failed"]))
    def hear_of_refund(self, refund: str, what: str) -> None:
        acts: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
            "pending": (self.order.pend_refund, {"reference": f"gateway's {refund}"}),
            "made": (self.order.settle_refund, {"reference": f"gateway's {refund}"}),
            "failed": (self.order.fail_refund, {"code": "expired_card"}),
        }
        act, fields = acts[what]
        expected = self.oracle.hear_of_refund(refund, what)
        self.agree(expected, act, uid(refund), stamp=by_gateway(), **fields)

    # --- disputes -----------------------------------------------------------------------

    @rule(dispute=DISPUTES, payment=PAYMENTS, amount=AMOUNTS, refundable=TOLD)
    def contest(self, dispute: str, payment: str, amount: int, refundable: bool | None) -> None:
        self.agree(
            self.oracle.contest(dispute, payment, amount, refundable),
            self.order.open_dispute,
            dispute,
            payment_reference=payment,
            amount=eur(amount),
            reason="fraudulent",
            refundable=refundable,
            stamp=by_gateway(),
        )

    @rule(dispute=DISPUTES, amount=AMOUNTS, refundable=TOLD)
    def contest_again(self, dispute: str, amount: int, refundable: bool | None) -> None:
        self.agree(
            self.oracle.contest_again(dispute, amount, refundable),
            self.order.update_dispute,
            dispute,
            amount=eur(amount),
            reason="fraudulent",
            refundable=refundable,
            stamp=by_gateway(),
        )

    @rule(payment=PAYMENTS)
    def take_back(self, payment: str) -> None:
        expected, act = self.oracle.take_back(payment), self.order.reverse_payment
        self.agree(expected, act, payment, code="returned", stamp=by_gateway())

    @rule(dispute=DISPUTES, outcome=st.sampled_from(["won", "lost"]))
    def decide(self, dispute: str, outcome: str) -> None:
        expected = self.oracle.decide(dispute, outcome)
        self.agree(expected, self.order.close_dispute, dispute, outcome=outcome, stamp=by_gateway())

    # --- what always holds --------------------------------------------------------------

    @invariant()
    def the_totals_are_the_oracles(self) -> None:
        if not hasattr(self, "order"):
            return
        found = (self.order.paid, self.order.refunded, self.order.lost, self.order.refundable)
        assert [money.minor for money in found] == self.oracle.totals()

    @invariant()
    def no_more_goes_back_than_came_in(self) -> None:
        if not hasattr(self, "order"):
            return
        live = [r.amount.minor for r in self.order.refunds.values() if r.state != "failed"]
        assert sum(live) <= self.order.paid.minor
        assert self.order.refunded <= self.order.paid

    @invariant()
    def at_most_one_attempt_is_under_way(self) -> None:
        if not hasattr(self, "order"):
            return
        states = [attempt.state for attempt in self.order.attempts.values()]
        assert states == self.oracle.attempts
        assert sum(s in {"open", "pending", "unknown"} for s in states) <= 1

    def teardown(self) -> None:
        """The same facts, read back, make the same order."""
        if hasattr(self, "order"):
            assert state(replayed(self.order)) == state(self.order)


TestOrder = OrderMachine.TestCase
