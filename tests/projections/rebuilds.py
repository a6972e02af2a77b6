"""Rebuilding in tests: by this process, and broken off where a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from psycopg import sql
from psycopg.rows import tuple_row

from projections.catalogue import all_views
from projections.crew import Here, carry_out
from projections.digest import Buckets, digest
from projections.rebuild import Rebuilder, Report
from projections.view import View
from tests.projections.books import EUROS, Books


class Killed(Exception):
    """Whoever coordinated is gone."""


def views_with(*changed: View[Any]) -> list[View[Any]]:
    """The site's views, some of them in another version."""
    ours = {view.name: view for view in changed}
    known = [ours.pop(view.name, view) for view in all_views(EUROS)]
    return [*known, *ours.values()]


def rebuilder(books: Books, views: Sequence[View[Any]] | None = None, **changes: Any) -> Rebuilder:
    """A rebuilder that folds by itself."""
    chosen = list(all_views(EUROS)) if views is None else list(views)
    work = partial(carry_out, books.dsn, books.mapper, chosen)
    given: dict[str, Any] = {
        "recorder": books.recorder,
        "mapper": books.mapper,
        "views": chosen,
        "clock": books.clock,
        "crew": Here(work),
    }
    return Rebuilder(books.dsn, **{**given, **changes})


def at(state: str, act: Callable[[], object]) -> Callable[[Report], None]:
    """Do something when a rebuild is about to take the step of a state, once."""
    waiting = [act]

    def tell(report: Report) -> None:
        if report.rebuild.state == state and waiting:
            waiting.pop()()

    return tell


def die() -> None:
    """End the coordinator at once."""
    raise Killed


def digest_of(books: Books, view: View[Any], schema: str = "views") -> Buckets:
    """The digest of a table."""
    with books.pool.connection() as connection:
        return digest(connection, view, sql.Identifier(schema, view.name))


def asked(books: Books, query: str) -> list[tuple[Any, ...]]:
    """What the database answers."""
    with books.pool.connection() as connection:
        cursor = connection.cursor(row_factory=tuple_row).execute(query.encode())
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def done(books: Books, statement: str, schema: str = "views") -> None:
    """Do something to the database by hand; tables are those of a schema."""
    with books.pool.connection() as connection, connection.transaction():
        connection.execute("SELECT set_config('search_path', %(schema)s, true)", {"schema": schema})
        connection.execute(statement.encode())


def shadow(books: Books) -> str:
    """The schema in which a rebuild has its tables."""
    [(name,)] = asked(books, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuild%'")
    return str(name)
