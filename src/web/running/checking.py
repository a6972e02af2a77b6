"""The continuous check of the site's views."""

from __future__ import annotations

from ledger.store.mapper import FactMapper
from projections.catalogue import all_views
from projections.check import Checker
from web.parts import Parts


def checker(parts: Parts) -> Checker:
    """What holds the site's views against its books."""
    mapper = FactMapper(parts.ledger.vault)
    return Checker(
        str(parts.pool.conninfo), parts.recorder, mapper, all_views(parts.site), parts.clock
    )
