"""Who follows the books with every view of the site."""

from __future__ import annotations

from ledger.store.mapper import FactMapper
from projections.catalogue import all_views
from projections.engine import Follower
from web.parts import Parts


def follower(parts: Parts, dsn: str) -> Follower:
    """The follower of every view of the site."""
    return Follower(
        dsn,
        recorder=parts.recorder,
        mapper=FactMapper(parts.ledger.vault),
        views=all_views(parts.site),
        clock=parts.clock,
    )
