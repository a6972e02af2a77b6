"""The sandbox's books, written behind: many sheets a transaction, for filling a site quickly."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Protocol
from uuid import UUID

from ledger.store.sandbox_sheets import Change, KeyClaimed, NoSheet, Sheet

FLUSH_AT_SHEETS = 5_000
REMEMBERED_SHEETS = 40_000
"""Enough for the saved methods of ten thousand members between two of their charges."""


class Shelf(Protocol):
    """Where sheets are kept in the end."""

    def sheet(self, key: UUID) -> Sheet | None:
        """The sheet under a key."""
        ...

    def claimant(self, claim: UUID) -> Sheet | None:
        """The sheet for which a key was claimed."""
        ...

    def between(self, since: datetime, until: datetime) -> Iterator[Sheet]:
        """Every sheet on which something happens meanwhile, and perhaps some more."""
        ...

    def keys(self) -> set[UUID]:
        """The key of every sheet."""
        ...

    def write(
        self,
        added: Mapping[UUID, Sheet],
        changed: Mapping[UUID, tuple[Sheet, int]],
        claims: Mapping[UUID, UUID],
    ) -> None:
        """Keep sheets, changed sheets with the version they replace, and claims: all or none."""
        ...


@dataclass
class _Pending:
    """What the shelf has not been told yet."""

    added: dict[UUID, Sheet] = field(default_factory=dict)
    changed: dict[UUID, tuple[Sheet, int]] = field(default_factory=dict)
    claims: dict[UUID, UUID] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.added) + len(self.changed)


class WriteBehind:
    """Books that answer from memory and write many sheets at once; for one process at a time."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._stored = shelf.keys()
        self._seen: OrderedDict[UUID, Sheet] = OrderedDict()
        self._pending = _Pending()
        self._lock = RLock()

    def sheet(self, key: UUID) -> Sheet | None:
        """The sheet under a key."""
        with self._lock:
            sheet = self._seen.get(key)
            if sheet is None and key in self._stored:
                sheet = self._shelf.sheet(key)
            return self._see(sheet) if sheet else None

    def add(self, sheet: Sheet) -> Sheet | None:
        """Keep a new sheet. If one stands under its key already, that one, and nothing changes."""
        with self._lock:
            standing = self.sheet(sheet.key)
            if standing is None:
                self._stored.add(sheet.key)
                self._pending.added[sheet.key] = self._see(sheet)
                self._flush_if_full()
            return standing

    def change(self, key: UUID, change: Change, *, claim: UUID | None = None) -> Sheet:
        """Change a sheet, and claim a further key for it. Raises NoSheet and KeyClaimed."""
        with self._lock:
            before = self.sheet(key)
            if before is None:
                raise NoSheet(key=key)
            holder = self.claimant(claim) if claim else None
            if holder and holder.key != key:
                raise KeyClaimed(key=claim)
            after = change(before)
            if claim and not holder:
                self._pending.claims[claim] = key
            if after is not before:
                self._keep_change(before, after)
            return after

    def claimant(self, claim: UUID) -> Sheet | None:
        """The sheet for which a key was claimed."""
        with self._lock:
            key = self._pending.claims.get(claim)
            if key:
                return self.sheet(key)
            stored = self._shelf.claimant(claim)
            return self.sheet(stored.key) if stored else None

    def between(self, since: datetime, until: datetime) -> Iterator[Sheet]:
        """Every sheet on which something happens meanwhile, and perhaps some more, unordered."""
        self.flush()
        return self._shelf.between(since, until)

    def batch(self) -> AbstractContextManager[WriteBehind]:
        """These books: a batch within a batch is the same one."""
        return nullcontext(self)

    def flush(self) -> None:
        """Write what is pending, in one transaction. Raises SheetMoved."""
        with self._lock:
            if self._pending:
                pending = self._pending
                self._shelf.write(pending.added, pending.changed, pending.claims)
                self._pending = _Pending()
            while len(self._seen) > REMEMBERED_SHEETS:
                self._seen.popitem(last=False)

    def _see(self, sheet: Sheet) -> Sheet:
        self._seen[sheet.key] = sheet
        self._seen.move_to_end(sheet.key)
        return sheet

    def _keep_change(self, before: Sheet, after: Sheet) -> None:
        self._see(after)
        if after.key in self._pending.added:
            self._pending.added[after.key] = after
        else:
            _, replaces = self._pending.changed.get(after.key, (before, before.version))
            self._pending.changed[after.key] = (after, replaces)
        self._flush_if_full()

    def _flush_if_full(self) -> None:
        if len(self._pending) >= FLUSH_AT_SHEETS:
            self.flush()
