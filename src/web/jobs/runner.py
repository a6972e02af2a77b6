"""Runs jobs: each slot once, by who leads; keeps what became of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger import ids
from ledger.errors import LedgerError
from ledger.facts import Cause
from ledger.payments.gateway import OutcomeUnknown
from ledger.store.refusals import AWAY
from ledger.traces import trace
from web.jobs.job import Job, Lead, Run
from web.parts import Parts
from web.sessions.job_runs import JobRun, JobRuns, Progress
from web.sessions.leadership import LeadershipLost

PASSES = (OutcomeUnknown, *AWAY)
"""What may be over in a moment, so that the job is done again as soon as it can be."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ran:
    """A run that ended: what is kept of it once its work is saved.

    `is_done` is false where it is to be done again soon: the payment company did not answer, or
    the database could not be reached.
    """

    job: Job
    run: Run
    slot: datetime
    began_at: datetime
    seconds: float
    error: str | None
    is_done: bool


class Runner:
    """Runs jobs as one holder of the lead. Safe to share among threads, a job in one at a time."""

    def __init__(self, parts: Parts, lead: Lead) -> None:
        self._parts, self._lead = parts, lead
        self.runs = JobRuns(parts.pool)
        self.holder: UUID = ids.new()
        self._done: dict[str, datetime] = {}
        self._late: dict[str, dict[Hashable, None]] = {}

    def tick(self, job: Job) -> bool:
        """Run a job if its slot has come and nobody has run it to its end; whether it ran."""
        now = self._parts.clock.now()
        slot = job.slot(now)
        if self._done.get(job.name) == slot:
            return False
        self._lead.require()
        if not self.runs.claim(job.name, slot, holder=self.holder, now=now):
            self._done[job.name] = slot
            return False
        ran = self.work(job, slot)
        self.keep([ran])
        if ran.is_done:
            self._done[job.name] = slot
        return True

    def work(self, job: Job, slot: datetime) -> Ran:
        """Run a job now, whatever was claimed. Raises LeadershipLost, and no other error."""
        parts, progress = self._parts, self.runs.progress(job.name) if job.reads else Progress()
        run = Run(
            parts=parts,
            cause=Cause(kind="job", id=ids.new()),
            lead=self._lead,
            mark=progress.mark,
            left=dict(progress.left),
            late=self._late.setdefault(job.name, {}),
        )
        began_at, began = parts.clock.now(), time.monotonic()
        failure = _failure_of(job, run)
        return Ran(
            job=job,
            run=run,
            slot=slot,
            began_at=began_at,
            seconds=time.monotonic() - began,
            error=_code_of(failure),
            is_done=not isinstance(failure, PASSES),
        )

    def keep(self, ran: Sequence[Ran]) -> None:
        """Keep what became of some runs, and how far they have read."""
        if ran:
            self.runs.record([self._row(one) for one in ran])

    def _row(self, ran: Ran) -> JobRun:
        outcomes = dict(ran.run.outcomes)
        if ran.run.broken:
            outcomes["broken"] = len(ran.run.broken)
        if outcomes:
            log.info("%s: %s", ran.job.name, outcomes)
        return JobRun(
            name=ran.job.name,
            slot=ran.slot,
            done_up_to=ran.slot if ran.is_done else ran.slot - ran.job.every,
            holder=self.holder,
            began_at=ran.began_at,
            ended_at=self._parts.clock.now(),
            milliseconds=round(ran.seconds * 1000),
            outcomes=outcomes,
            error=ran.error or next((one.code for one in ran.run.broken), None),
            mark=ran.run.mark if ran.run.made_progress else None,
            left=ran.run.left if ran.run.made_progress else None,
        )


def _failure_of(job: Job, run: Run) -> Exception | None:
    """What stopped the job before its end."""
    failure: Exception | None = None
    try:
        job.work(run)
    except LeadershipLost:
        raise
    except LedgerError as refusal:
        failure = refusal
    except Exception as unforeseen:  # noqa: BLE001 -- kept and told; the other jobs go on
        failure = unforeseen
        log.error("%s: %s", job.name, "\n".join(trace(unforeseen)))  # noqa: TRY400
    for broken in run.broken:
        log.error("%s: %s %s", job.name, broken.item, broken.code)
    return failure or (OutcomeUnknown(key=job.name) if run.is_silent else None)


def _code_of(failure: Exception | None) -> str | None:
    """A code: a message may quote what is personal."""
    if isinstance(failure, LedgerError):
        return failure.code
    return type(failure).__name__ if failure is not None else None
