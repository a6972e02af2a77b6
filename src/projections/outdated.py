"""Which views are not as this program makes them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from projections.positions import INCOMPLETE, ViewNewer, current, standings
from projections.rebuild_rows import Rebuild, last_of
from projections.tables import Table
from projections.view import View

log = logging.getLogger(__name__)


class OwnViews:
    """What a program that runs on sees to: views that it found outdated, not those it lost.

    What was as it makes them, and no longer is, belongs to a program with other settings that began
    later: to take it back would go on for ever.
    """

    def __init__(self, views: Sequence[View[Any]]) -> None:
        self._views = views
        self._had: set[str] = set()
        self._lost: set[str] = set()

    def outdated(self, connection: Connection[Any]) -> list[str]:
        """Views to fold anew. Raises ViewNewer."""
        stale, found = outdated(connection, self._views), standings(connection)
        tables = [Table(view) for view in self._views]
        self._had |= {table.view.name for table in current(tables, found)}
        incomplete = {one.name for one in found if one.shape == INCOMPLETE}
        lost = self._had.intersection(stale) - incomplete
        if lost - self._lost:
            log.error("rebuilds: another program has other settings for %s", ", ".join(lost))
        self._lost = lost
        return [name for name in stale if name not in lost]


def outdated(connection: Connection[Any], views: Sequence[View[Any]]) -> list[str]:
    """Views that this program's version did not make, but for those that were given up.

    One whose last rebuild for this version failed, was cancelled or rolled back is left to
    whoever asks for it by name. Raises ViewNewer.
    """
    tables = [Table(view) for view in views]
    made = {table.view.name for table in current(tables, standings(connection))}
    stale = [table for table in tables if table.view.name not in made]
    return [table.view.name for table in stale if not _given_up(connection, table)]


def _given_up(connection: Connection[Any], table: Table) -> bool:
    last = last_of(connection, table.view.name)
    return (
        last is not None and not last.is_under_way and last.state != "live" and last.is_of([table])
    )


def require_known(views: Sequence[View[Any]], rebuild: Rebuild) -> None:
    """Or a program that is about to go would end what a newer one has planned.

    Raises ViewNewer.
    """
    known = {view.name: view.version for view in views}
    for name, version in zip(rebuild.names, rebuild.versions, strict=True):
        if version > known.get(name, 0):
            raise ViewNewer(view=name, found=version, known=known.get(name, 0))
