"""The people of a big log: all that is theirs follows from a seed and a number."""

from __future__ import annotations

from bisect import bisect
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple
from uuid import UUID

from scripts.benches.big_patterns import PATTERNS
from scripts.benches.big_site import SINCE, UNTIL


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words(
    "Zoë Amélie Jürgen Ana Bob Chloé Łukasz Nguyễn Marie Jean Pierre Camille Léa Hugo Louis Emma "
    "Alice Jules Adam Inès Lina Nina Rose Noé Paul Tom Max Olga Ivan Sara Yusuf Leïla Omar Aïcha "
    "Peter John Mary Linda James Robert Grace Ruth Simon Claire Anne Luc Marc Eva Ida Karl Rosa"
)
STARTS = _words("Mar Du Ber Le Ro Ga Mül Schn Fi Wag Be Sm Jo Wil Br An Lo Mo Per Gar")
MIDDLES = _words("ti po na co ri lo ne de ma be to li ra so vi ke da no mi sa")
ENDS = _words("n nt rd t ère aud ier son man er ez ski ova berg ard ton eau in as ng")

SHARES = list(accumulate(pattern.share for pattern in PATTERNS))
SPAN = (UNTIL - SINCE) // timedelta(microseconds=1)
SAME_CARD = 40
"""One in so many pays with a card that somebody else has too."""


class Person(NamedTuple):
    """One of them. Everybody is somebody else with another seed."""

    seed: int
    number: int
    member_id: UUID
    key: bytes
    pattern: int
    signed_up: datetime
    dice: bytes

    @property
    def name(self) -> str:
        """As they signed up."""
        return f"{self._first} {self._last}"

    @property
    def renamed(self) -> str:
        """The other way round."""
        return f"{self._last} {self._first}"

    @property
    def email(self) -> str:
        """Theirs alone."""
        return f"{self._last.lower()}.{self.number}@example.org"

    @property
    def last_four(self) -> str:
        """Of their card."""
        return f"{int.from_bytes(self.dice[4:6]) % 10_000:04}"

    @property
    def fingerprint(self) -> str:
        """Of their card, too; a few share one."""
        shared = self.dice[6] % SAME_CARD == 0
        return f"fp_{self.number - self.number % 2 if shared else self.number}"

    @property
    def _first(self) -> str:
        return FIRST[self.dice[0] % len(FIRST)]

    @property
    def _last(self) -> str:
        start, middle, end = self.dice[1:4]
        parts = (STARTS[start % 20], MIDDLES[middle % 20], ENDS[end % 20])
        return "".join(parts)


def person(seed: int, number: int) -> Person:
    """One of the people of a log. The first few live one life each of all that there are."""
    dice = blake2b(f"{seed}/{number}".encode(), digest_size=64).digest()
    since = int.from_bytes(dice[50:57]) * SPAN >> 56
    if number < len(PATTERNS):
        pattern, since = number, since // 10
    else:
        pattern = bisect(SHARES, int.from_bytes(dice[48:50]) * SHARES[-1] >> 16)
    return Person(
        seed=seed,
        number=number,
        member_id=UUID(bytes=dice[:16], version=4),
        key=dice[16:48],
        pattern=pattern,
        signed_up=SINCE + timedelta(microseconds=since),
        dice=dice[57:],
    )
