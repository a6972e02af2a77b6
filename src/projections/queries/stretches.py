"""A stretch of a sorted list: some rows of one part of its order, from a place on, as SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

NOWHERE: LiteralString = "false"
"""The condition of a part that can hold nothing of what is asked for."""

RowId = UUID | int
"""What tells rows with equal keys apart."""


class Hint(NamedTuple):
    """What follows from a condition for what sorted indexes carry.

    More rows may fulfil it than the condition, never fewer. It is looked for within an index,
    before any row is read. `column` is the only one it is about, if there is one.
    """

    column: LiteralString | None
    condition: LiteralString


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a sorted list: the rows of a condition, in the order of a column.

    `key` reads the column's value from a row; its type is str, int or datetime. `hints` follow
    from the condition. `within` is the predicate of the partial index by which it is sorted.
    `held` are conditions that an index of their own holds, with all that others carry.
    """

    column: LiteralString
    type: LiteralString
    key: Callable[[Any], Any]
    condition: LiteralString = "true"
    hints: tuple[Hint, ...] = ()
    within: LiteralString = "true"
    held: tuple[LiteralString, ...] = ()


Order = tuple[Part, ...]
"""A sort order: its parts one after another."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What must hold for a row, what follows from that, and the values that are named.

    `held` are those of the conditions that an index holds, with all that others carry. `meant` says
    what the conditions say, as it is soonest told of a row that is at hand; None where they are.
    """

    conditions: Sequence[LiteralString]
    parameters: Mapping[str, object]
    hints: Sequence[Hint] = ()
    held: Sequence[LiteralString] = ()
    meant: Sequence[LiteralString] | None = None

    @property
    def at_hand(self) -> Sequence[LiteralString]:
        """What must hold for a row that is at hand."""
        return self.conditions if self.meant is None else self.meant


@dataclass(frozen=True, slots=True)
class Stretch:
    """At most `limit` rows of a part that are asked for, rising or falling, beyond a row's place.

    `beside` is that row's key and id, `row_id` the column that tells rows with equal keys apart.
    """

    part: Part
    asked: Asked
    beside: tuple[Any, RowId] | None
    falling: bool
    limit: int
    row_id: LiteralString
    id_type: LiteralString = "uuid"
    own: dict[str, object] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.beside is not None:
            self.own.update(page_key=self.beside[0], page_id=self.beside[1])

    @property
    def parameters(self) -> dict[str, object]:
        """Every value that its conditions name."""
        return {**self.asked.parameters, **self.own}

    @property
    def is_whole(self) -> bool:
        """Whether an index holds just what is asked for."""
        return self.part.condition == self.part.within and not self.asked.conditions

    def hints(self, carried: Collection[LiteralString]) -> list[LiteralString]:
        """What follows for what an index carries beside the sort's own column."""
        beside = {None, *carried} - {self.part.column}
        return [hint.condition for hint in self._hints if hint.column in beside]

    @property
    def _hints(self) -> tuple[Hint, ...]:
        return (*self.asked.hints, *self.part.hints)

    def sieve(self, carried: Collection[LiteralString]) -> list[LiteralString]:
        """What follows for what one index or another holds."""
        held = [*self.asked.held, *self.part.held, *self.hints(carried)]
        return [*held, *(hint.condition for hint in self._hints if hint.column == self.part.column)]

    def condition(self) -> sql.Composable:
        """All that must hold, as indexes find it."""
        return every([*self.asked.conditions, self.part.condition], self.beyond())

    def condition_at_hand(self) -> sql.Composable:
        """All that must hold for a row that is at hand, and stands where it should."""
        return every([*self.asked.at_hand, self.part.condition])

    def beyond(self) -> sql.Composable:
        """Where it begins."""
        if self.beside is None:
            return sql.SQL("true")
        return sql.SQL(BEYOND[self.falling]).format(
            column=sql.SQL(self.part.column),
            row_id=sql.SQL(self.row_id),
            type=sql.SQL(self.part.type),
            id_type=sql.SQL(self.id_type),
        )

    def start(self) -> sql.Composable:
        """Where it begins and ends in the index by which it is sorted."""
        ends = [hint.condition for hint in self._hints if hint.column == self.part.column]
        return every([self.part.within, *ends], self.beyond())

    def order(self, alias: LiteralString = "view") -> sql.Composable:
        """How it is sorted, by the columns of an alias."""
        return sql.SQL(ORDERED[self.falling]).format(
            column=sql.Identifier(alias, name_of(self.part.column)),
            row_id=sql.Identifier(alias, name_of(self.row_id)),
        )


BEYOND: dict[bool, LiteralString] = {
    False: "({column}, {row_id}) > (%(page_key)s::{type}, %(page_id)s::{id_type})",
    True: "({column}, {row_id}) < (%(page_key)s::{type}, %(page_id)s::{id_type})",
}
ORDERED: dict[bool, LiteralString] = {
    False: "ORDER BY {column}, {row_id}",
    True: "ORDER BY {column} DESC, {row_id} DESC",
}


def name_of(column: str) -> str:
    """A column's name without its table's alias."""
    return column.removeprefix("view.")


def every(conditions: Iterable[LiteralString], *more: sql.Composable) -> sql.Composable:
    """All conditions as one."""
    return sql.SQL(" AND ").join((*map(sql.SQL, conditions), *more) or (sql.SQL("true"),))
