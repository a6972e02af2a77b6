"""The facts of the books themselves, the newest first: a bounded look back at a time.

No index leads to the facts of a kind or of an actor; so a look goes back over a stretch of the log
and no further, and says where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import tuple_row

from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.history import Entry, entry
from projections.queries.reading import Source

STRETCH = 50_000
"""Facts that one look goes back over."""

# A state is canonical JSON, which escapes quotes within texts: what stands in it unescaped is its
# own, and who acted stands near its beginning, for fields are sorted by name. An id that is not
# null has 36 characters within quotes. To look at these few bytes takes a fraction of what it takes
# to look through the whole, and a look may pass over many facts.
FITTING: LiteralString = """
(%(kind)s::text IS NULL OR starts_with(topic, %(kind)s))
AND (%(topic)s::text IS NULL OR topic = %(topic)s)
AND (%(nobody)s::bytea IS NULL
     OR substring(state FROM position('"actor":{"id":'::bytea IN state) + 14
                  FOR octet_length(%(nobody)s::bytea)) = %(nobody)s
     OR substring(state FROM position('"actor":{"id":'::bytea IN state) + 14 + 38
                  FOR octet_length(%(somebody)s::bytea)) = %(somebody)s)
"""
FOUND: LiteralString = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE position <= %(newest)s AND position > %(oldest)s AND {fitting}
 ORDER BY position DESC LIMIT %(limit)s
"""
OF_SUBJECT: LiteralString = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE subject_id = %(subject_id)s AND position <= %(newest)s AND {fitting}
 ORDER BY position DESC LIMIT %(limit)s
"""
ONE: LiteralString = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE position = %(position)s AND position <= %(newest)s
"""
FIRSTS: LiteralString = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE stream_id = ANY (%(stream_ids)s) AND version = 1
"""
ACTOR = ',"kind":"%s"}'
"""How an actor of a kind ends in a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactFilter:
    """Which facts; all that is given must hold. `kind` is that of a stream, as `member`."""

    kind: str | None = None
    topic: str | None = None
    actor: str | None = None
    member_id: UUID | None = None

    def parameters(self) -> dict[str, object]:
        """As the queries name them."""
        return {
            "kind": f"{self.kind}." if self.kind else None,
            "topic": self.topic,
            "nobody": f"null{ACTOR % self.actor}".encode() if self.actor else None,
            "somebody": (ACTOR % self.actor).encode() if self.actor else None,
            "subject_id": self.member_id,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """Some facts, the newest first; `older` is where to go on, None at the beginning of the books.

    `looked_to` is the position up to which it was looked back.
    """

    entries: Sequence[Entry]
    older: int | None
    looked_to: int


class BookQueries:
    """Asks the books."""

    def __init__(self, source: Source, recorder: FactRecorder, mapper: FactMapper) -> None:
        self._source, self._recorder, self._mapper = source, recorder, mapper

    def look(self, asked: FactFilter, *, newest: int | None, limit: int) -> Look:
        """Facts up to a position, the last settled one unless told.

        Raises SealBroken, FactUnreadable or KeyMissing, as reading a history does.
        """
        newest = self._newest(newest)
        parameters = {**asked.parameters(), "newest": newest, "limit": limit}
        if asked.member_id is not None:
            records = self._records(OF_SUBJECT, parameters)
            oldest = 0
        else:
            oldest = max(0, newest - STRETCH)
            records = self._records(FOUND, {**parameters, "oldest": oldest})
        looked_to = records[-1].position - 1 if len(records) == limit else oldest
        older = looked_to if looked_to > 0 else None
        return Look(self._entries(records), older, looked_to)

    def one(self, position: int, *, newest: int | None = None) -> Entry | None:
        """The fact at a position, if one is settled there."""
        asked = {"position": position, "newest": self._newest(newest)}
        return next(iter(self._entries(self._records(ONE, asked))), None)

    def firsts(self, entries: Sequence[Entry]) -> list[Entry]:
        """The facts with which the streams of some facts began."""
        stream_ids = list({one.stream_id for one in entries})
        if not stream_ids:
            return []
        return self._entries(self._records(FIRSTS, {"stream_ids": stream_ids}))

    def _newest(self, wish: int | None) -> int:
        horizon = self._recorder.horizon()
        return horizon if wish is None else min(wish, horizon)

    def _records(self, query: LiteralString, parameters: dict[str, Any]) -> list[FactRecord]:
        with self._source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            asked = sql.SQL(query).format(fitting=sql.SQL(FITTING))
            return [FactRecord(*row) for row in cursor.execute(asked, parameters)]

    def _entries(self, records: Sequence[FactRecord]) -> list[Entry]:
        facts = self._mapper.open_records(records)
        return [entry(one.position, fact) for one, fact in zip(records, facts, strict=True)]
