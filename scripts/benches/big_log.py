"""A log of many believable facts, written in a hurry: `make_log(dsn, master_key, facts, seed)`.

A few lives are told once through the real aggregates, then of as many people as are needed, in
the order in which everything was recorded. Facts, keys and claims go straight into the tables by
binary COPY; only the site is founded by commands. Ids of commands are not noted.
The same seed makes the same facts, but for what encryption draws.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import NamedTuple

from ledger.store.pool import connect
from ledger.store.upgrade import upgrade
from scripts.benches.big_people import person
from scripts.benches.big_site import UNTIL, found, tag_claims
from scripts.benches.big_templates import LifeTemplate, SaveTemplate, Teller
from scripts.benches.big_writer import Chunk, PlannedSave, Writer, Written, lives

FACTS_AT_ONCE = 10_000
"""Facts in one COPY, more or less: saves are not cut."""
WORKERS = 2
MOST_MISSES = 500
"""How many people whose lives are too long for what is left are passed over at the end."""

MOVE_ON = "SELECT setval('ledger.position', %(position)s)"
LOOK = ("VACUUM ANALYZE ledger.facts", "VACUUM ANALYZE vault.keys", "VACUUM ANALYZE ledger.claims")
CLAIM = "INSERT INTO ledger.claims (kind, key, owner) VALUES (%s, %s, %s)"
BYTES = "SELECT pg_table_size('ledger.facts')"

Progress = Callable[[int, int], object]
"""Told how many facts of how many are written."""


class LogReport(NamedTuple):
    """What was made. Positions go from 1 to `facts`; `bytes` are those of the table of facts."""

    facts: int
    members: int
    bytes: int
    planning_seconds: float
    writing_seconds: float


def make_log(
    dsn: str,
    master_key: bytes,
    facts: int,
    seed: int = 1,
    *,
    workers: int = WORKERS,
    progress: Progress = lambda _written, _wanted: None,
) -> LogReport:
    """Fill empty books with so many facts, or a few less: whole lives.

    The site is that of big_site.py; `Ledger` can go on with it from big_site.UNTIL on.
    """
    upgrade(dsn)
    began = time.perf_counter()
    founded = found(dsn, master_key)
    plan = Plan(lives(dsn, master_key), seed, facts - founded)
    planned = time.perf_counter()
    written = Written(founded, 0)
    with _writing(workers, dsn, master_key, seed) as write:
        for one in write(plan.chunks(founded)):
            written = Written(written.facts + one.facts, written.members + one.members)
            progress(written.facts, facts)
    size = _finish(dsn, written.facts)
    seconds = time.perf_counter() - planned
    return LogReport(written.facts, written.members, size, planned - began, seconds)


class Plan:
    """Who does what in which order: every save as one number, in the order of recording."""

    def __init__(self, told: list[LifeTemplate], seed: int, wanted: int) -> None:
        self._told = told
        self._patterns = array("B")
        self._saves: list[int] = []
        left, misses = wanted, 0
        while left and misses < MOST_MISSES:
            who = person(seed, len(self._patterns))
            self._patterns.append(who.pattern)
            life = told[who.pattern]
            recorded = [at for at in Teller(life, who).recorded() if at < UNTIL]
            size = sum(len(save.facts) for save in life.saves[: len(recorded)])
            if size > left:
                misses += 1
                continue
            left -= size
            self._saves += [
                PlannedSave(at, who.number, save).number for save, at in enumerate(recorded)
            ]
        self._saves.sort()

    def chunks(self, position: int) -> Iterator[Chunk]:
        """All saves, to be written after a position."""
        versions: dict[bytes, int] = {}
        chunk, size = Chunk(position + 1, [], {}), 0
        for number in self._saves:
            life, save = self._template(number)
            if save.shared is not None:
                # The first fact of a shared stream was saved when the site was founded.
                stream_id = life.ids[save.shared].name
                chunk.shared[number] = versions[stream_id] = versions.get(stream_id, 1) + 1
            chunk.saves.append(number)
            size += len(save.facts)
            if size >= FACTS_AT_ONCE:
                yield chunk
                chunk, size = Chunk(chunk.position + size, [], {}), 0
        if chunk.saves:
            yield chunk

    def _template(self, number: int) -> tuple[LifeTemplate, SaveTemplate]:
        planned = PlannedSave.of(number)
        life = self._told[self._patterns[planned.person]]
        return life, life.saves[planned.save]


@contextmanager
def _writing(
    workers: int, dsn: str, master_key: bytes, seed: int
) -> Iterator[Callable[[Iterable[Chunk]], Iterator[Written]]]:
    """Writes chunks, in this process or in several of their own."""
    if workers == 1:
        with Writer(dsn, master_key, seed) as writer:
            yield lambda chunks: map(writer.write, chunks)
        return
    with ProcessPoolExecutor(
        workers,
        mp_context=get_context("forkserver"),
        initializer=_open,
        initargs=(dsn, master_key, seed),
    ) as pool:
        yield lambda chunks: pool.map(_write, chunks)


_OPENED: list[Writer] = []
"""The writer of a process that was started to write."""


def _open(dsn: str, master_key: bytes, seed: int) -> None:
    _OPENED.append(Writer(dsn, master_key, seed))


def _write(chunk: Chunk) -> Written:
    return _OPENED[0].write(chunk)


def _finish(dsn: str, position: int) -> int:
    """Let the next save draw the next position, and the server look at what it has."""
    with connect(dsn) as connection:
        connection.execute(MOVE_ON, {"position": position})
        connection.cursor().executemany(CLAIM, tag_claims())
        for statement in LOOK:
            connection.execute(statement.encode())
        [(size,)] = connection.execute(BYTES).fetchall()
        return int(size)
