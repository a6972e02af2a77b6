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
from typing import Any, Generic, LiteralString, NoReturn, Protocol, TypeVar
from uuid import UUID

from psycopg import Connection, sql

from ledger.errors import Refused
from projections.queries.at_once import Beside
from projections.queries.counting import Count, Counting
from projections.queries.reading import Rows
from projections.queries.stretches import (
    NOWHERE,
    Asked,
    Order,
    Part,
    RowId,
    Stretch,
)

__all__ = ["Count", "CursorMalformed", "List", "Order", "Page", "Part", "Turn"]

R = TypeVar("R", bound="tuple[Any, ...]")
T = TypeVar("T")

Reader = Callable[[Connection[Any], Stretch], list[R]]
"""Reads the rows of a stretch, in order."""


class ReaderAtOnce(Protocol[R]):
    """Reads rows of all parts of an order, each with its part; None where that may take long."""

    def __call__(
        self,
        connection: Connection[Any],
        order: Order,
        asked: Asked,
        *,
        beside: Beside | None,
        falling: bool,
        limit: int,
    ) -> list[tuple[int, R]] | None:
        """At most `limit` rows, rising or falling, beyond another row's place."""
        ...


SELECT: LiteralString = """
SELECT {columns} FROM {table} AS view WHERE {condition} {order} LIMIT %(page_limit)s
"""
MOST_ON_A_PAGE = 2_000


class CursorMalformed(Refused):
    """This cursor is not one that this list has given out with this sort."""

    code = "cursor_malformed"
    pointer = "/cursor"


@dataclass(frozen=True, slots=True)
class Turn:
    """Which page: how many rows, sorted how, from where on."""

    sort: str
    descending: bool = False
    limit: int = 50
    cursor: str | None = None


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

    `row_id` is the column that tells rows with equal keys apart, and `id_of` reads it. `read` reads
    a stretch where the plain query may take too long, `at_once` all where few are asked for.
    """

    table: LiteralString
    orders: Mapping[str, Order]
    row_id: LiteralString
    id_of: Callable[[R], RowId]
    rows: Rows[R]
    id_type: LiteralString = "uuid"
    read: Reader[R] | None = None
    at_once: ReaderAtOnce[R] | None = None

    def page(
        self,
        connection: Connection[Any],
        turn: Turn,
        conditions: Sequence[LiteralString],
        parameters: Mapping[str, object],
    ) -> Page[R]:
        """One page. Raises CursorMalformed; KeyError for a sort that the list doesn't have."""
        return self.page_of(connection, turn, self.orders[turn.sort], Asked(conditions, parameters))

    def page_of(
        self, connection: Connection[Any], turn: Turn, order: Order, asked: Asked
    ) -> Page[R]:
        """One page in an order that what is asked for allows; the same for every page of a list.

        Raises CursorMalformed.
        """
        begin = place(turn, order, self.id_type)
        falling = turn.descending != (begin is not None and begin.backward)
        limit = max(1, min(turn.limit, MOST_ON_A_PAGE))
        found = None
        if self.at_once is not None:
            beside = Beside(begin.part, begin.key, begin.row_id) if begin else None
            found = self.at_once(
                connection, order, asked, beside=beside, falling=falling, limit=limit + 1
            )
        if found is None:
            found = self._part_by_part(connection, order, asked, begin, limit, falling=falling)
        return self._page(turn, order, begin, found, limit)

    def _part_by_part(
        self,
        connection: Connection[Any],
        order: Order,
        asked: Asked,
        begin: Place | None,
        limit: int,
        *,
        falling: bool,
    ) -> list[tuple[int, R]]:
        found: list[tuple[int, R]] = []
        for part, start in _parts(order, begin, reverse=falling):
            beside = None if start is None else (start.key, start.row_id)
            missing = limit + 1 - len(found)
            stretch = Stretch(
                order[part], asked, beside, falling, missing, self.row_id, self.id_type
            )
            found += [(part, row) for row in self._read(connection, stretch)]
            if len(found) > limit:
                break
        return found

    def counted(
        self,
        connection: Connection[Any],
        conditions: Sequence[LiteralString],
        parameters: Mapping[str, object],
    ) -> Count:
        """How many rows there are, or about how many."""
        return Counting(self.table).of(connection, Asked(conditions, parameters))

    def _read(self, connection: Connection[Any], stretch: Stretch) -> list[R]:
        if stretch.part.condition == NOWHERE:
            return []
        return (self.read or self._straight)(connection, stretch)

    def _straight(self, connection: Connection[Any], stretch: Stretch) -> list[R]:
        query = sql.SQL(SELECT).format(
            columns=self.rows.columns,
            table=sql.Identifier(self.table),
            condition=stretch.condition(),
            order=stretch.order(),
        )
        limited = {**stretch.parameters, "page_limit": stretch.limit}
        return self.rows.on(connection, query, limited)

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
