"""Rebuilds with processes of their own: on this machine, and on the workers of a cluster."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

import distributed
import pytest
from click.testing import CliRunner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ledger import ids
from ledger.clock import VirtualClock
from projections import rebuild_rows
from projections.catalogue import all_views
from projections.crew import Cluster, CrewLost
from projections.digest import Buckets, digest
from projections.positions import INCOMPLETE
from tests.conftest import FreshDatabases
from tests.projections.books import opened
from tests.projections.stories import START
from tests.projections.test_engine import wait_until
from tests.web.cluster_work import fold_slowly
from tests.web.conftest import MASTER_KEY, usual
from web.cli.main import main
from web.parts import Parts
from web.running.checking import checker
from web.running.following import follower
from web.running.keeping import RebuildKeeper
from web.running.rebuilding import Hands, rebuilder
from web.settings import load
from web.wiring import wire

ROOT = Path(__file__).parents[2]
NAMES = ["members", "orders", "spending", "plans"]
PATIENCE_SECONDS = 300
"""A rebuild by one process takes what the machine has left, which other tests may use up."""


@dataclass
class Served:
    """A site whose views serve, with its settings in the environment of whoever folds."""

    parts: Parts
    dsn: str

    def digests(self) -> dict[str, Buckets]:
        """Of every view."""
        with self.parts.pool.connection() as connection:
            return {
                view.name: digest(connection, view, sql.Identifier("views", view.name))
                for view in all_views(self.parts.site)
            }


@pytest.fixture(scope="module")
def told(
    started: str, fresh_databases: FreshDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of a database whose views have read a story."""
    settings = usual(tmp_path_factory.mktemp("told"))
    with fresh_databases.copy_of(started) as dsn:
        with opened(dsn) as books:
            books.tell(1, 150)
        with wire(settings, dsn, clock=VirtualClock(START)) as parts:
            follower(parts, dsn).catch_up()
        yield str(conninfo_to_dict(dsn)["dbname"])


@pytest.fixture
def served(
    told: str,
    fresh_databases: FreshDatabases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Served]:
    with fresh_databases.copy_of(told) as database:
        monkeypatch.setattr(rebuild_rows, "FEW_FACTS", 10)
        monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
        monkeypatch.setenv("LEDGER_DATA", str(tmp_path))
        monkeypatch.setenv("LEDGER_DATABASE_URL", address_of(database))
        monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
        with wire(load(), database, clock=VirtualClock(START)) as parts:
            yield Served(parts, database)


def address_of(dsn: str) -> str:
    """A connection string as an address."""
    said = dict(part.split("=", 1) for part in dsn.split())
    return f"postgresql://{said['user']}@/{said['dbname']}?host={said['host']}"


def test_processes_on_this_machine_give_the_same_rows(served: Served) -> None:
    before = served.digests()
    done = rebuilder(served.parts, hands=Hands(workers=2)).run(NAMES)
    assert done.state == "live"
    assert served.digests() == before


def test_the_command_line_rebuilds_and_says_what_it_did(served: Served) -> None:
    before = served.digests()
    said = ledger("views", "rebuild", *NAMES, "--json")
    assert json.loads(said)["state"] == "live"
    assert served.digests() == before
    assert "members" in typed("rebuilds")
    assert "hold what the books say" in typed("verify")


def test_a_row_that_was_edited_is_refused_on_the_command_line(served: Served) -> None:
    with served.parts.pool.connection() as connection:
        connection.execute("UPDATE views.members SET locale = 'xx'")
    said = ledger("views", "rebuild", "members", fails=True)
    assert "the old rows go on serving" in said
    assert "(locale)" in typed("rebuilds")
    assert "(locale)" in typed("verify", "members", fails=True)
    ledger("views", "rebuild", "members", "--replace-damaged")
    assert checker(served.parts).check(everybody=True) == []


def typed(*arguments: str, fails: bool = False) -> str:
    """What `ledger views ARGUMENTS` says; in this process, where none of its own is the point."""
    ran = CliRunner().invoke(main, ["views", *arguments])
    assert (ran.exit_code != 0) is fails, ran.output
    return ran.output


def ledger(*arguments: str, fails: bool = False) -> str:
    """What `ledger ARGUMENTS` says."""
    ran = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-P", "-m", "web.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (ran.returncode != 0) is fails, ran.stderr
    return ran.stdout + ran.stderr if fails else ran.stdout


def test_the_worker_carries_out_what_was_asked_for(served: Served) -> None:
    rebuilder(served.parts).plan(NAMES)
    keeper = RebuildKeeper(served.parts)
    keeper.start()
    try:
        wait_until(lambda: rebuilder(served.parts).latest()[0].rebuild.receipt, PATIENCE_SECONDS)
    finally:
        keeper.stop()
    assert rebuilder(served.parts).latest()[0].rebuild.state == "live"


def test_programs_with_different_settings_do_not_take_views_from_each_other_for_ever(
    served: Served,
) -> None:
    first, other = RebuildKeeper(served.parts), "UPDATE views.positions SET shape = %s"
    assert first.needed() is None
    with served.parts.pool.connection() as connection:
        connection.execute(other, ["of a program that began later"])
    assert first.needed() is None
    assert "members" in (RebuildKeeper(served.parts).needed() or [])
    with served.parts.pool.connection() as connection:
        connection.execute(other, [INCOMPLETE])
    assert "members" in (first.needed() or [])


def test_a_cluster_folds_and_one_killed_worker_changes_nothing(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, at_work = served.digests(), tmp_path / "at work"
    at_work.mkdir()
    monkeypatch.setenv("AT_WORK", str(at_work))
    with cluster(tmp_path) as address:
        own = replace(rebuilder(served.parts), crew=Cluster(fold_slowly, address))
        killer = Thread(target=kill_one, args=(at_work,))
        killer.start()
        done = own.run(NAMES)
        killer.join()
    assert done.state == "live"
    assert served.digests() == before
    assert len(processes_of(at_work)) >= 2


def kill_one(at_work: Path) -> None:
    """Kill a worker that is at a part."""
    wait_until(lambda: len(processes_of(at_work)) == 2, 60)
    os.kill(min(processes_of(at_work)), signal.SIGKILL)


def processes_of(at_work: Path) -> set[int]:
    """Which processes have been at work."""
    return {int(path.name.split("-")[1]) for path in at_work.iterdir()}


class cluster:  # noqa: N801 -- used as a function
    """A scheduler and two workers on this machine, stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self._running = ExitStack()

    def __enter__(self) -> str:
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        wait_until(self._file.exists, 60)
        for _ in range(2):
            self._start("worker", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
        address = json.loads(self._file.read_text())["address"]
        return str(address)

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _start(self, kind: str, *arguments: str) -> None:
        command = [str(Path(sys.executable).with_name("dask")), kind, *arguments]
        process = subprocess.Popen(  # noqa: S603 -- the cluster's own programs
            [*command, "--scheduler-file", str(self._file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._running.callback(stop, process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and those it began."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_scheduler_that_isnt_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(address: str, **how: Any) -> distributed.Client:
        return client(address, **{**how, "timeout": 0.5})

    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", impatient)
    crew = Cluster(fold_slowly, "tcp://127.0.0.1:9")
    with pytest.raises(CrewLost, match=r"the cluster at tcp://127\.0\.0\.1:9"):
        next(crew.fold(ids.new(), [1]))
