"""A site that charges its members for months, with processes that crash, and a stage to do it on.

The virtual clock is moved on by a day or so at a time; whoever may act does, the company's notices
are brought by a bad post to the site's own address, and the worker's own jobs run. A crash throws
the whole process away: the next one starts with what the database holds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from ledger import ids
from ledger.application import Ledger
from ledger.billing.collection import Collection
from ledger.billing.inbox import HELD_FOR
from ledger.clock import VirtualClock
from ledger.facts import Cause
from ledger.payments.gateway import OutcomeUnknown
from ledger.store.mapper import FactMapper
from projections.catalogue import all_views
from projections.engine import Follower, Leader
from scripts.drills.payments_browser import REFUSED, SILENT, Browsers, Said
from scripts.drills.payments_luck import (
    Crash,
    CrashingRecorder,
    CrashingTable,
    Luck,
    MortalReplays,
    Post,
    Unreliable,
)
from tests.payments.stage import Stage
from web.api.catalogue import all_routes
from web.app import create_app
from web.jobs import money
from web.jobs.job import AlwaysLeads, Run
from web.parts import Parts
from web.payments.companies import SANDBOX, STRIPE
from web.sessions.sessions import Kind
from web.settings import Settings
from web.wiring import inbox_of, rules, wire

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOBS = (money.resume, money.charge_early, money.charge, money.lapse)
READ_BY_JOBS = frozenset({"members", "memberships", "orders", "movements"})
"""The views that say what is due; the others are not followed meanwhile."""
MOST_CRASHES = 400
"""In a row, of one piece of work: then it will never be done."""
LOOKS_EVERY, MOST_LOOKS = timedelta(minutes=40), 12
TICK, MOST_TRIES = timedelta(minutes=1), 4
NIGHTS_OF_A_HUNDRED = 30
"""In so many steps of a hundred, refunds that may come back are looked at."""
A_MOMENT = timedelta(minutes=1, seconds=5)
"""After which somebody whose browser showed nothing tries again, and is not held up any more."""
DONE = frozenset({"processed", "ignored_foreign", "dead"})

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
    company: str = SANDBOX
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.post = Post(self.luck)
        self.browsers = Browsers(create_app(self.parts, routes=all_routes()), self.clock)
        self._has_news = True
        self.restart()

    @property
    def plays_bank(self) -> bool:
        """Whether the site's own pages stand in for the person's bank."""
        return self.company == SANDBOX

    # --- the process ------------------------------------------------------------------

    def restart(self) -> None:
        """A process of its own, which knows what the database knows."""
        parts, luck = self.parts, self.luck
        luck.is_dead = False
        self._late: dict[str, dict[Hashable, None]] = {}
        recorder = CrashingRecorder(parts.pool, luck)
        recorder.on_append.append(self._wake)
        ledger = Ledger(recorder, parts.ledger.vault, clock=self.clock, rules=rules(parts.settings))
        collection = Collection(ledger, self.gateway)
        inbox = inbox_of(collection, parts.pool, self.clock, self.company)
        inbox.table = CrashingTable(parts.pool, ledger.vault.derive("inbox"), luck)
        self.parts = replace(
            parts, ledger=ledger, collection=collection, inbox=inbox, recorder=recorder
        )
        self.browsers.serve(self.parts)

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

    # --- what people send -------------------------------------------------------------

    def ask(
        self, kind: Kind, who: UUID, path: str, body: object | None = None, *, key: UUID
    ) -> Said:
        """Somebody's wish; where nothing comes back, they send it again a moment later."""
        for _ in range(MOST_CRASHES):
            try:
                said = self.browsers.post(kind, who, path, body, key=key)
            except Crash:
                self.restart()
                self.clock.advance(A_MOMENT)
            else:
                self._hear(path, said)
                return said
        raise NeverDone

    def _hear(self, path: str, said: Said) -> None:
        if said.code == SILENT:
            self.luck.counts["wishes unanswered"] += 1
        elif said.status in REFUSED:
            self.luck.counts[f"refused {said.code}"] += 1
        elif not said.is_good:
            self.broken.append(f"{path}: {said.status} {said.code}")

    # --- a step of time ---------------------------------------------------------------

    def wait(self, hours: int) -> None:
        """Let time pass, then bring what was posted and run the worker's jobs."""
        self.clock.advance(timedelta(hours=hours))
        for told in self.stage.sent():
            self.post.take(told.raw)
        for raw in self.post.brought():
            self._receive(raw)
        if self.luck.is_calm or self.luck.chance(60):
            self.insist(self._catch_up)
        self._work()
        for job in JOBS:
            self._finish(job)
        self._look_at_refunds()
        for _ in range(MOST_LOOKS):
            if not self._waits():
                return
            # What failed is tried every few minutes by a worker that runs all the time.
            self.clock.advance(LOOKS_EVERY)
            self._work()

    def settle(self) -> None:
        """Let what has begun come to its end, and begin nothing."""
        self.clock.advance(LOOKS_EVERY)
        self.insist(self._catch_up)
        self._work()
        self._finish(money.resume)

    def _waits(self) -> bool:
        """Whether a notice is to be tried again."""
        return bool(self.parts.inbox.table.counts().keys() - DONE)

    def _finish(self, job: Callable[[Run], None]) -> None:
        """Run a job; where the company does not answer, again at the worker's next tick.

        After some tries what is left waits for another day, on which its key may be too old.
        """
        for _ in range(MOST_TRIES):
            self.follow()
            if not self.insist(lambda: self._run(job)):
                return
            self.clock.advance(TICK)

    def _look_at_refunds(self) -> None:
        """Some night's work: what a crash leaves undone is left to the next such night."""
        if self.luck.dice.randrange(100) >= NIGHTS_OF_A_HUNDRED:
            return
        try:
            for _ in range(MOST_TRIES):
                self.follow()
                if not self._run(money.look_at_refunds):
                    return
        except Crash:
            self.restart()

    def follow(self) -> None:
        """Bring the views up to the books."""
        if not self._has_news:
            return
        self._has_news = False
        self.leader.look()
        while self.leader.step():
            pass

    def _wake(self) -> None:
        self._has_news = True

    def _receive(self, raw: bytes) -> None:
        """The company posts a notice; where nobody says that it was kept, it does so again."""
        told = self.stage.signed(raw)
        try:
            said = self.browsers.deliver(self.company, told.raw, dict(told.headers))
        except Crash:
            self.restart()
            self.post.take_back(raw)
        else:
            self.luck.counts["notices received"] += 1
            if not said.is_good:
                self.broken.append(f"a notice: {said.status} {said.code}")

    def _catch_up(self) -> None:
        try:
            self.parts.inbox.catch_up()
        except OutcomeUnknown:
            self.luck.counts["catch-ups unanswered"] += 1

    def _work(self) -> None:
        """Work notices off; what a process took that is gone is let go of after a while."""
        for _ in range(MOST_CRASHES):
            try:
                while self.parts.inbox.work().outcomes.total():
                    pass
            except Crash:
                self.restart()
                self.clock.advance(HELD_FOR)
            else:
                return
        raise NeverDone

    def _run(self, job: Callable[[Run], None]) -> bool:
        """Whether the company was silent."""
        cause = Cause(kind="job", id=ids.new())
        late = self._late.setdefault(job.__name__, {})
        run = Run(parts=self.parts, cause=cause, lead=AlwaysLeads(), late=late)
        job(run)
        self.luck.counts.update({f"job {name}": times for name, times in run.outcomes.items()})
        self.broken += [f"{job.__name__}: {one.code} {one.why}" for one in run.broken]
        return run.is_silent


