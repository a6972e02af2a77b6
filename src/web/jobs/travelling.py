"""Living through months on a test site's clock: the same jobs, in steps of virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from eventsourcing.persistence import PersistenceError

from ledger.application import Known
from ledger.billing.inbox import Inbox
from ledger.errors import LedgerError
from ledger.notification import Notification
from ledger.order import Order
from ledger.store.inbox import SettledLater
from projections.engine import Leader
from projections.leaders import FOLLOWER, is_held
from web.jobs.every import JOBS
from web.jobs.job import Job, Lead
from web.jobs.runner import Ran, Runner
from web.parts import Parts
from web.running.following import follower
from web.sessions.site_time import SiteClock

MINUTE = timedelta(minutes=1)
STEP = timedelta(hours=12)
"""Shorter than the time within which an Indian card's charge must begin (DU4)."""
TRY_SECONDS, MOST_TRIES = 1.0, 60
"""How long whoever follows the books is waited for, before it is asked again whether they do."""
MOST_AT_HAND = 10_000
"""Orders and notices that are kept from step to step, besides all members."""

Save = Callable[[], AbstractContextManager[object]]
Told = Callable[[datetime], None]


class Movable(Protocol):
    """A clock that can be moved on."""

    def now(self) -> datetime:
        """The present instant."""
        ...

    def advance_to(self, instant: datetime) -> None:
        """Move forward."""
        ...


class ViewsBehind(LedgerError):
    """The views have not read up to position {position} within {seconds:.0f} seconds."""

    code = "views_behind"


@contextmanager
def following(parts: Parts, dsn: str) -> Iterator[Callable[[], None]]:
    """What brings the views up to the books: by itself, or by waiting for who follows."""
    with ExitStack() as open_things:
        yield _Following(parts, dsn, open_things).catch_up


@dataclass
class _Following:
    """Waits for who follows while somebody does, and follows itself from when nobody does."""

    parts: Parts
    dsn: str
    open_things: ExitStack
    leader: Leader | None = None

    def catch_up(self) -> None:
        """Return once the views have read all there is. Raises ViewsBehind."""
        position = self.parts.recorder.max_notification_id() or 0
        tries = 0
        while self.leader is None and self._others_do():
            if self._has_read(position):
                return
            tries += 1
            if tries >= MOST_TRIES:
                raise ViewsBehind(position=position, seconds=MOST_TRIES * TRY_SECONDS)
        if self.leader is None:
            own = follower(self.parts, self.dsn)
            self.leader = self.open_things.enter_context(own.leading())
        self.leader.look()
        while self.leader.step():
            pass

    def _others_do(self) -> bool:
        with self.parts.pool.connection() as connection:
            return is_held(connection, FOLLOWER)

    def _has_read(self, position: int) -> bool:
        seen = self.parts.views.wait_for(position, wait_seconds=TRY_SECONDS)
        return seen.position >= position


@dataclass
class Traveller:
    """Moves a clock on, and at every step runs the jobs whose slot has come.

    Each step's work is saved at once; where somebody else wrote the same streams meanwhile, the
    step is done again item by item. What broke off is done again: the books say what is left.
    """

    parts: Parts
    clock: Movable
    lead: Lead
    catch_up: Callable[[], None]
    jobs: Sequence[Job] = JOBS
    saving: Save = nullcontext
    """Within each save of the books: what the sandbox writes behind is written at its end."""
    _known: Known = field(default_factory=Known)
    _stays: int = 0

    def __post_init__(self) -> None:
        inbox = self.parts.inbox
        self._notices = SettledLater(inbox.table)
        later = Inbox(
            self._notices, inbox.gateway, inbox.observing, inbox.clock, company=inbox.company
        )
        self._runner = Runner(self.parts, self.lead)
        self._batching = Runner(replace(self.parts, inbox=later), self.lead)
        self._slots = self._runner.runs.open_slots(self._runner.holder)

    def go(
        self,
        target: datetime,
        *,
        step: timedelta = STEP,
        told: Told = lambda _: None,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Live up to an instant; whether it was reached. `told` hears each instant."""
        while (now := self.clock.now()) < target and goes_on():
            self.lead.require()
            self.clock.advance_to(min(now + step, target))
            self.live()
            told(self.clock.now())
        return self.clock.now() >= target

    def live(self) -> None:
        """Run the jobs whose slot has come by now."""
        now = self.clock.now()
        due = [(job, job.slot(now)) for job in self.jobs if job.travels]
        due = [(job, slot) for job, slot in due if self._slots.get(job.name) != slot]
        self.catch_up()
        ran = self._worked(due)
        self._runner.keep(ran)
        self._slots |= {one.job.name: one.slot for one in ran if one.is_done}

    def _worked(self, due: Sequence[tuple[Job, datetime]]) -> list[Ran]:
        together = [one for one in due if not one[0].alone]
        ran = self._saved_at_once(together)
        if ran is None:
            ran = [self._runner.work(job, slot) for job, slot in together]
        return ran + [self._runner.work(job, slot) for job, slot in due if job.alone]

    def _saved_at_once(self, due: Sequence[tuple[Job, datetime]]) -> list[Ran] | None:
        """None where somebody else wrote to one of the streams meanwhile: then nothing is saved."""
        try:
            with self.parts.ledger.batch(known=self._known), self.saving():
                ran = [self._batching.work(job, slot) for job, slot in due]
        except PersistenceError:
            self._notices.drop()
            return None
        self._notices.write()
        if len(self._known.aggregates) > self._stays + MOST_AT_HAND:
            self._known.put_away(Order, Notification)  # an old one is hardly asked for again
            self._stays = len(self._known.aggregates)
        return ran


def travel_on(
    parts: Parts,
    dsn: str,
    clock: SiteClock,
    lead: Lead,
    *,
    told: Told = lambda _: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Go the way that was asked for to its end, or as long as it goes on."""
    travel = clock.travel()
    if travel is None:
        return
    with following(parts, dsn) as catch_up:
        traveller = Traveller(parts, clock, lead, catch_up)
        # What fails on the last step but these is told, and its letters are sent, on them.
        is_near = traveller.go(travel.target - 2 * MINUTE, told=told, goes_on=goes_on)
        if is_near and traveller.go(travel.target, step=MINUTE, told=told, goes_on=goes_on):
            clock.arrive()
