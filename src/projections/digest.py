"""Digests of rows: equal if and only if two tables hold the same, in whatever order they stand.

Rows fall into buckets by the first byte of their partition, so that a difference is found near.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.columns import RowCodec
from projections.view import View

# What the text of a row depends on besides the row.
FIX_TEXTS = """
SELECT set_config('DateStyle', 'ISO, YMD', false), set_config('TimeZone', 'UTC', false),
       set_config('IntervalStyle', 'postgres', false), set_config('bytea_output', 'hex', false),
       set_config('extra_float_digits', '1', false)
"""
DIGEST = """
SELECT {bucket}, count(*), sum({hash}) FROM {table} GROUP BY 1
"""
ROW_HASH = """hashtextextended(ROW({columns})::text COLLATE "C", 0)"""
BUCKET_OF_UUID = "get_byte(uuid_send({key}), 0)"
BUCKET_OF_ANY = "get_byte(sha256(convert_to({key}::text, 'UTF8')), 0)"


class Digest(NamedTuple):
    """How many rows, and the sum of their 64-bit hashes: of two parts together, the sums."""

    rows: int
    hash: int

    def plus(self, other: Digest) -> Digest:
        """Of these rows and others."""
        return Digest(self.rows + other.rows, self.hash + other.hash)


Buckets = dict[int, Digest]
"""By the first byte of the partition, 0 to 255; empty buckets are left out."""


def digest(
    connection: Connection[Any],
    view: View[Any],
    table: sql.Composable,
    columns: Sequence[str] | None = None,
) -> Buckets:
    """The digest of a table with a view's columns; of some of them only, if they are named.

    `table` is anything that can stand after FROM. Leaves the session's ways to write texts fixed.
    """
    first = RowCodec(view.columns).columns[0]
    bucket = BUCKET_OF_UUID if first.type == "uuid" else BUCKET_OF_ANY
    statement = sql.SQL(DIGEST).format(
        bucket=sql.SQL(bucket).format(key=sql.Identifier(first.name)),
        hash=row_hash(view, columns),
        table=table,
    )
    connection.execute(FIX_TEXTS)
    found = connection.cursor(row_factory=tuple_row).execute(statement)
    return {bucket: Digest(rows, int(total)) for bucket, rows, total in found}


def row_hash(view: View[Any], columns: Sequence[str] | None = None) -> sql.Composed:
    """The 64-bit hash of a row, or of some of its columns, in SQL; FIX_TEXTS was executed."""
    names = [one.name for one in RowCodec(view.columns).columns] if columns is None else columns
    listed = sql.SQL(", ").join(sql.Identifier(name) for name in names)
    return sql.SQL(ROW_HASH).format(columns=listed)


def combined(digests: Sequence[Buckets]) -> Buckets:
    """The digest of several parts together."""
    whole: Buckets = {}
    for one in digests:
        for bucket, found in one.items():
            whole[bucket] = whole[bucket].plus(found) if bucket in whole else found
    return whole
