"""The jobs of the schedule as operators read them: names and counts, never about whom (NO5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from web.jobs.standing import JobStanding, LeftFact
from web.wording.languages import gettext, message, ngettext

JOBS = {
    "post": message("Notices of the play money"),
    "missed notices": message("Fetching missed notices"),
    "inbox": message("Working off notices"),
    "prices": message("Telling of new prices"),
    "reminders": message("Renewal reminders"),
    "attempts": message("Open payments and refunds"),
    "early charges": message("Charges that begin early"),
    "charges": message("Charges"),
    "lapses": message("Lapses"),
    "failures": message("Telling of failed payments"),
    "news": message("Telling what happened"),
    "letters": message("Sending letters"),
    "posting": message("Handing letters over"),
    "refunds": message("Refunds that came back"),
    "messages": message("Messages to mailing lists"),
    "acts": message("Acts on many members"),
    "reconciliation": message("Reconciliation"),
    "old notices": message("Forgetting old notices"),
    "check": message("Checking the views"),
    "purge": message("Clearing away"),
}
"""A job without a word of its own is shown by its name."""


@dataclass(frozen=True)
class JobShown:
    """A job and its last run; nothing of a run where there was none."""

    name: str
    label: str
    every: str
    began_at: datetime | None = None
    is_running: bool = False
    seconds: str = ""
    runs: int = 0
    failures: int = 0
    outcomes: Sequence[tuple[str, int]] = ()
    left: Sequence[LeftFact] = ()
    error: str | None = None
    error_at: datetime | None = None


def shown(job: JobStanding) -> JobShown:
    """A job as it stands."""
    label, state = gettext(JOBS.get(job.name, job.name)), job.state
    if state is None:
        return JobShown(job.name, label, span(job.every))
    seconds, thousandths = divmod(state.milliseconds, 1_000)
    return JobShown(
        name=job.name,
        label=label,
        every=span(job.every),
        began_at=state.began_at,
        is_running=state.ended_at is None,
        seconds=f"{seconds}.{thousandths // 10:02d}",
        runs=state.runs,
        failures=state.failures,
        outcomes=sorted(state.outcomes.items()),
        left=job.left(),
        error=state.error,
        error_at=state.error_at,
    )


def span(every: timedelta) -> str:
    """How often, in its largest whole unit."""
    seconds = int(every.total_seconds())
    if seconds % 86_400 == 0:
        return ngettext("every day", "every %(num)s days", seconds // 86_400) % {
            "num": seconds // 86_400
        }
    return _shorter(seconds)


def _shorter(seconds: int) -> str:
    if seconds % 3_600 == 0:
        hours = seconds // 3_600
        return ngettext("every hour", "every %(num)s hours", hours) % {"num": hours}
    if seconds % 60 == 0:
        minutes = seconds // 60
        return ngettext("every minute", "every %(num)s minutes", minutes) % {"num": minutes}
    return ngettext("every second", "every %(num)s seconds", seconds) % {"num": seconds}
