"""What tests of the books are made of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection

from ledger.store.arrays import register_columns
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.records import StoredFact
from ledger.store.saving import Save

NOON = datetime(2026, 11, 2, 12, 0, 0, 123456, tzinfo=UTC)
MEMBER = UUID("7d1f0f6e-0000-4000-8000-000000000001")
WAITING = """
select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
"""


def facts(
    size: int = 1,
    *,
    stream_id: UUID | None = None,
    version: int = 1,
    subject_id: UUID | None = MEMBER,
    topic: str = "member.noted",
) -> list[StoredFact]:
    """Facts of one stream, from a version on."""
    stream_id = stream_id or uuid4()
    return [
        StoredFact(
            originator_id=stream_id,
            originator_version=number,
            topic=topic,
            state=f'{{"text":"{stream_id}/{number}"}}'.encode(),
            subject_id=subject_id,
            recorded_at=NOON,
        )
        for number in range(version, version + size)
    ]


@contextmanager
def opened(dsn: str, *, max_size: int = 16) -> Iterator[FactRecorder]:
    """A recorder on a pool of its own."""
    with open_pool(dsn, max_size=max_size) as pool:
        yield FactRecorder(pool)


def append_in(connection: Connection[Any], stored: Sequence[StoredFact], **beside: Any) -> int:
    """Append within a transaction that the test ends when it likes; the first position."""
    register_columns(connection)
    row = connection.execute(*Save(stored, **beside).call()).fetchone()
    assert row
    return int(row[0])


@contextmanager
def open_transaction(dsn: str) -> Iterator[Connection[Any]]:
    """A connection whose transaction is rolled back unless the test commits it."""
    with closing(psycopg.connect(dsn)) as connection:
        yield connection
        connection.rollback()  # and not when the server notices that we are gone


def waits_for_lock(dsn: str, *, sessions: int = 1, patience_seconds: float = 10) -> None:
    """Return once so many sessions of this database wait for a lock."""
    deadline = time.monotonic() + patience_seconds
    with psycopg.connect(dsn, autocommit=True) as connection:
        while len(connection.execute(WAITING).fetchall()) < sessions:
            assert time.monotonic() < deadline, "too few wait"
            time.sleep(0.01)
