"""The continuous check: some people at a time, folded again and held against rows that serve."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row
from pydantic_core import to_json

from ledger.application.operating import skipped_positions
from ledger.clock import Clock
from ledger.errors import NotFound, Refused
from ledger.store.mapper import FactMapper
from ledger.store.pool import connect
from ledger.store.recorder import FactRecorder
from projections.chosen import Chosen, in_chunks, some_of
from projections.parking import parked
from projections.positions import current, standings
from projections.priority import step_back
from projections.rebuild_rows import Mismatch
from projections.tables import Table
from projections.verify import MOST_FOUND, ONE_SNAPSHOT, SAMPLE, Verifier
from projections.view import View

A_TURN = 200
"""People a turn."""

NEXT = """
SELECT DISTINCT subject_id FROM ledger.facts
 WHERE subject_id > %(last)s AND position <= %(position)s ORDER BY subject_id LIMIT %(limit)s
"""
LAST = "SELECT last, people, rounds, checked_at FROM views.checks"
KEEP = """
INSERT INTO views.checks (last, people, rounds, checked_at)
VALUES (%(last)s, %(people)s, %(rounds)s, %(now)s)
ON CONFLICT (only_row) DO UPDATE
   SET last = excluded.last, people = excluded.people, rounds = excluded.rounds,
       checked_at = excluded.checked_at
