"""The sandbox's books in PostgreSQL: shared by processes, kept over restarts.

Every call is one transaction on a connection of its own, never the ledger's: a real payment company
does not roll back when we do. The unique keys are what makes a repeated call the same call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, OperationalError
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from ledger.store.sandbox_batch import WriteBehind
from ledger.store.sandbox_sheets import (
    BooksUnreachable,
    Change,
    KeyClaimed,
    NoSheet,
    Sheet,
    SheetMoved,
)

INSERT = """
insert into sandbox.sheets (key, state, first_at, last_at, version)
values (%(key)s, %(state)s, %(first_at)s, %(last_at)s, %(version)s)
on conflict (key) do nothing
"""
UPDATE = """
update sandbox.sheets
set state = %(state)s, first_at = %(first_at)s, last_at = %(last_at)s,
    version = %(version)s
where key = %(key)s and version = %(replaces)s
"""
ONE = """
select key, state, first_at, last_at, version from sandbox.sheets where key = %(key)s
"""
ONE_LOCKED = """
select key, state, first_at, last_at, version from sandbox.sheets where key = %(key)s
for update
"""
CLAIMED = """
select sheets.key, state, first_at, last_at, version
from sandbox.claims join sandbox.sheets on sheets.key = claims.sheet_key
where claims.key = %(key)s
"""
BETWEEN = """
select key, state, first_at, last_at, version from sandbox.sheets
where last_at >= %(since)s and first_at < %(until)s
"""
CLAIM = """
insert into sandbox.claims (key, sheet_key) values (%(key)s, %(sheet_key)s)
on conflict (key) do nothing
"""
CLAIMANT = "select sheet_key from sandbox.claims where key = %(key)s"
KEYS = "select key from sandbox.sheets"
COPY_SHEETS = "copy sandbox.sheets (key, state, first_at, last_at, version) from stdin"
COPY_CLAIMS = "copy sandbox.claims (key, sheet_key) from stdin"
READ_AT_A_TIME = 1_000


class PostgresBooks:
    """Sheets in the schema `sandbox`, over a pool of connections that is the sandbox's own."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    @contextmanager
    def _connection(self) -> Iterator[Connection[tuple[Any, ...]]]:
        try:
            with self._pool.connection() as connection:
                yield connection
        except OperationalError as lost:
            raise BooksUnreachable from lost

    def sheet(self, key: UUID) -> Sheet | None:
        """The sheet under a key."""
        with self._connection() as connection:
            return _one(connection, ONE, key)

    def add(self, sheet: Sheet) -> Sheet | None:
        """Keep a new sheet. If one stands under its key already, that one, and nothing changes."""
        with self._connection() as connection:
            if connection.execute(INSERT, _row(sheet)).rowcount == 1:
                return None
            return _one(connection, ONE, sheet.key)

    def change(self, key: UUID, change: Change, *, claim: UUID | None = None) -> Sheet:
        """Change a sheet while nobody else can, and claim a further key for it.

        Raises NoSheet, and KeyClaimed if the claimed key belongs to another sheet.
        """
        with self._connection() as connection, connection.transaction():
            before = _one(connection, ONE_LOCKED, key)
            if before is None:
                raise NoSheet(key=key)
            if claim is not None:
                _claim(connection, claim, key)
            after = change(before)
            if after is not before:
                connection.execute(UPDATE, _update(after, before.version))
            return after

    def claimant(self, claim: UUID) -> Sheet | None:
        """The sheet for which a key was claimed."""
        with self._connection() as connection:
            return _one(connection, CLAIMED, claim)

    def between(self, since: datetime, until: datetime) -> Iterator[Sheet]:
        """Every sheet on which something happens meanwhile, and perhaps some more, unordered."""
        with (
            self._connection() as connection,
            connection.transaction(),
            connection.cursor("sandbox_between") as cursor,
        ):
            cursor.itersize = READ_AT_A_TIME
            yield from map(_sheet, cursor.execute(BETWEEN, {"since": since, "until": until}))

    @contextmanager
    def batch(self) -> Iterator[WriteBehind]:
        """Books that write many sheets at a time, for filling a site from one process.

        What was added is safe after `flush`, which also happens at the end, whatever ended it.
        """
        behind = WriteBehind(self)
        try:
            yield behind
        finally:
            behind.flush()

    def keys(self) -> set[UUID]:
        """The key of every sheet."""
        with self._connection() as connection:
            return {row[0] for row in connection.execute(KEYS)}

    def write(
        self,
        added: Mapping[UUID, Sheet],
        changed: Mapping[UUID, tuple[Sheet, int]],
        claims: Mapping[UUID, UUID],
    ) -> None:
        """Keep sheets, changed sheets with the version they replace, and claims: all or none.

        Raises SheetMoved if another process wrote one of them meanwhile.
        """
        try:
            with (
                self._connection() as connection,
                connection.transaction(),
                connection.cursor() as cursor,
            ):
                with cursor.copy(COPY_SHEETS) as copy:
                    for sheet in added.values():
                        copy.write_row(tuple(_row(sheet).values()))
                with cursor.copy(COPY_CLAIMS) as copy:
                    for claim in claims.items():
                        copy.write_row(claim)
                cursor.executemany(UPDATE, [_update(*change) for change in changed.values()])
                if changed and cursor.rowcount != len(changed):
                    raise SheetMoved
        except UniqueViolation as clash:
            raise SheetMoved from clash


def _one(connection: Connection[tuple[Any, ...]], query: str, key: UUID) -> Sheet | None:
    row = connection.execute(query, {"key": key}).fetchone()
    return _sheet(row) if row else None


def _sheet(row: tuple[Any, ...]) -> Sheet:
    key, state, first_at, last_at, version = row
    span = (first_at, last_at) if first_at else None
    return Sheet(key, state, span, version)


def _row(sheet: Sheet) -> dict[str, Any]:
    first_at, last_at = sheet.span or (None, None)
    return {
        "key": sheet.key,
        "state": Jsonb(sheet.state),
        "first_at": first_at,
        "last_at": last_at,
        "version": sheet.version,
    }


def _update(sheet: Sheet, replaces: int) -> dict[str, Any]:
    return {**_row(sheet), "replaces": replaces}


def _claim(connection: Connection[tuple[Any, ...]], claim: UUID, key: UUID) -> None:
    connection.execute(CLAIM, {"key": claim, "sheet_key": key})
    row = connection.execute(CLAIMANT, {"key": claim}).fetchone()
    if row is None or row[0] != key:
        raise KeyClaimed(key=claim)
