"""What is kept of the past forgets somebody whose key was destroyed (AU5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from projections.moments import Moment
from projections.part import Folding, topics
from projections.tables import Table
from projections.view import View


@dataclass(frozen=True)
class Eraser:
    """Folds somebody's rows anew and writes them over the old: none comes, none goes."""

    recorder: FactRecorder
    mapper: FactMapper
    views: Sequence[View[Any]]

    def erase(self, connection: Connection[Any], moment: Moment, subject_id: UUID) -> None:
        """In one moment's tables, within the caller's transaction."""
        about = _known(moment, self.recorder.of_subject(subject_id))
        self._again(connection, moment, self._by("subject"), about)
        for view in self._by("stream"):
            for stream_id in {one.stream_id for one in about if one.topic in topics([view])}:
                story = _known(moment, self.recorder.of_stream(stream_id))
                self._again(connection, moment, [view], story)

    def _again(
        self,
        connection: Connection[Any],
        moment: Moment,
        views: Sequence[View[Any]],
        records: Sequence[FactRecord],
    ) -> None:
        folding = Folding(self.mapper, views, moment.as_of, frozenset(moment.left_out))
        wanted = set(topics(views))
        rows = folding.by_view([one for one in records if one.topic in wanted])
        for view in views:
            keyed = {row[: len(view.key)]: row for row in rows[view.name]}
            Table(view, moment.schema).write_singly(connection, {}, keyed)

    def _by(self, partition: str) -> list[View[Any]]:
        return [view for view in self.views if view.partition == partition]


def _known(moment: Moment, records: Sequence[FactRecord]) -> list[FactRecord]:
    return [one for one in records if one.position <= moment.known_position]
