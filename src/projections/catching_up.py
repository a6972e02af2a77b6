"""Bringing tables that were built beside the live ones to where those stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from ledger.application.operating import skipped_positions
from ledger.clock import Clock
from ledger.errors import LedgerError
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.batch import FATAL, Batches
from projections.leaders import FOLLOWER, is_held
from projections.parking import parked, subject_of, why
from projections.positions import standings
from projections.quiet import uncollected
from projections.tables import Table

CHUNK = 5_000
"""Facts folded at a time."""

# All of them are settled: nothing can appear among them any more, whatever the horizon says.
SETTLED = """
SELECT position, stream_id, version, topic, subject_id, recorded_at, state FROM ledger.facts
 WHERE position > %(after)s AND position <= %(bound)s ORDER BY position LIMIT %(limit)s
"""


class Caught(NamedTuple):
    """How far some tables got, and which facts up to there they were made to leave out."""

    position: int
    aside: frozenset[int]


class CatchUpStopped(LedgerError):
    """A fact from {first} to {last} can't be folded by {views}: {why}."""

    code = "catch_up_stopped"


@dataclass(frozen=True)
class CatchingUp:
    """Folds into some tables what other tables hold already, and leaves out what they leave out."""

    recorder: FactRecorder
    mapper: FactMapper
    clock: Clock

    def bound(self, connection: Connection[Any], names: Collection[str]) -> int:
        """How far views of these names may read.

        No further than the others stand, for only who follows those decides what is set aside. The
        horizon where nobody follows any, and no other is left behind.
        """
        found = {standing.name: standing.position for standing in standings(connection)}
        others = found.keys() - names
        if others or (found and is_held(connection, FOLLOWER)):
            return max(found.values())
        return self.recorder.horizon()

    def skipped(self) -> frozenset[int]:
        """What an operator decided that views leave out."""
        return frozenset(skipped_positions(self.recorder, self.mapper))

    def fold(
        self,
        connection: Connection[Any],
        tables: Sequence[Table],
        *,
        after: int,
        bound: int,
        limit: int = CHUNK,
    ) -> Caught:
        """Fold at most `limit` facts after a position, in the caller's transaction; how far it got.

        `connection` was taught Json. Raises CatchUpStopped.
        """
        cursor = connection.cursor(row_factory=tuple_row)
        asked = cursor.execute(SETTLED, {"after": after, "bound": bound, "limit": limit})
        records = [FactRecord(*row) for row in asked]
        wanted = self._wanted(connection, records)
        try:
            with uncollected():
                batches = Batches(self.mapper, tables, set())
                batches.fold_singly(connection, wanted, self.clock.now())
        except FATAL:
            raise
        except Exception as error:  # noqa: BLE001 -- any fault of a fold stops it
            raise CatchUpStopped(
                views=", ".join(table.view.name for table in tables),
                first=records[0].position,
                last=records[-1].position,
                why=why(error),
            ) from None
        aside = {record.position for record in records} - {record.position for record in wanted}
        return Caught(records[-1].position if len(records) == limit else bound, frozenset(aside))

    def _wanted(
        self, connection: Connection[Any], records: Sequence[FactRecord]
    ) -> list[FactRecord]:
        """All but what is set aside, and what comes after it of the same person."""
        first: dict[UUID, int] = {}
        for one in parked(connection):
            first.setdefault(one.subject_id, one.position)
        skipped = self.skipped()
        return [
            record
            for record in records
            if record.position not in skipped
            and record.position < first.get(subject_of(record), record.position + 1)
        ]
