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

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.queries.at_once import AtOnce, Beside, fits, possible
from projections.queries.counting import expected
from projections.queries.reading import Rows
from projections.queries.stretches import Asked, Order, Stretch, every, name_of

R = TypeVar("R", bound="tuple[Any, ...]")

UNBOUNDED = 2**62

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
    SELECT * FROM {table} AS view WHERE {row_id} = {found_id} AND {condition} OFFSET 0
) AS view {order_found} LIMIT {limit}
"""
LONG: LiteralString = "SELECT FROM {table} AS view WHERE {start} {order} LIMIT 1 OFFSET {passed}"
# OFFSET 0 keeps the planner from looking through to the sort, and from joining otherwise.
FITTING: LiteralString = "SELECT {row_id}, {key} FROM {table} AS view WHERE {condition}"
SIFTED: LiteralString = "SELECT {row_id}, {key} FROM {source} AS view WHERE {sieve}"
ARM: LiteralString = "SELECT {held} FROM {table} AS view WHERE {condition}"
GATHER: LiteralString = """
SELECT {columns} FROM (
    SELECT * FROM ({gathered} OFFSET 0) AS view {order} LIMIT {most}
) AS found CROSS JOIN LATERAL (
    SELECT * FROM {table} AS view WHERE {row_id} = {found_id} AND {condition} OFFSET 0
) AS view {order_found} LIMIT {limit}
"""


class Bounds(NamedTuple):
    """When to walk and when to gather, by what gathering costs (see BY_INDEX).

    Up to `cheap` no walk is quicker. Up to `affordable` a walk passes `walked` times a page's rows
    in the index, beyond `walked_on` times; either looks up `looked_at` times as many. From `dear`
    on every walk is quicker. Before anything else it glances at the first `glanced` times as many:
    to ask what gathering costs takes longer.
    """

    cheap: int = 6_000
    affordable: int = 12_000
    dear: int = 60_000
    walked: int = 600
    walked_on: int = 1_500
    looked_at: int = 20
    glanced: int = 8


USUAL = Bounds()
AT_ONCE, SIFTED_AT_ONCE = 2, 1 / 2
"""How much more may be spent on all parts at once. What is sifted passes so many that a part alone
is soon found."""
QUICK = 1_000
"""What costs so little is gathered: to ask for another way takes as long."""


class Way(NamedTuple):
    """How to gather rows, what the planner expects, and whether all of them fit."""

    query: sql.Composable
    is_exact: bool
    rows: int
    cost: int

    @property
    def takes(self) -> int:
        """What it costs by the clock: the planner takes what is sifted for cheaper than it is."""
        return self.cost if self.is_exact else 3 * self.cost


@contextmanager
def by_index(connection: Connection[Any]) -> Iterator[None]:
    """A transaction that reads by indexes, in one process."""
    with connection.transaction():
        connection.execute(BY_INDEX)
        yield


@dataclass(frozen=True)
class Wide(Generic[R]):
    """Reads stretches of a table whose sorts each have an index that carries some columns.

    Other indexes hold more, `held`: whatever tells where a row stands in every sort.
    """

    table: LiteralString
    row_id: LiteralString
    carried: Collection[LiteralString]
    held: Collection[LiteralString]
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
        if not asked.conditions or not fits(order):
            return None
        read = AtOnce(self.table, self.row_id, self.rows, order, asked, beside, falling)
        with by_index(connection):
            way = self._cheapest(connection, self._at_once(read, asked), read.parameters)
            parts = min(len(possible(order)) / 2, AT_ONCE) if way.is_exact else SIFTED_AT_ONCE
            if way.cost > self.bounds.cheap * parts:
                return None
            for most in self._mosts(way, limit):
                found = read(connection, way.query, most=most, limit=limit)
                if len(found) >= limit:
                    break
            return found

    def _at_once(self, read: AtOnce[R], asked: Asked) -> Iterator[tuple[sql.Composable, bool]]:
        yield read.gathering(sql.Identifier(self.table), asked.conditions), True
        sieve = asked.sieve(self.held)
        for source in self._sources(asked, sieve):
            yield read.gathering(source, sieve), False

    def _read(self, connection: Connection[Any], stretch: Stretch) -> list[R]:
        limit, bounds = stretch.limit, self.bounds
        if stretch.is_whole:
            return self._walked(connection, stretch, limit, limit)
        found = self._walked(connection, stretch, limit * bounds.glanced, 2 * limit)
        if len(found) >= limit:
            return found
        if self._is_short(connection, stretch):
            return self._walked(connection, stretch, UNBOUNDED, UNBOUNDED)
        return self._looked_for(connection, stretch)

    def _looked_for(self, connection: Connection[Any], stretch: Stretch) -> list[R]:
        limit, bounds = stretch.limit, self.bounds
        way = self._cheapest(connection, self._ways(stretch), stretch.parameters)
        if way.takes <= bounds.cheap:
            return self._gathered(connection, stretch, way)
        walked = bounds.walked if way.cost <= bounds.affordable else bounds.walked_on
        found = self._walked(connection, stretch, limit * walked, limit * bounds.looked_at)
        if len(found) >= limit:
            return found
        if way.takes <= bounds.dear:
            return self._gathered(connection, stretch, way)
        return self._walked(connection, stretch, UNBOUNDED, UNBOUNDED)

    def _is_short(self, connection: Connection[Any], stretch: Stretch) -> bool:
        """Whether little more is between its ends than was glanced at."""
        if not stretch.has_ends:
            return False
        query = sql.SQL(LONG).format(
            **self._along(stretch), passed=sql.Literal(stretch.limit * self.bounds.glanced)
        )
        cursor = connection.cursor(row_factory=tuple_row)
        return cursor.execute(query, stretch.parameters).fetchone() is None

    def _ways(self, stretch: Stretch) -> Iterator[tuple[sql.Composable, bool]]:
        """How to gather: those who fit, or those whom a sieve lets pass."""
        named = self._named(stretch)
        yield sql.SQL(FITTING).format(**named), True
        sieve = stretch.sieve(self.held)
        passing = every(sieve, stretch.beyond())
        for source in self._sources(stretch.asked, sieve):
            yield sql.SQL(SIFTED).format(**named, source=source, sieve=passing), False

    def _sources(self, asked: Asked, sieve: Collection[LiteralString]) -> Iterator[sql.Composable]:
        """Where a sieve looks: in all rows, where it says anything, or in those of a trait."""
        table = sql.Identifier(self.table)
        if sieve:
            yield table
        held = sql.SQL(", ").join(map(sql.SQL, (self.row_id, *self.held)))
        for conditions in asked.led:
            arms = [
                sql.SQL(ARM).format(held=held, table=table, condition=sql.SQL(condition))
                for condition in conditions
            ]
            yield sql.SQL("({})").format(sql.SQL(" UNION ALL ").join(arms))

    def _cheapest(
        self,
        connection: Connection[Any],
        ways: Iterator[tuple[sql.Composable, bool]],
        parameters: Mapping[str, object],
    ) -> Way:
        """The cheapest way, or the first that is quick enough."""
        best: Way | None = None
        for query, is_exact in ways:
            way = Way(query, is_exact, *expected(connection, query, parameters))
            best = way if best is None else min(best, way, key=lambda one: one.cost)
            if best.cost <= QUICK:
                break
        assert best is not None  # noqa: S101 -- whoever fits can always be looked for
        return best

    def _mosts(self, way: Way, limit: int) -> list[int]:
        """Of how many gathered rows, in order, to read the first: more, if too few of them fit."""
        if way.is_exact:
            return [limit]
        some = limit * self.bounds.looked_at
        return [some, UNBOUNDED] if way.rows > some else [UNBOUNDED]

    def _walked(
        self, connection: Connection[Any], stretch: Stretch, walked: int, looked_at: int
    ) -> list[R]:
        query = sql.SQL(WALK).format(
            **self._along(stretch), walked=sql.Literal(walked), looked_at=sql.Literal(looked_at)
        )
        return self.rows.on(connection, query, stretch.parameters)

    def _gathered(self, connection: Connection[Any], stretch: Stretch, way: Way) -> list[R]:
        named, found = self._named(stretch), list[R]()
        for most in self._mosts(way, stretch.limit):
            query = sql.SQL(GATHER).format(**named, gathered=way.query, most=sql.Literal(most))
            # One value fits few rows and another most: no plan is good for both.
            found = self.rows.on(connection, query, stretch.parameters, prepare=False)
            if len(found) >= stretch.limit:
                break
        return found

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
            "order": stretch.order(),
            "order_found": stretch.order("found"),
            "limit": sql.Literal(stretch.limit),
        }
