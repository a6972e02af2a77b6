"""A job, and one run of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from ledger.billing.sweep import Broken, Sweep
from ledger.facts import Cause
from projections.queries.due import DueQueries
from web.parts import Parts

PAGE = 500
"""So many items are asked for at once; a run goes on until nothing is left."""
PATIENCE_SECONDS = 5.0
"""How long a run waits for the views to see what it did, before it leaves the rest to the next."""

EPOCH = datetime(2000, 1, 3, tzinfo=UTC)

Item = TypeVar("Item", bound=Hashable)


class Lead(Protocol):
    """What a run asks before each item."""

    def require(self) -> None:
        """Raise LeadershipLost unless this process still leads."""
        ...


class AlwaysLeads:
    """Where there is one process only."""

    def require(self) -> None:
        """It leads."""


@dataclass(kw_only=True)
class Run:
    """One run of a job: what it works with, and what it has to tell.

    `mark` is how far it had read before, and then how far it has; None of a job that reads nothing.
    """

    parts: Parts
    cause: Cause
    lead: Lead
    mark: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    moved_mark: bool = False

    @property
    def due(self) -> DueQueries:
        """Asks what is due."""
        return DueQueries(self.parts.pool)

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.parts.clock.now()

    def count(self, outcome: str, times: int = 1) -> None:
        """That something came to this."""
        if times:
            self.outcomes[outcome] += times

    def move_mark(self, position: int) -> None:
        """Everything up to here was read."""
        self.mark, self.moved_mark = position, True

    def sweep(self) -> Sweep:
        """A sweep that stops when this process leads no more; `take` its report in the end."""
        return Sweep(self.parts.collection, self.cause, before_each=self.lead.require)

    def take(self, sweep: Sweep) -> None:
        """What came of a sweep."""
        self.outcomes.update(sweep.report.outcomes)
        self.broken.extend(sweep.report.broken)

    def pages(
        self, ask: Callable[[int, int], Sequence[Item]], act: Callable[[Iterable[Item]], None]
    ) -> None:
        """Act on every item that `ask(limit, skip)` finds, each once.

        Between two pages the views are waited for, since they say what is still to be done.
        """
        tried: set[Item] = set()
        skip = 0
        while True:
            found = ask(PAGE, skip)
            fresh = [item for item in found if item not in tried]
            act(fresh)
            if len(found) < PAGE or not self._is_seen():
                return
            tried.update(fresh)
            # What is as it was stands before what was not tried yet: it has been due for longer.
            skip += len(found) - len(fresh)

    def _is_seen(self) -> bool:
        if self.parts.ledger.is_batching:
            return False  # nothing is saved yet
        position = self.parts.recorder.max_notification_id() or 0
        seen = self.parts.views.wait_for(position, wait_seconds=PATIENCE_SECONDS)
        return seen.position >= position


@dataclass(frozen=True)
class Job:
    """Something to do in every slot of time: minutes, hours, nights.

    `after` is how long after the start of a slot it is to run. `travels`: it also runs while a
    test site's clock is moved on; what looks after the machine itself does not. `reads`: it reads
    the books from its mark on. `alone`: it needs what the jobs before it did to be in the books,
    also where a step's work is saved at once.
    """

    name: str
    every: timedelta
    work: Callable[[Run], None]
    after: timedelta = timedelta()
    travels: bool = True
    reads: bool = False
    alone: bool = False

    def slot(self, now: datetime) -> datetime:
        """The start of the slot that an instant lies in."""
        return now - (now - EPOCH - self.after) % self.every
