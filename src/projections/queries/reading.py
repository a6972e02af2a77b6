"""Rows of a view by a query whose columns are the view's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Generic, LiteralString, Protocol, TypeVar
from zoneinfo import ZoneInfo

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.columns import codec, reading

R = TypeVar("R", bound="tuple[Any, ...]")

Parameters = Mapping[str, object]


IN_ZONE = "SELECT current_setting('TimeZone'), set_config('TimeZone', %(zone)s, true)"


class Source(Protocol):
    """Where views are read: live ones, a moment of the past, or one member folded on the spot."""

    def connection(self) -> AbstractContextManager[Connection[Any]]:
        """A connection on which a view's name, without a schema, stands for the right table."""
        ...


class Rows(Generic[R]):
    """Reads the rows of a view. A query says `{columns}` where the view's columns go."""

    def __init__(self, source: Source, row: type[R], *, alias: LiteralString = "view") -> None:
        self.source = source
        self.codec = codec(row)
        self.columns = sql.SQL(", ").join(
            sql.Identifier(alias, column.name) for column in self.codec.columns
        )

    def all(self, query: LiteralString, parameters: Parameters) -> list[R]:
        """Every row that a query finds."""
        with self.source.connection() as connection:
            return self.on(connection, sql.SQL(query).format(columns=self.columns), parameters)

    def one(self, query: LiteralString, parameters: Parameters) -> R | None:
        """The row that a query finds, if there is one."""
        return next(iter(self.all(query, parameters)), None)

    def on(
        self,
        connection: Connection[Any],
        query: sql.Composable,
        parameters: Parameters,
        *,
        prepare: bool | None = None,
    ) -> list[R]:
        """Every row that a composed query finds, on a connection at hand.

        Not prepared, it is planned anew for its parameters each time.
        """
        text = query.as_bytes(connection)
        cursor = reading(connection).execute(text, parameters, prepare=prepare)
        return [self.codec.decode(values) for values in cursor]

    def numbered(
        self, connection: Connection[Any], query: sql.Composable, parameters: Parameters
    ) -> list[tuple[int, R]]:
        """Every row that a query finds, each after a number. It is planned for its parameters."""
        text = query.as_bytes(connection)
        cursor = reading(connection).execute(text, parameters, prepare=False)
        return [(number, self.codec.decode(values)) for number, *values in cursor]


@contextmanager
def in_zone(connection: Connection[Any], zone: ZoneInfo | None) -> Iterator[None]:
    """A transaction in which an instant's date, `::date`, is that of a zone; the server's if None.

    For a zone that a query names, `AT TIME ZONE`, the server looks up its rules at every row.
    """
    if zone is None:
        yield
        return
    with connection.transaction():
        cursor = connection.cursor(row_factory=tuple_row)
        row = cursor.execute(IN_ZONE, {"zone": zone.key}).fetchone()
        yield
        # A transaction around this one goes on as it was.
        cursor.execute(IN_ZONE, {"zone": row[0] if row else "UTC"})
