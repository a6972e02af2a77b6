"""The worker: follows the books with every view, builds moments, and runs the schedule."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event

from web.parts import Parts
from web.payments.pinned import require_own_gateway
from web.running.following import follower
from web.running.keeping import RebuildKeeper
from web.schedule import Schedule


def run(parts: Parts, dsn: str, stopping: Event) -> None:
    """Work until told to stop. Any number of workers may run; one of them leads.

    Raises GatewayChanged or GatewayModeDiffers before anything is charged.
    """
    require_own_gateway(parts)
    with ExitStack() as open_things:
        views = follower(parts, dsn)
        views.start()
        open_things.callback(views.stop)
        parts.past.worker.start()
        open_things.callback(parts.past.worker.stop)
        rebuilds = RebuildKeeper(parts)
        rebuilds.start()
        open_things.callback(rebuilds.stop)
        schedule = Schedule(parts, dsn)
        schedule.start()
        open_things.callback(schedule.stop)
        stopping.wait()
