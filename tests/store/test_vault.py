"""Keys of persons: made once, wrapped, cached for a moment, destroyed for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread
from uuid import UUID, uuid5

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg_pool import ConnectionPool

from ledger.ids import SITE
from ledger.store.key_rows import ROOT_OWNER, KeyRows, KeyTable
from ledger.store.master_key import (
    KeyDamaged,
    MasterKey,
    MasterKeyMalformed,
    MasterKeyWrong,
    seal,
    unseal,
)
from ledger.store.pool import PooledConnection, open_pool
from ledger.store.records import SubjectKey
from ledger.store.vault import (
    CACHE_SECONDS,
    KeyDestroyed,
    KeyMissing,
    Vault,
    VaultIncomplete,
    rewrap,
)
from tests.store.memory_keys import MemoryKeys

ANNA, BRUNO = uuid5(SITE, "anna"), uuid5(SITE, "bruno")
MASTER_KEY, NEW_MASTER_KEY = bytes(range(32)), bytes(range(1, 33))
SECOND = 1_000_000_000

Pool = ConnectionPool[PooledConnection]


class Ticks:
    """A stopwatch that moves when told."""

    def __init__(self) -> None:
        self.value = 0

    def __call__(self) -> int:
        return self.value


class Shelf:
    """Some rows, and how a save puts keys among them."""

    def __init__(self, rows: KeyRows, save: Callable[[list[SubjectKey]], None]) -> None:
        self.rows = rows
        self.save = save

    def vault(self, master_key: bytes = MASTER_KEY) -> Vault:
        return Vault(master_key, self.rows)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database, max_size=4) as opened:
        yield opened


def insert(pool: Pool, keys: list[SubjectKey]) -> None:
    with pool.connection() as connection:
        for key in keys:
            connection.execute(
                "insert into vault.keys values (%s, %s)", [key.subject_id, key.wrapped]
            )


@pytest.fixture(params=["memory", "postgres"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "memory":
        memory = MemoryKeys()
        return Shelf(memory, memory.save)
    pool: Pool = request.getfixturevalue("pool")
    return Shelf(KeyTable(pool), lambda keys: insert(pool, keys))


def with_key(shelf: Shelf, *subject_ids: UUID) -> Vault:
    vault = shelf.vault()
    for subject_id in subject_ids:
        vault.key_for_writing(subject_id)
    shelf.save(vault.take_pending(subject_ids))
    return vault


# --- making and finding -------------------------------------------------------------------


def test_what_one_process_seals_another_opens(shelf: Shelf) -> None:
    vault = shelf.vault()
    sealed = seal(vault.key_for_writing(ANNA), b"words", b"place")
    shelf.save(vault.take_pending([ANNA]))
    key = shelf.vault().key(ANNA)
    assert key is not None
    assert unseal(key, sealed, b"place") == b"words"


def test_a_new_key_is_the_same_until_it_is_taken_and_handed_out_once(shelf: Shelf) -> None:
    vault = shelf.vault()
    sealed = seal(vault.key_for_writing(ANNA), b"words", b"")
    assert unseal(vault.key_for_writing(ANNA), sealed, b"") == b"words"
    assert [key.subject_id for key in vault.take_pending([BRUNO, ANNA, ANNA])] == [ANNA]
    assert vault.take_pending([ANNA]) == []


def test_a_key_that_was_never_saved_is_no_key(shelf: Shelf) -> None:
    vault = shelf.vault()
    vault.key_for_writing(ANNA)
    vault.take_pending([ANNA])
    with pytest.raises(KeyMissing, match=str(ANNA)):
        vault.key(ANNA)


def test_discarded_keys_are_not_handed_out(shelf: Shelf) -> None:
    vault = shelf.vault()
    vault.key_for_writing(ANNA)
    vault.discard_pending()
    assert vault.take_pending([ANNA]) == []


def test_two_threads_never_share_a_new_key() -> None:
    vault = Vault(MASTER_KEY, MemoryKeys())
    vault.key_for_writing(ANNA)
    taken: list[SubjectKey] = []
    other = Thread(target=lambda: taken.extend(vault.take_pending([ANNA])))
    other.start()
    other.join()
    assert taken == []
    assert len(vault.take_pending([ANNA])) == 1


def test_of_two_processes_that_make_a_persons_key_one_is_refused(pool: Pool) -> None:
    first, second = Vault(MASTER_KEY, KeyTable(pool)), Vault(MASTER_KEY, KeyTable(pool))
    first.key_for_writing(ANNA)
    sealed_second = seal(second.key_for_writing(ANNA), b"words", b"")
    insert(pool, first.take_pending([ANNA]))
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(pool, second.take_pending([ANNA]))
    again = seal(second.key_for_writing(ANNA), b"words", b"")
    assert second.take_pending([ANNA]) == []
    key = first.key(ANNA)
    assert key is not None
    assert unseal(key, again, b"") == b"words"
    assert sealed_second != again


def test_many_keys_are_one_question() -> None:
    rows = MemoryKeys()
    people = [uuid5(SITE, str(number)) for number in range(100)]
    with_key(Shelf(rows, rows.save), *people)
    rows.questions.clear()
    vault = Vault(MASTER_KEY, rows)
    assert vault.keys(people).keys() == set(people)
    assert vault.keys(people[:50]).keys() == set(people[:50])
    assert rows.questions == [set(people)]


def test_nothing_in_the_rows_is_a_key(pool: Pool) -> None:
    vault = Vault(MASTER_KEY, KeyTable(pool))
    with_key(Shelf(KeyTable(pool), lambda keys: insert(pool, keys)), ANNA)
    wrapped = KeyTable(pool).wrapped([ANNA])[ANNA]
    plain = MasterKey(MASTER_KEY).unwrap(wrapped, ANNA.bytes)
    assert len(plain) == 32
    assert plain not in wrapped
    assert MASTER_KEY not in wrapped
    assert vault.key(ANNA) is not None


# --- destroying ---------------------------------------------------------------------------


def test_a_destroyed_key_is_gone_at_once(shelf: Shelf) -> None:  # part of AU5
    vault = with_key(shelf, ANNA, BRUNO)
    assert vault.key(ANNA) is not None
    vault.destroy(ANNA)
    assert vault.key(ANNA) is None
    assert vault.key(BRUNO) is not None


def test_a_destroyed_key_is_never_made_again(shelf: Shelf) -> None:  # part of AU5
    vault = with_key(shelf, ANNA)
    vault.destroy(ANNA)
    for process in (vault, shelf.vault()):
        with pytest.raises(KeyDestroyed, match=str(ANNA)):
            process.key_for_writing(ANNA)


def test_destroying_twice_or_what_was_never_made_is_the_same(shelf: Shelf) -> None:
    vault = shelf.vault()
    vault.key_for_writing(ANNA)
    vault.destroy(ANNA)
    vault.destroy(ANNA)
    assert vault.take_pending([ANNA]) == []
    assert shelf.vault().key(ANNA) is None


def test_the_store_itself_keeps_a_destroyed_key_destroyed(pool: Pool) -> None:
    vault = Vault(MASTER_KEY, KeyTable(pool))
    vault.key_for_writing(ANNA)
    late = vault.take_pending([ANNA])
    Vault(MASTER_KEY, KeyTable(pool)).destroy(ANNA)
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(pool, late)
    with pytest.raises(psycopg.errors.RestrictViolation), pool.connection() as connection:
        connection.execute("update vault.keys set wrapped = %s", [late[0].wrapped])
    with pytest.raises(psycopg.errors.RestrictViolation), pool.connection() as connection:
        connection.execute("delete from vault.keys")


def test_the_wrapped_key_leaves_the_table(pool: Pool) -> None:
    with_key(Shelf(KeyTable(pool), lambda keys: insert(pool, keys)), ANNA)
    KeyTable(pool).destroy(ANNA)
    assert KeyTable(pool).wrapped([ANNA, BRUNO]) == {ANNA: b""}


# --- the cache ----------------------------------------------------------------------------


def test_another_process_forgets_a_destroyed_key_within_a_minute() -> None:
    rows, ticks = MemoryKeys(), Ticks()
    with_key(Shelf(rows, rows.save), ANNA)
    other = Vault(MASTER_KEY, rows, ticks=ticks)
    assert other.key(ANNA) is not None
    Vault(MASTER_KEY, rows).destroy(ANNA)
    ticks.value = CACHE_SECONDS * SECOND - 1
    assert other.key(ANNA) is not None
    ticks.value = CACHE_SECONDS * SECOND
    assert other.key(ANNA) is None


def test_the_age_of_a_key_isnt_stretched_by_use() -> None:
    rows, ticks = MemoryKeys(), Ticks()
    with_key(Shelf(rows, rows.save), ANNA)
    vault = Vault(MASTER_KEY, rows, ticks=ticks)
    rows.questions.clear()
    for ticks.value in range(0, CACHE_SECONDS * SECOND, SECOND):
        vault.key(ANNA)
    ticks.value = CACHE_SECONDS * SECOND
    vault.key(ANNA)
    assert len(rows.questions) == 2


def test_the_cache_keeps_those_who_were_used_last() -> None:
    rows = MemoryKeys()
    people = [uuid5(SITE, str(number)) for number in range(3)]
    with_key(Shelf(rows, rows.save), *people)
    vault = Vault(MASTER_KEY, rows, cache_size=2)
    for who in (0, 1, 0, 2):
        vault.key(people[who])
    rows.questions.clear()
    vault.key(people[0])
    vault.key(people[1])
    assert rows.questions == [{people[1]}]


def test_a_fetch_that_a_destruction_overtakes_doesnt_bring_the_key_back() -> None:
    rows = MemoryKeys()
    vault = with_key(Shelf(rows, rows.save), ANNA)
    rows.before_answering = lambda: vault.destroy(ANNA)
    vault.key(ANNA)
    rows.before_answering = lambda: None
    assert vault.key(ANNA) is None


# --- the master key -----------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(length: int) -> None:
    with pytest.raises(MasterKeyMalformed, match=f"32 bytes; this one has {length}"):
        Vault(bytes(length), MemoryKeys())


def test_a_wrong_master_key_is_refused_at_the_start(shelf: Shelf) -> None:
    shelf.vault()
    with pytest.raises(MasterKeyWrong, match="not the master key of this vault"):
        shelf.vault(NEW_MASTER_KEY)


def test_a_vault_without_what_tells_its_master_key_is_refused(shelf: Shelf) -> None:
    shelf.save([SubjectKey(ANNA, MasterKey(MASTER_KEY).wrap(bytes(32), ANNA.bytes))])
    with pytest.raises(VaultIncomplete):
        shelf.vault()


def test_two_that_start_at_once_share_one_root(pool: Pool) -> None:
    rows = KeyTable(pool)
    first = rows.keep_root(MasterKey(MASTER_KEY).wrap(bytes(32), ROOT_OWNER))
    second = rows.keep_root(MasterKey(MASTER_KEY).wrap(bytes(32), ROOT_OWNER))
    assert first == second == rows.root()


@given(place=st.integers(min_value=0, max_value=68), bit=st.integers(min_value=0, max_value=7))
def test_an_altered_wrapping_is_noticed(place: int, bit: int) -> None:
    master = MasterKey(MASTER_KEY)
    wrapped = bytearray(master.wrap(bytes(32), ANNA.bytes))
    assert len(wrapped) == 69
    wrapped[place] ^= 1 << bit
    with pytest.raises((KeyDamaged, MasterKeyWrong)):
        master.unwrap(bytes(wrapped), ANNA.bytes)


def test_a_key_moved_to_another_person_is_noticed() -> None:
    rows = MemoryKeys()
    vault = with_key(Shelf(rows, rows.save), ANNA)
    rows.kept[BRUNO] = rows.kept[ANNA]
    with pytest.raises(KeyDamaged):
        vault.key(BRUNO)


def test_a_new_master_key_changes_the_lock_and_nothing_else(shelf: Shelf) -> None:
    vault = with_key(shelf, ANNA, BRUNO)
    sealed = seal(vault.key_for_writing(ANNA), b"words", b"")
    vault.destroy(BRUNO)
    assert rewrap(shelf.rows, old=MASTER_KEY, new=NEW_MASTER_KEY) == 1
    fresh = shelf.vault(NEW_MASTER_KEY)
    key = fresh.key(ANNA)
    assert key is not None
    assert unseal(key, sealed, b"") == b"words"
    assert fresh.key(BRUNO) is None
    assert fresh.email_hash("anna@example.org") == vault.email_hash("anna@example.org")
    assert fresh.derive("cookies") == vault.derive("cookies")
    with pytest.raises(MasterKeyWrong):
        shelf.vault(MASTER_KEY)


def test_rewrapping_with_the_wrong_key_changes_nothing(shelf: Shelf) -> None:
    with_key(shelf, ANNA)
    with pytest.raises(MasterKeyWrong):
        rewrap(shelf.rows, old=NEW_MASTER_KEY, new=MASTER_KEY)
    assert shelf.vault().key(ANNA) is not None


def test_many_keys_are_rewrapped_in_batches(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.store.key_rows.BATCH_SIZE", 7)
    people = [uuid5(SITE, str(number)) for number in range(50)]
    with_key(Shelf(KeyTable(pool), lambda keys: insert(pool, keys)), *people)
    assert rewrap(KeyTable(pool), old=MASTER_KEY, new=NEW_MASTER_KEY) == 50
    assert None not in Vault(NEW_MASTER_KEY, KeyTable(pool)).keys(people).values()


def test_a_process_with_the_old_master_key_can_add_nothing(pool: Pool) -> None:
    late = Vault(MASTER_KEY, KeyTable(pool))
    rewrap(KeyTable(pool), old=MASTER_KEY, new=NEW_MASTER_KEY)
    late.key_for_writing(ANNA)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="was replaced"):
        insert(pool, late.take_pending([ANNA]))


# --- secrets that are no person's ---------------------------------------------------------


def test_an_email_hash_is_the_same_in_every_process_of_one_vault_alone(shelf: Shelf) -> None:
    hashed = shelf.vault().email_hash("anna@example.org")
    assert hashed == shelf.vault().email_hash("anna@example.org")
    assert hashed != shelf.vault().email_hash("bruno@example.org")
    assert hashed != Vault(MASTER_KEY, MemoryKeys()).email_hash("anna@example.org")
    assert len(hashed) == 32


def test_each_purpose_has_a_secret_of_its_own(shelf: Shelf) -> None:
    vault = shelf.vault()
    assert vault.derive("cookies") == shelf.vault().derive("cookies")
    assert vault.derive("cookies") != vault.derive("links")
    assert len(vault.derive("cookies")) == 32
