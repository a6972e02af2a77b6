"""Keeping all views up to date, beside reading the same facts out and doing nothing with them.

A follower that was away comes back to a site's worth of facts: a backlog, folded batch by batch
as live facts are. The physical limit is the plain stream of those facts to the same process.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from ledger.clock import VirtualClock
from ledger.facts import Fact
from ledger.store.embedded import Embedded
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.pool import connect, open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.upgrade import upgrade
from ledger.store.vault import Vault
from projections.catalogue import all_views
from projections.engine import Follower
from scripts.benches.lives import SITE, START, lived
from scripts.benches.rows import Row

MASTER_KEY = bytes(range(32))
FACTS_A_SECOND = 20_000
"""For how many the books are laid out, by the seconds that a round may take."""
MONTHS, FACTS_A_MONTH = 6, 5
ROUNDS = 3
SAVES_AT_ONCE = 200
PROMISED = 0.01

ALL = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state
  FROM ledger.facts ORDER BY position
"""
BACK_TO_THE_START = """
DO $$ DECLARE view record; BEGIN
    FOR view IN SELECT name FROM views.positions LOOP
        EXECUTE format('TRUNCATE views.%I', view.name);
    END LOOP;
    UPDATE views.positions SET position = 1;
END $$
"""


def measure(seconds: float) -> Iterator[Row]:
    """Facts a second through every view."""
    people = max(20, int(seconds * FACTS_A_SECOND / (MONTHS * FACTS_A_MONTH)))
    with _books(people) as (dsn, follower):
        rounds = [(_followed(dsn, follower), _streamed(dsn)) for _ in range(ROUNDS)]
    middle = median(ours / peer for ours, peer in rounds)
    ours, peer = min(rounds, key=lambda each: abs(each[0] / each[1] - middle))
    yield Row("follow, all views, beside reading", "facts/s", round(ours), round(peer), PROMISED)


def _followed(dsn: str, follower: Follower) -> float:
    with connect(dsn) as connection:
        connection.execute(BACK_TO_THE_START)
    with follower.leading() as leader:
        facts, began = 0, time.perf_counter()
        while step := leader.step():
            facts += step
        return facts / (time.perf_counter() - began)


def _streamed(dsn: str) -> float:
    with connect(dsn) as connection, connection.cursor(binary=True) as cursor:
        began = time.perf_counter()
        facts = sum(1 for _ in cursor.stream(ALL.encode(), size=100))
        return facts / (time.perf_counter() - began)


@contextmanager
def _books(people: int) -> Iterator[tuple[str, Follower]]:
    folder = Path(tempfile.mkdtemp(prefix="membership-ledger-bench-"))
    folder.chmod(0o711)  # the server's user passes through when root runs the bench
    try:
        with Embedded(folder / "home") as server, open_pool(server.dsn, max_size=4) as pool:
            upgrade(server.dsn)
            recorder, mapper = FactRecorder(pool), FactMapper(Vault(MASTER_KEY, KeyTable(pool)))
            _fill(recorder, mapper, people)
            follower = Follower(
                server.dsn,
                recorder=recorder,
                mapper=mapper,
                views=all_views(SITE),
                clock=VirtualClock(START),
            )
            follower.catch_up()
            yield server.dsn, follower
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(recorder: FactRecorder, mapper: FactMapper, people: int) -> None:
    waiting: list[Fact] = []
    for number, facts in enumerate(lived(people, MONTHS)):
        waiting += facts
        if number % SAVES_AT_ONCE == 0:
            _save(recorder, mapper, waiting)
            waiting = []
    _save(recorder, mapper, waiting)


def _save(recorder: FactRecorder, mapper: FactMapper, facts: list[Fact]) -> None:
    prepared = mapper.prepare(facts)
    recorder.insert_events(prepared.facts, keys=prepared.keys)
