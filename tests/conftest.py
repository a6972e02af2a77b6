"""Databases for tests: always a real PostgreSQL, one cluster a run, a fresh database a test."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.store.embedded import Embedded
from ledger.store.locks import locked_if_free, open_lock, share
from ledger.store.upgrade import upgrade

# Tests lose nothing with the machine. All that a test can see of durability is as in production.
CLUSTER_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
}

_CLUSTER_FOLDER = "LEDGER_TEST_CLUSTER"  # how the workers of xdist learn it from their parent
_RUN_PREFIX = "membership-ledger-tests-"
_RUN_LOCK = pytest.StashKey[int]()  # held for as long as the run lives
_BIN_DIR = "LEDGER_TEST_PG_BIN_DIR"
_TEMPLATE = "ledger_template"
_STARTED = "ledger_started"
_MEMORY_BYTES = 4 * 1024**3
_TEMPLATE_LOCK = 7_326_001


def _open_folder(prefix: str) -> Path:
    """A new temporary folder that the server's user may enter when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_temporary()))
    folder.chmod(0o711)
    return folder


def _temporary() -> Path:
    """Memory if there is plenty: a database of its own for every test is many small files."""
    memory = Path("/dev/shm")  # noqa: S108 (a folder of our own is made there)
    if memory.is_dir():
        room = os.statvfs(memory)
        roomy = room.f_bavail * room.f_frsize > _MEMORY_BYTES
        if roomy and not room.f_flag & os.ST_NOEXEC:
            return memory
    return Path("/tmp")  # noqa: S108 (pytest's own folders are closed to the server's user)


def pytest_configure(config: pytest.Config) -> None:
    """Name the run's cluster before workers are started; the first to need it starts it."""
    if not hasattr(config, "workerinput"):
        _sweep()
        folder = _open_folder(_RUN_PREFIX)
        os.environ[_CLUSTER_FOLDER] = str(folder)
        config.stash[_RUN_LOCK] = open_lock(folder / "run.lock")
        share(config.stash[_RUN_LOCK])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's cluster, which its last user has stopped."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_CLUSTER_FOLDER), ignore_errors=True)
        os.close(config.stash[_RUN_LOCK])


def pytest_collection_finish() -> None:
    """Let the garbage collector look no more at what stays until the end, thousands of tests."""
    gc.collect()
    gc.freeze()


def _sweep() -> None:
    """Remove what runs that were killed have left."""
    for abandoned in _temporary().glob(f"{_RUN_PREFIX}*"):
        with suppress(OSError), locked_if_free(abandoned / "run.lock") as dead:
            if dead:
                shutil.rmtree(abandoned, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def compiled() -> Iterator[None]:
    """Every test's application shares what is compiled for all of them."""
    from tests.web.compiling import compiled_once

    with compiled_once():
        yield


@pytest.fixture(scope="session")
def bin_dir() -> Path | None:
    """The folder of the PostgreSQL to test on; None for the embedded one."""
    named = os.environ.get(_BIN_DIR)
    return Path(named) if named else None


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """An empty folder that the server's user may enter, unlike pytest's own; removed again."""
    folder = _open_folder("membership-ledger-test-")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(bin_dir: Path | None) -> Iterator[str]:
    """How to connect, as its superuser, to the cluster all tests of this run share."""
    home = Path(os.environ[_CLUSTER_FOLDER]) / "cluster"
    with Embedded(home, settings=CLUSTER_SETTINGS, bin_dir=bin_dir) as server:
        yield server.dsn


@pytest.fixture(scope="session")
def template(cluster: str) -> str:
    """The name of a database with the books' schema, made once and copied for every test."""
    return made_once(cluster, _TEMPLATE, upgrade)


@pytest.fixture(scope="session")
def started(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database on which an empty site was started once: its tables are made."""
    from tests.web.conftest import start_once

    folder = tmp_path_factory.mktemp("started")
    return made_once(cluster, _STARTED, partial(start_once, folder), source=template)


def made_once(
    cluster: str, name: str, fill: Callable[[str], object], *, source: str = "template1"
) -> str:
    """The name of a database that the first worker to need it fills, and all copy."""
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_TEMPLATE_LOCK])
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if found is None:
            unfinished = f"unfinished_{uuid4().hex}"
            connection.execute(_statement("CREATE DATABASE {} TEMPLATE {}", unfinished, source))
            fill(make_conninfo(cluster, dbname=unfinished))
            connection.execute(_statement("ALTER DATABASE {} RENAME TO {}", unfinished, name))
    return name


@pytest.fixture(scope="session")
def fresh_databases(cluster: str) -> Iterator[FreshDatabases]:
    """Makes databases and drops them again."""
    with psycopg.connect(cluster, autocommit=True) as connection:
        yield FreshDatabases(connection)


@pytest.fixture
def database(template: str, fresh_databases: FreshDatabases) -> Iterator[str]:
    """How to connect to this test's own database, with the books' schema and nothing in it."""
    with fresh_databases.copy_of(template) as dsn:
        yield dsn


@pytest.fixture
def site_database(started: str, fresh_databases: FreshDatabases) -> Iterator[str]:
    """How to connect to a database for a site of the usual settings."""
    with fresh_databases.copy_of(started) as dsn:
        yield dsn


@pytest.fixture
def empty_database(fresh_databases: FreshDatabases) -> Iterator[str]:
    """How to connect to this test's own database, without any schema."""
    with fresh_databases.copy_of("template1") as dsn:
        yield dsn


class FreshDatabases:
    """Copies of a template, each gone by the time the next is made.

    Dropped one test later: right after a test its last connection is still leaving, and
    PostgreSQL then waits for a tenth of a second.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._done: list[str] = []

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """A new database, and how to connect to it."""
        while self._done:
            drop = "DROP DATABASE {} WITH (FORCE)"
            self._connection.execute(_statement(drop, self._done.pop()))
        name = f"test_{uuid4().hex}"
        # 12 to 24 ms against 19 to 44 ms by way of the log.
        copy = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
        self._connection.execute(_statement(copy, name, template))
        yield make_conninfo(self._connection.info.dsn, dbname=name)
        self._done.append(name)


def _statement(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*(sql.Identifier(name) for name in names))
