"""One part of the books, folded from nothing: what a rebuild, a moment and a check are made of.

Facts are read person by person (or stream by stream), so that memory stays what it is however
long the log grows, and no row is ever read back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection

from ledger.errors import LedgerError
from ledger.store.mapper import FactMapper
from ledger.store.quick import FactReader
from ledger.store.records import FactRecord
from projections.digest import Buckets
from projections.parking import why
from projections.quiet import uncollected
from projections.staging import Stage
from projections.view import Recorded, View, Work, fold_anew, fold_work, needs_of, works_of
from projections.written import Written

CHUNK = 5_000
"""Facts at a time, more or less: nobody is cut in two."""

OF_SUBJECTS = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE subject_id >= %(lower)s::uuid
   AND (%(upper)s::uuid IS NULL OR subject_id < %(upper)s::uuid)
   AND position <= %(position)s AND topic = ANY (%(topics)s)
 ORDER BY subject_id, position
"""
OF_SOME_SUBJECTS = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE subject_id = ANY (%(subjects)s) AND position <= %(position)s AND topic = ANY (%(topics)s)
 ORDER BY subject_id, position
"""
OF_STREAMS = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE stream_id >= %(lower)s::uuid
   AND (%(upper)s::uuid IS NULL OR stream_id < %(upper)s::uuid)
   AND position <= %(position)s AND topic = ANY (%(topics)s)
 ORDER BY stream_id, position
"""
LOWEST = UUID(int=0)
STREAM, SUBJECT = FactRecord._fields.index("stream_id"), FactRecord._fields.index("subject_id")


class Subjects(NamedTuple):
    """The persons from `lower` on up to, not including, `upper`; None is the end of all."""

    lower: UUID | None = None
    upper: UUID | None = None


class Streams(NamedTuple):
    """What is kept by stream, not by person: plans, codes, notices; by ranges like Subjects."""

    lower: UUID | None = None
    upper: UUID | None = None


Part = Subjects | Streams


class PartStopped(LedgerError):
    """Fact {position} ({topic}) can't be folded by {view}: {why}."""

    code = "part_stopped"


@dataclass(frozen=True)
class PartReport:
    """What folding a part came to."""

    facts: int
    """How many were folded."""
    digests: dict[str, Buckets]
    """Of the rows that were written, by view."""

    @property
    def rows(self) -> dict[str, int]:
        """How many rows were written, by view."""
        return {
            view: sum(digest.rows for digest in buckets.values())
            for view, buckets in self.digests.items()
        }


@dataclass(frozen=True)
class Folding:
    """What is folded, and how.

    `as_of` leaves out what was not yet true then, `skipped` the facts at these positions.
    """

    mapper: FactMapper
    views: Sequence[View[Any]]
    as_of: datetime | None = None
    skipped: Collection[int] = field(default=frozenset())

    def by_view(self, records: Sequence[FactRecord]) -> dict[str, list[Any]]:
        """`rows` by the view's name."""
        _, rows = self.rows(records)
        return {view.name: own for view, own in zip(self.views, rows, strict=True)}

    @cached_property
    def reader(self) -> FactReader:
        """Opens just what these views read."""
        return self.mapper.reader(needs_of(self.views))

    def rows(self, records: Sequence[FactRecord]) -> tuple[int, list[list[Any]]]:
        """How many facts were folded, and the rows of each view, from nothing.

        `records` are all facts of whoever is in them, in order, of the kinds that `reader` reads.
        Raises PartStopped.
        """
        if self.skipped:
            records = [record for record in records if record.position not in self.skipped]
        facts = self._opened(records)
        works = works_of(self.views, facts)
        return len(facts), [self._fold(*each) for each in zip(self.views, works, strict=True)]

    def _opened(self, records: Sequence[FactRecord]) -> list[Recorded]:
        try:
            facts = self.reader.open(records)
        except psycopg.Error:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the fact at fault is named
            raise (self._unreadable(records) or error) from None
        recorded = list(map(Recorded, [record.position for record in records], facts))
        if self.as_of is None:
            return recorded
        return [one for one in recorded if one.fact.occurred_at <= self.as_of]

    def _unreadable(self, records: Sequence[FactRecord]) -> PartStopped | None:
        for record in records:
            try:
                self.reader.open([record])
            except Exception as error:  # noqa: BLE001 -- its class is told, not what it quotes
                readers = (v.name for v in self.views if record.topic in topics([v]))
                return _stopped(record.position, record.topic, ", ".join(readers), error)
        return None

    def _fold(self, view: View[Any], work: Work) -> list[Any]:
        lenient = self.as_of is not None
        try:
            return fold_anew(view, work, lenient=lenient)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the fact at fault is named
            raise (self._unfolded(view, work, lenient) or error) from None

    def _unfolded(self, view: View[Any], work: Work, lenient: bool) -> PartStopped | None:
        for key, facts in work.items():
            rows: dict[Any, Any] = {}
            for one in facts:
                try:
                    row = fold_work(view, rows, {key: [one]}, lenient=lenient)[key]
                except Exception as error:  # noqa: BLE001 -- its class is told, not what it quotes
                    return _stopped(one.position, one.fact.TOPIC, view.name, error)
                rows = {} if row is None else {key: row}
        return None


