"""Readers are never overtaken: every trap of the horizon, one by one and all at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from threading import Event, Thread
from time import monotonic, sleep
from uuid import UUID, uuid4

import psycopg
import pytest

from ledger.store.pool import connect, open_pool
from ledger.store.recorder import FactRecorder
from tests.store.books import append_in, facts, open_transaction, opened, waits_for_lock

SAVED_AFTER = 17 << 48
DRAWING = 18 << 48
NAIVE = """
select position, stream_id, version from ledger.facts
 where position > %(after)s order by position
"""
STRESS_SECONDS = 2.5
SAVERS = 8


@pytest.fixture
def recorder(database: str) -> Iterator[FactRecorder]:
    """A recorder on the test's own database."""
    with opened(database, max_size=4) as recorder:
        yield recorder


def positions(recorder: FactRecorder, after: int = 0, limit: int = 100) -> list[int]:
    """What a reader is given."""
    return [row.position for row in recorder.read(after, limit)]


def naive_positions(dsn: str, after: int) -> list[int]:
    """What a reader would see who asks for all that is there."""
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute(NAIVE, {"after": after})]


def test_an_empty_log_has_no_horizon(recorder: FactRecorder) -> None:
    assert recorder.horizon() == 0
    assert recorder.max_notification_id() is None
    assert recorder.read(0, 10) == []


def test_the_very_first_save_may_be_slow(recorder: FactRecorder, database: str) -> None:
    # On an empty log the sequence's last_value is 1, and yet nobody has drawn 1.
    with open_transaction(database) as slow:
        assert append_in(slow, facts()) == 1
        assert recorder.insert_events(facts()) == [2]
        assert naive_positions(database, 0) == [2]
        assert recorder.horizon() == 0
        assert positions(recorder) == []
        slow.commit()
    assert recorder.horizon() == 2
    assert positions(recorder) == [1, 2]


def test_a_slow_save_is_waited_for_where_a_naive_reader_misses_it(
    recorder: FactRecorder, database: str
) -> None:
    recorder.insert_events(facts(2))
    with open_transaction(database) as slow:
        append_in(slow, facts(2))
        recorder.insert_events(facts())
        ours, naive = positions(recorder), naive_positions(database, 0)
        slow.commit()
    assert (ours, naive) == ([1, 2], [1, 2, 5])
    assert positions(recorder, after=ours[-1]) == [3, 4, 5]
    assert naive_positions(database, naive[-1]) == []  # 3 and 4 are lost to it for ever


def test_the_slowest_of_several_saves_holds_the_horizon(
    recorder: FactRecorder, database: str
) -> None:
    with open_transaction(database) as slowest, open_transaction(database) as slow:
        append_in(slowest, facts(3))
        append_in(slow, facts(2))
        recorder.insert_events(facts())
        slow.commit()
        assert recorder.horizon() == 0
        slowest.commit()
        assert recorder.horizon() == 6


def test_what_was_rolled_back_leaves_a_gap_that_is_passed(
    recorder: FactRecorder, database: str
) -> None:
    with open_transaction(database) as failed:
        append_in(failed, facts(3))
        recorder.insert_events(facts())
        failed.rollback()
    assert recorder.horizon() == 4
    assert positions(recorder) == [4]


def test_the_horizon_is_a_fact_and_not_a_number_that_was_drawn(
    recorder: FactRecorder, database: str
) -> None:
    recorder.insert_events(facts(2))
    with open_transaction(database) as failed:
        append_in(failed, facts(3))
    assert recorder.horizon() == 2


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        (0, 1, [1, 2, 3]),
        (0, 3, [1, 2, 3]),
        (0, 4, [1, 2, 3, 4, 5, 6]),
        (0, 6, [1, 2, 3, 4, 5, 6]),
        (0, 7, [1, 2, 3, 4, 5, 6, 7]),
        (3, 2, [4, 5, 6]),
        (6, 100, [7]),
        (7, 100, []),
    ],
)
def test_a_reader_is_given_whole_saves(
    recorder: FactRecorder, after: int, limit: int, expected: list[int]
) -> None:
    for size in (3, 3, 1):
        recorder.insert_events(facts(size))
    assert positions(recorder, after, limit) == expected


