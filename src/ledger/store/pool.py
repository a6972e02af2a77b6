"""Connections to the database: set up alike, with errors that say what is wrong."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger.store.refusals import DatabaseUnreachable, ServerTooOld

OLDEST_SERVER = 15

# Statements rely on READ COMMITTED (they look again after waiting), and an acknowledged save is on
# disk: a server that was set to forget is overruled, one that waits for its replicas is not.
SET_UP = """
select set_config('TimeZone', 'UTC', false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('synchronous_commit', case when current_setting('synchronous_commit') = 'off'
                  then 'on' else current_setting('synchronous_commit') end, false)
"""
SET_PATH = "select set_config('search_path', %s, false)"
UNLOCK_ALL = "select pg_advisory_unlock_all()"


class PooledConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that gives its session locks back when what it was borrowed for failed.

    A statement that is cancelled at a bad moment may leave one held, and with it every writer.
    The pool's own reset hook would cost a round trip after each healthy use; this costs none.
    """

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is None and self.pgconn.transaction_status == TransactionStatus.IDLE:
            return  # there is nothing to commit, and the pool keeps it open
        super().__exit__(exc_type, exc_val, exc_tb)
        if exc_type is not None and not self.closed:
            try:
                self.execute(UNLOCK_ALL)
            except psycopg.Error:
                self.close()  # the pool replaces it, and the server lets its locks go


def connect(dsn: str, *, connect_timeout_seconds: int = 10) -> psycopg.Connection:
    """One connection in autocommit mode, set up like every other.

    Raises DatabaseUnreachable (the message holds no password) or ServerTooOld.
    """
    try:
        connection = psycopg.connect(dsn, autocommit=True, connect_timeout=connect_timeout_seconds)
    except psycopg.OperationalError as error:
        raise _unreachable(dsn, error) from error
    try:
        _require_server(connection)
        _set_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 16,
    wait_seconds: float = 10,
    name: str = "ledger",
    search_path: str | None = None,
) -> ConnectionPool[PooledConnection]:
    """An open pool of autocommit connections; close it, or use it as a context manager.

    `search_path` names the schema in which its connections look for tables named without one.

    Behind a pooler in transaction mode, prepared statements need one that knows them (PgBouncer
    1.21 or later with `max_prepared_statements`), and session settings belong on the database role.

    Raises DatabaseUnreachable or ServerTooOld at once, not after the pool's own patience.
    """
    connect(dsn).close()
    pool = ConnectionPool(
        dsn,
        connection_class=PooledConnection,
        configure=partial(_set_up, search_path=search_path),
        min_size=min_size,
        max_size=max_size,
        timeout=wait_seconds,
        name=name,
        open=False,
    )
    try:
        pool.open(wait=True, timeout=wait_seconds)
    except PoolTimeout as error:
        pool.close()
        raise _unreachable(dsn, error) from error
    return pool


def _require_server(connection: psycopg.Connection) -> None:
    major = connection.info.server_version // 10000
    if major < OLDEST_SERVER:
        raise ServerTooOld(found=major, needed=OLDEST_SERVER)


def _set_up(connection: psycopg.Connection[Any], *, search_path: str | None = None) -> None:
    connection.autocommit = True
    connection.execute(SET_UP)
    if search_path is not None:
        connection.execute(SET_PATH, (search_path,))


def _unreachable(dsn: str, error: Exception) -> DatabaseUnreachable:
    parts = conninfo_to_dict(dsn)
    host, port = parts.get("host", "localhost"), parts.get("port", 5432)
    return DatabaseUnreachable(
        where=f"{host}:{port}/{parts.get('dbname', '')}", why=str(error).strip()
    )
