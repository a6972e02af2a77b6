"""One batch of facts through all views: fold, write and move on in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

from ledger.store.mapper import FactMapper
from ledger.store.quick import FactReader
from ledger.store.records import FactRecord
from projections.parking import BEHIND, park, release, subject_of, why
from projections.positions import ViewsTaken, move
from projections.tables import Table
from projections.view import Recorded, Work, fold_work, needs_of, works_of

FATAL = (ViewsTaken, psycopg.OperationalError, psycopg.InterfaceError)
"""Faults that are not those of a fact."""


@dataclass
class Batches:
    """Folds facts into tables. `parked` are those whose facts are set aside; kept up to date."""

    mapper: FactMapper
    tables: Sequence[Table]
    parked: set[UUID]

    def advance(
        self,
        connection: Connection[Any],
        records: Sequence[FactRecord],
        *,
        before: int,
        now: datetime,
    ) -> None:
        """Fold whole saves and move all views on to the last of them, in one transaction."""
        shapes = {table.view.name: table.shape for table in self.tables}
        position = records[-1].position
        try:
            with connection.transaction():
                move(connection, shapes, before=before, position=position, now=now)
                self.fold(connection, records, now)
        except FATAL:
            raise
        except Exception:  # noqa: BLE001 -- whatever it is, the fact at fault is looked for
            with connection.transaction():
                move(connection, shapes, before=before, position=position, now=now)
                self.fold_carefully(connection, records, now)

    def fold(
        self, connection: Connection[Any], records: Sequence[FactRecord], now: datetime
    ) -> None:
        """Fold all that is not parked; raises whatever the first bad fact raises."""
        waiting = [record for record in records if subject_of(record) in self.parked]
        if waiting:
            park(connection, waiting, BEHIND, now)
            records = [record for record in records if subject_of(record) not in self.parked]
        for table, work in self._works(records):
            rows = table.load(connection, work)
            table.write(connection, rows, fold_work(table.view, rows, work))

    def fold_carefully(
        self, connection: Connection[Any], records: Sequence[FactRecord], now: datetime
    ) -> None:
        """Fold what can be folded, halving down to a bad fact, and park that."""
        if not records:
            return
        try:
            with connection.transaction():
                self.fold_singly(connection, records, now)
        except FATAL:
            raise
        except Exception as error:  # noqa: BLE001 -- it is kept beside the fact
            if len(records) > 1:
                half = len(records) // 2
                self.fold_carefully(connection, records[:half], now)
                self.fold_carefully(connection, records[half:], now)
            else:
                park(connection, records, why(error), now)
                self.parked.add(subject_of(records[0]))

    def retry(
        self, connection: Connection[Any], subject_id: UUID, records: Sequence[FactRecord]
    ) -> bool:
        """Fold someone's parked facts in their order, or none of them; whether that went well."""
        self.parked.discard(subject_id)
        try:
            with connection.transaction():
                release(connection, subject_id)
                if records:
                    self.fold(connection, records, records[-1].recorded_at)
        except FATAL:
            raise
        except Exception:  # noqa: BLE001 -- they stay where they are
            self.parked.add(subject_id)
            return False
        return True

    def fold_singly(
        self, connection: Connection[Any], records: Sequence[FactRecord], now: datetime
    ) -> None:
        """What `fold` does, as often as needed in one transaction."""
        waiting = [record for record in records if subject_of(record) in self.parked]
        park(connection, waiting, BEHIND, now)
        going_on = [record for record in records if subject_of(record) not in self.parked]
        for table, work in self._works(going_on):
            rows = table.load(connection, work)
            table.write_singly(connection, rows, fold_work(table.view, rows, work))

    def _works(self, records: Sequence[FactRecord]) -> list[tuple[Table, Work]]:
        """What there is to fold for each table that has something; other facts are not read."""
        wanted = [record for record in records if record.topic in self._reader.topics]
        facts = self._reader.open(wanted)
        recorded = list(map(Recorded, [record.position for record in wanted], facts))
        works = works_of([table.view for table in self.tables], recorded)
        return [(table, work) for table, work in zip(self.tables, works, strict=True) if work]

    @cached_property
    def _reader(self) -> FactReader:
        return self.mapper.reader(needs_of(table.view for table in self.tables))
