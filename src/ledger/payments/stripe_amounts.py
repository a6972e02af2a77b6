"""Our minor units as Stripe counts them, and back: whole numbers both ways.

Stripe follows ISO 4217 but for the currencies below. Source: Stripe's page "Currencies".
"""

from __future__ import annotations

from ledger.currencies import DECIMALS
from ledger.money import Money
from ledger.payments.gateway import Rejected

HUNDREDTHS_OF_OURS = frozenset({"ISK", "UGX"})
"""ISO knows no hundredths of them; Stripe counts them all the same, always as 00."""

HUNDREDS_OF_OURS = frozenset({"MGA"})
"""ISO knows hundredths; Stripe counts whole units."""

HUNDRED = 100
THREE_DECIMALS, STEP = 3, 10
"""Of thousandths Stripe takes only whole tens."""


def to_stripe(amount: Money) -> int:
    """The amount as Stripe counts it. Rejected where Stripe can't take it exactly."""
    if amount.currency in HUNDREDTHS_OF_OURS:
        return amount.minor * HUNDRED
    if amount.currency in HUNDREDS_OF_OURS:
        return _exactly(amount, HUNDRED) // HUNDRED
    if DECIMALS[amount.currency] == THREE_DECIMALS:
        return _exactly(amount, STEP)
    return amount.minor


def from_stripe(counted: int, currency: str) -> Money:
    """What Stripe counted, in our minor units. ValueError where ours can't say it exactly."""
    code = currency.upper()
    if code in HUNDREDTHS_OF_OURS:
        if counted % HUNDRED:
            raise ValueError(f"a fraction of {code}")
        return Money(counted // HUNDRED, code)
    return Money(counted * HUNDRED if code in HUNDREDS_OF_OURS else counted, code)


def _exactly(amount: Money, step: int) -> int:
    if amount.minor % step:
        raise Rejected(why=f"Stripe takes {amount.currency} in steps of {step} minor units only")
    return amount.minor