def _stopped(position: int, topic: str, view: str, error: Exception) -> PartStopped:
    return PartStopped(position=position, topic=topic, view=view, why=why(error))


def fold_part(
    connection: Connection[Any],
    mapper: FactMapper,
    views: Sequence[View[Any]],
    part: Part,
    *,
    schema: str,
    position: int,
    as_of: datetime | None = None,
    skipped: Collection[int] = frozenset(),
    written: Written | None = None,
) -> PartReport:
    """Fold a part's facts up to a position and write the rows, in the caller's open transaction.

    Of `views`, those are folded that the part concerns. Their tables stand in `schema` and hold
    nothing of this part; `written` keeps what was written, if it is given. Done again after a
    rollback, it does the same. Raises PartStopped.
    """
    concerned = [view for view in views if concerns(part, view)]
    if not concerned:
        return PartReport(0, {})
    folding = Folding(mapper, concerned, as_of, skipped)
    stages = [Stage(view, schema) for view in concerned]
    for stage in stages:
        stage.open(connection)
    facts = 0
    with uncollected():
        for records in _chunks(connection, part, concerned, position):
            folded, rows = folding.rows(records)
            facts += folded
            for stage, own in zip(stages, rows, strict=True):
                stage.add(connection, own)
    digests = {stage.view.name: stage.close(connection, written) for stage in stages}
    return PartReport(facts, digests)


def fold_subject(
    mapper: FactMapper,
    views: Sequence[View[Any]],
    records: Iterable[FactRecord],
    *,
    as_of: datetime | None = None,
    skipped: Collection[int] = frozenset(),
) -> dict[str, list[Any]]:
    """One person's rows by view, from all their facts; views by stream have none.

    Raises PartStopped.
    """
    folding = Folding(mapper, [v for v in views if v.partition == "subject"], as_of, skipped)
    wanted = [record for record in records if record.topic in folding.reader.topics]
    return folding.by_view(wanted)


def refold(
    connection: Connection[Any],
    mapper: FactMapper,
    views: Sequence[View[Any]],
    subjects: Sequence[UUID],
    *,
    position: int,
    as_of: datetime | None = None,
    skipped: Collection[int] = frozenset(),
) -> dict[str, list[Any]]:
    """Some persons' rows by view, from their facts up to a position; to compare with others.

    Raises PartStopped.
    """
    folding = Folding(mapper, [v for v in views if v.partition == "subject"], as_of, skipped)
    cursor = connection.cursor(binary=True, row_factory=_records)
    cursor.execute(
        OF_SOME_SUBJECTS,
        {"subjects": list(subjects), "position": position, "topics": topics(folding.views)},
    )
    return folding.by_view(cursor.fetchall())


def concerns(part: Part, view: View[Any]) -> bool:
    """Whether a view has rows in a part."""
    return view.partition == ("stream" if isinstance(part, Streams) else "subject")


def topics(views: Iterable[View[Any]]) -> list[str]:
    """Stored names of the facts that any of these views reads."""
    return sorted({kind.TOPIC for view in views for kind in view.handlers})


def _chunks(
    connection: Connection[Any], part: Part, views: Sequence[View[Any]], position: int
) -> Iterator[Sequence[FactRecord]]:
    """A part's facts, some thousands at a time; all of a person or stream stand together."""
    parameters: dict[str, Any] = {
        "lower": part.lower or LOWEST,
        "upper": part.upper,
        "position": position,
        "topics": topics(views),
    }
    if isinstance(part, Streams):
        return _read(connection, OF_STREAMS, parameters, owner=STREAM)
    return _read(connection, OF_SUBJECTS, parameters, owner=SUBJECT)


def _read(
    connection: Connection[Any], statement: LiteralString, parameters: dict[str, Any], *, owner: int
) -> Iterator[Sequence[FactRecord]]:
    """`owner` is the place of the column that is not cut in two."""
    kept: list[FactRecord] = []
    with closing(connection.cursor("part", binary=True, row_factory=_records)) as cursor:
        cursor.execute(statement, parameters)
        while read := cursor.fetchmany(CHUNK):
            kept += read
            last = kept[-1][owner]
            size = len(kept)
            while size and kept[size - 1][owner] == last:
                size -= 1
            if size:
                yield kept[:size]
                kept = kept[size:]
    if kept:
        yield kept


def _records(_: object) -> Callable[[Sequence[Any]], FactRecord]:
    return partial(tuple.__new__, FactRecord)