def test_the_horizon_never_falls_inside_a_save(recorder: FactRecorder, database: str) -> None:
    # A save that began while positions 1 to 4 were being drawn is unsettled after 2.
    recorder.insert_events(facts(4))
    with open_transaction(database) as began_inside:
        began_inside.execute("select pg_advisory_xact_lock_shared(%s)", (SAVED_AFTER | 2,))
        assert recorder.horizon() == 0
        assert positions(recorder) == []
        assert recorder.select_notifications(None, 10) == []
    assert recorder.horizon() == 4


def test_a_save_that_began_earlier_than_it_drew_takes_nothing_back(
    recorder: FactRecorder, database: str
) -> None:
    # It asked for the last position, was slow, and locked an old one: the horizon steps back, but
    # what it draws comes after everything that was read.
    recorder.insert_events(facts())
    recorder.insert_events(facts())
    with open_transaction(database) as late:
        late.execute("select pg_advisory_xact_lock_shared(%s)", (SAVED_AFTER | 1,))
        assert recorder.horizon() == 1
        assert positions(recorder, after=2) == []
        assert append_in(late, facts()) == 3
        late.commit()
    assert positions(recorder, after=2) == [3]


def test_the_horizon_is_asked_before_the_read(database: str) -> None:
    with opened(database) as writer, open_transaction(database) as slow:
        append_in(slow, facts())

        class Interrupted(FactRecorder):
            """Has other saves fall between its two statements."""

            def horizon(self) -> int:
                """As it was before they did."""
                answer = super().horizon()
                with psycopg.connect(database) as another:
                    append_in(another, facts(version=2))
                slow.commit()
                return answer

        with open_pool(database) as pool:
            assert Interrupted(pool).read(0, 10) == []
        assert positions(writer) == [1, 2]


def test_a_save_in_another_database_holds_nothing(
    recorder: FactRecorder, empty_database: str
) -> None:
    recorder.insert_events(facts(2))
    with open_transaction(empty_database) as elsewhere:
        elsewhere.execute("select pg_advisory_xact_lock_shared(%s)", (SAVED_AFTER,))
        assert recorder.horizon() == 2


def test_locks_of_streams_are_not_taken_for_saves(recorder: FactRecorder, database: str) -> None:
    recorder.insert_events(facts())
    with open_transaction(database) as busy:
        busy.execute("select pg_advisory_xact_lock(ledger.stream_key(%s))", (uuid4(),))
        busy.execute("select pg_advisory_lock_shared(%s)", (DRAWING,))
        busy.execute("select pg_advisory_lock(1)")
        assert recorder.horizon() == 1


def test_positions_are_drawn_one_by_one(database: str) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "select cache_size, increment_by, cycle from pg_sequences where sequencename='position'"
        ).fetchone()
    assert row == (1, 1, False)


@pytest.mark.parametrize("size", [1, 2])
def test_nobody_draws_while_a_block_is_drawn(
    recorder: FactRecorder, database: str, size: int
) -> None:
    with open_transaction(database) as drawing:
        drawing.execute("select pg_advisory_xact_lock(%s)", (DRAWING,))
        waiting = Thread(target=recorder.insert_events, args=(facts(size),))
        waiting.start()
        waits_for_lock(database)
        assert recorder.horizon() == 0
    waiting.join()
    assert recorder.horizon() == size


def test_single_facts_are_drawn_side_by_side(recorder: FactRecorder, database: str) -> None:
    with open_transaction(database) as drawing:
        drawing.execute("select pg_advisory_xact_lock_shared(%s)", (DRAWING,))
        assert recorder.insert_events(facts()) == [1]
        waiting = Thread(target=recorder.insert_events, args=(facts(2),))
        waiting.start()
        waits_for_lock(database)
    waiting.join()
    assert recorder.horizon() == 3


def test_waiting_for_a_stream_does_not_hold_readers_up(
    recorder: FactRecorder, database: str
) -> None:
    stream = uuid4()
    with open_transaction(database) as busy:
        busy.execute("select pg_advisory_xact_lock(ledger.stream_key(%s))", (stream,))
        waiting = Thread(target=recorder.insert_events, args=(facts(stream_id=stream),))
        waiting.start()
        recorder.insert_events(facts())
        recorder.insert_events(facts())
        assert recorder.horizon() == 2
    waiting.join()
    assert recorder.horizon() == 3


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_snapshot_that_never_looks_again_is_refused(database: str, level: str) -> None:
    with open_transaction(database) as connection:
        connection.execute(f"set transaction isolation level {level}".encode())
        with pytest.raises(psycopg.errors.RaiseException, match="read committed"):
            append_in(connection, facts())


