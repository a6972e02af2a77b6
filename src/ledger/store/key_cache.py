"""Opened keys, kept for a moment."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NANOSECONDS = 1_000_000_000

Opened = AESGCM | None
"""A person's key, or None once it is destroyed."""


class KeyCache:
    """The most recently used keys, bounded in number and age; safe to share among threads.

    `ticks` counts nanoseconds and never goes back. It measures how long a key was kept,
    which is no fact: the clock of the ledger may be virtual and stand still.
    """

    def __init__(
        self, *, size: int, age_seconds: int, ticks: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._size = size
        self._age = age_seconds * NANOSECONDS
        self._ticks = ticks
        self._kept: OrderedDict[UUID, tuple[Opened, int]] = OrderedDict()
        self._lock = Lock()
        self.generation = 0
        """How many keys were dropped so far."""

    def find(self, subject_ids: Iterable[UUID]) -> dict[UUID, Opened]:
        """Those of the keys that are kept."""
        found: dict[UUID, Opened] = {}
        oldest = self._ticks() - self._age
        with self._lock:
            for subject_id in subject_ids:
                kept = self._kept.get(subject_id)
                if kept is None:
                    continue
                if kept[1] <= oldest:
                    del self._kept[subject_id]
                    continue
                self._kept.move_to_end(subject_id)
                found[subject_id] = kept[0]
        return found

    def keep(self, opened: Mapping[UUID, Opened], *, generation: int, fetched_at: int) -> None:
        """Keep what was fetched, unless a key was dropped since the fetch began.

        Otherwise a fetch that is overtaken by a destruction would bring the key back. Its age
        counts from before the fetch, for the same reason.
        """
        with self._lock:
            if generation != self.generation:
                return
            for subject_id, key in opened.items():
                self._kept[subject_id] = (key, fetched_at)
                self._kept.move_to_end(subject_id)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def now(self) -> int:
        """The present tick."""
        return self._ticks()

    def drop(self, subject_id: UUID) -> None:
        """Forget one key, and whatever is being fetched at this moment."""
        with self._lock:
            self.generation += 1
            self._kept.pop(subject_id, None)
