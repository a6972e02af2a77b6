"""The embedded server's ordinary life: first start, later starts, company."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from ledger.store import embedded
from ledger.store.cluster import Cluster
from ledger.store.embedded import Embedded, EmbeddedError, default_home
from ledger.store.server_user import server_user
from tests.store.server_users import eventually, is_stopped, rows, setting, users, write_row


@pytest.fixture
def home(reachable_folder: Path) -> Path:
    return reachable_folder / "home"


def test_what_was_committed_is_there_at_the_next_start(home: Path, bin_dir: Path | None) -> None:
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "first")
    assert not Cluster(home).running()
    with Embedded(home, bin_dir=bin_dir) as server:
        assert rows(server.dsn) == ["first"]


def test_the_server_keeps_its_promises_and_sorts_by_code(home: Path, bin_dir: Path | None) -> None:
    with Embedded(home, bin_dir=bin_dir) as server, psycopg.connect(server.dsn) as connection:
        assert connection.info.user == "postgres"
        found = connection.execute(
            "SELECT current_database(), datcollate, pg_encoding_to_char(encoding)"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert found == ("ledger", "C", "UTF8")
        for durable in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert setting(server.dsn, durable) == "on"
        assert setting(server.dsn, "jit") == "off"
        assert setting(server.dsn, "wal_init_zero") == "off"
        assert int(setting(server.dsn, "max_connections")) == 100


def test_settings_of_the_caller_win(home: Path, bin_dir: Path | None) -> None:
    with Embedded(home, settings={"work_mem": "7MB", "jit": "on"}, bin_dir=bin_dir) as server:
        assert (setting(server.dsn, "work_mem"), setting(server.dsn, "jit")) == ("7MB", "on")


def test_nobody_else_gets_in(home: Path, bin_dir: Path | None) -> None:
    with Embedded(home, bin_dir=bin_dir) as server:
        assert setting(server.dsn, "listen_addresses") == ""
        owner = server_user(home / "data").uid
        for folder in (home / "run", home / "data"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert folder.stat().st_uid == owner != 0
        assert not home.stat().st_mode & stat.S_IRWXO


def test_who_comes_second_attaches_and_who_leaves_last_stops(
    home: Path, bin_dir: Path | None
) -> None:
    with Embedded(home, bin_dir=bin_dir) as first:
        process = Cluster(home).server()
        with users(1, home, bin_dir) as [second]:
            assert second.dsn() == first.dsn
            assert Cluster(home).server() == process
            assert second.leave() == 0
        assert Cluster(home).server() == process
    assert eventually(lambda: is_stopped(home))


def test_the_first_may_leave_first(home: Path, bin_dir: Path | None) -> None:
    with users(2, home, bin_dir) as [one, other]:
        write_row(one.dsn(), "kept")
        assert one.leave() == 0
        assert rows(other.dsn()) == ["kept"]
        assert other.leave() == 0
    assert eventually(lambda: is_stopped(home))


def test_eight_at_once_on_an_empty_folder_share_one_server(
    home: Path, bin_dir: Path | None
) -> None:
    with users(8, home, bin_dir) as everybody:
        [dsn] = {user.dsn() for user in everybody}
        write_row(dsn, "shared")
        assert [user.leave() for user in everybody] == [0] * 8
    assert eventually(lambda: is_stopped(home))
    assert not list(home.glob("data.new-*"))


STEPS = ("mkdir", "chown", "chmod", "rename")


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_start_that_meets_another_at_any_step_of_making_the_folders_gets_through(
    reachable_folder: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    real = {name: getattr(os, name) for name in STEPS}
    before, meetings, place = os.umask(mask), 0, 0
    try:
        while meetings == place:
            home = reachable_folder / f"{place}" / "where" / "home"
            with monkeypatch.context() as patched:
                meeting = Meeting(home, at=place)
                for name in STEPS:
                    patched.setattr(os, name, meeting.around(real[name]))
                assert_open(Embedded(home)._prepare())
            meetings += meeting.has_been
            place += 1
    finally:
        os.umask(before)
    assert meetings > 6
    assert not list(reachable_folder.rglob(".ledger-*"))


class Meeting:
    """Another start that comes along before or after one step of ours, and is not disturbed."""

    def __init__(self, home: Path, at: int) -> None:
        self.home, self.waiting, self.has_been = home, at, False

    def around(self, step: Callable[..., object]) -> Callable[..., object]:
        """The step, with whoever comes along."""

        def with_company(*args: object, **named: object) -> object:
            self._pass()
            done = step(*args, **named)
            self._pass()
            return done

        return with_company

    def _pass(self) -> None:
        self.waiting -= 1
        if self.waiting == -1:
            self.has_been = True
            assert_open(Embedded(self.home)._prepare())


def assert_open(cluster: Cluster) -> None:
    """The server's user can get there, and no stranger."""
    assert cluster.user.barred_from(cluster.home) is None
    assert not cluster.home.stat().st_mode & stat.S_IRWXO


def test_a_server_out_of_sight_is_not_started_twice(
    home: Path, bin_dir: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Embedded(home, bin_dir=bin_dir) as server:
        process = Cluster(home).server()
        with monkeypatch.context() as another_container:
            another_container.setattr(Cluster, "server", lambda _: None)
            with Embedded(home, bin_dir=bin_dir) as same:
                assert same.dsn == server.dsn
        assert Cluster(home).server() == process


@pytest.mark.parametrize("name", ["x" * 100, "to, from", 'say "ledger"'])
def test_a_path_that_no_socket_can_have_is_no_obstacle(
    reachable_folder: Path, bin_dir: Path | None, name: str
) -> None:
    home = reachable_folder / name
    with Embedded(home, bin_dir=bin_dir) as server:
        write_row(server.dsn, "kept")
        sockets = Cluster(home).sockets
        assert sockets.parent != home
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert sockets.stat().st_uid == server_user(home / "data").uid
    sockets.rmdir()


def test_a_path_with_blanks_and_accents_is_like_any_other(
    reachable_folder: Path, bin_dir: Path | None
) -> None:
    home = reachable_folder / "l'été à $HOME"
    with Embedded(home, bin_dir=bin_dir) as server:
        assert Cluster(home).sockets.parent == home
        write_row(server.dsn, "kept")
        assert rows(server.dsn) == ["kept"]


def test_outside_its_block_there_is_nothing_to_connect_to(home: Path) -> None:
    with pytest.raises(EmbeddedError, match="outside its `with` block"):
        _ = Embedded(home).dsn


@pytest.mark.parametrize(
    ("user", "xdg", "expected"),
    [
        (1000, None, "/people/ada/.local/share/membership-ledger"),
        (1000, "/data", "/data/membership-ledger"),
        (1000, "not/absolute", "/people/ada/.local/share/membership-ledger"),
        (0, None, "/var/lib/membership-ledger"),
        (0, "/usr/share", "/usr/share/membership-ledger"),
    ],
)
def test_data_lives_where_the_system_puts_it(
    monkeypatch: pytest.MonkeyPatch, user: int, xdg: str | None, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert default_home(xdg_data_home=xdg, home="/people/ada") == Path(expected)


def test_root_keeps_no_data_behind_a_closed_door(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home(xdg_data_home=str(tmp_path)) == embedded.ROOT_HOME
