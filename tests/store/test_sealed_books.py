"""Sealed facts and their keys in one transaction, among several processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError
from psycopg_pool import ConnectionPool

from ledger.facts import ERASED, Fact
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.pool import PooledConnection, open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.records import Claim
from ledger.store.refusals import ClaimTaken
from ledger.store.vault import Vault
from tests.store.sealed_facts import ANNA, BRUNO, GREETED, MASTER_KEY, OTHER_STREAM, Greeted, fact

ELSEWHERE = fact(Greeted, originator_id=OTHER_STREAM, email="anna@example.com")


class Process:
    """What each process has of its own: recorder, vault and mapper."""

    def __init__(self, pool: ConnectionPool[PooledConnection]) -> None:
        self.recorder = FactRecorder(pool)
        self.keys = KeyTable(pool)
        self.vault = Vault(MASTER_KEY, self.keys)
        self.mapper = FactMapper(self.vault)

    def save(self, *facts: Fact, claims: tuple[Claim, ...] = ()) -> None:
        prepared = self.mapper.prepare(facts)
        self.recorder.insert_events(prepared.facts, keys=prepared.keys, claims=claims)

    def of_subject(self, subject_id: UUID) -> list[Fact]:
        return self.mapper.open_records(self.recorder.of_subject(subject_id))


@pytest.fixture
def processes(database: str) -> Iterator[tuple[Process, Process]]:
    with open_pool(database, max_size=4) as pool:
        yield Process(pool), Process(pool)


def test_what_one_process_saves_another_reads(processes: tuple[Process, Process]) -> None:
    one, other = processes
    one.save(GREETED)
    other.save(ELSEWHERE)
    assert one.of_subject(ANNA) == other.of_subject(ANNA) == [GREETED, ELSEWHERE]


def test_of_two_first_saves_of_a_person_the_loser_tries_again(
    processes: tuple[Process, Process],
) -> None:
    barrier = Barrier(2)

    def first_save(process: Process, one: Fact) -> int:
        prepared = process.mapper.prepare([one])
        barrier.wait(timeout=10)
        try:
            process.recorder.insert_events(prepared.facts, keys=prepared.keys)
        except IntegrityError:
            process.save(one)
            return 1
        return 0

    with ThreadPoolExecutor(2) as threads:
        conflicts = sum(threads.map(first_save, processes, [GREETED, ELSEWHERE]))
    assert conflicts == 1
    for process in processes:
        found = {one.originator_id: one for one in process.of_subject(ANNA)}
        assert found == {one.originator_id: one for one in (GREETED, ELSEWHERE)}


def test_a_refused_save_leaves_no_key_and_harms_no_later_one(
    processes: tuple[Process, Process],
) -> None:
    one, other = processes
    email = Claim("email", one.vault.email_hash("anna@example.org"), BRUNO)
    other.save(fact(Greeted, email="bruno@example.org", member_id=BRUNO), claims=(email,))
    with pytest.raises(ClaimTaken):
        one.save(ELSEWHERE, claims=(Claim("email", email.key, ANNA),))
    assert one.keys.wrapped([ANNA]) == {}
    one.save(ELSEWHERE)
    assert other.of_subject(ANNA) == [ELSEWHERE]


def test_an_erased_persons_facts_stay_in_the_books_unreadable(  # part of AU5
    processes: tuple[Process, Process],
) -> None:
    one, _ = processes
    one.save(GREETED)
    before = one.recorder.of_subject(ANNA)
    one.vault.destroy(ANNA)
    assert one.recorder.of_subject(ANNA) == before
    assert one.of_subject(ANNA) == [GREETED.model_copy(update={"email": ERASED, "name": ERASED})]
