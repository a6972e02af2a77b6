"""The worker: follows the books with every view, builds moments, and runs the schedule."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event

from ledger.store.mapper import FactMapper
from projections.catalogue import all_views
from projections.engine import Follower
from web.keeping import RebuildKeeper
from web.parts import Parts
from web.schedule import Schedule


def follower(parts: Parts, dsn: str) -> Follower:
    """The follower of every view of the site."""
    return Follower(
        dsn,
        recorder=parts.recorder,
        mapper=FactMapper(parts.ledger.vault),
        views=all_views(parts.site),
        clock=parts.clock,
    )


def run(parts: Parts, dsn: str, stopping: Event) -> None:
    """Work until told to stop. Any number of workers may run; one of them leads."""
    with ExitStack() as open_things:
        views = follower(parts, dsn)
        views.start()
        open_things.callback(views.stop)
        parts.past.worker.start()
        open_things.callback(parts.past.worker.stop)
        rebuilds = RebuildKeeper(parts)
        rebuilds.start()
        open_things.callback(rebuilds.stop)
        schedule = Schedule(parts)
        schedule.start()
        open_things.callback(schedule.stop)
        stopping.wait()
