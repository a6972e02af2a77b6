"""One member as of a moment, folded on the spot from their own facts (AU3).

The rows go into temporary tables, so that the very same queries run. What can't be told from one
member alone is not there: a question about plans or about others fails, or is not to be asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from ledger.errors import NotFound
from ledger.facts import Aggregate, Fact, FirstFact
from ledger.member import Member
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.columns import codec, teach
from projections.history import Entry, History
from projections.part import fold_subject
from projections.view import View

OWN = "pg_temp"
CREATE = "CREATE TEMPORARY TABLE {table} ({columns})"
INSERT = "INSERT INTO {table} ({columns}) VALUES ({values})"
LOOK_HERE = "SET LOCAL search_path TO pg_temp"

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class Known:
    """Which facts count: true by `as_of`, in the books by `position`, and not left out."""

    as_of: datetime
    position: int
    left_out: Collection[int] = field(default=())

    def records(self, records: Sequence[FactRecord]) -> list[FactRecord]:
        """Those that were in the books."""
        return [one for one in records if one.position <= self.position]

    def holds(self, position: int, occurred_at: datetime) -> bool:
        """Whether a fact was in the books, and true."""
        return position <= self.position and occurred_at <= self.as_of


@dataclass(frozen=True)
class PastHistory(History):
    """Histories as they were read at a moment."""

    known: Known

    def latest_of_subject(
        self, subject_id: UUID, most: int, *, before: int | None = None
    ) -> tuple[list[Entry], int]:
        """The last of what counts; only what is opened says whether it was true."""
        entries = self.of_subject(subject_id)
        if before is not None:
            entries = [one for one in entries if one.position < before]
        return entries, max(0, len(entries) - most)

    def latest_of_stream(self, stream_id: UUID, most: int) -> list[Entry]:
        """The last of what counts; what came later may be all that the books have last."""
        return self.of_stream(stream_id)[-most:]

    def _entries(self, records: Sequence[FactRecord]) -> list[Entry]:
        entries = super()._entries(records)
        return [one for one in entries if self.known.holds(one.position, one.occurred_at)]


@dataclass(frozen=True)
class Facts:
    """Reads the facts of persons and streams that count at a moment."""

    recorder: FactRecorder
    mapper: FactMapper
    known: Known

    def of_subject(self, subject_id: UUID) -> list[FactRecord]:
        """What was in the books about a person."""
        return self.known.records(self.recorder.of_subject(subject_id))

    def person_of(self, stream_id: UUID) -> UUID | None:
        """Whom a stream concerns; None if nothing of it was in the books."""
        records = self.known.records(self.recorder.of_stream(stream_id))
        return records[0].subject_id if records else None

    def member(self, member_id: UUID) -> Member:
        """Somebody as the books have them, from the facts that count. Raises NotFound."""
        member = self._grown(member_id)
        if not isinstance(member, Member):
            raise NotFound(what="member", id=member_id)
        return member

    def require_plan(self, plan_id: UUID) -> None:
        """Raise NotFound if there was no such plan."""
        if self._grown(plan_id) is None:
            raise NotFound(what="plan", id=plan_id)

    def _grown(self, stream_id: UUID) -> Aggregate | None:
        records = self.known.records(self.recorder.of_stream(stream_id))
        wanted = [one for one in records if one.position not in self.known.left_out]
        facts = self.mapper.open_records(wanted)
        return grown([fact for fact in facts if fact.occurred_at <= self.known.as_of])


def grown(facts: Sequence[Fact]) -> Aggregate | None:
    """What some facts of a stream add up to; None if its first one is not among them.

    Some may be missing, for they were not yet true. What came of one that is missing is left out.
    """
    if not facts or not isinstance(facts[0], FirstFact):
        return None
    found: Aggregate | None = None
    for fact in facts:
        if found is not None:
            found.version = fact.originator_version - 1
        try:
            found = cast("Aggregate | None", fact.mutate(found))
        except KeyError:
            continue
    return found


class OneMember:
    """A source with one person's rows, for as long as its transaction is open."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """The connection with the rows."""
        yield self._connection


class OnTheSpot:
    """Folds somebody for whoever asks; made once, for its statements take longer than a fold."""

    def __init__(self, pool: ConnectionPool[Any], views: Sequence[View[Any]]) -> None:
        self._pool = pool
        self._views = [view for view in views if view.partition == "subject"]
        self._make = sql.SQL("; ").join(map(_creation, self._views)).as_bytes(None)
        self._insert = {view.name: _insertion(view).as_bytes(None) for view in self._views}

    @contextmanager
    def one_member(self, facts: Facts, subject_id: UUID) -> Iterator[OneMember]:
        """A source with somebody's rows. Raises PartStopped if a fact can't be folded."""
        known = facts.known
        rows = fold_subject(
            facts.mapper,
            self._views,
            facts.of_subject(subject_id),
            as_of=known.as_of,
            skipped=frozenset(known.left_out),
        )
        # Rolled back in the end, and the tables with it.
        with self._pool.connection() as connection, connection.transaction(force_rollback=True):
            connection.execute(self._make)
            self._fill(connection, rows)
            connection.execute(LOOK_HERE)
            yield OneMember(connection)

    def _fill(self, connection: Connection[Any], rows: Mapping[str, Sequence[Any]]) -> None:
        cursor = connection.cursor()
        teach(cursor)
        for view in self._views:
            if rows[view.name]:
                encode = codec(view.columns).encode  # type: ignore[arg-type]  # a kind of row
                cursor.executemany(self._insert[view.name], map(encode, rows[view.name]))


def _creation(view: View[Any]) -> sql.Composable:
    columns = codec(view.columns).columns  # type: ignore[arg-type]  # a kind of row
    return sql.SQL(CREATE).format(
        table=sql.Identifier(view.name),
        columns=sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(one.definition))
            for one in columns
        ),
    )


def _insertion(view: View[Any]) -> sql.Composable:
    columns = codec(view.columns).columns  # type: ignore[arg-type]  # a kind of row
    return sql.SQL(INSERT).format(
        table=sql.Identifier(OWN, view.name),
        columns=sql.SQL(", ").join(sql.Identifier(one.name) for one in columns),
        values=sql.SQL(", ").join(sql.Placeholder() for _ in columns),
    )
