"""Saving one fact: ours, the library's stock recorder, and a bare insert, by turns.

Each writer is a process with a connection of its own. The server is our embedded PostgreSQL with
its durable settings: every save that counts is on disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from ledger.store.embedded import Embedded
from ledger.store.upgrade import upgrade
from scripts.benches.contenders import CONTENDERS, prepare
from scripts.benches.rows import Row
from scripts.benches.writers import Writers

WRITERS = (1, 4, 16, 32)
ROUNDS = 5
PROMISED = {("stock recorder", 16): 3.0, ("bare insert", 16): 0.6}


def measure(seconds: float) -> Iterator[Row]:
    """Saves a second at several numbers of writers, ours beside each peer."""
    with server() as dsn, Writers(max(WRITERS), dsn) as writers:
        for count in WRITERS:
            rounds = [
                {name: writers.rate(name, count, seconds) for name in CONTENDERS}
                for _ in range(ROUNDS)
            ]
            for peer in ("stock recorder", "bare insert"):
                yield _row(peer, count, rounds)


def _row(peer: str, count: int, rounds: list[dict[str, float]]) -> Row:
    """The round whose ratio is the median one: a noisy neighbour spoils a round, not the row."""
    middle = median(each["ledger"] / each[peer] for each in rounds)
    chosen = min(rounds, key=lambda each: abs(each["ledger"] / each[peer] - middle))
    writers = "1 writer" if count == 1 else f"{count} writers"
    case = f"append, {writers}, beside {peer}"
    limit = PROMISED.get((peer, count))
    return Row(case, "saves/s", round(chosen["ledger"], 1), round(chosen[peer], 1), limit)


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
