"""The views' rows as this process folds them, fact by fact, out of sight of those it judges."""

from __future__ import annotations

from typing import Any

from ledger.store.mapper import FactMapper
from projections.catalogue import all_views
from projections.compare import stage
from projections.digest import Digest, digest
from projections.status import HASHES
from projections.view import Recorded, fold
from web.parts import Parts

AT_ONCE = 5_000


class Folded:
    """Every view's rows up to a position, kept in memory and carried on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._mapper = FactMapper(parts.ledger.vault)
        self._rows: dict[str, dict[Any, Any]] = {view.name: {} for view in all_views(parts.site)}
        self.position = 0

    def carry_on(self) -> int:
        """Fold what is settled since; the position it has come to."""
        while records := self._parts.recorder.read(self.position, AT_ONCE):
            facts = self._mapper.open_records(records)
            recorded = [Recorded(r.position, fact) for r, fact in zip(records, facts, strict=True)]
            for view in all_views(self._parts.site):
                rows = self._rows[view.name]
                for key, row in fold(view, rows, recorded).items():
                    if row is None:
                        rows.pop(key, None)
                    else:
                        rows[key] = row
            self.position = records[-1].position
        return self.position

    def digests(self) -> dict[str, tuple[int, str]]:
        """Rows and digest by view, as `ledger views status` tells them."""
        told = {}
        with self._parts.pool.connection() as connection, connection.transaction():
            for view in all_views(self._parts.site):
                staged = stage(connection, view, self._rows[view.name].values())
                whole = Digest(0, 0)
                for one in digest(connection, view, staged).values():
                    whole = whole.plus(one)
                told[view.name] = (whole.rows, f"{whole.hash % HASHES:016x}")
        return told
