"""Where the sandbox keeps its state: here in memory, in `ledger.store` for many processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from threading import RLock
from typing import Protocol
from uuid import UUID

from ledger.store.sandbox_sheets import Change, KeyClaimed, NoSheet, Sheet


class SandboxBooks(Protocol):
    """Sheets by their unique keys. Each call happens entirely or not at all."""

    def sheet(self, key: UUID) -> Sheet | None:
        """The sheet under a key."""
        ...

    def add(self, sheet: Sheet) -> Sheet | None:
        """Keep a new sheet. If one stands under its key already, that one, and nothing changes."""
        ...

    def change(self, key: UUID, change: Change, *, claim: UUID | None = None) -> Sheet:
        """Change a sheet while nobody else can, and claim a further key for it.

        Raises NoSheet, and KeyClaimed if the claimed key belongs to another sheet.
        """
        ...

    def claimant(self, claim: UUID) -> Sheet | None:
        """The sheet for which a key was claimed."""
        ...

    def between(self, since: datetime, until: datetime) -> Iterator[Sheet]:
        """Every sheet on which something happens meanwhile, and perhaps some more, unordered."""
        ...

    def batch(self) -> AbstractContextManager[SandboxBatch]:
        """The same books for filling a site from one process, written many sheets at a time."""
        ...


class SandboxBatch(SandboxBooks, Protocol):
    """Books in a batch."""

    def flush(self) -> None:
        """Make everything so far safe."""
        ...


class MemoryBooks:
    """Books of one process, for tests: gone when it ends."""

    def __init__(self) -> None:
        self._sheets: dict[UUID, Sheet] = {}
        self._claims: dict[UUID, UUID] = {}
        self._lock = RLock()

    def sheet(self, key: UUID) -> Sheet | None:
        """The sheet under a key."""
        return self._sheets.get(key)

    def add(self, sheet: Sheet) -> Sheet | None:
        """Keep a new sheet. If one stands under its key already, that one, and nothing changes."""
        kept = self._sheets.setdefault(sheet.key, sheet)
        return None if kept is sheet else kept

    def change(self, key: UUID, change: Change, *, claim: UUID | None = None) -> Sheet:
        """Change a sheet while nobody else can, and claim a further key for it."""
        with self._lock:
            before = self._sheets.get(key)
            if before is None:
                raise NoSheet(key=key)
            if claim and self._claims.get(claim, key) != key:
                raise KeyClaimed(key=claim)
            self._sheets[key] = after = change(before)
            if claim:
                self._claims[claim] = key
            return after

    def claimant(self, claim: UUID) -> Sheet | None:
        """The sheet for which a key was claimed."""
        key = self._claims.get(claim)
        return self._sheets[key] if key else None

    def between(self, since: datetime, until: datetime) -> Iterator[Sheet]:
        """Every sheet on which something happens meanwhile, and perhaps some more, unordered."""
        for sheet in list(self._sheets.values()):
            if sheet.span and sheet.span[0] < until and sheet.span[1] >= since:
                yield sheet

    def batch(self) -> AbstractContextManager[MemoryBooks]:
        """These books: memory is written at once."""
        return nullcontext(self)

    def flush(self) -> None:
        """Nothing is ever pending in memory."""
