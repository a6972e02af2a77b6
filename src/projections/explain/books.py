"""Facts as explanations need them: straight from the books, and cut where the views stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ledger.errors import LedgerError
from ledger.facts import Fact
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.explain.answers import Line
from projections.queries.reading import Source


@dataclass(frozen=True, slots=True)
class Scope:
    """Where views are read, and which facts they hold.

    `as_of`: only what was true by then. `position`: only what was recorded up to there; None where
    the live views are read, which hold all that they have read so far. `left_out` are positions of
    facts that no view holds.
    """

    source: Source
    as_of: datetime | None = None
    position: int | None = None
    left_out: frozenset[int] = frozenset()

    def reach(self, position: int) -> Reach:
        """The facts that count where a view has read up to a position."""
        return Reach(position, self.as_of, self.left_out)


class Reach(NamedTuple):
    """Facts up to a position but those left out, and true by an instant where one is given."""

    position: int
    as_of: datetime | None = None
    left_out: frozenset[int] = frozenset()

    def holds(self, told: Told) -> bool:
        """Whether a fact is one of them, if it is known; one that can't be read is."""
        if told.record.position in self.left_out:
            return False
        return self.as_of is None or told.fact is None or told.fact.occurred_at <= self.as_of

    def of(self, facts: Iterable[Told]) -> list[Told]:
        """Those of some facts that are."""
        near = (told for told in facts if told.record.position <= self.position)
        return [told for told in near if self.holds(told)]


class Told(NamedTuple):
    """A row of the books and its fact, or why it can't be read."""

    record: FactRecord
    fact: Fact | None
    fault: str | None = None

    @property
    def line(self) -> Line:
        """The fact as an explanation lists it, before anything is said of what it does."""
        return Line(
            position=self.record.position,
            fact_id=f"{self.record.stream_id}/{self.record.version}",
            topic=self.record.topic,
            recorded_at=self.record.recorded_at,
            occurred_at=self.fact.occurred_at if self.fact else None,
            fault=self.fault,
        )


@dataclass(frozen=True)
class Books:
    """Reads facts, each on its own where one of them can't be read."""

    recorder: FactRecorder
    mapper: FactMapper

    def of_subject(
        self, subject_id: UUID, reach: Reach, *, topics: Collection[str] | None = None
    ) -> list[Told]:
        """Everything that concerns a person, and what happened to a stream that concerns nobody;
        of some topics alone where no other has a say.
        """
        found = [*self.recorder.of_subject(subject_id), *self.recorder.of_stream(subject_id)]
        records = {one.position: one for one in found if topics is None or one.topic in topics}
        return self.opened((records[position] for position in sorted(records)), reach)

    def of_stream(self, stream_id: UUID, reach: Reach) -> list[Told]:
        """Everything that happened to one plan, order or code."""
        return self.opened(self.recorder.of_stream(stream_id), reach)

    def opened(self, records: Iterable[FactRecord], reach: Reach) -> list[Told]:
        """Rows of the books that are within reach, opened."""
        near = [record for record in records if record.position <= reach.position]
        return reach.of(self._told(near))

    def _told(self, records: Sequence[FactRecord]) -> list[Told]:
        try:
            facts = self.mapper.open_records(records)
        except LedgerError:
            return [self._alone(record) for record in records]
        return [Told(record, fact) for record, fact in zip(records, facts, strict=True)]

    def _alone(self, record: FactRecord) -> Told:
        try:
            return Told(record, self.mapper.open_record(record))
        except LedgerError as error:
            return Told(record, None, error.code)
