"""Rows on their way into a table that is filled: staged, so that just they can be digested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import Connection, sql

from projections.columns import RowCodec, teach
from projections.digest import Buckets, digest
from projections.view import View
from projections.written import Written

OPEN = "CREATE TEMPORARY TABLE {stage} (LIKE {table})"
COPY = "COPY {stage} ({columns}) FROM STDIN (FORMAT BINARY)"
MOVE = "INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage}"
CLOSE = "DROP TABLE {stage}"


class Stage:
    """A temporary table like a view's own, within one transaction."""

    def __init__(self, view: View[Any], schema: str) -> None:
        self.view = view
        self._codec = RowCodec(view.columns)
        self._stage = sql.Identifier("pg_temp", f"part_{view.name}")
        self._parts = {
            "stage": self._stage,
            "table": sql.Identifier(schema, view.name),
            "columns": sql.SQL(", ").join(sql.Identifier(c.name) for c in self._codec.columns),
        }
        self._copy = self._composed(COPY)

    def open(self, connection: Connection[Any]) -> None:
        """Make it, empty."""
        connection.execute(self._composed(OPEN))

    def add(self, connection: Connection[Any], rows: Sequence[Any]) -> None:
        """Put rows in."""
        if not rows:
            return
        cursor, encode = connection.cursor(), self._codec.encode
        teach(cursor)
        with cursor.copy(self._copy) as copy:
            copy.set_types(self._codec.types)
            for row in rows:
                copy.write_row(encode(row))

    def close(self, connection: Connection[Any], written: Written | None = None) -> Buckets:
        """Move all rows to the view's table, and answer their digest; it is kept in `written`."""
        if written is None:
            found = digest(connection, self.view, self._stage)
        else:
            found = written.add(connection, self.view, self._stage)
        connection.execute(self._composed(MOVE))
        connection.execute(self._composed(CLOSE))
        return found

    def _composed(self, template: LiteralString) -> sql.Composed:
        return sql.SQL(template).format(**self._parts)
