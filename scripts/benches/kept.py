"""A server of a bench's own, and databases that are made whole once and used again if kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.store.embedded import Embedded
from ledger.store.pool import connect

IS_THERE = "SELECT true FROM pg_database WHERE datname = %(name)s"
CREATE = "CREATE DATABASE {}"
COPY = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
DROP = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
RENAME = "ALTER DATABASE {} RENAME TO {}"


class Databases:
    """The databases of a server; `kept`: they outlive the bench."""

    def __init__(self, server: str, *, kept: bool) -> None:
        self._server, self.kept = server, kept

    def dsn(self, name: str) -> str:
        """How to connect to one."""
        return make_conninfo(self._server, dbname=name)

    def made(self, name: str, fill: Callable[[str], None]) -> str:
        """How to connect to one that `fill` has filled, now or before.

        It has its name only once it is whole: what a bench that was broken off left is made anew.
        """
        if not self._is_there(name):
            unfinished = f"unfinished_{name}"
            self.make_empty(unfinished)
            fill(self.dsn(unfinished))
            self._ask(RENAME, unfinished, name)
        return self.dsn(name)

    def make_empty(self, name: str) -> str:
        """Make one anew."""
        self.drop(name)
        self._ask(CREATE, name)
        return self.dsn(name)

    def make_copy(self, name: str, of: str) -> str:
        """Make one anew that holds what another does."""
        self.drop(name)
        self._ask(COPY, name, of)
        return self.dsn(name)

    def drop(self, name: str) -> None:
        """Be rid of one, if it is there."""
        self._ask(DROP, name)

    def _is_there(self, name: str) -> bool:
        with connect(self._server) as connection:
            return connection.execute(IS_THERE, {"name": name}).fetchone() is not None

    def _ask(self, statement: LiteralString, *names: str) -> None:
        with connect(self._server) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def databases(keep: Path | None) -> Iterator[Databases]:
    """A server in a folder that is kept if named, and else gone afterwards."""
    folder = keep or Path(tempfile.mkdtemp(prefix="membership-ledger-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # the server's user passes through when root runs the bench
    try:
        with Embedded(folder / "home") as server:
            yield Databases(server.dsn, kept=keep is not None)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
