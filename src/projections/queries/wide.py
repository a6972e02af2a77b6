"""Reads a stretch of a list that is too long to be looked through, whatever is asked of it.

Two ways lead to a page, and each is slow where the other is quick. *Walking* along the sort's index
finds a page soon where many rows fit; *gathering* all rows that fit, by the indexes of what is
asked, and sorting them, where few do. The planner guesses between them, and takes seconds where it
guesses wrong: a sort and a filter are seldom independent. So a walk is bounded here, and what it
doesn't find is gathered.

To read a row costs some ten times as much as to look at it within an index. So a walk narrows by
what the sort's index carries beside the key, and reads the rows that are left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.queries.at_once import AtOnce, Beside, possible
from projections.queries.counting import Expected, expected
from projections.queries.reading import Rows
from projections.queries.stretches import Asked, Order, Stretch, every, name_of

R = TypeVar("R", bound="tuple[Any, ...]")

UNBOUNDED = 2**62
FEW = 4
"""So many times a page's rows are gathered before it is known how many rows there are."""
HOW_MANY: LiteralString = "SELECT reltuples FROM pg_class WHERE oid = to_regclass(%(table)s)"

# What reading takes when all is in memory: a page some 3 microseconds, an entry of an index 0.2.
# Some 2 microseconds cost 1. What takes long enough for other processes to help takes too long.
BY_INDEX = """
SELECT set_config('enable_seqscan', 'off', true),
       set_config('random_page_cost', '1.5', true),
       set_config('cpu_index_tuple_cost', '0.1', true),
       set_config('max_parallel_workers_per_gather', '0', true)
"""
WALK: LiteralString = """
SELECT {columns} FROM (
    SELECT * FROM (
        SELECT {carried} FROM {table} AS view WHERE {start} {order} LIMIT {walked}
    ) AS view WHERE {hints} {order} LIMIT {looked_at}
) AS found CROSS JOIN LATERAL (
    SELECT * FROM {table} AS view WHERE {row_id} = {found_id} OFFSET 0
) AS view WHERE {at_hand} {order_found} LIMIT {limit}
"""
# OFFSET 0 keeps the planner from looking through to the sort, from joining otherwise, and from
# finding a row at hand by what must hold for it: of which it may expect one row, and find all.
ROWS: LiteralString = "SELECT * FROM {table} AS view WHERE {condition}"
FITTING: LiteralString = "SELECT {row_id}, {key} FROM {table} AS view WHERE {condition}"
SIFTED: LiteralString = "SELECT {row_id}, {key} FROM {table} AS view WHERE {sieve}"
GATHER: LiteralString = """
SELECT {columns} FROM (
    SELECT * FROM ({gathered} OFFSET 0) AS view {order}
) AS found CROSS JOIN LATERAL (
    SELECT * FROM {table} AS view WHERE {row_id} = {found_id} OFFSET 0
) AS view WHERE {at_hand} {order_found} LIMIT {limit}
"""


class Bounds(NamedTuple):
    """When to walk and when to gather, by what gathering costs (see BY_INDEX).

    Up to `cheap` hardly any walk is quicker: one is tried that passes `tried` entries of the index
    for each that gathering costs, where it should find twice a page. From `dear` on, every walk is.
    A walk passes `walked` times a page's rows in the index, and looks up `looked_at` times as many.
    """

    cheap: int = 6_000
    tried: int = 1
    dear: int = 60_000
    walked: int = 600
    looked_at: int = 20


USUAL = Bounds()


@contextmanager
def by_index(connection: Connection[Any]) -> Iterator[None]:
    """A transaction that reads by indexes, in one process."""
    with connection.transaction():
        connection.execute(BY_INDEX)
        yield


