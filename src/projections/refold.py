"""A view whose version changed is folded anew beside the one that serves, then takes its place.

The follower does this before it follows. Readers go on reading the old rows meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from ledger.clock import Clock
from ledger.errors import LedgerError
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.batch import FATAL, Batches
from projections.parking import parked, why
from projections.positions import put, standings
from projections.quiet import uncollected
from projections.tables import SCHEMA, Table

CHUNK = 20_000
"""Facts folded at a time."""

NEXT = "views_next"
MAKE_SCHEMA = "CREATE SCHEMA IF NOT EXISTS views_next"

log = logging.getLogger(__name__)


class RefoldStopped(LedgerError):
    """A fact from {first} to {last} can't be folded by the new {views}: {why}.

    The views that are up to date hold it and what follows, so it can't be set aside for them all.
    """

    code = "refold_stopped"


@dataclass(frozen=True)
class Refold:
    """Brings outdated and new views to where the others stand."""

    recorder: FactRecorder
    mapper: FactMapper
    clock: Clock

    def bring_up(self, connection: Connection[Any], tables: Sequence[Table]) -> int:
        """Fold what is outdated or new up to the position of the others, which is answered.

        Where every view is at its beginning, all are brought up to the horizon: filling tables
        before their indexes are made is faster than following.
        """
        found = {standing.name: standing for standing in standings(connection)}
        target = max(found[table.view.name].position for table in tables)
        target = target or self.recorder.horizon()
        stale = [
            table.view
            for table in tables
            if found[table.view.name].shape != table.shape
            or found[table.view.name].position < target
        ]
        if stale:
            sides = [Table(view, NEXT) for view in stale]
            log.info("folding %s anew up to %d", [view.name for view in stale], target)
            self._fill(connection, sides, target, alone=len(sides) == len(tables))
            self._swap(connection, sides, target)
        return target

    def _fill(
        self, connection: Connection[Any], sides: Sequence[Table], target: int, *, alone: bool
    ) -> None:
        """Fold everything but what is parked. `alone` says that no view is left to serve."""
        batches = Batches(self.mapper, sides, set())
        aside = {one.position for one in parked(connection)}
        connection.execute(MAKE_SCHEMA)
        for side in sides:
            side.create(connection, indexed=False)
        position = 0
        while position < target:
            with uncollected():
                records = [r for r in self.recorder.read(position, CHUNK) if r.position <= target]
                if not records:
                    break
                position = records[-1].position
                wanted = [record for record in records if record.position not in aside]
                self._fold(connection, batches, wanted, alone=alone)
        for side in sides:
            side.add_indexes(connection)
            side.analyze(connection)

    def _fold(
        self,
        connection: Connection[Any],
        batches: Batches,
        records: list[FactRecord],
        *,
        alone: bool,
    ) -> None:
        now = self.clock.now()
        try:
            with connection.transaction():
                batches.fold(connection, records, now)
        except FATAL:
            raise
        except Exception as error:
            if not alone:
                raise _stopped(batches, records, error) from error
            with connection.transaction():
                batches.fold_carefully(connection, records, now)

    def _swap(self, connection: Connection[Any], sides: Sequence[Table], target: int) -> None:
        now: datetime = self.clock.now()
        with connection.transaction():
            for side in sides:
                Table(side.view).drop(connection)
                side.move(connection, SCHEMA)
                put(connection, side, position=target, now=now)


def _stopped(batches: Batches, records: list[FactRecord], error: Exception) -> RefoldStopped:
    return RefoldStopped(
        views=", ".join(table.view.name for table in batches.tables),
        first=records[0].position,
        last=records[-1].position,
        why=why(error),
    )
