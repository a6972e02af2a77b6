"""What became of the schedule's jobs: last run, how long it took, what it did, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from web.sessions.pool import Pool

# A slot that was claimed and never finished was claimed by a leader who is gone, or whose run could
# not be kept: the holder asks once a run has ended only.
CLAIM = """
    INSERT INTO web.jobs AS job (name, slot, holder, began_at)
    VALUES (%(name)s, %(slot)s, %(holder)s, %(now)s)
    ON CONFLICT (name) DO UPDATE
    SET slot = excluded.slot, holder = excluded.holder, began_at = excluded.began_at,
        ended_at = NULL
    WHERE job.slot < excluded.slot
       OR job.ended_at IS NULL
    RETURNING name
"""
RECORD = """
    INSERT INTO web.jobs AS job (name, slot, holder, began_at, ended_at, milliseconds, runs,
                                 failures, outcomes, total, error, error_at, mark, left_facts)
    VALUES (%(name)s, %(done_up_to)s, %(holder)s, %(began_at)s, %(ended_at)s, %(milliseconds)s, 1,
            %(failed)s, %(outcomes)s, %(outcomes)s, %(error)s, %(error_at)s,
            coalesce(%(mark)s::bigint, 0), coalesce(%(left_facts)s::jsonb, '{}'))
    ON CONFLICT (name) DO UPDATE
    SET slot = CASE WHEN job.slot > %(slot)s THEN job.slot ELSE excluded.slot END,
        holder = excluded.holder,
        began_at = excluded.began_at, ended_at = excluded.ended_at,
        milliseconds = excluded.milliseconds, runs = job.runs + 1,
        failures = job.failures + excluded.failures, outcomes = excluded.outcomes,
        total = (SELECT coalesce(jsonb_object_agg(key, sum), '{}')
                   FROM (SELECT key, sum(value::bigint)
                           FROM (SELECT * FROM jsonb_each_text(job.total)
                                 UNION ALL SELECT * FROM jsonb_each_text(excluded.outcomes)) AS each
                          GROUP BY key) AS summed),
        error = coalesce(excluded.error, job.error),
        error_at = coalesce(excluded.error_at, job.error_at),
        mark = coalesce(%(mark)s::bigint, job.mark),
        left_facts = coalesce(%(left_facts)s::jsonb, job.left_facts)
"""
PROGRESS = "SELECT mark, left_facts FROM web.jobs WHERE name = %(name)s"
SLOTS = "SELECT name, slot, holder, ended_at FROM web.jobs"
ALL = """
    SELECT name, slot, began_at, ended_at, milliseconds, runs, failures, outcomes, total, error,
           error_at, mark, left_facts
      FROM web.jobs ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class Left:
    """A fact that could not be worked on: how often it was tried, when it is tried again, and why.

    `code` is that of an error, never a sentence.
    """

    tries: int
    next_at: datetime
    code: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has read the books, and which facts before that are left, by position."""

    mark: int = 0
    left: Mapping[int, Left] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as it last ran. `error` is a code, never a sentence: that may quote somebody.

    `left_facts` are those that it could not work on yet, by position.
    """

    name: str
    slot: datetime
    began_at: datetime
    ended_at: datetime | None
    milliseconds: int
    runs: int
    failures: int
    outcomes: Mapping[str, int]
    total: Mapping[str, int]
    error: str | None
    error_at: datetime | None
    mark: int
    left_facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run that has ended. `mark` and `left` are its progress, if it reads and made some.

    `done_up_to` is the slot itself, or an earlier one where it is to be run again.
    """

    name: str
    slot: datetime
    done_up_to: datetime
    holder: UUID
    began_at: datetime
    ended_at: datetime
    milliseconds: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    mark: int | None = None
    left: Mapping[int, Left] | None = None


class JobRuns:
    """Claims slots of jobs, and keeps what became of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def claim(self, name: str, slot: datetime, *, holder: UUID, now: datetime) -> bool:
        """Whether a slot is the holder's to run: nobody ran it, or who began it is gone."""
        values = {"name": name, "slot": slot, "holder": holder, "now": now}
        with self._pool.connection() as connection:
            return connection.execute(CLAIM, values).fetchone() is not None

    def record(self, runs: Sequence[JobRun]) -> None:
        """Keep what became of some runs, all at once."""
        with self._pool.connection() as connection, connection.transaction():
            connection.cursor().executemany(RECORD, [_values(run) for run in runs])

    def open_slots(self, holder: UUID) -> dict[str, datetime]:
        """The slot that each job has run last; none of a job whose leader left it half done."""
        with self._pool.connection() as connection:
            rows = connection.execute(SLOTS).fetchall()
        return {
            name: slot
            for name, slot, own, ended_at in rows
            if ended_at is not None or own == holder
        }

    def progress(self, name: str) -> Progress:
        """How far a job has read, and what it left."""
        with self._pool.connection() as connection:
            row = connection.execute(PROGRESS, {"name": name}).fetchone()
        return Progress(int(row[0]), _left(row[1])) if row else Progress()

    def all(self) -> list[JobState]:
        """Every job that ever ran, by name."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(JobState))
            return cursor.execute(ALL).fetchall()


def _values(run: JobRun) -> dict[str, object]:
    return {
        "name": run.name,
        "slot": run.slot,
        "done_up_to": run.done_up_to,
        "holder": run.holder,
        "began_at": run.began_at,
        "ended_at": run.ended_at,
        "milliseconds": run.milliseconds,
        "failed": int(run.error is not None),
        "outcomes": Jsonb(dict(run.outcomes)),
        "error": run.error,
        "error_at": run.ended_at if run.error else None,
        "mark": run.mark,
        "left_facts": None if run.left is None else Jsonb(_kept(run.left)),
    }


def _kept(left: Mapping[int, Left]) -> dict[str, list[object]]:
    return {
        str(position): [one.tries, one.next_at.isoformat(), one.code]
        for position, one in left.items()
    }


def _left(kept: Mapping[str, tuple[int, str, str]]) -> dict[int, Left]:
    return {
        int(position): Left(tries, datetime.fromisoformat(next_at), code)
        for position, (tries, next_at, code) in kept.items()
    }
