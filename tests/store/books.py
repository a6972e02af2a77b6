"""What tests of the books are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.records import StoredFact

NOON = datetime(2026, 11, 2, 12, 0, 0, 123456, tzinfo=UTC)
MEMBER = UUID("7d1f0f6e-0000-4000-8000-000000000001")


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