@dataclass(frozen=True)
class Wide(Generic[R]):
    """Reads stretches of a table whose sorts each have an index that carries some columns."""

    table: LiteralString
    carried: Collection[LiteralString]
    rows: Rows[R]
    bounds: Bounds

    def __call__(self, connection: Connection[Any], stretch: Stretch) -> list[R]:
        """The rows, in order."""
        with by_index(connection):
            return self._read(connection, stretch)

    def at_once(
        self,
        connection: Connection[Any],
        order: Order,
        asked: Asked,
        *,
        beside: Beside | None,
        falling: bool,
        limit: int,
    ) -> list[tuple[int, R]] | None:
        """Rows of all parts of an order, each with its part; None where that may take long."""
        read = AtOnce(self.table, "view.member_id", self.rows)
        if not asked.conditions or not read.fits(order):
            return None
        with by_index(connection):
            if self._cost(connection, asked) > self.bounds.cheap * min(len(possible(order)) / 2, 2):
                return None
            return read(connection, order, asked, beside=beside, falling=falling, limit=limit)

    def _cost(self, connection: Connection[Any], asked: Asked) -> int:
        query = sql.SQL(ROWS).format(
            table=sql.Identifier(self.table), condition=every(asked.conditions)
        )
        return expected(connection, query, asked.parameters).cost

    def _read(self, connection: Connection[Any], stretch: Stretch) -> list[R]:
        limit, bounds = stretch.limit, self.bounds
        if stretch.is_whole:
            return self._walked(connection, stretch, limit, limit)
        way, gathered = self._cheapest(connection, stretch)
        walked = limit * bounds.walked if way.cost > bounds.cheap else way.cost * bounds.tried
        if way.cost > bounds.cheap or self._is_promising(connection, way.rows, walked, limit):
            found = self._walked(connection, stretch, walked, limit * bounds.looked_at)
            if len(found) >= limit:
                return found
        if way.cost <= bounds.dear:
            return self._gathered(connection, stretch, gathered)
        return self._walked(connection, stretch, UNBOUNDED, UNBOUNDED)

    def _is_promising(
        self, connection: Connection[Any], fitting: int, walked: int, limit: int
    ) -> bool:
        """Whether a walk finds twice a page of those who fit, if they stand anywhere."""
        if fitting <= FEW * limit or not walked:
            return False
        cursor = connection.cursor(row_factory=tuple_row)
        row = cursor.execute(HOW_MANY, {"table": self.table}).fetchone()
        return row is not None and walked * fitting >= 2 * limit * row[0]

    def _cheapest(
        self, connection: Connection[Any], stretch: Stretch
    ) -> tuple[Expected, sql.Composable]:
        """How to gather, at what cost: those who fit, or those whom a sieve lets pass.

        How many fit is expected of the first, for whose words the index keeps statistics.
        """
        named = self._named(stretch)
        ways = [sql.SQL(FITTING).format(**named)]
        if sieve := stretch.sieve(self.carried):
            passing = every(sieve, stretch.beyond())
            ways.append(sql.SQL(SIFTED).format(**named, sieve=passing))
        found = [expected(connection, way, stretch.parameters) for way in ways]
        costs = [one.cost for one in found]
        best = costs.index(min(costs))
        return found[0]._replace(cost=costs[best]), ways[best]

    def _walked(
        self, connection: Connection[Any], stretch: Stretch, walked: int, looked_at: int
    ) -> list[R]:
        query = sql.SQL(WALK).format(
            **self._along(stretch), walked=sql.Literal(walked), looked_at=sql.Literal(looked_at)
        )
        return self.rows.on(connection, query, stretch.parameters)

    def _gathered(
        self, connection: Connection[Any], stretch: Stretch, gathered: sql.Composable
    ) -> list[R]:
        query = sql.SQL(GATHER).format(**self._named(stretch), gathered=gathered)
        # One value fits few rows and another most: no plan is good for both.
        return self.rows.on(connection, query, stretch.parameters, prepare=False)

    def _along(self, stretch: Stretch) -> dict[str, sql.Composable]:
        carried = dict.fromkeys((stretch.row_id, stretch.part.column, *self.carried))
        return {
            **self._named(stretch),
            "carried": sql.SQL(", ").join(map(sql.SQL, carried)),
            "start": stretch.start(),
            "hints": every(stretch.hints(self.carried) or ["true"]),
        }

    def _named(self, stretch: Stretch) -> dict[str, sql.Composable]:
        return {
            "columns": self.rows.columns,
            "table": sql.Identifier(self.table),
            "row_id": sql.SQL(stretch.row_id),
            "key": sql.SQL(stretch.part.column),
            "found_id": sql.Identifier("found", name_of(stretch.row_id)),
            "condition": stretch.condition(),
            "at_hand": stretch.condition_at_hand(),
            "order": stretch.order(),
            "order_found": stretch.order("found"),
            "limit": sql.Literal(stretch.limit),
        }
