"""How each view is: how far it has read, by which version, how much it holds, what is set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from ledger.clock import Clock
from projections.digest import Buckets, Digest, digest
from projections.freshness import MOST_COUNTED
from projections.parking import parked
from projections.positions import Standing, standings
from projections.queries.counting import about
from projections.tables import SCHEMA, Table
from projections.view import View

ROWS = "SELECT count(*) FROM {table}"
ROWS_UP_TO = "SELECT count(*) FROM (SELECT FROM {table} LIMIT %(most)s) AS counted"
ROWS_ABOUT = "SELECT reltuples::bigint FROM pg_class WHERE oid = %(table)s::regclass"
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
        held = _estimated if estimates else partial(_held, digested=with_digests)
        with self._pool.connection() as connection, connection.transaction():
            aside = [one.topic for one in parked(connection)]
            known = [one for one in standings(connection) if one.name in self._tables]
            # All of them stand at the same place but while one catches up.
            places = {one.position for one in known}
            behind = {place: self._behind(connection, place) for place in places}
            return [
                self._status(connection, one, behind[one.position], aside, held) for one in known
            ]

    def _status(
        self,
        connection: Connection[Any],
        standing: Standing,
        behind: tuple[int, int],
        aside: list[str],
        held: Callable[[Connection[Any], View[Any], bool], Held],
    ) -> ViewStatus:
        table, (lag, lag_seconds) = self._tables[standing.name], behind
        topics = {fact_class.TOPIC for fact_class in table.view.handlers}
        is_current = standing.shape == table.shape
        rows, told, is_exact = held(connection, table.view, is_current)
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
            is_exact=is_exact,
        )

    def _behind(self, connection: Connection[Any], position: int) -> tuple[int, int]:
        asked = {"position": position, "most": MOST_COUNTED}
        lag, since = _one(connection, sql.SQL(BEHIND), asked)
        age = self._clock.now() - since if since else None
        return lag, max(0, int(age.total_seconds())) if age else 0


def _held(
    connection: Connection[Any], view: View[Any], is_current: bool, *, digested: bool
) -> Held:
    """How many rows there are, and their digest."""
    name = sql.Identifier(SCHEMA, view.name)
    if is_current and digested:
        whole = _whole(digest(connection, view, name))
        return Held(whole.rows, f"{whole.hash % HASHES:016x}")
    (rows,) = _one(connection, sql.SQL(ROWS).format(table=name), {})
    return Held(rows)


def _estimated(connection: Connection[Any], view: View[Any], _: bool) -> Held:
    """How many rows there are: of a large table as many as the planner takes it for."""
    name = sql.Identifier(SCHEMA, view.name)
    counting = sql.SQL(ROWS_UP_TO).format(table=name)
    (rows,) = _one(connection, counting, {"most": MOST_COUNTED + 1})
    if rows <= MOST_COUNTED:
        return Held(rows)
    (taken_for,) = _one(connection, sql.SQL(ROWS_ABOUT), {"table": name.as_string(connection)})
    return Held(about(max(rows, taken_for)).rows, is_exact=False)


def _whole(buckets: Buckets) -> Digest:
    return Digest(
        sum(one.rows for one in buckets.values()), sum(one.hash for one in buckets.values())
    )


def _one(
    connection: Connection[Any], query: sql.SQL | sql.Composed, parameters: Mapping[str, object]
) -> tuple[Any, ...]:
    row = connection.cursor(row_factory=tuple_row).execute(query, parameters).fetchone()
    return row or ()
