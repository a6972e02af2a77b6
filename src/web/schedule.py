"""The schedule: of any number of workers one leads, and runs the jobs while it does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

import psycopg
from eventsourcing.persistence import PersistenceError

from ledger.clock import SystemClock
from ledger.errors import LedgerError
from ledger.traces import trace
from web.jobs.every import JOBS
from web.jobs.job import Job
from web.jobs.runner import Runner
from web.jobs.travelling import travel_on
from web.parts import Parts
from web.sessions.leadership import Lead, LeadershipLost, leading
from web.sessions.site_time import SiteClock

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

LOOK_SECONDS = 0.5
"""How often the one who leads looks whether it still does, and whether the clock is to move."""
LONGEST_TICK_SECONDS = 30.0
PAUSE_SECONDS = 2.0

log = logging.getLogger(__name__)


class Schedule:
    """Declared in code, kept in memory: what fell due while nobody ran is found by asking."""

    def __init__(self, parts: Parts, dsn: str, *, jobs: tuple[Job, ...] = JOBS) -> None:
        self._parts, self._dsn, self._jobs = parts, dsn, jobs
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="schedule", daemon=True)

    def start(self) -> None:
        """Stand by in the background, and lead when nobody else does."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the items under way and leave."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with leading(self._dsn, self._stopping) as lead:
                    if lead is not None:
                        self._lead(lead)
            except LeadershipLost:
                log.warning("schedule: another process leads now")
            except (psycopg.Error, PersistenceError, LedgerError) as error:
                log.warning("schedule: %s; trying again", type(error).__name__)
                self._stopping.wait(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 -- or nobody would charge any more
                # What it says may be about people; where it was is not.
                log.error("schedule: %s", "\n".join(trace(error)))  # noqa: TRY400
                self._stopping.wait(PAUSE_SECONDS)

    def _lead(self, lead: Lead) -> None:
        log.info("schedule: this process leads")
        clock = self._parts.clock
        while not self._stopping.is_set():
            with self._ticking(lead):
                while not self._stopping.wait(LOOK_SECONDS):
                    lead.require()
                    if isinstance(clock, SiteClock) and clock.travel() is not None:
                        break
            if isinstance(clock, SiteClock) and not self._stopping.is_set():
                travel_on(self._parts, self._dsn, clock, lead, goes_on=self._goes_on)

    def _goes_on(self) -> bool:
        return not self._stopping.is_set()

    @contextmanager
    def _ticking(self, lead: Lead) -> Iterator[None]:
        from apscheduler.schedulers.background import BackgroundScheduler

        # It warns of each tick that finds its job at work still, which is meant to happen.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        runner, now = Runner(self._parts, lead), SystemClock().now()
        scheduler: BackgroundScheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for job in self._jobs:
            # Twice in each slot, so that no slot passes unseen; a second tick does nothing.
            seconds = min(LONGEST_TICK_SECONDS, job.every.total_seconds() / 2)
            scheduler.add_job(
                _tick,
                "interval",
                seconds=seconds,
                args=[runner, job, lead],
                id=job.name,
                next_run_time=now,
            )
        scheduler.start()
        try:
            yield
        finally:
            lead_is_wanted = not self._stopping.is_set()
            if not lead_is_wanted:
                lead.give_up()  # the items under way are the last
            scheduler.shutdown(wait=True)


def _tick(runner: Runner, job: Job, lead: Lead) -> None:
    try:
        runner.tick(job)
    except LeadershipLost:
        log.info("schedule: %s broke off, another process leads", job.name)
    except (psycopg.Error, PersistenceError) as error:
        log.warning("schedule: %s: %s", job.name, type(error).__name__)
        if not lead.is_held():
            log.warning("schedule: the lead is lost")
