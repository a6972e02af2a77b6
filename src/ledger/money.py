"""Whole minor units of one currency. The odd cent always has an owner."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from ledger.currencies import DECIMALS
from ledger.errors import AmountNotPositive, AmountTooLarge, CurrencyMismatch, UnknownCurrency

Mode = Literal["live", "test"]
"""Test money is never added to real money (OR9)."""

LARGEST_CHARGE = 99_999_999
"""Most minor units of one charge: what payment companies accept (eight digits)."""

LARGEST_SUM = 2**53 - 1
"""Most minor units of any amount: what every JSON reader keeps exactly."""


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid"))
class Money:
    """An amount in minor units (cents, yen, fils) of one ISO 4217 currency.

    Raises UnknownCurrency for a code outside the table of currencies.
    """

    minor: Annotated[int, Field(ge=-LARGEST_SUM, le=LARGEST_SUM)]
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in DECIMALS:
            raise UnknownCurrency(currency=self.currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in a currency."""
        return cls(0, currency)

    @property
    def is_zero(self) -> bool:
        """Whether it is exactly nothing."""
        return self.minor == 0

    def __add__(self, other: Money) -> Money:
        self.require_same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self.require_same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self.require_same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self.require_same_currency(other)
        return self.minor <= other.minor

    def __gt__(self, other: Money) -> bool:
        return not self <= other

    def __ge__(self, other: Money) -> bool:
        return not self < other

    def split(self, parts: int) -> list[Money]:
        """Divide without losing a cent: the first shares carry the remainder."""
        share, rest = divmod(self.minor, parts)
        return [Money(share + (i < rest), self.currency) for i in range(parts)]

    def percent_off(self, percent: int) -> Money:
        """What is left after a cut of whole percent; half a minor unit goes to the person."""
        return Money(self.minor - (self.minor * percent + 50) // 100, self.currency)

    def less(self, cut: Money) -> Money:
        """What is left after a fixed cut; never less than nothing."""
        self.require_same_currency(cut)
        return Money(max(0, self.minor - cut.minor), self.currency)

    def __str__(self) -> str:
        decimals = DECIMALS[self.currency]
        sign, digits = "-" * (self.minor < 0), str(abs(self.minor)).rjust(decimals + 1, "0")
        if decimals:
            digits = f"{digits[:-decimals]}.{digits[-decimals:]}"
        return f"{sign}{digits} {self.currency}"

    def require_same_currency(self, other: Money) -> None:
        """Refuse to bring together what is never added or compared (PL2): CurrencyMismatch."""
        if self.currency != other.currency:
            raise CurrencyMismatch(left=self.currency, right=other.currency)


def require_charge(amount: Money) -> Money:
    """The amount, if it can be charged or refunded: more than nothing, at most LARGEST_CHARGE."""
    if amount.minor <= 0:
        raise AmountNotPositive(asked=amount)
    if amount.minor > LARGEST_CHARGE:
        raise AmountTooLarge(asked=amount)
    return amount
