"""Pages of a sorted list that stay where they are while rows come and go.

A page begins after a row, not at a number: the cursor holds that row's sort key and id, so that
rows with equal keys are neither skipped nor shown twice.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, LiteralString, NoReturn, TypeVar
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.errors import Refused
from projections.queries.reading import Rows

R = TypeVar("R", bound="tuple[Any, ...]")
T = TypeVar("T")

MOST_COUNTED = 10_000
MOST_ON_A_PAGE = 2_000


class CursorMalformed(Refused):
    """This cursor is not one that this list has given out with this sort."""

    code = "cursor_malformed"
    pointer = "/cursor"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a sorted list: the rows of a condition, in the order of a column.

    `key` reads the column's value from a row; its type is str, int or datetime.
    """

    column: LiteralString
    type: LiteralString
    key: Callable[[Any], Any]
    condition: LiteralString = "true"


RowId = UUID | int
"""What tells rows with equal keys apart."""

Order = tuple[Part, ...]
"""A sort order: its parts one after another."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Which page: how many rows, sorted how, from where on."""

    sort: str
    descending: bool = False
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are; where there are more than MOST_COUNTED, that and not exact."""

    rows: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursors of the pages before and after, where there are rows."""

    rows: list[T]
    previous_cursor: str | None
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: beside a row of a part, forward or backward."""

    part: int
    key: Any
    row_id: RowId
    backward: bool

    def written(self, turn: Turn) -> str:
        """As a cursor, which fits this sort only."""
        key = self.key.isoformat() if isinstance(self.key, datetime) else self.key
        row_id = self.row_id if isinstance(self.row_id, int) else str(self.row_id)
        parts = [turn.sort, turn.descending, self.part, key, row_id, self.backward]
        return urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows of one part, from a place on."""

    part: Part
    start: Place | None
    falling: bool
    limit: int


def place(turn: Turn, order: Order, id_type: str = "uuid") -> Place | None:
    """Where a turn's cursor points. Raises CursorMalformed."""
    if turn.cursor is None:
        return None
    try:
        document = json.loads(urlsafe_b64decode(turn.cursor.encode("ascii")))
        sort, descending, part, key, row_id, backward = document
        if (sort, descending) != (turn.sort, turn.descending) or type(backward) is not bool:
            raise CursorMalformed
        if type(part) is not int or not 0 <= part < len(order):
            raise CursorMalformed
        return Place(part, _typed(key, order[part].type), _typed(row_id, id_type), backward)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CursorMalformed from error


def _typed(value: Any, kind: str) -> Any:
    """A cursor's value as its column has it, or ValueError, TypeError, AttributeError."""
    if kind == "uuid":
        return UUID(value)
    if kind == "timestamptz":
        instant = datetime.fromisoformat(value)
        return instant if instant.tzinfo else _refuse()
    if kind == "bigint":
        return value if type(value) is int and abs(value) < 2**63 else _refuse()
    return value if b"\0" not in value.encode() else _refuse()


def _refuse() -> NoReturn:
    raise CursorMalformed


