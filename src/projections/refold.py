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
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from projections.batch import Batches
from projections.parking import parked_subjects
from projections.positions import put, standings
from projections.quiet import uncollected
from projections.tables import Table

CHUNK = 20_000
"""Facts folded at a time."""

log = logging.getLogger(__name__)


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
            sides = [Table(view, side=True) for view in stale]
            log.info("folding %s anew up to %d", [view.name for view in stale], target)
            self._fill(connection, sides, target)
            self._swap(connection, sides, target)
        return target

    def _fill(self, connection: Connection[Any], sides: Sequence[Table], target: int) -> None:
        batches = Batches(self.mapper, sides, parked_subjects(connection))
        for side in sides:
            side.create(connection, indexed=False)
        position = 0
        while position < target:
            with uncollected():
                records = self.recorder.read(position, CHUNK)
                within = [record for record in records if record.position <= target]
                if not within:
                    break
                self._fold(connection, batches, within)
                position = within[-1].position
        for side in sides:
            side.add_indexes(connection)
            side.analyze(connection)

    def _fold(self, connection: Connection[Any], batches: Batches, records: list[Any]) -> None:
        now = self.clock.now()
        try:
            with connection.transaction():
                batches.fold(connection, records, now)
        except Exception:  # noqa: BLE001 -- looked for, and kept, fact by fact
            with connection.transaction():
                batches.fold_carefully(connection, records, now)

    def _swap(self, connection: Connection[Any], sides: Sequence[Table], target: int) -> None:
        now: datetime = self.clock.now()
        with connection.transaction():
            for side in sides:
                side.take_place(connection)
                put(connection, side, position=target, now=now)
