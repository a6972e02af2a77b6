"""A person's history, fact by fact, straight from the books (AU2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.facts import Actor, Cause, Fact
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord

COMMON = frozenset({*Fact.model_fields, "originator_topic"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact as it is read: what, who, why, when it was true and when it was recorded.

    `fields` are the fact's own, personal ones opened, or "erased".
    """

    position: int
    fact_id: str
    topic: str
    stream_id: UUID
    member_id: UUID | None
    actor: Actor
    cause: Cause
    occurred_at: datetime
    recorded_at: datetime
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """Reads histories."""

    recorder: FactRecorder
    mapper: FactMapper

    def of_subject(self, subject_id: UUID) -> list[Entry]:
        """Everything that concerns a person, in the order in which it was recorded."""
        return self._entries(self.recorder.of_subject(subject_id))

    def of_stream(self, stream_id: UUID) -> list[Entry]:
        """Everything that happened to one plan, order or code."""
        return self._entries(self.recorder.of_stream(stream_id))

    def _entries(self, records: Sequence[FactRecord]) -> list[Entry]:
        facts = self.mapper.open_records(records)
        return [entry(record.position, fact) for record, fact in zip(records, facts, strict=True)]


def entry(position: int, fact: Fact) -> Entry:
    """A fact as an entry."""
    return Entry(
        position=position,
        fact_id=fact.fact_id,
        topic=fact.TOPIC,
        stream_id=fact.originator_id,
        member_id=fact.member_id,
        actor=fact.actor,
        cause=fact.cause,
        occurred_at=fact.occurred_at,
        recorded_at=fact.recorded_at,
        fields=fact.model_dump(mode="json", exclude=set(COMMON)),
    )
