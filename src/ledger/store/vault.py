"""Each person's key: made, found again, destroyed. And the secrets that are no person's."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from threading import local
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import LedgerError
from ledger.store.key_cache import KeyCache, Opened
from ledger.store.key_rows import ROOT_OWNER, TOMBSTONE, KeyRows
from ledger.store.master_key import KEY_BYTES, MasterKey, derive
from ledger.store.records import SubjectKey

CACHE_SIZE = 20_000
CACHE_SECONDS = 60
"""How long another process may go on reading what this one destroyed."""


class KeyDestroyed(LedgerError):
    """The key of {subject_id} was destroyed; nothing personal can be recorded of them any more."""

    code = "key_destroyed"


class KeyMissing(LedgerError):
    """The vault has no key for {subject_id}, destroyed or not; was it restored with the books?"""

    code = "key_missing"


class VaultIncomplete(LedgerError):
    """The vault holds keys, but not what tells its master key; restore it whole."""

    code = "vault_incomplete"


class Pending(local):
    """Keys that this thread has made and not yet handed out for saving.

    Each thread has its own: a key that two saves shared would be lost with the one that fails.
    """

    def __init__(self) -> None:
        self.keys: dict[UUID, bytes] = {}


class Vault:
    """Keys of persons, wrapped by a master key of 32 bytes.

    Raises MasterKeyMalformed, MasterKeyWrong, KeyDamaged or VaultIncomplete at once.
    """

    def __init__(
        self,
        master_key: bytes,
        rows: KeyRows,
        *,
        cache_size: int = CACHE_SIZE,
        cache_seconds: int = CACHE_SECONDS,
        ticks: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._master = MasterKey(master_key)
        self._rows = rows
        self._cache = KeyCache(size=cache_size, age_seconds=cache_seconds, ticks=ticks)
        self._pending = Pending()
        self._root = self._open_root()
        self._email_key = derive(self._root, "e-mail claims")

    # --- reading --------------------------------------------------------------------------

    def key(self, subject_id: UUID) -> Opened:
        """A person's key, or None if it was destroyed. Raises KeyMissing."""
        return self.keys((subject_id,))[subject_id]

    def keys(self, subject_ids: Iterable[UUID]) -> dict[UUID, Opened]:
        """Everybody's key, with at most one query. Raises KeyMissing."""
        wanted = set(subject_ids)
        found = self._find(wanted)
        for subject_id in wanted - found.keys():
            raise KeyMissing(subject_id=subject_id)
        return found

    def ask_anew(self, subject_id: UUID) -> None:
        """Ask for a person's key even if it is at hand: one query, whether or not they have one.

        What is at hand would tell who was read of lately.
        """
        self._fetch({subject_id})

    # --- writing --------------------------------------------------------------------------

    def key_for_writing(self, subject_id: UUID) -> AESGCM:
        """A person's key, made if there is none. Raises KeyDestroyed.

        A new key is pending: it is saved with the first facts that it seals, in their
        transaction (`take_pending`), or not at all. If another process is first, the vault's
        primary key refuses the save, and what is tried again finds the other's key.
        """
        pending = self._pending.keys
        if subject_id not in pending:
            found = self._find({subject_id})
            if subject_id in found:
                return _require(found[subject_id], subject_id)
            pending[subject_id] = os.urandom(KEY_BYTES)
        return AESGCM(pending[subject_id])

    def make_ready(self, subject_ids: Iterable[UUID]) -> None:
        """Find or make many persons' keys for writing, with at most one query."""
        wanted = set(subject_ids) - self._pending.keys.keys()
        for subject_id in wanted - self._find(wanted).keys():
            self._pending.keys[subject_id] = os.urandom(KEY_BYTES)

    @contextmanager
    def saving(self, subject_ids: Iterable[UUID]) -> Iterator[list[SubjectKey]]:
        """This thread's new keys of these persons, saved within; then they are at hand."""
        generation, taken_at = self._cache.generation, self._cache.now()
        keys = self.take_pending(subject_ids)
        yield keys
        opened = {key.subject_id: self._open(key.subject_id, key.wrapped) for key in keys}
        self._cache.keep(opened, generation=generation, fetched_at=taken_at)

    def take_pending(self, subject_ids: Iterable[UUID]) -> list[SubjectKey]:
        """This thread's new keys of these persons, wrapped, for `insert_events(keys=...)`.

        They are handed out once. After a save that failed the facts are made and sealed anew.
        """
        pending = self._pending.keys
        return [
            SubjectKey(subject_id, self._master.wrap(pending.pop(subject_id), subject_id.bytes))
            for subject_id in dict.fromkeys(subject_ids)
            if subject_id in pending
        ]

    def discard_pending(self) -> None:
        """Forget this thread's new keys, left by a save that was never tried."""
        self._pending.keys.clear()

    # --- erasing --------------------------------------------------------------------------

    def destroy(self, subject_id: UUID) -> None:
        """Destroy a person's key for ever; once more changes nothing.

        When this returns, no load in this process reads the person any more; in others none
        does after CACHE_SECONDS.
        """
        self._rows.destroy(subject_id)
        self._pending.keys.pop(subject_id, None)
        self._cache.drop(subject_id)

    # --- secrets that are no person's -----------------------------------------------------

    def email_hash(self, normalised: str) -> bytes:
        """What is claimed in place of an e-mail: nobody without the vault can guess it back."""
        return hmac.digest(self._email_key, normalised.encode(), sha256)

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same in every process and under a new master key."""
        return derive(self._root, f"purpose/{purpose}")

    # --- within ---------------------------------------------------------------------------

    def _open_root(self) -> bytes:
        root = self._rows.root() or self._rows.keep_root(
            self._master.wrap(os.urandom(KEY_BYTES), ROOT_OWNER)
        )
        if root is None:
            raise VaultIncomplete
        return self._master.unwrap(root, ROOT_OWNER)

    def _find(self, subject_ids: set[UUID]) -> dict[UUID, Opened]:
        found = self._cache.find(subject_ids)
        unknown = subject_ids - found.keys()
        if unknown:
            found.update(self._fetch(unknown))
        return found

    def _fetch(self, subject_ids: set[UUID]) -> dict[UUID, Opened]:
        generation, fetched_at = self._cache.generation, self._cache.now()
        wrapped = self._rows.wrapped(subject_ids)
        opened = {who: self._open(who, what) for who, what in wrapped.items()}
        self._cache.keep(opened, generation=generation, fetched_at=fetched_at)
        return opened

    def _open(self, subject_id: UUID, wrapped: bytes) -> Opened:
        if wrapped == TOMBSTONE:
            return None
        return AESGCM(self._master.unwrap(wrapped, subject_id.bytes))


def rewrap(rows: KeyRows, *, old: bytes, new: bytes) -> int:
    """Lock the vault with a new master key; how many keys were wrapped again.

    Nothing that was sealed, hashed or derived changes. Processes that still run with the old
    key can add no key, open none that they do not hold, and are to be started again.

    Raises MasterKeyMalformed, MasterKeyWrong (also when it was done before) or KeyDamaged;
    then nothing has changed.
    """
    before, after = MasterKey(old), MasterKey(new)
    return rows.replace(
        lambda owner, wrapped: after.wrap(before.unwrap(wrapped, owner), owner),
    )


def _require(key: Opened, subject_id: UUID) -> AESGCM:
    if key is None:
        raise KeyDestroyed(subject_id=subject_id)
    return key
