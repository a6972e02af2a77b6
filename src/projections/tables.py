"""A view's table: made from its columns, read by keys, written in bulk."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, sql

from projections.columns import Column, RowCodec, reading, teach
from projections.view import Index, Key, View

FEW = 40
"""Up to so many rows are sent one by one in a pipeline; for more, COPY is cheaper."""

CREATE = "CREATE TABLE {table} ({columns}) WITH (fillfactor = 85)"
ADD_KEY = "ALTER TABLE {table} ADD PRIMARY KEY ({key})"
LOAD = """
SELECT {columns} FROM {table} AS stored
  JOIN unnest({arrays}) AS asked ({key}) USING ({key})
"""
INSERT = "INSERT INTO {table} ({columns}) VALUES ({values})"
UPSERT = "{insert} ON CONFLICT ({key}) DO UPDATE SET {settings}"
DELETE = "DELETE FROM {table} WHERE ({key}) = ({values})"
STAGE = "CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS"
UNSTAGE = "DROP TABLE IF EXISTS {stage}"
COPY = "COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
UPDATE = "UPDATE {table} AS stored SET {settings} FROM {stage} AS excluded WHERE {same}"
ADD_INDEX = "CREATE INDEX {name} ON {table} "
MOVE = "ALTER TABLE {table} SET SCHEMA {schema}"
DROP = "DROP TABLE IF EXISTS {table}"
ANALYZE = "ANALYZE {table}"
HAS_KEY = """
SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(%(name)s) AND indisprimary)
"""
EXISTS = "SELECT to_regclass(%(name)s) IS NOT NULL"
HAS_EXTENSION = "SELECT true FROM pg_extension WHERE extname = %(name)s"

SCHEMA = "views"
"""Where the tables stand that serve. One that is filled beside them has the same name elsewhere."""


class Table:
    """Where a view's rows are kept: the table of its name, in a schema."""

    def __init__(self, view: View[Any], schema: str = SCHEMA) -> None:
        self.view = view
        self.schema = schema
        self.codec = RowCodec(view.columns)
        columns = self.codec.columns
        self._key_columns = columns[: len(view.key)]
        self._said = _said(schema, view.name, view.key, columns)

    @property
    def shape(self) -> str:
        """Says by which version, columns, indexes and parameters the rows were made."""
        described = (
            self.view.version,
            [(column.name, column.definition) for column in self.codec.columns],
            self.view.indexes,
            self.view.parameters,
        )
        return hashlib.sha256(repr(described).encode()).hexdigest()

    # --- rows -------------------------------------------------------------------------

    def load(self, connection: Connection[Any], keys: Collection[Key]) -> dict[Key, Any]:
        """The rows that exist, by key."""
        cursor = reading(connection)
        teach(cursor)
        parts = zip(self._key_columns, zip(*keys, strict=True), strict=True)
        cursor.execute(self._said.load, [column.array(part) for column, part in parts])
        decode, size = self.codec.decode, len(self._key_columns)
        return {values[:size]: decode(values) for values in cursor}

    def write(
        self, connection: Connection[Any], rows: Mapping[Key, Any], changes: Mapping[Key, Any]
    ) -> None:
        """Bring the table from `rows`, which it holds, to what a fold changed.

        `connection` was taught Json. To be done once in a transaction:
        what is staged goes with its commit.
        """
        gone, kept = _changed(rows, changes)
        fresh = [row for key, row in kept.items() if key not in rows]
        moved = [row for key, row in kept.items() if key in rows]
        if gone:
            connection.cursor().executemany(self._said.delete, gone)
        if len(fresh) > FEW:
            self._copy_rows(connection, self._said.copy, fresh)
        elif fresh:
            self._send(connection, self._said.insert, fresh)
        if len(moved) > FEW:
            connection.execute(self._said.make_stage)
            self._copy_rows(connection, self._said.copy_stage, moved)
            connection.execute(self._said.update)
        elif moved:
            self._send(connection, self._said.upsert, moved)

    def write_singly(
        self, connection: Connection[Any], rows: Mapping[Key, Any], changes: Mapping[Key, Any]
    ) -> None:
        """The same without COPY, as often as needed in one transaction."""
        gone, kept = _changed(rows, changes)
        if gone:
            connection.cursor().executemany(self._said.delete, gone)
        if kept:
            self._send(connection, self._said.upsert, list(kept.values()))

    def _send(self, connection: Connection[Any], statement: bytes, rows: list[Any]) -> None:
        connection.cursor().executemany(statement, [self.codec.encode(row) for row in rows])

    def _copy_rows(self, connection: Connection[Any], statement: bytes, rows: list[Any]) -> None:
        encode = self.codec.encode
        with connection.cursor().copy(statement) as copy:
            copy.set_types(self.codec.types)
            for row in rows:
                copy.write_row(encode(row))

    # --- the table itself -------------------------------------------------------------

    def exists(self, connection: Connection[Any]) -> bool:
        """Whether there is such a table."""
        return self._is(connection, EXISTS)

    def is_indexed(self, connection: Connection[Any]) -> bool:
        """Whether its indexes were made."""
        return self._is(connection, HAS_KEY)

    def create(self, connection: Connection[Any], *, indexed: bool) -> None:
        """Make it anew and empty; without key and indexes if it is to be filled first."""
        self.drop(connection)
        definitions = _joined(
            sql.SQL(" ").join((sql.Identifier(column.name), _typed(column)))
            for column in self.codec.columns
        )
        connection.execute(self._compose(CREATE, columns=definitions))
        if indexed:
            self.add_indexes(connection)

    def add_indexes(self, connection: Connection[Any]) -> None:
        """Make the primary key, and the secondary indexes that this server can make."""
        connection.execute(self._compose(ADD_KEY))
        for index in self.view.indexes:
            if _can_have(connection, index):
                # The definition is a constant of the view, not data.
                text = sql.SQL(index.definition)
                added = self._compose(ADD_INDEX, name=self._index_name(index))
                connection.execute(added + text.as_bytes(None))

    def move(self, connection: Connection[Any], schema: str) -> None:
        """Let it stand in another schema, which has none of its name; its indexes go with it."""
        connection.execute(self._compose(MOVE, schema=sql.Identifier(schema)))

    def drop(self, connection: Connection[Any]) -> None:
        """Remove it, if it is there, and what was staged for it."""
        connection.execute(self._compose(UNSTAGE))
        connection.execute(self._compose(DROP))

    def analyze(self, connection: Connection[Any]) -> None:
        """Let the server look at what is in it."""
        connection.execute(self._compose(ANALYZE))

    # --- statements -------------------------------------------------------------------

    def _is(self, connection: Connection[Any], question: LiteralString) -> bool:
        asked = {"name": f"{self.schema}.{self.view.name}"}
        row = connection.execute(question, asked).fetchone()
        return bool(row and row[0])

    def _index_name(self, index: Index) -> sql.Identifier:
        return sql.Identifier(f"{self.view.name}_{index.name}")

    def _compose(self, template: LiteralString, **parts: sql.Composable) -> bytes:
        own = _parts(self.schema, self.view.name, self.view.key, self.codec.columns)
        return _composed(template, {**own, **parts})


