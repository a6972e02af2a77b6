"""A job, and one run of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar, cast
from uuid import UUID

from ledger.billing.sweep import Broken, Sweep, SweepReport
from ledger.errors import LedgerError
from ledger.facts import Cause
from ledger.payments.gateway import OutcomeUnknown
from ledger.store.refusals import AWAY
from projections.queries.due import DueQueries
from web.parts import Parts
from web.sessions.job_runs import Left

PAGE = 500
"""So many items are asked for at once; a run goes on until nothing is left."""
PATIENCE_SECONDS = 5.0
"""How long a run waits for the views to see what it did, before it leaves the rest to the next."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
"""After how long a fact that broke is tried again: twice as long each time."""

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

    `mark` is how far it had read before, and then how far it has; 0 of a job that reads nothing.
    `late` are items about which the payment company was silent in the runs before, to be tried
    after the others. `is_silent`: it was so in this one, which therefore ended before its end.
    `left` are facts before the mark that could not be worked on, by position: tried again until
    they can.
    """

    parts: Parts
    cause: Cause
    lead: Lead
    mark: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    left: dict[int, Left] = field(default_factory=dict)
    made_progress: bool = False
    late: dict[Hashable, None] = field(default_factory=dict)
    is_silent: bool = False

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
        self.mark, self.made_progress = position, True

    def left_until_now(self) -> list[int]:
        """Where the facts stand that are to be tried again by now."""
        return sorted(position for position, one in self.left.items() if one.next_at <= self.now)

    @contextmanager
    def on_fact(self, position: int, item: UUID) -> Iterator[None]:
        """Work alone on the item of a fact: where it breaks the fact is left for a later run."""
        before = len(self.broken)
        with self.alone(item):
            yield
        if broken := self.broken[before:]:
            tries = self.left[position].tries + 1 if position in self.left else 1
            next_at = self.now + min(FIRST_PAUSE * 2 ** min(tries - 1, 20), LONGEST_PAUSE)
            self.left[position] = Left(tries, next_at, broken[0].code)
            self.made_progress = True
        elif self.left.pop(position, None):
            self.made_progress = True

    def sweep(
        self,
        ask: Callable[[int, int], Sequence[Item]],
        act: Callable[[Sweep, Iterable[Item]], None],
    ) -> None:
        """Sweep over what `ask(limit, skip)` finds.

        It stops when this process leads no more, and where the payment company does not answer:
        then what that was about comes last the next time, so that it holds up nothing else.
        """
        sweep = Sweep(self.parts.collection, self.cause, before_each=self.lead.require)
        try:
            self.pages(ask, partial(act, sweep), goes_on=lambda: sweep.report.silent_about is None)
        finally:
            self._take(sweep.report)

    def pages(
        self,
        ask: Callable[[int, int], Sequence[Item]],
        act: Callable[[Iterable[Item]], None],
        *,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Act on every item that `ask(limit, skip)` finds, each once, those that are late last.

        Between two pages the views are waited for, since they say what is still to be done.
        """
        tried: set[Item] = set()
        late: set[Hashable] = set()
        skip = 0
        while True:
            found = ask(PAGE, skip)
            fresh = [item for item in found if item not in tried]
            late.update(item for item in fresh if item in self.late)
            act(item for item in fresh if item not in self.late)
            if len(found) < PAGE or not goes_on() or not self._is_seen():
                break
            tried.update(fresh)
            # What is as it was stands before what was not tried yet: it has been due for longer.
            skip += len(found) - len(fresh)
        act(cast("Item", item) for item in list(self.late) if item in late)

    @contextmanager
    def alone(self, item: UUID) -> Iterator[None]:
        """Work on one item: where it breaks that is reported, and the others go on."""
        self.lead.require()
        try:
            yield
        except (OutcomeUnknown, *AWAY):
            raise  # nothing is wrong with the item
        except LedgerError as refusal:
            self.broken.append(Broken(item, refusal.code, str(refusal)))
        except Exception as error:  # noqa: BLE001 -- reported; the others must not wait
            self.broken.append(Broken(item, type(error).__name__, str(error)))

    def _take(self, report: SweepReport) -> None:
        self.outcomes.update(report.outcomes)
        self.broken.extend(report.broken)
        self.is_silent = report.silent_about is not None
        if self.is_silent:
            self.late.pop(report.silent_about, None)
            self.late[report.silent_about] = None
        else:
            self.late.clear()

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
