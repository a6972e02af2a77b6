"""How the schedule stands: every job with its last run, and whether anybody leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from projections.leaders import SCHEDULE, is_held
from web.jobs.every import JOBS
from web.jobs.job import Job
from web.parts import Parts
from web.sessions.job_runs import JobRuns, JobState


class LeftFact(NamedTuple):
    """A fact that a job could not work on, and when it is tried again; `code` is the error's."""

    position: int
    tries: int
    next_at: datetime
    code: str


@dataclass(frozen=True, slots=True)
class JobStanding:
    """A job that is declared, and how it ran last; None where it never did."""

    name: str
    every: timedelta
    state: JobState | None

    def left(self) -> list[LeftFact]:
        """What it left, by position, as its row keeps it."""
        kept = self.state.left_facts if self.state else {}
        return [_left(int(position), kept[position]) for position in sorted(kept, key=int)]


@dataclass(frozen=True, slots=True)
class ScheduleStanding:
    """All jobs, in their order."""

    is_led: bool
    jobs: Sequence[JobStanding]

    @classmethod
    def of(cls, parts: Parts, jobs: Sequence[Job] = JOBS) -> ScheduleStanding:
        """As it stands now."""
        states = {state.name: state for state in JobRuns(parts.pool).all()}
        with parts.pool.connection() as connection:
            is_led = is_held(connection, SCHEDULE)
        return cls(is_led, [JobStanding(j.name, j.every, states.get(j.name)) for j in jobs])


def _left(position: int, entry: object) -> LeftFact:
    match entry:
        case [int(tries), str(next_at), str(code)]:
            return LeftFact(position, tries, datetime.fromisoformat(next_at), code)
    message = f"fact {position} is left in a way that nobody knows"
    raise ValueError(message)
