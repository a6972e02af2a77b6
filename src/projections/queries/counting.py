"""How many rows fit: exactly where they are few, about so many where counting would take long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, Cursor, sql
from psycopg.rows import tuple_row

from projections.queries.stretches import Asked, every

MOST_COUNTED = 10_000
"""Beyond so many, nobody waits for the last one."""
CHEAP, DEAR = 6_000, 20_000
"""What costs up to CHEAP is counted row by row; what costs more than DEAR never is."""
SAMPLED = 10_000
"""Rows of a sample: a hundredth of a table is told to within a tenth, twice in three."""
TOO_FEW = 10
"""Rows of a sample that say nothing of all."""
DIGITS = 2
"""How many digits of an estimate are told."""

EXPLAIN: LiteralString = "EXPLAIN (FORMAT JSON) {query}"
ALL: LiteralString = "SELECT FROM {table} AS view WHERE {condition}"
COUNT: LiteralString = """
SELECT count(*) FROM (SELECT FROM {table} AS view WHERE {condition} LIMIT {most}) AS counted
"""
SAMPLE: LiteralString = """
SELECT {counts} FROM {table} AS view TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1)
"""
COUNTED: LiteralString = "count(*) FILTER (WHERE {condition})"


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are; about how many, to two digits, where it isn't exact."""

    rows: int
    is_exact: bool


def about(rows: int) -> Count:
    """An estimate."""
    unit = 10 ** max(0, len(str(rows)) - DIGITS)
    return Count((rows + unit // 2) // unit * unit, is_exact=False)


class Expected(NamedTuple):
    """How many rows the planner expects, and what it would cost to find them (see by_index)."""

    rows: int
    cost: int


def expected(
    connection: Connection[Any], query: sql.Composable, parameters: Mapping[str, object]
) -> Expected:
    """What the planner expects of a query."""
    explain = sql.SQL(EXPLAIN).format(query=query)
    # Not prepared: it is asked for these values.
    row = _cursor(connection).execute(explain, parameters, prepare=False).fetchone()
    plan = row[0][0]["Plan"] if row else {"Plan Rows": 0, "Total Cost": 0}
    return Expected(int(plan["Plan Rows"]), int(plan["Total Cost"]))


@dataclass(frozen=True, slots=True)
class Sample:
    """How many rows of a table were looked at, and how many of them fit each of some conditions."""

    table: int
    size: int
    is_all: bool
    found: Sequence[int]

    def count(self, place: int) -> Count:
        """How many rows of the table fit a condition."""
        found = self.found[place]
        return Count(found, True) if self.is_all else about(found * self.table // max(self.size, 1))


@dataclass(frozen=True)
class Counting:
    """Counts the rows of a table of any size."""

    table: LiteralString

    def of(self, connection: Connection[Any], asked: Asked, *, sampled: int = SAMPLED) -> Count:
        """How many fit what is asked; `sampled` rows tell, where they may be many."""
        condition = every(asked.conditions or ["true"])
        number, cost = self._expected(connection, condition, asked.parameters)
        if cost <= CHEAP or (not asked.conditions and number <= MOST_COUNTED):
            return self.up_to_most(connection, asked, number)
        if not asked.conditions:
            return about(number)
        at_hand = every(asked.at_hand)
        sample = self.sample(connection, [at_hand], asked.parameters, rows=sampled)
        if sample.found[0] < TOO_FEW and cost <= DEAR and not sample.is_all:
            return self.up_to_most(connection, asked, number)
        return sample.count(0)

    def up_to_most(self, connection: Connection[Any], asked: Asked, otherwise: int) -> Count:
        """How many fit what is asked: exactly up to MOST_COUNTED, else about `otherwise`."""
        query = sql.SQL(COUNT).format(
            table=sql.Identifier(self.table),
            condition=every(asked.conditions or ["true"]),
            most=sql.Literal(MOST_COUNTED + 1),
        )
        row = _cursor(connection).execute(query, asked.parameters, prepare=False).fetchone()
        rows = int(row[0]) if row else 0
        return Count(rows, True) if rows <= MOST_COUNTED else about(max(rows, otherwise))

    def sample(
        self,
        connection: Connection[Any],
        conditions: Sequence[sql.Composable],
        parameters: Mapping[str, object],
        *,
        rows: int = SAMPLED,
    ) -> Sample:
        """A sample of about so many rows, whole pages of them; of a small table, all of it."""
        table = self._expected(connection, sql.SQL("true"), {}).rows
        percent = min(Decimal(100), Decimal(100 * rows) / max(table, 1))
        counts = [sql.SQL(COUNTED).format(condition=one) for one in conditions]
        query = sql.SQL(SAMPLE).format(
            counts=sql.SQL(", ").join([sql.SQL("count(*)"), *counts]),
            table=sql.Identifier(self.table),
            percent=sql.Literal(percent),
        )
        size, *found = _cursor(connection).execute(query, parameters).fetchone() or (0,)
        return Sample(table, size, table <= rows, found)

    def _expected(
        self,
        connection: Connection[Any],
        condition: sql.Composable,
        parameters: Mapping[str, object],
    ) -> Expected:
        query = sql.SQL(ALL).format(table=sql.Identifier(self.table), condition=condition)
        return expected(connection, query, parameters)


def _cursor(connection: Connection[Any]) -> Cursor[tuple[Any, ...]]:
    return connection.cursor(row_factory=tuple_row)
