"""What is saved with facts, and what is read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import StoredEvent


@dataclass(frozen=True)
class StoredFact(StoredEvent):
    """A fact as the mapper makes it, to be saved."""

    subject_id: UUID | None
    recorded_at: datetime


class FactRecord(NamedTuple):
    """A row of the books."""

    position: int
    stream_id: UUID
    version: int
    topic: str
    subject_id: UUID | None
    recorded_at: datetime
    state: bytes


@dataclass(frozen=True)
class SubjectKey:
    """A person's new key, wrapped."""

    subject_id: UUID
    wrapped: bytes


@dataclass(frozen=True)
class Claim:
    """What may exist once: of its kind, this key (a keyed hash where it is personal), whose."""

    kind: str
    key: bytes
    owner: UUID


@dataclass(frozen=True)
class Expectation:
    """A stream that a decision relied on without writing to it; 0 is the version of no stream."""

    stream_id: UUID
    version: int
