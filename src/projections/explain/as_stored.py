"""Rows as a hand may have left them: what no value of ours can stand for is read as its text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from psycopg import Connection, Cursor, sql
from psycopg.adapt import Buffer
from psycopg.errors import DataError
from psycopg.types.array import ArrayBinaryLoader
from psycopg.types.datetime import TimestamptzBinaryLoader

from projections.columns import Column, columns_of, reading

R = TypeVar("R", bound="tuple[Any, ...]")

_DIMENSIONS = Struct("!iIIii")  # how many, may hold nulls, type of an element, length, lower bound
BEYOND_RECKONING = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError)
"""What is raised where a hand has left something else in a row than it should hold."""

_INSTANT, _ARRAYS = "timestamptz", ("uuid[]", "text[]", "bigint[]", "boolean[]", "timestamptz[]")
_UNREAD = object()


class Unreadable(str):
    """A stored value that no value of ours can stand for, as the database writes it.

    Equal to nothing that facts make; what reckons with it raises TypeError or AttributeError.
    """

    __slots__ = ()


class AsStored(Generic[R]):
    """Reads rows of one kind, whatever stands in them: an instant beyond the calendar, an array of
    arrays or one that does not begin at 1, a document of another shape.
    """

    def __init__(self, row: type[R], *, alias: LiteralString = "view") -> None:
        self._make: Callable[[Iterable[Any]], R] = row._make  # type: ignore[attr-defined]
        self._columns = columns_of(row)
        names = [sql.Identifier(alias, column.name) for column in self._columns]
        # Under names of their own: a query may be in the order of a column.
        texts = [
            sql.SQL("{}::text AS {}").format(name, sql.Identifier(f"{column.name} as text"))
            for name, column in zip(names, self._columns, strict=True)
        ]
        self.columns = sql.SQL(", ").join([*names, *texts])
        self.width = 2 * len(names)
        """Of `columns`: each as it is, then each as a text."""

    def on(
        self, connection: Connection[Any], query: sql.Composable, parameters: Mapping[str, object]
    ) -> list[R]:
        """Every row that a composed query finds, which selects `columns`."""
        text = query.as_bytes(connection)
        return [self.decode(one) for one in lenient(connection).execute(text, parameters)]

    def decode(self, values: Sequence[Any]) -> R:
        """The row whose `columns` a lenient cursor has read."""
        own, texts = values[: len(self._columns)], values[len(self._columns) :]
        return self._make(map(_value, self._columns, own, texts))


class Broken(NamedTuple):
    """A column of a row that holds what no fact makes and nothing can be reckoned from."""

    view: str
    column: str
    stored: str


def broken(view: str, rows: Iterable[tuple[Any, ...]]) -> list[Broken]:
    """The columns of rows that hold what can't be read, with what that is."""
    return [
        Broken(view, name, str(value))
        for row in rows
        for name, value in zip(row._fields, row, strict=True)  # type: ignore[attr-defined]
        if isinstance(value, Unreadable)
    ]


def lenient(connection: Connection[Any]) -> Cursor[tuple[Any, ...]]:
    """A cursor for `AsStored.decode`."""
    cursor = reading(connection)
    types = connection.adapters.types
    cursor.adapters.register_loader(types[_INSTANT].oid, _InstantLoader)
    for name in _ARRAYS:
        cursor.adapters.register_loader(types[name.removesuffix("[]")].array_oid, _ArrayLoader)
    return cursor


class _InstantLoader(TimestamptzBinaryLoader):
    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except DataError:
            return _UNREAD


class _ArrayLoader(ArrayBinaryLoader):
    def load(self, data: Buffer) -> Any:
        if len(data) >= _DIMENSIONS.size:  # a shorter one is empty
            dimensions, _, _, _, lower_bound = _DIMENSIONS.unpack_from(data)
            if (dimensions, lower_bound) != (1, 1):
                return _UNREAD
        found = super().load(data)
        return _UNREAD if any(one is _UNREAD for one in found) else tuple(found)


def _value(column: Column, value: Any, text: str | None) -> Any:
    if value is _UNREAD:
        return Unreadable(text)
    if value is None or column.type != "jsonb":
        return value
    return _document(column, value, str(text))


def _document(column: Column, value: bytes, text: str) -> Any:
    """What a document says; its text where it says anything else besides, or not as we would."""
    assert column.decode is not None  # noqa: S101 -- documents are columns that have both
    assert column.encode is not None  # noqa: S101
    try:
        found = column.decode(value)
        is_ours = json.loads(column.encode(found)) == json.loads(value)
    except ValueError:  # pydantic's is one
        return Unreadable(text)
    return found if is_ours else Unreadable(text)
