"""Arrays as PostgreSQL's binary format has them; psycopg's general way takes ten times as long."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, ClassVar
from uuid import UUID

from psycopg.abc import AdaptContext
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEADER = Struct("!iiIii")  # dimensions, may hold nulls, type of an element, length, lower bound
_LENGTH = Struct("!i")
_INT4 = Struct("!i")
_INT8 = Struct("!q")
_NULL = _LENGTH.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Column(ABC):
    """One column of the rows that are sent, as an array; None is null. False if there is no row."""

    element_oid: ClassVar[int]
    array_oid: ClassVar[int]

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    @staticmethod
    @abstractmethod
    def encode(value: Any) -> bytes:
        """One element in PostgreSQL's binary format."""

    def to_bytes(self) -> bytes:
        """The array in PostgreSQL's binary format."""
        parts = [_HEADER.pack(1, 1, self.element_oid, len(self.values), 1)]
        for value in self.values:
            if value is None:
                parts.append(_NULL)
            else:
                encoded = self.encode(value)
                parts += (_LENGTH.pack(len(encoded)), encoded)
        return b"".join(parts)


class UuidColumn(Column):
    """An array of uuid."""

    element_oid, array_oid = 2950, 2951

    @staticmethod
    def encode(value: UUID) -> bytes:
        """Sixteen bytes."""
        return value.bytes


class IntegerColumn(Column):
    """An array of int4."""

    element_oid, array_oid = 23, 1007

    @staticmethod
    def encode(value: int) -> bytes:
        """Four bytes."""
        return _INT4.pack(value)


class BigintColumn(Column):
    """An array of int8."""

    element_oid, array_oid = 20, 1016

    @staticmethod
    def encode(value: int) -> bytes:
        """Eight bytes."""
        return _INT8.pack(value)


class BooleanColumn(Column):
    """An array of boolean."""

    element_oid, array_oid = 16, 1000

    @staticmethod
    def encode(value: bool) -> bytes:
        """One byte."""
        return b"\x01" if value else b"\x00"


class TextColumn(Column):
    """An array of text."""

    element_oid, array_oid = 25, 1009

    @staticmethod
    def encode(value: str) -> bytes:
        """UTF-8, as databases of ours are encoded."""
        return value.encode()


class InstantColumn(Column):
    """An array of timestamptz, from aware datetimes."""

    element_oid, array_oid = 1184, 1185

    @staticmethod
    def encode(value: datetime) -> bytes:
        """Microseconds since the year 2000."""
        return _INT8.pack((value - _EPOCH) // _MICROSECOND)


class BytesColumn(Column):
    """An array of bytea."""

    element_oid, array_oid = 17, 1001

    @staticmethod
    def encode(value: bytes) -> bytes:
        """As they are."""
        return bytes(value)


class _ColumnDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> Buffer:
        return obj.to_bytes()


class _UuidDumper(_ColumnDumper):
    oid = UuidColumn.array_oid


class _IntegerDumper(_ColumnDumper):
    oid = IntegerColumn.array_oid


class _BigintDumper(_ColumnDumper):
    oid = BigintColumn.array_oid


class _BooleanDumper(_ColumnDumper):
    oid = BooleanColumn.array_oid


class _TextDumper(_ColumnDumper):
    oid = TextColumn.array_oid


class _InstantDumper(_ColumnDumper):
    oid = InstantColumn.array_oid


class _BytesDumper(_ColumnDumper):
    oid = BytesColumn.array_oid


DUMPERS: dict[type[Column], type[_ColumnDumper]] = {
    UuidColumn: _UuidDumper,
    IntegerColumn: _IntegerDumper,
    BigintColumn: _BigintDumper,
    BooleanColumn: _BooleanDumper,
    TextColumn: _TextDumper,
    InstantColumn: _InstantDumper,
    BytesColumn: _BytesDumper,
}


def register_columns(context: AdaptContext) -> None:
    """Teach a connection or cursor to send columns, and no other arrays of their types by COPY."""
    adapters = context.adapters
    assert adapters is not None  # noqa: S101 -- every connection and cursor has its own
    for column, dumper in DUMPERS.items():
        adapters.register_dumper(column, dumper)
