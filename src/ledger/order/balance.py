"""What moved our balance at the payment company for an order, each change once."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.money import Money


@dataclass(frozen=True, slots=True)
class Moved:
    """One change of our balance, by the company's id of it; `amount` is signed as it moved."""

    movement_id: str
    amount: Money
    at: datetime
    is_fee: bool = False


def untold(
    moved: Sequence[Moved], told: Container[str], unnamed: Iterable[int] = ()
) -> list[Moved]:
    """What of this list, the oldest first, no fact has told.

    Facts once named no movement: `unnamed` are the minor units of those, in their order. Each told
    what had moved since the one before, so that the movements pass through every sum of theirs.
    Where they don't, nobody can say what such a fact told, and nothing is taken for news.
    """
    return [one for one in moved[_covered(moved, unnamed) :] if one.movement_id not in told]


def _covered(moved: Sequence[Moved], unnamed: Iterable[int]) -> int:
    """How many of the oldest movements were told of without their names."""
    place = still = 0
    for minor in unnamed:
        still += minor
        while place < len(moved):
            still -= moved[place].amount.minor
            place += 1
            if not still:
                break
    return len(moved) if still else place
