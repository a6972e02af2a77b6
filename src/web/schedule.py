"""The recurring jobs. Each may run twice: it asks what there is to do, and a use case does it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ledger import ids
from ledger.billing.sweep import Sweep, SweepReport
from ledger.facts import Cause
from projections.queries.due import DueQueries
from web.checking import checker
from web.parts import Parts

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

PURGE_MINUTES = 60
SWEEP_SECONDS = 60
CHECK_SECONDS = 60
MOST_AT_ONCE = 1_000
"""Of each kind of work in one run; what is left waits for the next."""

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
        self._scheduler.add_job(self._check, "interval", seconds=CHECK_SECONDS, id="check")
        self._scheduler.add_job(self._sweep, "interval", seconds=SWEEP_SECONDS, id="sweep")

    def start(self) -> None:
        """Run the jobs in the background."""
        self._scheduler.start()

    def stop(self) -> None:
        """Finish the job under way and leave."""
        self._scheduler.shutdown(wait=True)

    def _purge(self) -> None:
        log.info("purged %s expired rows", self._parts.desk.purge())

    def _check(self) -> None:
        for wrong in checker(self._parts).turn():
            log.error("check: %s %s %s", wrong.view, wrong.key, ", ".join(wrong.columns))

    def _sweep(self) -> None:
        report = sweep(self._parts)
        if report.outcomes:
            log.info("swept: %s", dict(report.outcomes))
        for broken in report.broken:
            log.error("sweep: %s %s (%s)", broken.item, broken.code, broken.why)


def sweep(parts: Parts) -> SweepReport:
    """Charge what is due, end what nobody paid, take up what broke off."""
    due, now = DueQueries(parts.pool), parts.clock.now()
    run = Sweep(parts.collection, Cause(kind="job", id=ids.new()))
    run.resume(due.undecided(MOST_AT_ONCE))
    run.charge(due.charges(now, MOST_AT_ONCE))
    run.lapse(due.lapses(now, MOST_AT_ONCE))
    return run.report
