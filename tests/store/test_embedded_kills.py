"""The embedded server when something is killed: nothing committed is lost, nothing is left over."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from ledger.store.cluster import SOCKET, Cluster
from ledger.store.embedded import Embedded
from ledger.store.processes import is_alive, servers_inside
from ledger.store.server_user import server_user
from tests.store.server_users import (
    eventually,
    has_keeper,
    is_stopped,
    kill_keeper,
    kill_server,
    rows,
    users,
    write_row,
)


@pytest.fixture
def home(reachable_folder: Path) -> Path:
    return reachable_folder / "home"


def test_a_killed_server_is_started_again_under_its_users(home: Path, bin_dir: Path | None) -> None:
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "acknowledged")
        killed = kill_server(home)
        assert eventually(lambda: _answers(server.dsn))
        assert Cluster(home).server() != killed
        assert rows(server.dsn) == ["acknowledged"]


def test_a_killed_user_leaves_no_server(home: Path, bin_dir: Path | None) -> None:
    with users(1, home, bin_dir) as [user]:
        write_row(user.dsn(), "acknowledged")
        user.kill()
        assert eventually(lambda: is_stopped(home))
    assert not servers_inside(home / "data", server_user(home / "data"))
    with Embedded(home, bin_dir=bin_dir) as server:
        assert rows(server.dsn) == ["acknowledged"]


def test_a_killed_user_takes_the_server_from_nobody(home: Path, bin_dir: Path | None) -> None:
    with users(2, home, bin_dir) as [one, other]:
        write_row(one.dsn(), "kept")
        process = Cluster(home).server()
        one.kill()
        time.sleep(1.2)  # two looks of the keeper
        assert Cluster(home).server() == process
        assert rows(other.dsn()) == ["kept"]


def test_everything_killed_at_once_is_no_harm(home: Path, bin_dir: Path | None) -> None:
    with users(1, home, bin_dir) as [user]:
        write_row(user.dsn(), "acknowledged")
        kill_keeper(home)
        user.kill()
        kill_server(home)
    with Embedded(home, bin_dir=bin_dir) as server:
        assert rows(server.dsn) == ["acknowledged"]
        assert eventually(lambda: has_keeper(home))


def test_a_killed_keeper_is_replaced_by_the_next_to_come(home: Path, bin_dir: Path | None) -> None:
    with users(1, home, bin_dir) as [user]:
        user.dsn()
        kill_keeper(home)
        with Embedded(home, bin_dir=bin_dir):
            assert eventually(lambda: has_keeper(home))
        user.kill()
        assert eventually(lambda: is_stopped(home))


def test_a_kill_while_the_cluster_is_made_bricks_nothing(home: Path, bin_dir: Path | None) -> None:
    with users(1, home, bin_dir) as [user]:
        assert eventually(lambda: any(home.glob("data.new-*/base")))
        user.kill()
    assert not (home / "data").exists()
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "kept")
        assert rows(server.dsn) == ["kept"]
    assert not list(home.glob("data.new-*"))


@pytest.mark.parametrize("zombie", [False, True], ids=["stranger", "zombie"])
def test_the_number_of_a_dead_server_may_be_anybody_s(
    home: Path, bin_dir: Path | None, zombie: bool
) -> None:
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "kept")
    with _somebody_else(home, zombie=zombie) as process:
        (home / "data" / "postmaster.pid").write_text(f"{process}\n{home}/data\n0\n5432\n")
        (home / "run" / f"{SOCKET}.lock").write_text(f"{process}\n{home}/data\n0\n5432\n")
        assert not Cluster(home).running()
        with Embedded(home, bin_dir=bin_dir) as server:
            assert rows(server.dsn) == ["kept"]
        assert zombie or is_alive(process)


def test_a_busy_child_of_a_killed_server_does_not_outstay_it(
    home: Path, bin_dir: Path | None
) -> None:
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "kept")
        busy = threading.Thread(target=_compute_for_hours, args=[server.dsn])
        busy.start()
        assert eventually(lambda: _is_computing(server.dsn))
        killed = kill_server(home)
        assert eventually(lambda: _answers(server.dsn))
        busy.join()
        assert Cluster(home).server() != killed
        assert not _is_computing(server.dsn)
        assert rows(server.dsn) == ["kept"]


def test_every_acknowledged_row_outlives_repeated_kills(home: Path, bin_dir: Path | None) -> None:
    acknowledged = []
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "0000")
        for kill in range(3):
            killer = threading.Timer(0.3, kill_server, [home])
            killer.start()
            for number in range(1, 10_000):
                text = f"{kill}-{number}"
                try:
                    write_row(server.dsn, text)
                except psycopg.OperationalError:
                    break
                acknowledged.append(text)
            killer.join()
            assert eventually(lambda: _answers(server.dsn))
        assert set(acknowledged) <= set(rows(server.dsn))
    assert acknowledged


@contextmanager
def _somebody_else(home: Path, *, zombie: bool) -> Iterator[int]:
    """A process of the server's own user that is no server."""
    user = server_user(home / "data")
    process = subprocess.Popen(  # noqa: S603 (sleep)
        ["/bin/sleep", "0" if zombie else "60"],
        cwd="/",
        user=user.uid if user.lent else None,
        group=user.gid if user.lent else None,
    )
    try:
        assert is_alive(process.pid) or zombie
        assert not zombie or eventually(lambda: not is_alive(process.pid))
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _compute_for_hours(dsn: str) -> None:
    with suppress(psycopg.OperationalError), psycopg.connect(dsn) as connection:
        connection.execute("SELECT count(*) FROM generate_series(1, 1e12::bigint) AS busy")


def _is_computing(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%AS busy' AND state = 'active'"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchone()
    return found is not None
