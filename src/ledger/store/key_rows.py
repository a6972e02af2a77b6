"""Where wrapped keys are kept: one row a person, and one for the master key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

TOMBSTONE = b""
"""What is kept of a destroyed key."""

BATCH_SIZE = 5_000

WRAPPED = "select subject_id, wrapped from vault.keys where subject_id = any(%(subject_ids)s)"
DESTROY = """
insert into vault.keys (subject_id, wrapped) values (%(subject_id)s, '')
on conflict (subject_id) do update set wrapped = '' where vault.keys.wrapped <> ''
"""
ROOT = "select root from vault.master"
KEEP_ROOT = """
insert into vault.master (root)
select %(root)s where not exists (select from vault.keys where wrapped <> '')
on conflict do nothing
"""
HOLD_KEYS = "lock table vault.master, vault.keys in share row exclusive mode"
REPLACE_ROOT = "update vault.master set root = %(root)s"
NEXT_KEYS = """
select subject_id, wrapped from vault.keys
 where wrapped <> '' and (%(after)s::uuid is null or subject_id > %(after)s)
 order by subject_id limit %(limit)s
"""
REPLACE_KEYS = """
update vault.keys set wrapped = fresh.wrapped
  from unnest(%(subject_ids)s::uuid[], %(wrapped)s::bytea[]) as fresh (subject_id, wrapped)
 where keys.subject_id = fresh.subject_id
"""

Rewrap = Callable[[bytes, bytes], bytes]
"""What is wrapped again: whose it is and the wrapped bytes, to the new wrapped bytes."""

ROOT_OWNER = b"root"
"""Whose the row of the master key is."""


class KeyRows(Protocol):
    """The vault's rows, as bytes that say nothing without the master key."""

    def wrapped(self, subject_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """The wrapped keys of those who have one; TOMBSTONE where it was destroyed."""
        ...

    def destroy(self, subject_id: UUID) -> None:
        """Leave a tombstone, whether there was a key or not."""
        ...

    def root(self) -> bytes | None:
        """The wrapped root secret."""
        ...

    def keep_root(self, root: bytes) -> bytes | None:
        """The root that is kept: this one, or that of who came first.

        None if there are keys and no root, which no fresh vault has.
        """
        ...

    def replace(self, rewrap: Rewrap) -> int:
        """Wrap root and keys again, all or none; how many keys there were."""
        ...


class KeyTable:
    """The rows in PostgreSQL."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def wrapped(self, subject_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """The wrapped keys of those who have one; TOMBSTONE where it was destroyed."""
        with self._pool.connection() as connection:
            rows = connection.cursor(row_factory=tuple_row).execute(
                WRAPPED, {"subject_ids": list(subject_ids)}
            )
            return dict(rows.fetchall())

    def destroy(self, subject_id: UUID) -> None:
        """Leave a tombstone, whether there was a key or not."""
        with self._pool.connection() as connection:
            connection.execute(DESTROY, {"subject_id": subject_id})

    def root(self) -> bytes | None:
        """The wrapped root secret."""
        with self._pool.connection() as connection:
            return _root(connection)

    def keep_root(self, root: bytes) -> bytes | None:
        """The root that is kept: this one, or that of who came first."""
        with self._pool.connection() as connection:
            connection.execute(KEEP_ROOT, {"root": root})
            return _root(connection)

    def replace(self, rewrap: Rewrap) -> int:
        """Wrap root and keys again, all or none; how many keys there were."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(HOLD_KEYS)
            root = _root(connection)
            if root is None:
                return 0
            connection.execute(REPLACE_ROOT, {"root": rewrap(ROOT_OWNER, root)})
            return sum(_replace(connection, rows, rewrap) for rows in _batches(connection))


def _root(connection: psycopg.Connection[Any]) -> bytes | None:
    row = connection.cursor(row_factory=tuple_row).execute(ROOT).fetchone()
    return row[0] if row else None


def _batches(connection: psycopg.Connection[Any]) -> Iterator[list[tuple[UUID, bytes]]]:
    cursor = connection.cursor(row_factory=tuple_row)
    after: UUID | None = None
    while rows := cursor.execute(NEXT_KEYS, {"after": after, "limit": BATCH_SIZE}).fetchall():
        yield rows
        after = rows[-1][0]


def _replace(
    connection: psycopg.Connection[Any], rows: list[tuple[UUID, bytes]], rewrap: Rewrap
) -> int:
    fresh = [rewrap(subject_id.bytes, wrapped) for subject_id, wrapped in rows]
    subject_ids = [subject_id for subject_id, _ in rows]
    connection.execute(REPLACE_KEYS, {"subject_ids": subject_ids, "wrapped": fresh})
    return len(rows)