@contextmanager
def site(settings: Settings, dsn: str, stage: Stage, luck: Luck) -> Iterator[Site]:
    """A site over a database of its own, with the payment company that is on the stage."""
    gateway = Unreliable(stage.gateway, luck, breaks=break_line(stage, luck))
    with wire(settings, dsn, clock=stage.clock) as wired:
        parts, company = _with_company(wired, stage, luck)
        with _follower(parts, dsn).leading() as leader:
            yield Site(parts, stage.clock, stage, luck, gateway, leader, company)


def _with_company(parts: Parts, stage: Stage, luck: Luck) -> tuple[Parts, str]:
    """The parts of a site that charges through what is on the stage, and how that is addressed."""
    desk = replace(parts.desk, replays=MortalReplays(parts.desk, parts.pool, parts.clock, luck))
    sandbox: Any = getattr(stage, "sandbox", None)
    if sandbox is not None:
        return replace(parts, desk=desk, sandbox=sandbox), SANDBOX
    shown = parts.settings.model_copy(update={"stripe_publishable_key": "pk_test_emulated"})
    return replace(parts, desk=desk, settings=shown), STRIPE


def _follower(parts: Parts, dsn: str) -> Follower:
    return Follower(
        dsn,
        recorder=parts.recorder,
        mapper=FactMapper(parts.ledger.vault),
        views=[view for view in all_views(parts.site) if view.name in READ_BY_JOBS],
        clock=parts.clock,
    )


def break_line(stage: Stage, luck: Luck) -> bool:
    """Let the stage's own line break, if it has one; whether ours must break instead."""
    emulator: Any = getattr(stage, "emulator", None)
    if emulator is None:
        return True

    def fate(_method: str, _path: str) -> str | None:
        if luck.strikes("calls lost", luck.rates.line / 2):
            return luck.dice.choice(["call lost", "busy", "conflict"])
        if luck.strikes("answers lost", luck.rates.line / 2):
            return luck.dice.choice(["answer lost", "garbage", "broken"])
        return None

    emulator.fate = fate
    return False
