"""A person's history, fact by fact, straight from the books (AU2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    def some_of_subject(self, subject_id: UUID, positions: Collection[int]) -> list[Entry]:
        """Facts that concern a person, and those that say what these are about."""
        records = self.recorder.of_subject(subject_id)
        streams = {record.stream_id for record in records if record.position in positions}
        return self._entries([one for one in records if _has_a_say(one, positions, streams)])

    def latest_of_subject(
        self, subject_id: UUID, most: int, *, before: int | None = None
    ) -> tuple[list[Entry], int]:
        """The last facts that concern a person, at most so many, and how many came before them.

        `before` is the position to look back from. Those that say what the others are about come
        first, however early they are.
        """
        records = self.recorder.of_subject(subject_id)
        if before is not None:
            records = [record for record in records if record.position < before]
        latest = records[-most:]
        positions = {record.position for record in latest}
        streams = {record.stream_id for record in latest}
        wanted = [one for one in records if _has_a_say(one, positions, streams)]
        return self._entries(wanted), len(records) - len(latest)

    def of_stream(self, stream_id: UUID) -> list[Entry]:
        """Everything that happened to one plan, order or code."""
        return self._entries(self.recorder.of_stream(stream_id))

    def latest_of_stream(self, stream_id: UUID, most: int) -> list[Entry]:
        """The last of it, at most so many facts; a code has one for each of its uses."""
        return self._entries(self.recorder.latest_of_stream(stream_id, most))

    def _entries(self, records: Sequence[FactRecord]) -> list[Entry]:
        facts = self.mapper.open_records(records)
        return [entry(record.position, fact) for record, fact in zip(records, facts, strict=True)]


def _has_a_say(record: FactRecord, positions: Collection[int], streams: Collection[UUID]) -> bool:
    """Whether a fact is one of some, or begins what one of them is about."""
    is_of_theirs = record.topic == "member.joined" or (
        record.version == 1 and record.stream_id in streams
    )
    return is_of_theirs or record.position in positions


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
