"""Any sequence of acts on a plan, against a plain oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.errors import LedgerError
from ledger.money import Money
from ledger.plan import Plan
from ledger.terms import Terms
from tests.ledger.plan_oracle import OfferOracle, Price
from tests.ledger.stories import GOLD, by_staff, day, replayed, state

T = TypeVar("T")


def mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """The usual value nine times in ten."""
    return st.sampled_from([*[usual] * 9 * len(others), *others])


DAYS = st.integers(0, 60)
MAYBE_DAYS = st.none() | DAYS
PRICES = st.builds(
    Price,
    model=mostly("recurring", "free", "instalments"),
    currency=mostly("EUR", "USD"),
    amount=mostly(1_200, 900, 0, -1, 100_000_000),
    every=mostly(1, 2, 0),
)


def at(instant: int | None) -> Any:
    """A day of the story, or none."""
    return None if instant is None else day(instant)


def terms(price: Price) -> Terms:
    """The oracle's price as the product takes it."""
    return Terms(
        model=price.model,
        amount=Money(price.amount, price.currency),
        unit=None if price.model == "free" else "month",
        every=None if price.model == "free" else price.every,
        payments=3 if price.model == "instalments" else None,
    )


class PlanMachine(RuleBasedStateMachine):
    """Prices are set, sign-ups open and close, on a time line of days."""

    @initialize()
    def draft(self) -> None:
        self.oracle, self.today = OfferOracle(), 0
        self.plan = Plan.draft(
            GOLD, name="Gold", description="", tax_basis_points=None, stamp=by_staff()
        )

    def agree(
        self, expected: str | None, act: Callable[..., Any], *args: Any, **fields: Any
    ) -> None:
        """The product refuses with the class that the oracle names, or does it."""
        before, refusal = self.plan.version, None
        try:
            act(*args, **fields)
        except LedgerError as error:
            refusal = type(error).__name__
        assert refusal == expected
        assert refusal is None or self.plan.version == before

    @rule(days=st.integers(1, 15))
    def wait(self, days: int) -> None:
        self.today += days

    @rule(price=PRICES, existing_from=MAYBE_DAYS)
    def set_price(self, price: Price, existing_from: int | None) -> None:
        self.agree(
            self.oracle.set_price(price, existing_from, self.today),
            self.plan.set_price,
            terms(price),
            effective_for_existing_from=at(existing_from),
            stamp=by_staff(day(self.today)),
        )

    @rule(opens=MAYBE_DAYS, closes=MAYBE_DAYS)
    def open(self, opens: int | None, closes: int | None) -> None:
        self.agree(
            self.oracle.open(opens, closes),
            self.plan.open,
            opens_at=at(opens),
            closes_at=at(closes),
            stamp=by_staff(day(self.today)),
        )

    @rule()
    def close(self) -> None:
        self.agree(self.oracle.close(), self.plan.close, stamp=by_staff(day(self.today)))

    @rule(sure=st.sampled_from([True, False, False, False]))
    def retire(self, sure: bool) -> None:
        if sure:
            self.oracle.state = "retired"
            self.plan.retire(stamp=by_staff(day(self.today)))

    @rule(password=MAYBE_DAYS, free=MAYBE_DAYS)
    def set_early_access(self, password: int | None, free: int | None) -> None:
        self.agree(
            self.oracle.set_early_access(password, free),
            self.plan.set_early_access,
            password_until=at(password),
            free_until=at(free),
            stamp=by_staff(day(self.today)),
        )

    @rule(asked=DAYS)
    def ask_to_join(self, asked: int) -> None:
        self.agree(self.oracle.join(asked), self.plan.require_joinable, day(asked))
        early = (self.plan.asks_password(day(asked)), self.plan.starts_free(day(asked)))
        assert early == (self.oracle.asks_password(asked), self.oracle.starts_free(asked))

    @rule(current=st.integers(1, 6), asked=DAYS)
    def ask_for_a_renewal(self, current: int, asked: int) -> None:
        if current <= len(self.oracle.prices):
            found = self.plan.price_for_renewal(current, day(asked))
            assert found.number == self.oracle.renewal_price(current, asked)
            assert found.terms == terms(self.oracle.prices[found.number - 1][0])

    @invariant()
    def a_plan_has_one_model_and_one_currency(self) -> None:
        if hasattr(self, "plan"):
            kinds = {(v.terms.model, v.terms.amount.currency) for v in self.plan.prices}
            assert len(kinds) <= 1
            assert self.plan.state == self.oracle.state

    def teardown(self) -> None:
        """The same facts, read back, make the same plan."""
        if hasattr(self, "plan"):
            assert state(replayed(self.plan)) == state(self.plan)


TestPlan = PlanMachine.TestCase
