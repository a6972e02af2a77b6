"""Reading the live views, fenced: rows that another version made are refused, not misread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, errors
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from ledger.errors import LedgerError
from projections.positions import ViewNewer
from projections.view import View

MADE_BY = "SELECT name, version, parameters FROM views.positions"


class ViewNotReady(LedgerError):
    """{view} is being built for this program and can't be read yet; try again in a moment."""

    code = "view_not_ready"


class LiveViews:
    """The source of live rows.

    Each use ends with a look at who made the views: versions only grow, so rows read before that
    look were not made by a later version if none is seen then. Raises ViewNewer, or ViewNotReady
    where a view was never built, was made for other settings or lacks what this version reads.
    """

    def __init__(self, pool: ConnectionPool[Any], views: Sequence[View[Any]]) -> None:
        self._pool = pool
        self._views = {view.name: view for view in views}

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """A connection on which a view's name stands for its live table."""
        with self._pool.connection() as connection:
            try:
                yield connection
            except (errors.UndefinedTable, errors.UndefinedColumn) as error:
                self._require_own(connection)
                raise ViewNotReady(view="A view") from error
            self._require_own(connection)

    def _require_own(self, connection: Connection[Any]) -> None:
        made = connection.cursor(row_factory=tuple_row).execute(MADE_BY)
        for name, version, parameters in made:
            view = self._views.get(name)
            if view is None:
                continue
            if version > view.version:
                raise ViewNewer(view=name, found=version, known=view.version)
            if tuple(parameters) != view.parameters:
                raise ViewNotReady(view=f"The view {name}")
