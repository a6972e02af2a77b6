"""Saving one fact, and whole commands: ours, the library's stock recorder, a bare insert, by turns.

Each writer is a process with a connection of its own. The server is our embedded PostgreSQL with
its durable settings: every save that counts is on disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median

from ledger.store.embedded import Embedded
from ledger.store.upgrade import upgrade
from scripts.benches import contenders
from scripts.benches.commands import commands
from scripts.benches.contenders import prepare
from scripts.benches.rows import Row
from scripts.benches.writers import Writers

WRITERS = (1, 4, 16, 32)
ROUNDS = 5
CONTENDERS: dict[str, contenders.Contender] = {**contenders.CONTENDERS, "commands": commands}
PROMISED = {("stock recorder", 16): 3.0, ("bare insert", 16): 0.6}


def measure(seconds: float) -> Iterator[Row]:
    """Saves and commands a second at several numbers of writers, ours beside each peer."""
    with server() as dsn, Writers(max(WRITERS), dsn, CONTENDERS) as writers:
        for count in WRITERS:
            rounds = [
                {name: writers.rate(name, count, seconds) for name in CONTENDERS}
                for _ in range(ROUNDS)
            ]
            for ours, peer in product(("ledger", "commands"), ("stock recorder", "bare insert")):
                yield _row(ours, peer, count, rounds)


def _row(ours: str, peer: str, count: int, rounds: list[dict[str, float]]) -> Row:
    """The round whose ratio is the median one: a noisy neighbour spoils a round, not the row."""
    middle = median(each[ours] / each[peer] for each in rounds)
    chosen = min(rounds, key=lambda each: abs(each[ours] / each[peer] - middle))
    writers = "1 writer" if count == 1 else f"{count} writers"
    what = "append" if ours == "ledger" else ours
    case = f"{what}, {writers}, beside {peer}"
    limit = PROMISED.get((peer, count)) if ours == "ledger" else None
    return Row(case, "saves/s", round(chosen[ours], 1), round(chosen[peer], 1), limit)


@contextmanager
def server() -> Iterator[str]:
    """An embedded PostgreSQL with durable settings, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="membership-ledger-bench-"))
    folder.chmod(0o711)  # the server's user passes through when root runs the bench
    try:
        with Embedded(folder / "home", settings={"max_connections": "200"}) as server:
            upgrade(server.dsn)
            prepare(server.dsn)
            yield server.dsn
    finally:
        shutil.rmtree(folder, ignore_errors=True)
