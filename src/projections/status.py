"""How each view is: how far it has read, by which version, how much it holds, what is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from ledger.clock import Clock
from projections.digest import Buckets, Digest, digest
from projections.freshness import MOST_COUNTED
from projections.parking import parked
from projections.positions import Standing, standings
from projections.tables import SCHEMA, Table
from projections.view import View

ROWS = "SELECT count(*) FROM {table}"
HASHES = 1 << 64
DAMAGED = "SELECT count(*) FROM views.damages WHERE name = %(name)s"
BEHIND = """
SELECT count(*), min(recorded_at)
  FROM (SELECT recorded_at FROM ledger.facts
         WHERE position > %(position)s ORDER BY position LIMIT %(most)s) AS waiting
"""


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """A view as it serves now.

    `lag` counts the facts that wait (at most MOST_COUNTED), `lag_seconds` how long the first of
    them has; `parked` the facts set aside that this view would hold. Where `is_current` is false,
    another version made the rows, and a rebuild folds them anew; `damaged` counts the rows that a
    check found to be otherwise than the books say.
    """

    name: str
    version: int
    is_current: bool
    position: int
    lag: int
    lag_seconds: int
    rows: int
    parked: int
    damaged: int
    digest: str
    """Of all rows, in hexadecimal: equal where the rows are, and only there. None if outdated."""


class ViewsStatus:
    """Asks how the views are."""

    def __init__(self, pool: ConnectionPool[Any], views: Sequence[View[Any]], clock: Clock) -> None:
        self._pool = pool
        self._tables = {view.name: Table(view) for view in views}
        self._clock = clock

    def all(self, *, with_digests: bool = True) -> list[ViewStatus]:
        """Every view that is laid out and that this program knows, by name.

        Digests look at every row; without them they are empty.
        """
        with self._pool.connection() as connection, connection.transaction():
            aside = [one.topic for one in parked(connection)]
            return [
                self._status(connection, self._tables[one.name], one, aside, with_digests)
                for one in standings(connection)
                if one.name in self._tables
            ]

    def _status(
        self,
        connection: Connection[Any],
        table: Table,
        standing: Standing,
        aside: list[str],
        with_digests: bool,
    ) -> ViewStatus:
        lag, lag_seconds = self._behind(connection, standing.position)
        topics = {fact_class.TOPIC for fact_class in table.view.handlers}
        name = sql.Identifier(SCHEMA, table.view.name)
        is_current = standing.shape == table.shape
        rows, told = _held(connection, table.view, name, digested=is_current and with_digests)
        (damaged,) = _one(connection, sql.SQL(DAMAGED), {"name": standing.name})
        return ViewStatus(
            name=standing.name,
            version=standing.version,
            is_current=is_current,
            position=standing.position,
            lag=lag,
            lag_seconds=lag_seconds,
            rows=rows,
            parked=sum(topic in topics for topic in aside),
            damaged=damaged,
            digest=told,
        )

    def _behind(self, connection: Connection[Any], position: int) -> tuple[int, int]:
        asked = {"position": position, "most": MOST_COUNTED}
        lag, since = _one(connection, sql.SQL(BEHIND), asked)
        age = self._clock.now() - since if since else None
        return lag, max(0, int(age.total_seconds())) if age else 0


def _held(
    connection: Connection[Any], view: View[Any], name: sql.Identifier, *, digested: bool
) -> tuple[int, str]:
    """How many rows there are, and their digest."""
    if digested:
        whole = _whole(digest(connection, view, name))
        return whole.rows, f"{whole.hash % HASHES:016x}"
    (rows,) = _one(connection, sql.SQL(ROWS).format(table=name), {})
    return rows, ""


def _whole(buckets: Buckets) -> Digest:
    return Digest(
        sum(one.rows for one in buckets.values()), sum(one.hash for one in buckets.values())
    )


def _one(
    connection: Connection[Any], query: sql.SQL | sql.Composed, parameters: Mapping[str, object]
) -> tuple[Any, ...]:
    row = connection.cursor(row_factory=tuple_row).execute(query, parameters).fetchone()
    return row or ()