"""
DAMAGED = """
INSERT INTO views.damages (name, key, what, found_at)
VALUES (%(name)s, %(key)s, %(what)s::jsonb, %(now)s)
ON CONFLICT (name, key) DO UPDATE SET what = excluded.what, found_at = excluded.found_at
"""
MENDED = "DELETE FROM views.damages WHERE name = ANY (%(names)s)"
LOWEST = UUID(int=0)


class ViewOutdated(Refused):
    """Another version of this program made {views}: it is not checked, but folded anew."""

    code = "view_outdated"


class Rotation(NamedTuple):
    """How far the check has come: the last person, how many in all, how often all of them."""

    last: UUID
    people: int
    rounds: int
    checked_at: datetime | None


class Turn(NamedTuple):
    """Who was looked at, what was found, and whether everybody has had a turn."""

    people: list[UUID]
    found: list[Mismatch]
    is_over: bool


@dataclass(frozen=True)
class Checker:
    """Finds rows that are not what the books say, and writes down which."""

    dsn: str
    recorder: FactRecorder
    mapper: FactMapper
    views: Sequence[View[Any]]
    clock: Clock

    def check(self, names: Collection[str] = (), *, everybody: bool = False) -> list[Mismatch]:
        """Hold views (all, for no names) against the books: sums over all facts, and people.

        A sample of them, or everybody. Raises NotFound for a view that there isn't, ViewOutdated
        for one that another version made.
        """
        for name in names:
            if name not in {view.name for view in self.views}:
                raise NotFound(what="view", id=name)
        with connect(self.dsn) as connection:
            tables = self._chosen(connection, names)
            size = None if everybody else SAMPLE
            chosen = some_of(connection, tables, size, position=_last(connection))
            found = list[Mismatch]()
            for look in self._looks(connection, tables, chosen):
                if len(found) < MOST_FOUND:
                    found += _twice(connection, look).found
            self._write(connection, found)
            if everybody and not found:
                connection.execute(MENDED, {"names": [table.view.name for table in tables]})
        return found

    def _looks(
        self, connection: Connection[Any], tables: Sequence[Table], chosen: Chosen
    ) -> Iterator[Callable[[], Turn]]:
        """What is looked at, part by part, each in a snapshot of its own.

        One for all would keep every row alive that the live views replace meanwhile.
        """
        for kind, ids in (("subject", chosen.people), ("stream", chosen.streams)):
            kept_so = [table for table in tables if table.view.partition == kind]
            for some in in_chunks(ids) if kept_so else ():
                own = Chosen(some) if kind == "subject" else Chosen(streams=some)
                yield partial(self._people, connection, kept_so, own)
        for table in tables:
            yield partial(self._sums, connection, table, tables)

    def _people(self, connection: Connection[Any], tables: Sequence[Table], own: Chosen) -> Turn:
        found = self._verifier(connection).people(connection, tables, own)
        return Turn([], found, is_over=False)

    def _sums(self, connection: Connection[Any], table: Table, beside: Sequence[Table]) -> Turn:
        found = self._verifier(connection).sums(connection, [table], beside=beside)
        return Turn([], found, is_over=True)

    def turn(self) -> list[Mismatch]:
        """Fold the next people again; sums over all facts each time everybody has had a turn."""
        with connect(self.dsn) as connection:
            step_back(connection)
            before = self.rotation(connection)
            streams = some_of(
                connection, self._tables(connection), SAMPLE, position=_last(connection)
            )
            look = partial(self._turn, connection, before.last, streams._replace(people=()))
            turn = _twice(connection, look)
            found = turn.found
            self._write(connection, found)
            self._keep(connection, before, turn.people, is_over=turn.is_over)
        return found

    def _turn(self, connection: Connection[Any], last: UUID, streams: Chosen) -> Turn:
        tables, verifier = self._tables(connection), self._verifier(connection)
        positions = {one.name: one.position for one in standings(connection)}
        lowest = min((positions[table.view.name] for table in tables), default=0)
        people = _next(connection, last, lowest)
        by_person = [one for one in tables if one.view.partition == "subject"]
        found = verifier.people(connection, by_person, Chosen(people))
        is_over = len(people) < A_TURN
        if is_over:
            by_stream = [one for one in tables if one not in by_person]
            found += verifier.people(connection, by_stream, streams)
            found += verifier.sums(connection, tables, beside=tables)
        return Turn(people, found, is_over)

    def rotation(self, connection: Connection[Any]) -> Rotation:
        """How far the check has come."""
        row = connection.cursor(row_factory=tuple_row).execute(LAST).fetchone()
        return Rotation(*row) if row else Rotation(LOWEST, 0, 0, None)

    def _tables(self, connection: Connection[Any]) -> list[Table]:
        return current([Table(view) for view in self.views], standings(connection))

    def _chosen(self, connection: Connection[Any], names: Collection[str]) -> list[Table]:
        tables = self._tables(connection)
        outdated = set(names) - {table.view.name for table in tables}
        if outdated:
            raise ViewOutdated(views=", ".join(sorted(outdated)))
        return [table for table in tables if not names or table.view.name in names]

    def _verifier(self, connection: Connection[Any]) -> Verifier:
        aside = {one.position for one in parked(connection)}
        skipped = skipped_positions(self.recorder, self.mapper)
        return Verifier(self.recorder, self.mapper, frozenset(aside | skipped))

    def _write(self, connection: Connection[Any], found: Sequence[Mismatch]) -> None:
        connection.cursor().executemany(
            DAMAGED,
            [
                {
                    "name": one.view,
                    "key": one.key,
                    "what": to_json(one).decode(),
                    "now": self.clock.now(),
                }
                for one in found
            ],
        )

    def _keep(
        self, connection: Connection[Any], before: Rotation, people: list[UUID], *, is_over: bool
    ) -> None:
        connection.execute(
            KEEP,
            {
                "last": LOWEST if is_over else people[-1],
                "people": before.people + len(people),
                "rounds": before.rounds + is_over,
                "now": self.clock.now(),
            },
        )


def _twice(connection: Connection[Any], look: Callable[[], Turn]) -> Turn:
    """What is found in one snapshot, and in a second one if there is anything.

    Tables may be swapped between the snapshot and the first look at them; not twice running.
    """
    first = _in_one_snapshot(connection, look)
    if not first.found:
        return first
    again = {(one.check, one.view, one.key) for one in _in_one_snapshot(connection, look).found}
    lasting = [one for one in first.found if (one.check, one.view, one.key) in again]
    return first._replace(found=lasting)


def _in_one_snapshot(connection: Connection[Any], look: Callable[[], Turn]) -> Turn:
    with connection.transaction():
        connection.execute(ONE_SNAPSHOT)
        return look()


def _last(connection: Connection[Any]) -> int:
    return max((one.position for one in standings(connection)), default=0)


def _next(connection: Connection[Any], last: UUID, position: int) -> list[UUID]:
    cursor = connection.cursor(row_factory=tuple_row)
    asked = cursor.execute(NEXT, {"last": last, "position": position, "limit": A_TURN})
    return [subject_id for (subject_id,) in asked]
