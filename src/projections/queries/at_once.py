"""Reads all parts of a list at once, where those who are asked for are few and soon found.

Part by part, the same rows would be found and looked through once for each: seven times for a list
by status. Here each is looked at once, and told its part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from psycopg import Connection, sql

from projections.queries.reading import Rows
from projections.queries.stretches import NOWHERE, Asked, Order, Part, RowId, every

R = TypeVar("R", bound="tuple[Any, ...]")

# OFFSET 0 keeps the planner from looking through to the sort, and from joining otherwise.
AT_ONCE: LiteralString = """
SELECT found.part, {columns} FROM (
    SELECT * FROM (
        SELECT {row_id} AS row_id, {part} AS part, {key} AS key
          FROM {table} AS view WHERE {asked} OFFSET 0
    ) AS every WHERE part IS NOT NULL AND {beyond} ORDER BY {order} LIMIT %(page_limit)s
) AS found CROSS JOIN LATERAL (
    SELECT * FROM {table} AS view WHERE {row_id} = found.row_id OFFSET 0
) AS view ORDER BY {order_found}
"""
BEYOND: dict[bool, LiteralString] = {
    False: "(part, key, row_id) > (%(page_part)s::int, %(page_key)s::{type}, %(page_id)s)",
    True: "(part, key, row_id) < (%(page_part)s::int, %(page_key)s::{type}, %(page_id)s)",
}
ORDERED: dict[bool, LiteralString] = {
    False: "{alias}part, {alias}key, {alias}row_id",
    True: "{alias}part DESC, {alias}key DESC, {alias}row_id DESC",
}


class Beside(NamedTuple):
    """A row's part, key and id, beyond which a page begins."""

    part: int
    key: Any
    row_id: RowId


@dataclass(frozen=True)
class AtOnce(Generic[R]):
    """Reads rows of every part of an order that is asked for, in order; each with its part."""

    table: LiteralString
    row_id: LiteralString
    rows: Rows[R]

    def fits(self, order: Order) -> bool:
        """Whether there are several parts to look through, whose keys compare."""
        return len(possible(order)) > 1 and len({part.type for part in order}) == 1

    def __call__(
        self,
        connection: Connection[Any],
        order: Order,
        asked: Asked,
        *,
        beside: Beside | None,
        falling: bool,
        limit: int,
    ) -> list[tuple[int, R]]:
        """At most `limit` rows, rising or falling, beyond another row's place."""
        parts = [(place, order[place]) for place in possible(order)]
        query = sql.SQL(AT_ONCE).format(
            columns=self.rows.columns,
            table=sql.Identifier(self.table),
            row_id=sql.SQL(self.row_id),
            part=_case([(part.condition, sql.Literal(place)) for place, part in parts]),
            key=_key(parts),
            asked=every(asked.conditions),
            beyond=_beyond(order[0].type, falling=falling) if beside else sql.SQL("true"),
            order=sql.SQL(ORDERED[falling]).format(alias=sql.SQL("")),
            order_found=sql.SQL(ORDERED[falling]).format(alias=sql.SQL("found.")),
        )
        own: dict[str, object] = {"page_limit": limit}
        if beside:
            own |= {"page_part": beside.part, "page_key": beside.key, "page_id": beside.row_id}
        return self.rows.numbered(connection, query, {**asked.parameters, **own})


def possible(order: Order) -> list[int]:
    """The places of the parts that can hold anybody."""
    return [place for place, part in enumerate(order) if part.condition != NOWHERE]


def _key(parts: list[tuple[int, Part]]) -> sql.Composable:
    columns = {part.column: sql.SQL(part.column) for _, part in parts}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return _case([(part.condition, columns[part.column]) for _, part in parts])


def _case(by_condition: list[tuple[LiteralString, sql.Composable]]) -> sql.Composable:
    whens = [
        sql.SQL("WHEN {} THEN {}").format(sql.SQL(condition), value)
        for condition, value in by_condition
    ]
    return sql.SQL("CASE {} END").format(sql.SQL(" ").join(whens))


def _beyond(kind: LiteralString, *, falling: bool) -> sql.Composable:
    return sql.SQL(BEYOND[falling]).format(type=sql.SQL(kind))
