"""Reading the live views, fenced: rows that another version made are refused, not misread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from psycopg import Connection, errors
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from ledger.errors import LedgerError
from projections.positions import ViewNewer
from projections.view import View

MADE_BY = "SELECT name, version, parameters FROM views.positions"


_used: ContextVar[set[LiveViews] | None] = ContextVar("views to be looked at", default=None)


@contextmanager
def looking_once() -> Iterator[None]:
    """Whoever uses live views within looks at its end who made them, once for all its uses.

    Raises ViewNewer or ViewNotReady then, also where something else went wrong: what was read may
    have misled it. What is read must not be given away before.
    """
    used: set[LiveViews] = set()
    token = _used.set(used)
    try:
        yield
    finally:
        _used.reset(token)
        for views in used:
            views.require_own()


class ViewNotReady(LedgerError):
    """{view} is being built for this program and can't be read yet; try again in a moment."""

    code = "view_not_ready"


class LiveViews:
    """The source of live rows.

    Each use, or several of them (see `looking_once`), ends with a look at who made the views:
    versions only grow, so rows read before that look were not made by a later version if none is
    seen then. Raises ViewNewer, or ViewNotReady where a view was never built, was made for other
    settings or lacks what this version reads.
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
            used = _used.get()
            if used is None:
                self._require_own(connection)
            else:
                used.add(self)

    def require_own(self) -> None:
        """Look who made the views. Raises ViewNewer or ViewNotReady."""
        with self._pool.connection() as connection:
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
