"""Whose facts are folded again to prove a view: a sample, who changed since, or everybody."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.part import topics
from projections.tables import Table
from projections.view import View

CHUNK = 1_000
"""So many are folded again at a time."""
FEW_STREAMS = 2_000
"""Where there are no more, all of them are folded again."""

PICK = """
SELECT DISTINCT picked.subject_id
  FROM unnest(%(pivots)s::uuid[]) AS pivot (id),
       LATERAL (SELECT subject_id FROM ledger.facts
                 WHERE subject_id >= pivot.id AND position <= %(position)s
                 ORDER BY subject_id LIMIT 1) AS picked
"""
PICK_STREAMS = """
SELECT DISTINCT picked.id
  FROM unnest(%(pivots)s::uuid[]) AS pivot (id),
       LATERAL (SELECT {key} AS id FROM {table} WHERE {key} >= pivot.id ORDER BY {key} LIMIT 1)
       AS picked
"""
STREAMS = """
SELECT DISTINCT stream_id FROM ledger.facts
 WHERE topic = ANY (%(topics)s) AND position <= %(position)s LIMIT %(most)s
"""
NEXT_PEOPLE = """
SELECT DISTINCT subject_id FROM ledger.facts
 WHERE subject_id > %(last)s AND position <= %(position)s ORDER BY subject_id LIMIT %(limit)s
"""
NEXT_STREAMS = """
SELECT DISTINCT stream_id FROM ledger.facts
 WHERE stream_id > %(last)s AND position <= %(position)s AND topic = ANY (%(topics)s)
 ORDER BY stream_id LIMIT %(limit)s
"""
TOUCHED_PEOPLE = """
SELECT DISTINCT subject_id FROM ledger.facts
 WHERE position > %(after)s AND position <= %(upto)s AND subject_id IS NOT NULL
"""
TOUCHED_STREAMS = """
SELECT DISTINCT stream_id FROM ledger.facts
 WHERE position > %(after)s AND position <= %(upto)s AND topic = ANY (%(topics)s)
"""


class Chosen(NamedTuple):
    """Whose facts are folded again: persons, and streams of those views that are kept by stream."""

    people: Iterable[UUID] = ()
    streams: Iterable[UUID] = ()

    def of(self, view: View[Any]) -> Iterable[UUID]:
        """Those that are a view's partitions."""
        return self.people if view.partition == "subject" else self.streams

    def at_most(self, most: int) -> Chosen:
        """No more than so many of either."""
        return Chosen(*(_picked(tuple(ids), most) for ids in self))


def some_of(
    connection: Connection[Any],
    tables: Sequence[Table],
    size: int | None,
    *,
    position: int,
) -> Chosen:
    """Some people and streams with facts up to a position; everybody for None.

    All streams of a view where those are few.
    """
    if size is None:
        return Chosen(
            _Everybody(connection, position),
            _Everybody(connection, position, _topics_by_stream(tables)),
        )
    cursor = connection.cursor(row_factory=tuple_row)
    asked = cursor.execute(PICK, {"pivots": _pivots(size), "position": position})
    people = {subject_id for (subject_id,) in asked}
    streams = {
        stream_id
        for table in tables
        if table.view.partition == "stream"
        for stream_id in _some_streams(connection, table, size, position)
    }
    return Chosen(people, streams)


class _Everybody:
    """All people with facts up to a position, or all streams with facts of some kinds, in turn."""

    def __init__(
        self, connection: Connection[Any], position: int, kinds: Sequence[str] | None = None
    ) -> None:
        self._connection, self._position, self._kinds = connection, position, kinds

    def __iter__(self) -> Iterator[UUID]:
        query = NEXT_PEOPLE if self._kinds is None else NEXT_STREAMS
        asked = {"position": self._position, "limit": CHUNK, "topics": self._kinds}
        last = UUID(int=0)
        while True:
            cursor = self._connection.cursor(row_factory=tuple_row)
            found = [one for (one,) in cursor.execute(query, {**asked, "last": last})]
            yield from found
            if len(found) < CHUNK:
                return
            last = found[-1]


def _some_streams(
    connection: Connection[Any], table: Table, size: int, position: int
) -> list[UUID]:
    """All of a view's streams where they are few, or else so many of those that have rows."""
    cursor = connection.cursor(row_factory=tuple_row)
    kinds = {"topics": topics([table.view]), "position": position, "most": FEW_STREAMS + 1}
    found = [stream_id for (stream_id,) in cursor.execute(STREAMS, kinds)]
    if len(found) <= FEW_STREAMS:
        return found
    query = sql.SQL(PICK_STREAMS).format(
        table=sql.Identifier(table.schema, table.view.name), key=sql.Identifier(table.view.key[0])
    )
    return [stream_id for (stream_id,) in cursor.execute(query, {"pivots": _pivots(size)})]


def _pivots(size: int) -> list[UUID]:
    return [UUID(int=0), *(UUID(int=random.getrandbits(128)) for _ in range(size))]


def in_chunks(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """Some at a time, so that memory stays what it is."""
    left = iter(ids)
    while some := list(islice(left, CHUNK)):
        yield some


def touched(connection: Connection[Any], tables: Iterable[Table], after: int, upto: int) -> Chosen:
    """Whom facts after a position concern, and the streams of these views that they belong to."""
    if upto <= after:
        return Chosen()
    cursor = connection.cursor(row_factory=tuple_row)
    between = {"after": after, "upto": upto, "topics": _topics_by_stream(tables)}
    people = [one for (one,) in cursor.execute(TOUCHED_PEOPLE, between)]
    return Chosen(people, [one for (one,) in cursor.execute(TOUCHED_STREAMS, between)])


def _topics_by_stream(tables: Iterable[Table]) -> list[str]:
    return topics([table.view for table in tables if table.view.partition == "stream"])


def _picked(ids: Sequence[UUID], most: int) -> Sequence[UUID]:
    return random.sample(ids, most) if len(ids) > most else ids
