"""A save whose answer was lost is neither lost nor done twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError

from ledger.store import saving
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.records import Claim
from ledger.store.refusals import ClaimTaken, CommandRepeated
from ledger.store.saving import SaveUncertain
from tests.store.books import MEMBER, append_in, facts, open_transaction, opened, waits_for_lock
from tests.store.wire import Wire, wired

OTHERS = """
select pg_terminate_backend(pid) from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle in transaction'
"""


@pytest.fixture
def wire(database: str) -> Iterator[Wire]:
    """A wire to the test's own database."""
    with wired(database) as wire:
        yield wire


@pytest.fixture
def recorder(wire: Wire) -> Iterator[FactRecorder]:
    """A recorder at the far end of the wire, with one connection that has saved before."""
    with open_pool(wire.dsn, max_size=1, wait_seconds=5) as pool:
        recorder = FactRecorder(pool)
        recorder.insert_events(facts())
        yield recorder


@pytest.mark.parametrize("size", [1, 3])
def test_a_save_whose_answer_was_lost_answers_as_if_it_was_not(
    recorder: FactRecorder, wire: Wire, size: int
) -> None:
    asked = facts(size)
    wire.swallow_next_answer()
    assert recorder.insert_events(asked) == list(range(2, 2 + size))
    assert wire.swallowed.is_set()
    assert [row.state for row in recorder.read(1, 10)] == [fact.state for fact in asked]


def test_so_does_one_with_a_command_and_a_claim(recorder: FactRecorder, wire: Wire) -> None:
    command, asked, claim = uuid4(), facts(2), Claim("email", b"address", MEMBER)
    wire.swallow_next_answer()
    # A larger save is another statement: preparing it is what is answered first, and lost.
    assert recorder.insert_events(asked, command=command, claims=[claim]) == [2, 3]
    wire.swallowed.clear()
    wire.swallow_next_answer()
    again = Claim("email", b"another", MEMBER)
    assert recorder.insert_events(facts(2), command=uuid4(), claims=[again])
    assert wire.swallowed.is_set()
    assert recorder.command_position(command) == 2
    with pytest.raises(CommandRepeated) as refusal:  # and for who sends it again altogether
        recorder.insert_events(facts(2), command=command, claims=[claim])
    assert refusal.value.position == 2


def test_a_save_that_never_began_is_sent_again(recorder: FactRecorder, wire: Wire) -> None:
    wire.cut()
    assert recorder.insert_events(facts()) == [2]
    assert len(recorder.read(0, 10)) == 2


def test_a_save_that_was_killed_before_its_commit_is_sent_again(
    recorder: FactRecorder, database: str
) -> None:
    stream = uuid4()
    with open_transaction(database) as busy, ThreadPoolExecutor(1) as aside:
        busy.execute("select pg_advisory_xact_lock(ledger.stream_key(%s))", (stream,))
        saved = aside.submit(recorder.insert_events, facts(2, stream_id=stream))
        waits_for_lock(database)
        with psycopg.connect(database) as operator:
            operator.execute(OTHERS)
        busy.rollback()
        assert len(saved.result()) == 2
    assert [row.version for row in recorder.of_stream(stream)] == [1, 2]


def test_a_save_still_under_way_is_waited_for_and_recognised(
    recorder: FactRecorder, wire: Wire, database: str
) -> None:
    # The server doesn't notice that its client is gone: the first sending commits in the end.
    stream = uuid4()
    with open_transaction(database) as busy, ThreadPoolExecutor(1) as aside:
        busy.execute("select pg_advisory_xact_lock(ledger.stream_key(%s))", (stream,))
        saved = aside.submit(recorder.insert_events, facts(2, stream_id=stream))
        waits_for_lock(database)
        wire.cut()
        waits_for_lock(database, sessions=2)
        busy.rollback()
        assert saved.result() == [2, 3]
    assert [row.position for row in recorder.of_stream(stream)] == [2, 3]


def test_someone_elses_save_is_still_a_conflict(
    recorder: FactRecorder, wire: Wire, database: str
) -> None:
    stream = uuid4()
    with open_transaction(database) as rival, ThreadPoolExecutor(1) as aside:
        append_in(rival, facts(stream_id=stream, topic="member.renamed"))
        saved = aside.submit(recorder.insert_events, facts(stream_id=stream))
        waits_for_lock(database)
        wire.cut()
        rival.commit()
        assert isinstance(saved.exception(), IntegrityError)
    assert [row.topic for row in recorder.of_stream(stream)] == ["member.renamed"]


def test_someone_elses_claim_is_still_a_conflict(
    recorder: FactRecorder, wire: Wire, database: str
) -> None:
    with opened(database) as rival:
        rival.insert_events(facts(), claims=[Claim("email", b"address", MEMBER)])
    wire.cut()
    with pytest.raises(ClaimTaken):
        recorder.insert_events(facts(), claims=[Claim("email", b"address", uuid4())])


def test_reading_goes_on_over_a_cut(recorder: FactRecorder, wire: Wire) -> None:
    wire.cut()
    assert recorder.horizon() == 1
    wire.cut()
    assert len(recorder.read(0, 10)) == 1


def test_if_the_server_stays_away_the_outcome_is_said_to_be_unknown(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "RESEND_AFTER_SECONDS", (0, 0))
    with wired(database) as wire, open_pool(wire.dsn, max_size=1, wait_seconds=0.2) as pool:
        recorder = FactRecorder(pool)
        recorder.insert_events(facts())
        wire.close()
        with pytest.raises(SaveUncertain, match="Send the command again"):
            recorder.insert_events(facts())
        with pytest.raises(OperationalError):
            recorder.horizon()
