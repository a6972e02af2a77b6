"""A site that charges its members for months, with a worker that crashes, and a stage to do it on.

The virtual clock is moved on by a day or so at a time; whoever may act does, the company's notices
are brought by a bad post, and the worker's own jobs run. A crash throws the whole process away: the
next one starts with what the database holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ledger import ids
from ledger.application import Ledger
from ledger.billing.collection import Collection
from ledger.clock import VirtualClock
from ledger.facts import Cause
from ledger.payments.gateway import Delivery, OutcomeUnknown
from projections.engine import Leader
from scripts.drills.payments_luck import Crash, CrashingRecorder, Luck, Post, Unreliable
from tests.payments.stage import Stage
from web.following import follower
from web.jobs import money
from web.jobs.job import AlwaysLeads, Run
from web.parts import Parts
from web.settings import Settings
from web.wiring import inbox_of, rules, wire

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOBS = (money.resume, money.charge_early, money.charge, money.lapse)
MOST_CRASHES = 400
"""In a row, of one piece of work: then it will never be done."""
LOOKS_EVERY, MOST_LOOKS = timedelta(minutes=40), 12
DONE = frozenset({"processed", "ignored_foreign", "dead"})
UNDERSTOOD = frozenset({"outcome_unknown"})
"""What a run may report of an item without anything being wrong: it is taken up again."""

T = TypeVar("T")


class NeverDone(RuntimeError):
    """A piece of work crashed again and again."""


@dataclass
class Site:
    """One site, its clock and its payment company."""

    parts: Parts
    clock: VirtualClock
    stage: Stage
    luck: Luck
    gateway: Any
    leader: Leader
    catches_up: bool = True

    def __post_init__(self) -> None:
        self.post = Post(self.luck)
        self.broken: list[str] = []
        self._was_unanswered = False
        self.restart()

    # --- the process ------------------------------------------------------------------

    def restart(self) -> None:
        """A process of its own, which knows what the database knows."""
        parts = self.parts
        recorder = CrashingRecorder(parts.pool, self.luck)
        ledger = Ledger(recorder, parts.ledger.vault, clock=self.clock, rules=rules(parts.settings))
        collection = Collection(ledger, self.gateway)
        inbox = inbox_of(collection, parts.pool, self.clock)
        self.parts = replace(
            parts, ledger=ledger, collection=collection, inbox=inbox, recorder=recorder
        )

    def insist(self, act: Callable[[], T]) -> T:
        """Do it, and after each crash again in a new process."""
        for _ in range(MOST_CRASHES):
            try:
                return act()
            except Crash:
                self.restart()
                self.follow()
        raise NeverDone

    def cause(self) -> Cause:
        """Someone's wish, the same when it is repeated."""
        return Cause(kind="request", id=self.luck.id())

    # --- a step of time ---------------------------------------------------------------

    def wait(self, hours: int) -> None:
        """Let time pass, then bring what was posted and run the worker's jobs."""
        self.clock.advance(timedelta(hours=hours))
        for told in self.stage.sent():
            self.post.take(told.raw)
        for raw in self.post.brought():
            self._receive(self.stage.signed(raw))
        if self.catches_up and (self.luck.is_calm or self.luck.chance(60)):
            self.insist(self._catch_up)
        self.insist(self._work)
        for job in JOBS:
            self._finish(job)
        self._look_at_refunds()
        for _ in range(MOST_LOOKS):
            if not self._waits():
                return
            # What failed is tried every few minutes by a worker that runs all the time.
            self.clock.advance(LOOKS_EVERY)
            self.insist(self._work)
            self._finish(money.resume)

    def settle(self) -> None:
        """Let what has begun come to its end, and begin nothing."""
        self.clock.advance(LOOKS_EVERY)
        self.insist(self._catch_up)
        self.insist(self._work)
        self._finish(money.resume)

    def _waits(self) -> bool:
        """Whether a notice is to be tried again, or a call was not answered."""
        undone = self.parts.inbox.table.counts().keys() - DONE
        return bool(undone or self._was_unanswered)

    def _finish(self, job: Callable[[Run], None]) -> None:
        self.follow()
        self._was_unanswered = False
        self.insist(lambda: self._run(job))

    def _look_at_refunds(self) -> None:
        """The night's work: what a crash leaves undone is left to the next night."""
        self.follow()
        try:
            self._run(money.look_at_refunds)
        except Crash:
            self.restart()

    def follow(self) -> None:
        """Bring the views up to the books."""
        self.leader.look()
        while self.leader.step():
            pass

    def _receive(self, told: Delivery) -> None:
        self.insist(lambda: self.parts.inbox.receive(told.raw, told.headers))

    def _catch_up(self) -> None:
        try:
            self.parts.inbox.catch_up()
        except OutcomeUnknown:
            self.luck.counts["catch-ups unanswered"] += 1

    def _work(self) -> None:
        while sum(self.parts.inbox.work().outcomes.values()):
            pass

    def _run(self, job: Callable[[Run], None]) -> None:
        run = Run(
            parts=self.parts, cause=Cause(kind="job", id=ids.new()), lead=AlwaysLeads(), mark=0
        )
        job(run)
        self.luck.counts.update({f"job {name}": times for name, times in run.outcomes.items()})
        wrong = [one for one in run.broken if one.code not in UNDERSTOOD]
        self._was_unanswered = bool(run.outcomes["unknown"] or len(wrong) < len(run.broken))
        self.broken += [f"{job.__name__}: {one.code} {one.why}" for one in wrong]


@contextmanager
def site(
    settings: Settings, dsn: str, stage: Stage, luck: Luck, *, catches_up: bool = True
) -> Iterator[Site]:
    """A site over a database of its own, with the payment company that is on the stage."""
    gateway = Unreliable(stage.gateway, luck, breaks=break_line(stage, luck))
    with (
        wire(settings, dsn, clock=stage.clock) as parts,
        follower(parts, dsn).leading() as leader,
    ):
        yield Site(parts, stage.clock, stage, luck, gateway, leader, catches_up=catches_up)


def break_line(stage: Stage, luck: Luck) -> bool:
    """Let the stage's own line break, if it has one; whether ours must break instead."""
    emulator: Any = getattr(stage, "emulator", None)
    if emulator is None:
        return True

    def fate(_method: str, _path: str) -> str | None:
        if luck.strikes("calls lost", luck.rates.line / 2):
            return luck.dice.choice(["call lost", "busy"])
        if luck.strikes("answers lost", luck.rates.line / 2):
            return luck.dice.choice(["answer lost", "garbage"])
        return None

    emulator.fate = fate
    return False