@dataclass(frozen=True)
class List(Generic[R]):
    """A list that can be sorted and paged.

    `select` has `{columns}`, `{condition}` and `{order}`, `count` has `{condition}`; `row_id` is
    the column that tells rows with equal keys apart, and `id_of` reads it.
    """

    select: LiteralString
    count: LiteralString
    orders: Mapping[str, Order]
    row_id: LiteralString
    id_of: Callable[[R], RowId]
    rows: Rows[R]
    id_type: LiteralString = "uuid"

    def page(
        self,
        connection: Connection[Any],
        turn: Turn,
        conditions: Sequence[LiteralString],
        parameters: Mapping[str, object],
    ) -> Page[R]:
        """One page. Raises CursorMalformed; KeyError for a sort that the list doesn't have."""
        order = self.orders[turn.sort]
        begin = place(turn, order, self.id_type)
        backward = begin is not None and begin.backward
        limit = max(1, min(turn.limit, MOST_ON_A_PAGE))
        found: list[tuple[int, R]] = []
        for part, start in _parts(order, begin, reverse=turn.descending != backward):
            missing = limit + 1 - len(found)
            stretch = Stretch(order[part], start, turn.descending != backward, missing)
            rows = self._stretch(connection, stretch, conditions, parameters)
            found += [(part, row) for row in rows]
            if len(found) > limit:
                break
        return self._page(turn, order, begin, found, limit)

    def counted(
        self,
        connection: Connection[Any],
        conditions: Sequence[LiteralString],
        parameters: Mapping[str, object],
    ) -> Count:
        """How many rows there are, without counting all of very many."""
        query = sql.SQL(self.count).format(condition=_all(conditions))
        cursor = connection.cursor(row_factory=tuple_row)
        row = cursor.execute(query, {**parameters, "most": MOST_COUNTED + 1}).fetchone()
        rows = int(row[0]) if row else 0
        return Count(min(rows, MOST_COUNTED), rows <= MOST_COUNTED)

    def _stretch(
        self,
        connection: Connection[Any],
        asked: Stretch,
        conditions: Sequence[LiteralString],
        parameters: Mapping[str, object],
    ) -> list[R]:
        part, start = asked.part, asked.start
        pair = {"column": sql.SQL(part.column), "row_id": sql.SQL(self.row_id)}
        condition = _all([*conditions, part.condition])
        if start is not None:
            beyond = sql.SQL(BEYOND[asked.falling]).format(
                **pair, type=sql.SQL(part.type), id_type=sql.SQL(self.id_type)
            )
            condition = sql.SQL(" AND ").join((condition, beyond))
        ordered = sql.SQL(ORDERED[asked.falling]).format(**pair)
        query = sql.SQL(self.select).format(
            columns=self.rows.columns, condition=condition, order=ordered
        )
        own: dict[str, object] = {"page_limit": asked.limit}
        if start is not None:
            own |= {"page_key": start.key, "page_id": start.row_id}
        return self.rows.on(connection, query, {**parameters, **own})

    def _page(
        self, turn: Turn, order: Order, begin: Place | None, found: list[tuple[int, R]], limit: int
    ) -> Page[R]:
        more, found = len(found) > limit, found[:limit]
        backward = begin is not None and begin.backward
        if backward:
            found.reverse()
        has_next = backward or more
        has_previous = more if backward else begin is not None

        def cursor(at: int, *, back: bool) -> str:
            part, row = found[at]
            place = Place(part, order[part].key(row), self.id_of(row), back)
            return place.written(turn)

        return Page(
            [row for _, row in found],
            cursor(0, back=True) if found and has_previous else None,
            cursor(-1, back=False) if found and has_next else None,
        )


BEYOND: dict[bool, LiteralString] = {
    False: "({column}, {row_id}) > (%(page_key)s::{type}, %(page_id)s::{id_type})",
    True: "({column}, {row_id}) < (%(page_key)s::{type}, %(page_id)s::{id_type})",
}
ORDERED: dict[bool, LiteralString] = {
    False: "ORDER BY {column}, {row_id} LIMIT %(page_limit)s",
    True: "ORDER BY {column} DESC, {row_id} DESC LIMIT %(page_limit)s",
}


def _all(conditions: Sequence[LiteralString]) -> sql.Composable:
    return sql.SQL(" AND ").join(sql.SQL(one) for one in conditions or ("true",))


def _parts(
    order: Order, begin: Place | None, *, reverse: bool
) -> Iterator[tuple[int, Place | None]]:
    """The parts to read, in their order; the first one from where the page begins."""
    places = range(len(order))
    walk = reversed(places) if reverse else iter(places)
    started = begin is None
    for part in walk:
        if begin is not None and part == begin.part:
            started = True
            yield part, begin
        elif started:
            yield part, None
