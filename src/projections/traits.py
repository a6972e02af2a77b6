"""Traits: a member's plans, tags and the like as bits, which an index carries beside a sort key.

Whoever has what is asked for has its bits; a few others have them by chance, and are looked at more
closely. So a sorted list is narrowed within its index, ten times as fast as by reading rows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal
from zlib import crc32

BITS = 63
"""What a bigint holds and stays positive."""

Kind = Literal[
    "plan", "tag", "country", "customer", "closed", "past_due", "action_required", "cancelling"
]


@lru_cache(maxsize=4_096)
def trait(kind: Kind, value: object = "") -> int:
    """The bits of one trait: two, or one by chance; the same in every process."""
    digest = crc32(f"{kind} {value}".encode())
    return 1 << digest % BITS | 1 << (digest >> 16) % BITS
