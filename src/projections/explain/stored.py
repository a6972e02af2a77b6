"""A view's stored rows with how far the view has read, by one statement: one instant for both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from psycopg import Connection, sql
from psycopg.pq import TransactionStatus

from projections.explain.as_stored import AsStored, lenient
from projections.explain.books import Reach, Scope
from projections.queries.reading import Source
from projections.view import View

R = TypeVar("R", bound="tuple[Any, ...]")

READ: LiteralString = """
SELECT standing.position, {columns}{beside}
  FROM (SELECT coalesce(%(known_position)s::bigint, min(position), 0) AS position
          FROM views.positions WHERE name = %(view_name)s) AS standing
  LEFT JOIN {table} AS view ON {condition}
 ORDER BY {key} LIMIT %(most_rows)s
"""
MOST_ROWS = 200
"""Rows of a view that are read at once."""


ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


@contextmanager
def one_instant(source: Source) -> Iterator[Connection[Any]]:
    """A connection whose statements all see the same instant, however many they are.

    A source that is in a transaction already reads what never changes.
    """
    with source.connection() as connection:
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            yield connection
            return
        with connection.transaction():
            connection.execute(ONE_INSTANT)
            yield connection


class Read(NamedTuple, Generic[R]):
    """Rows, what they hold, and what was asked beside each."""

    reach: Reach
    rows: list[R]
    beside: list[tuple[Any, ...]]


class StoredRows(Generic[R]):
    """Reads rows of one view."""

    def __init__(self, scope: Scope, view: View[R]) -> None:
        self._scope, self._view = scope, view
        self._rows = AsStored(view.columns)

    def read(
        self,
        condition: sql.Composable,
        parameters: Mapping[str, object],
        *,
        beside: Sequence[sql.Composable] = (),
    ) -> Read[R]:
        """The rows of a condition on `view`, by key (at most MOST_ROWS), and what they hold.

        `beside` are expressions over `view` whose values are answered with each row.
        """
        query = sql.SQL(READ).format(
            columns=self._rows.columns,
            table=sql.Identifier(self._view.name),
            beside=sql.SQL("").join(sql.SQL(", {}").format(one) for one in beside),
            condition=condition,
            key=_joined(sql.Identifier("view", name) for name in self._view.key),
        )
        standing = {
            "known_position": self._scope.position,
            "view_name": self._view.name,
            "most_rows": MOST_ROWS,
        }
        with self._scope.source.connection() as connection, connection.transaction():
            cursor = lenient(connection).execute(
                query.as_bytes(connection), {**parameters, **standing}
            )
            found = cursor.fetchall()
        width = 1 + self._rows.width
        rows = [one for one in found if one[1] is not None]
        return Read(
            self._scope.reach(found[0][0]),
            [self._rows.decode(one[1:width]) for one in rows],
            [one[width:] for one in rows],
        )


def _joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
