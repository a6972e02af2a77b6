"""The vault's rows in memory, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from ledger.store.key_rows import ROOT_OWNER, TOMBSTONE, Rewrap
from ledger.store.records import SubjectKey


class MemoryKeys:
    """Keeps the promises of KeyRows and counts the questions."""

    def __init__(self) -> None:
        self.kept: dict[UUID, bytes] = {}
        self.kept_root: bytes | None = None
        self.questions: list[set[UUID]] = []
        self.before_answering: Callable[[], None] = lambda: None

    def wrapped(self, subject_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        asked = set(subject_ids)
        self.questions.append(asked)
        answer = {who: self.kept[who] for who in asked & self.kept.keys()}
        self.before_answering()
        return answer

    def destroy(self, subject_id: UUID) -> None:
        self.kept[subject_id] = TOMBSTONE

    def root(self) -> bytes | None:
        return self.kept_root

    def keep_root(self, root: bytes) -> bytes | None:
        if self.kept_root is None and not any(self.kept.values()):
            self.kept_root = root
        return self.kept_root

    def replace(self, rewrap: Rewrap) -> int:
        assert self.kept_root is not None
        root = rewrap(ROOT_OWNER, self.kept_root)
        fresh = {who: rewrap(who.bytes, key) for who, key in self.kept.items() if key}
        self.kept_root = root
        self.kept.update(fresh)
        return len(fresh)

    def save(self, keys: Iterable[SubjectKey]) -> None:
        """What a save does with new keys."""
        for key in keys:
            assert key.subject_id not in self.kept
            self.kept[key.subject_id] = key.wrapped
