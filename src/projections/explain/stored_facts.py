"""The facts of a report's figure by its rows, without the rows that can't be reckoned with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import LiteralString
from uuid import UUID

from psycopg import sql

from projections.explain.as_stored import BEYOND_RECKONING, AsStored
from projections.queries.reading import Source
from projections.queries.reports.facts import Contribution, Contributions, ReportFacts
from projections.timelines import TimelineRow


class StoredFacts(ReportFacts):
    """As a report lists them. Whose row a hand has broken is left out: they are told as apart."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._source, self._rows = source, AsStored(TimelineRow)

    def _of_members(
        self,
        query: LiteralString,
        parameters: Mapping[str, object],
        told: Callable[[TimelineRow], Iterable[Contribution]],
        after: UUID | None,
        limit: int,
    ) -> Contributions:
        composed = sql.SQL(query).format(columns=self._rows.columns)
        asked = {**parameters, "after": after, "limit": limit}
        with self._source.connection() as connection:
            rows = self._rows.on(connection, composed, asked)
        facts = [one for row in rows for one in _told(told, row)]
        return Contributions(facts, rows[-1].member_id if len(rows) == limit else None)


def _told(
    told: Callable[[TimelineRow], Iterable[Contribution]], row: TimelineRow
) -> list[Contribution]:
    try:
        return list(told(row))
    except BEYOND_RECKONING:
        return []
