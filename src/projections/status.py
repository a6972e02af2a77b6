"""How each view is: how far it has read, by which version, how much it holds, what is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from ledger.clock import Clock
from projections import freshness
from projections.digest import Buckets, Digest, digest
from projections.parking import parked
from projections.positions import Standing, standings
from projections.queries.counting import MOST_COUNTED, about
from projections.tables import SCHEMA, Table
from projections.view import View

ROWS = "SELECT count(*) FROM {table}"
ROWS_UP_TO = "SELECT {name}, count(*) FROM (SELECT FROM {table} LIMIT %(most)s) AS counted"
ROWS_ABOUT = """
SELECT relname, reltuples::bigint FROM pg_class
 WHERE relnamespace = to_regnamespace(%(schema)s) AND relname = ANY (%(names)s)
"""
HASHES = 1 << 64
DAMAGED = "SELECT name, count(*) FROM views.damages GROUP BY name"
BEHIND = """
SELECT count(*), min(recorded_at)
  FROM (SELECT recorded_at FROM ledger.facts
         WHERE position > %(position)s ORDER BY position LIMIT %(most)s) AS waiting
"""


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """A view as it serves now.

    `lag` counts the facts that wait (at most freshness.MOST_COUNTED), `lag_seconds` how long the
    first of them has; `parked` the facts set aside that this view would hold. Where `is_current` is
    false, another version made the rows, and a rebuild folds them anew; `damaged` counts the rows
    that a check found to be otherwise than the books say.
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
    is_exact: bool = True
    """Whether every row was counted; else there are about so many, to two digits."""


class Held(NamedTuple):
    """What a view's table holds."""

    rows: int
    digest: str = ""
    is_exact: bool = True


class ViewsStatus:
    """Asks how the views are."""

    def __init__(self, pool: ConnectionPool[Any], views: Sequence[View[Any]], clock: Clock) -> None:
        self._pool = pool
        self._tables = {view.name: Table(view) for view in views}
        self._clock = clock

    def all(self, *, with_digests: bool = True, estimates: bool = False) -> list[ViewStatus]:
        """Every view that is laid out and that this program knows, by name.

        Digests look at every row; without them they are empty. With `estimates` instead no table
        that is large is read.
        """
        with self._pool.connection() as connection, connection.transaction():
            aside = [one.topic for one in parked(connection)]
            known = [one for one in standings(connection) if one.name in self._tables]
            # All of them stand at the same place but while one catches up.
            places = {one.position for one in known}
            behind = {place: self._behind(connection, place) for place in places}
            damaged = dict(_rows(connection, sql.SQL(DAMAGED), {}))
            if estimates:
                held = _estimated(connection, [one.name for one in known])
            else:
                held = {
                    one.name: self._held(connection, one, digested=with_digests) for one in known
                }
            return [
                self._status(
                    one, behind[one.position], aside, held[one.name], damaged.get(one.name, 0)
                )
                for one in known
            ]

    def _status(
        self,
        standing: Standing,
        behind: tuple[int, int],
        aside: list[str],
        held: Held,
        damaged: int,
    ) -> ViewStatus:
        table, (lag, lag_seconds) = self._tables[standing.name], behind
        topics = {fact_class.TOPIC for fact_class in table.view.handlers}
        return ViewStatus(
            name=standing.name,
            version=standing.version,
            is_current=standing.shape == table.shape,
            position=standing.position,
            lag=lag,
            lag_seconds=lag_seconds,
            rows=held.rows,
            parked=sum(topic in topics for topic in aside),
            damaged=damaged,
            digest=held.digest,
            is_exact=held.is_exact,
        )

    def _held(self, connection: Connection[Any], standing: Standing, *, digested: bool) -> Held:
        """How many rows there are, and their digest."""
        table, name = self._tables[standing.name], sql.Identifier(SCHEMA, standing.name)
        if digested and standing.shape == table.shape:
            whole = _whole(digest(connection, table.view, name))
            return Held(whole.rows, f"{whole.hash % HASHES:016x}")
        (rows,) = _one(connection, sql.SQL(ROWS).format(table=name), {})
        return Held(rows)

    def _behind(self, connection: Connection[Any], position: int) -> tuple[int, int]:
        asked = {"position": position, "most": freshness.MOST_COUNTED}
        lag, since = _one(connection, sql.SQL(BEHIND), asked)
        age = self._clock.now() - since if since else None
        return lag, max(0, int(age.total_seconds())) if age else 0


def _estimated(connection: Connection[Any], names: Sequence[str]) -> dict[str, Held]:
    """How many rows there are: of a large table as many as the planner takes it for.

    It may take one for small that has grown since: that one is counted up to where it is large.
    """
    asked = {"schema": SCHEMA, "names": list(names)}
    taken_for = {name: int(rows) for name, rows in _rows(connection, sql.SQL(ROWS_ABOUT), asked)}
    small = [name for name in names if taken_for.get(name, 0) <= MOST_COUNTED]
    counted = _counted(connection, small) if small else {}
    return {
        name: Held(counted[name])
        if counted.get(name, MOST_COUNTED + 1) <= MOST_COUNTED
        else Held(about(max(MOST_COUNTED, taken_for[name])).rows, is_exact=False)
        for name in names
    }


def _counted(connection: Connection[Any], names: Sequence[str]) -> dict[str, int]:
    """How many rows some tables hold, all asked at once; of a large one, one more than is told."""
    counting = [
        sql.SQL(ROWS_UP_TO).format(name=sql.Literal(name), table=sql.Identifier(SCHEMA, name))
        for name in names
    ]
    query = sql.SQL(" UNION ALL ").join(counting)
    return dict(_rows(connection, query, {"most": MOST_COUNTED + 1}))


def _whole(buckets: Buckets) -> Digest:
    return Digest(
        sum(one.rows for one in buckets.values()), sum(one.hash for one in buckets.values())
    )


def _one(
    connection: Connection[Any], query: sql.SQL | sql.Composed, parameters: Mapping[str, object]
) -> tuple[Any, ...]:
    return next(iter(_rows(connection, query, parameters)), ())


def _rows(
    connection: Connection[Any], query: sql.SQL | sql.Composed, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    return connection.cursor(row_factory=tuple_row).execute(query, parameters).fetchall()