class _Said(NamedTuple):
    """What is said to a table's server again and again."""

    load: bytes
    insert: bytes
    upsert: bytes
    delete: bytes
    copy: bytes
    copy_stage: bytes
    update: bytes
    make_stage: bytes


# To compose them takes some milliseconds, and many look at the same tables.
@lru_cache(maxsize=1_024)
def _said(schema: str, name: str, key: tuple[str, ...], columns: tuple[Column, ...]) -> _Said:
    parts = _parts(schema, name, key, columns)
    same = sql.SQL("stored.{column} = excluded.{column}")
    one_by_one = {
        "arrays": _joined(_array(column) for column in columns[: len(key)]),
        "insert": sql.SQL(INSERT).format(**parts),
        "same": sql.SQL(" AND ").join(same.format(column=sql.Identifier(one)) for one in key),
    }
    asked = {**parts, "values": _joined(sql.Placeholder() for _ in key)}
    return _Said(
        load=_composed(LOAD, {**parts, **one_by_one}),
        insert=_composed(INSERT, parts),
        upsert=_composed(UPSERT, {**parts, **one_by_one}),
        delete=_composed(DELETE, asked),
        copy=_composed(COPY, parts),
        copy_stage=_composed(COPY, {**parts, "table": parts["stage"]}),
        update=_composed(UPDATE, {**parts, **one_by_one}),
        make_stage=_composed(STAGE, parts),
    )


@lru_cache(maxsize=1_024)
def _parts(
    schema: str, name: str, key: tuple[str, ...], columns: tuple[Column, ...]
) -> dict[str, sql.Composable]:
    names = [column.name for column in columns]
    setting = sql.SQL("{column} = excluded.{column}")
    return {
        "table": sql.Identifier(schema, name),
        "stage": sql.Identifier("pg_temp", f"staged_{schema}_{name}"),
        "columns": _joined(sql.Identifier(one) for one in names),
        "values": _joined(sql.Placeholder() for _ in names),
        "key": _joined(sql.Identifier(one) for one in key),
        "settings": _joined(
            setting.format(column=sql.Identifier(one)) for one in names if one not in key
        ),
    }


def _composed(template: LiteralString, parts: Mapping[str, sql.Composable]) -> bytes:
    return sql.SQL(template).format(**parts).as_bytes(None)


def _changed(
    rows: Mapping[Key, Any], changes: Mapping[Key, Any]
) -> tuple[list[Key], dict[Key, Any]]:
    """The keys of rows that are no more, and the rows that are not as they were."""
    news = {key: row for key, row in changes.items() if row is not rows.get(key)}
    gone = [key for key, row in news.items() if row is None]
    return gone, {key: row for key, row in news.items() if row is not None}


def _typed(column: Column) -> sql.Composable:
    return sql.SQL(column.definition)


def _array(column: Column) -> sql.Composable:
    return sql.SQL("%s::{type}[]").format(type=sql.SQL(column.type))


def _joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _can_have(connection: Connection[Any], index: Index) -> bool:
    if index.extension is None:
        return True
    found = connection.execute(HAS_EXTENSION, {"name": index.extension}).fetchone()
    return found is not None
