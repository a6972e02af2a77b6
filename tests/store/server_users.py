"""Other processes that use an embedded server, for tests to watch, and to kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ledger.store.cluster import Cluster
from ledger.store.locks import locked_if_free

PATIENCE_SECONDS = 30.0

_SOURCES = Path(__file__).parents[2] / "src"

_PROGRAM = """
import sys
from pathlib import Path
from ledger.store.embedded import Embedded

home, bin_dir = Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None
with Embedded(home, bin_dir=bin_dir) as server:
    print(server.dsn, flush=True)
    sys.stdin.read()
"""


class User:
    """A process inside `with Embedded(home)` until it is told to leave, or killed."""

    def __init__(self, home: Path, bin_dir: Path | None) -> None:
        self.process = subprocess.Popen(  # noqa: S603 (ourselves)
            [sys.executable, "-c", _PROGRAM, str(home), str(bin_dir or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_SOURCES)},
            text=True,
        )

    def dsn(self) -> str:
        """How this user connects, once it is inside."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> int:
        """Have it leave the block; its exit code."""
        self.process.communicate()
        return self.process.returncode

    def kill(self) -> None:
        """End it without a last word."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def users(number: int, home: Path, bin_dir: Path | None) -> Iterator[list[User]]:
    """So many processes that start at once; none is left behind."""
    started = [User(home, bin_dir) for _ in range(number)]
    try:
        yield started
    finally:
        for user in started:
            if user.process.poll() is None:
                user.kill()


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether something comes true before patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def kill_server(home: Path) -> int:
    """Kill the server of `home` as the kernel would; its process number."""
    process = Cluster(home).server()
    assert process is not None
    os.kill(process, signal.SIGKILL)
    assert eventually(lambda: Cluster(home).server() != process)
    return process


def kill_keeper(home: Path) -> None:
    """Kill the keeper of `home`."""
    found = [process for process in _processes() if _is_keeper(process, home)]
    assert len(found) == 1, found
    os.kill(found[0], signal.SIGKILL)
    assert eventually(lambda: not has_keeper(home))


def has_keeper(home: Path) -> bool:
    """Whether a keeper is at work for `home`."""
    with locked_if_free(home / "keeper.lock") as free:
        return not free


def is_stopped(home: Path) -> bool:
    """Whether neither server nor keeper is left."""
    return not Cluster(home).running() and not has_keeper(home)


def write_row(dsn: str, text: str) -> None:
    """Commit one row."""
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (said text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def rows(dsn: str) -> list[str]:
    """Every committed row."""
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT said FROM kept ORDER BY said")]


def setting(dsn: str, name: str) -> str:
    """A setting of the server."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def _processes() -> list[int]:
    return [int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit()]


def _is_keeper(process: int, home: Path) -> bool:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False
    return "ledger.store.keeper" in words and f'"{home}"' in words and "/bin/sh" not in words
