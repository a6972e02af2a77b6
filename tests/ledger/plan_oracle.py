"""What RULES say of one plan, told a second time with days and plain words.

Each act answers with the name of the refusal, or nothing.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Price(NamedTuple):
    """A monthly price; `every` so many months."""

    model: Literal["recurring", "free", "instalments"]
    currency: str
    amount: int
    every: int

    def fault(self) -> str | None:
        """What is wrong with it by itself."""
        if self.model == "free":
            return None if self.amount == 0 else "TermsMalformed"
        if self.amount <= 0 or self.every < 1:
            return "TermsMalformed"
        return "AmountTooLarge" if self.amount > 99_999_999 else None


class OfferOracle:
    """A plan: its state, its prices, its window and its early access."""

    def __init__(self) -> None:
        self.state = "draft"
        self.prices: list[tuple[Price, int | None]] = []
        self.window: tuple[int | None, int | None] = (None, None)
        self.early: tuple[int | None, int | None] = (None, None)

    def set_price(self, price: Price, existing_from: int | None, today: int) -> str | None:
        """A new price version."""
        refusal = "PlanRetired" if self.state == "retired" else price.fault()
        refusal = refusal or self._other_kind(price)
        if refusal is None and existing_from is not None:
            refusal = self._no_move(price, existing_from, today)
        if refusal is None:
            self.prices.append((price, existing_from))
        return refusal

    def _other_kind(self, price: Price) -> str | None:
        if not self.prices:
            return None
        before = self.prices[0][0]
        if price.model != before.model:
            return "PriceModelFixed"
        return "PlanCurrencyFixed" if price.currency != before.currency else None

    def _no_move(self, price: Price, existing_from: int, today: int) -> str | None:
        if price.model != "recurring":
            return "TermsMalformed"
        if any(price.every != before.every for before, _ in self.prices):
            return "TermsMalformed"
        return "PriceDateInThePast" if existing_from <= today else None

    def open(self, opens: int | None, closes: int | None) -> str | None:
        """Open sign-ups."""
        if self.state == "retired":
            return "PlanRetired"
        if not self.prices:
            return "PlanWithoutPrice"
        if opens is not None and closes is not None and closes <= opens:
            return "WindowInverted"
        self.state, self.window = "open", (opens, closes)
        return None

    def close(self) -> str | None:
        """Close sign-ups."""
        if self.state == "retired":
            return "PlanRetired"
        self.state = "closed"
        return None

    def set_early_access(self, password: int | None, free: int | None) -> str | None:
        """Until when joining asks for a password, or is free."""
        if self.state == "retired":
            return "PlanRetired"
        self.early = (password, free)
        return None

    def join(self, day: int) -> str | None:
        """Whether someone may join on a day."""
        if self.state == "retired":
            return "PlanRetired"
        if self.state != "open":
            return "PlanNotOpen"
        opens, closes = self.window
        early, late = opens is not None and day < opens, closes is not None and day >= closes
        return "PlanOutsideWindow" if early or late else None

    def asks_password(self, day: int) -> bool:
        """Whether joining on a day asks for the password."""
        return self.early[0] is not None and day < self.early[0]

    def starts_free(self, day: int) -> bool:
        """Whether joining on a day is free at first."""
        return self.early[1] is not None and day < self.early[1]

    def renewal_price(self, current: int, day: int) -> int:
        """The number of the price that a member at one pays on a day."""
        for number in range(len(self.prices), current, -1):
            moves_from = self.prices[number - 1][1]
            if moves_from is not None and moves_from <= day:
                return number
        return current
