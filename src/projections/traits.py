"""Traits: what a member has or when they did something, as numbers that indexes are made of.

An inverted index of them finds those who have several traits without reading a row. As bits of one
number, an index carries them beside a sort key: whoever has what is asked for has its bits; a few
others have them by chance, and are looked at more closely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal
from zlib import crc32

BITS = 63
"""What a bigint holds and stays positive."""
MONTHS, YEARS = 12, 10
"""In a year, and in a decade."""
FIRST, LAST = 1900 * MONTHS, 2100 * MONTHS - 1
"""Months, counted from year 0: what was before or after counts as one of these."""

Kind = Literal[
    "plan",
    "tag",
    "country",
    "agrees",
    "customer",
    "closed",
    "past_due",
    "action_required",
    "cancelling",
    "joined",
    "ordered",
]
When = Literal["joined", "ordered"]


@lru_cache(maxsize=8_192)
def trait(kind: Kind, value: object = "") -> int:
    """The number of a trait, the same in every process; that another has it too does no harm."""
    return crc32(f"{kind} {value}".encode())


def bits(traits: Iterable[int]) -> int:
    """The bits of some traits: two each, or one by chance."""
    found = 0
    for number in traits:
        found |= 1 << number % BITS | 1 << (number >> 16) % BITS
    return found


def when(kind: When, instant: datetime) -> tuple[int, int, int]:
    """The traits of having done something at an instant: of its month, year and decade, in UTC."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return _of_month(kind, utc.year * MONTHS + utc.month - 1)


def between(kind: When, first: datetime, last: datetime) -> Iterator[int]:
    """Of all who did something between two instants, each has just one of these traits."""
    month, end = _month(first), _month(last) + 1
    while month < end:
        if month % (MONTHS * YEARS) == 0 and month + MONTHS * YEARS <= end:
            yield _decade_trait(kind, month)
            month += MONTHS * YEARS
        elif month % MONTHS == 0 and month + MONTHS <= end:
            yield _year_trait(kind, month)
            month += MONTHS
        else:
            yield _month_trait(kind, month)
            month += 1


@lru_cache(maxsize=8_192)
def _of_month(kind: When, month: int) -> tuple[int, int, int]:
    month = min(max(month, FIRST), LAST)
    return _month_trait(kind, month), _year_trait(kind, month), _decade_trait(kind, month)


def _month(instant: datetime) -> int:
    utc = instant.astimezone(UTC)
    return min(max(utc.year * MONTHS + utc.month - 1, FIRST), LAST)


def _month_trait(kind: Kind, month: int) -> int:
    return trait(kind, month)


def _year_trait(kind: Kind, month: int) -> int:
    return trait(kind, ("year", month // MONTHS))


def _decade_trait(kind: Kind, month: int) -> int:
    return trait(kind, ("decade", month // MONTHS // YEARS))
