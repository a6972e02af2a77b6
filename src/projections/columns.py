"""A row's types as a table's columns, and its values on their way to and from the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.abc import AdaptContext
from psycopg.adapt import AdaptersMap, Buffer, Dumper, Loader
from psycopg.pq import Format
from psycopg.rows import tuple_row
from pydantic import TypeAdapter

from ledger.store import arrays

R = TypeVar("R", bound="tuple[Any, ...]")

_SCALARS = {UUID: "uuid", str: "text", int: "bigint", bool: "boolean", datetime: "timestamptz"}
_TYPES = {name: scalar for scalar, name in _SCALARS.items()}
_ARRAYS: dict[type, type[arrays.Column]] = {
    UUID: arrays.UuidColumn,
    str: arrays.TextColumn,
    int: arrays.BigintColumn,
    bool: arrays.BooleanColumn,
    datetime: arrays.InstantColumn,
}
_JSONB, _JSONB_VERSION = 3802, b"\x01"


class Column(NamedTuple):
    """One column: its type as SQL, and how values that need it are changed on the way."""

    name: str
    type: str
    nullable: bool
    encode: Callable[[Any], Any] | None = None
    decode: Callable[[Any], Any] | None = None

    @property
    def definition(self) -> str:
        """The type as a table declares it: text compares by bytes, on every server alike."""
        collation = ' COLLATE "C"' if self.type.startswith("text") else ""
        return self.type + collation + ("" if self.nullable else " NOT NULL")

    def array(self, values: Sequence[Any]) -> arrays.Column:
        """Values of this column as a parameter, for a connection or cursor that was taught."""
        return _ARRAYS[_TYPES[self.type]](values)


@cache
def columns_of(row: type[tuple[Any, ...]]) -> tuple[Column, ...]:
    """The columns that a NamedTuple declares.

    UUID, str, int, bool and datetime, each perhaps `| None`; tuples of them become arrays;
    tuples of dataclasses become jsonb.
    """
    return tuple(_column(name, hint) for name, hint in get_type_hints(row).items())


def _column(name: str, hint: Any) -> Column:
    nullable = get_origin(hint) in {Union, UnionType}
    if nullable:
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    if hint in _SCALARS:
        return Column(name, _SCALARS[hint], nullable)
    element = get_args(hint)[0]
    if is_dataclass(element):
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        return Column(name, "jsonb", nullable, _to_json(adapter), adapter.validate_json)
    return Column(name, f"{_SCALARS[element]}[]", nullable, _ARRAYS[element], tuple)


class RowCodec:
    """Turns the rows of one kind into what psycopg sends, and back."""

    def __init__(self, row: type[tuple[Any, ...]]) -> None:
        self.columns = columns_of(row)
        self.types = [column.type for column in self.columns]
        self._make: Callable[[Iterable[Any]], Any] = row._make  # type: ignore[attr-defined]
        self._encoders = [(i, c.encode) for i, c in enumerate(self.columns) if c.encode]
        self._decoders = [(i, c.decode) for i, c in enumerate(self.columns) if c.decode]

    def encode(self, row: tuple[Any, ...]) -> Sequence[Any]:
        """The values of a row as they are sent."""
        if not self._encoders:
            return row
        values = list(row)
        for place, encode in self._encoders:
            values[place] = encode(values[place])
        return values

    def decode(self, values: Sequence[Any]) -> Any:
        """The row whose values were read, in the order of its columns, by a cursor of `reading`."""
        if self._decoders:
            values = list(values)
            for place, decode in self._decoders:
                values[place] = decode(values[place])
        return self._make(values)


@cache
def codec(row: type[tuple[Any, ...]]) -> RowCodec:
    """The codec of a kind of row; made once."""
    return RowCodec(row)


class Json(bytes):
    """A document that goes to a jsonb column as it is."""


def _to_json(adapter: TypeAdapter[Any]) -> Callable[[Any], Json]:
    # A quarter of the time of pydantic's to_json, which looks at each value for what it is.
    write = adapter.serializer.to_json
    return lambda value: Json(write(value))


class _JsonDumper(Dumper):
    oid = _JSONB
    format = Format.BINARY

    def dump(self, obj: Json) -> Buffer:
        return _JSONB_VERSION + obj


class _JsonLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)[1:]


def teach(context: AdaptContext) -> None:
    """Let a connection or cursor send what `RowCodec.encode` makes, and read as `reading` does."""
    arrays.register_columns(context)
    _adapters(context).register_dumper(Json, _JsonDumper)
    _adapters(context).register_loader(_JSONB, _JsonLoader)


def _adapters(context: AdaptContext) -> AdaptersMap:
    assert context.adapters is not None  # noqa: S101 -- every connection and cursor has its own
    return context.adapters


def reading(connection: Connection[Any]) -> Cursor[tuple[Any, ...]]:
    """A cursor for `RowCodec.decode`: binary tuples, jsonb as bytes."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    cursor.adapters.register_loader(_JSONB, _JsonLoader)
    return cursor
