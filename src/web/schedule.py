"""The recurring jobs. Each may run twice: it asks what there is to do, and a use case does it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from web.parts import Parts

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

PURGE_MINUTES = 60

log = logging.getLogger(__name__)


class Schedule:
    """Declared in code, kept in memory: what fell due while nobody ran is found by asking."""

    def __init__(self, parts: Parts) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler

        self._parts = parts
        self._scheduler: BackgroundScheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1}
        )
        self._scheduler.add_job(self._purge, "interval", minutes=PURGE_MINUTES, id="purge")

    def start(self) -> None:
        """Run the jobs in the background."""
        self._scheduler.start()

    def stop(self) -> None:
        """Finish the job under way and leave."""
        self._scheduler.shutdown(wait=True)

    def _purge(self) -> None:
        log.info("purged %s expired rows", self._parts.desk.purge())
