"""Exact sums, rounded once to be shown; what is shown adds up too."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

HALF = Fraction(1, 2)


def rounded(value: Fraction) -> int:
    """The nearest whole minor unit; half of one goes up."""
    return floor(value + HALF)


def shares(parts: Sequence[Fraction], total: int) -> list[int]:
    """Whole minor units for parts whose exact sum was rounded to `total`, or is the difference of
    two rounded sums: they add up to it, and each is less than one from what it is exactly.

    The odd unit goes to the part that lost most of one by rounding down.
    """
    whole = [floor(part) for part in parts]
    lost = sorted(range(len(parts)), key=lambda place: whole[place] - parts[place])
    for place in lost[: total - sum(whole)]:
        whole[place] += 1
    return whole
