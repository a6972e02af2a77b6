"""Asking the database through a pool, with the errors that the library's callers know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import psycopg
from eventsourcing import persistence
from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from ledger.store.arrays import register_columns

LIBRARY_ERRORS: tuple[tuple[type[psycopg.Error], type[persistence.PersistenceError]], ...] = (
    (psycopg.InterfaceError, persistence.InterfaceError),
    (psycopg.OperationalError, persistence.OperationalError),
    (psycopg.DataError, persistence.DataError),
    (psycopg.IntegrityError, persistence.IntegrityError),
    (psycopg.InternalError, persistence.InternalError),
    (psycopg.ProgrammingError, persistence.ProgrammingError),
    (psycopg.NotSupportedError, persistence.NotSupportedError),
    (psycopg.DatabaseError, persistence.DatabaseError),
)


class ConnectionLost(persistence.OperationalError):
    """The connection broke while a statement was under way: whether it happened is unknown."""


class Asking:
    """Prepared statements, each one round trip, on any pool of psycopg connections."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self.pool = pool
        self._taught: WeakSet[Connection[Any]] = WeakSet()

    def once(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement that is sent once. Raises ConnectionLost, or psycopg's errors."""
        with self.pool.connection() as connection:
            self._teach(connection)
            try:
                cursor = connection.cursor(binary=True, row_factory=tuple_row)
                cursor.execute(statement, parameters, prepare=True)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
            except psycopg.OperationalError as error:
                if connection.closed:
                    raise ConnectionLost(str(error)) from error
                raise
        return rows

    def read(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement that changes nothing, so may be sent again after a loss."""
        with library_errors():
            try:
                return self.once(statement, parameters)
            except ConnectionLost:
                self.pool.check()
                return self.once(statement, parameters)

    def _teach(self, connection: Connection[Any]) -> None:
        if connection not in self._taught:
            register_columns(connection)
            self._taught.add(connection)


@contextmanager
def library_errors() -> Iterator[None]:
    """Turn psycopg's errors into the library's."""
    try:
        yield
    except psycopg.Error as error:
        for ours, theirs in LIBRARY_ERRORS:
            if isinstance(error, ours):
                raise theirs(str(error)) from error
        raise persistence.PersistenceError(str(error)) from error