def test_a_server_with_other_defaults_is_overruled(database: str) -> None:
    changed = """
        do $$ begin
            execute format('alter database %I set default_transaction_isolation = serializable',
                           current_database());
            execute format('alter database %I set synchronous_commit = off', current_database());
            execute format('alter database %I set timezone = ''Asia/Kolkata''', current_database());
        end $$
    """
    with connect(database) as connection:
        connection.execute(changed)
    with opened(database) as recorder, connect(database) as connection:
        assert recorder.insert_events(facts()) == [1]
        for setting, value in [("synchronous_commit", "on"), ("TimeZone", "UTC")]:
            row = connection.execute("select current_setting(%s)", (setting,)).fetchone()
            assert row == (value,)


def test_a_failed_use_leaves_no_session_lock_behind(database: str) -> None:
    def fail() -> None:
        with pool.connection() as connection:
            connection.execute("select pg_advisory_lock(%s)", (DRAWING,))
            raise ZeroDivisionError

    with open_pool(database, max_size=1) as pool:
        with pytest.raises(ZeroDivisionError):
            fail()
        assert _is_free(database)
        with pool.connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_cancelled_save_leaves_no_session_lock_behind(database: str) -> None:
    held = f"do $$ begin perform pg_advisory_lock({DRAWING}); perform pg_sleep(60); end $$"

    def is_cancelled_while_drawing() -> None:
        with pool.connection() as connection:
            connection.execute("set statement_timeout = 50")
            connection.execute(held.encode())

    with open_pool(database, max_size=1) as pool:
        with pytest.raises(psycopg.errors.QueryCanceled):
            is_cancelled_while_drawing()
        assert _is_free(database)


def _is_free(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        return connection.execute("select pg_try_advisory_lock(%s)", (DRAWING,)).fetchone() == (
            True,
        )


class Stress:
    """Savers that are slow now and then and roll back now and then, and readers beside them."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.saved: list[tuple[UUID, int]] = []
        self.no_more_saves, self.settled = Event(), Event()
        self.by_horizon: list[tuple[int, UUID, int]] = []
        self.naive: list[tuple[int, UUID, int]] = []

    def run(self, seconds: float) -> None:
        """Save and read for so long, then let the readers come to the end."""
        savers = [Thread(target=self._save, args=(seed,)) for seed in range(SAVERS)]
        readers = [Thread(target=self._read), Thread(target=self._read_naively)]
        for thread in savers + readers:
            thread.start()
        sleep(seconds)
        self.no_more_saves.set()
        for thread in savers:
            thread.join()
        self.settled.set()
        for thread in readers:
            thread.join()

    def _save(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - the same story in every run
        with psycopg.connect(self.dsn) as connection:
            while not self.no_more_saves.is_set():
                stream, size = UUID(int=dice.getrandbits(128)), dice.randint(1, 4)
                append_in(connection, facts(size, stream_id=stream))
                sleep(dice.choice([0, 0, 0, 0.001, 0.01]))
                if dice.random() < 0.15:
                    connection.rollback()
                else:
                    connection.commit()
                    self.saved.append((stream, size))

    def _read(self) -> None:
        with opened(self.dsn) as recorder:
            last = 0
            while True:
                is_last = self.settled.is_set()
                rows = recorder.read(last, 50)
                self.by_horizon += [(row.position, row.stream_id, row.version) for row in rows]
                if rows:
                    last = rows[-1].position
                elif is_last:
                    return

    def _read_naively(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            last = 0
            while True:
                is_last = self.settled.is_set()
                rows = connection.execute(NAIVE, {"after": last}).fetchall()
                self.naive += rows
                if rows:
                    last = rows[-1][0]
                elif is_last:
                    return


def test_under_stress_nothing_is_missed_and_no_saves_interleave(database: str) -> None:
    stress = Stress(database)
    began = monotonic()
    stress.run(STRESS_SECONDS)
    expected = {(stream, v) for stream, size in stress.saved for v in range(1, size + 1)}
    assert len(stress.by_horizon) == len(expected) > 100, monotonic() - began
    assert {row[1:] for row in stress.by_horizon} == expected
    streams = [stream for _, stream, _ in stress.by_horizon]
    changes = sum(a != b for a, b in pairwise(streams)) + 1
    assert changes == len(stress.saved)
    assert [row[0] for row in stress.by_horizon] == sorted(row[0] for row in stress.by_horizon)
    assert {row[1:] for row in stress.naive} < expected  # what the horizon is for
