"""Bad luck with payments, repeatable: broken lines, crashes, and a post that loses and repeats."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.payments.gateway import OutcomeUnknown
from ledger.store.inbox import InboxTable
from ledger.store.recorder import FactRecorder
from web.sessions.desk import Desk
from web.sessions.replays import Mine, Replays

UNTROUBLED = frozenset({"identify", "verify_notice"})
"""Calls that ask nobody."""


class Crash(BaseException):
    """The process ends here: nobody may catch it, nothing is tidied up."""


@dataclass(frozen=True)
class Rates:
    """How often what goes wrong, of a hundred; before and after count alike.

    A process may crash at each call to the company, and at each of the some three writes to the
    database that go with it.
    """

    line: int = 25
    crash: int = 12
    crash_at_write: int = 4
    lost: int = 15
    twice: int = 15
    late: int = 30


class Luck:
    """Dice that fall the same way for the same seed; what fell is counted."""

    def __init__(self, seed: int, rates: Rates | None = None) -> None:
        self.seed = seed
        self.dice = random.Random(seed)  # noqa: S311 -- repeatable bad luck, no secret
        self.rates = rates or Rates()
        self.counts: Counter[str] = Counter()
        self.is_calm = False
        self.is_dead = False
        """Whether the process has ended: what still runs of it may write nothing."""

    def strikes(self, what: str, of_a_hundred: float) -> bool:
        """Whether it goes wrong this time."""
        if self.is_calm or self.dice.random() * 100 >= of_a_hundred:
            return False
        self.counts[what] += 1
        return True

    def chance(self, of_a_hundred: int) -> bool:
        """Whether somebody happens to do something."""
        return not self.is_calm and self.dice.randrange(100) < of_a_hundred

    def may_crash(self, of_a_hundred: int | None = None) -> None:
        """Perhaps the end: as likely before a step as after it. At a call, unless told."""
        if self.strikes("crashes", (of_a_hundred or self.rates.crash) / 2):
            self.is_dead = True
            raise Crash

    def may_crash_at_write(self) -> None:
        """Perhaps the end, beside a write to the database."""
        self.may_crash(self.rates.crash_at_write)

    @contextmanager
    def calmed(self) -> Iterator[None]:
        """Nothing goes wrong meanwhile: somebody else acts, on a line of their own."""
        was, self.is_calm = self.is_calm, True
        try:
            yield
        finally:
            self.is_calm = was

    def id(self) -> UUID:
        """Somebody's or something's."""
        return UUID(int=self.dice.getrandbits(128), version=4)


class Unreliable:
    """A gateway behind a line that breaks, used by a process that crashes."""

    def __init__(self, gateway: Any, luck: Luck, *, breaks: bool) -> None:
        self._gateway, self._luck, self._breaks = gateway, luck, breaks

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., object] = getattr(self._gateway, name)
        return call if name in UNTROUBLED else self._carried(name, call)

    def _carried(self, name: str, call: Callable[..., object]) -> Callable[..., object]:
        luck = self._luck

        def carried(*given: object, **asked: object) -> object:
            luck.may_crash()
            if self._breaks and luck.strikes("calls lost", luck.rates.line / 2):
                raise OutcomeUnknown(key=name)
            answer = call(*given, **asked)
            if self._breaks and luck.strikes("answers lost", luck.rates.line / 2):
                raise OutcomeUnknown(key=name)
            luck.may_crash()
            return answer

        return carried


class CrashingRecorder(FactRecorder):
    """Books of a process that may end right before or right after it saves."""

    def __init__(self, pool: Any, luck: Luck) -> None:
        super().__init__(pool)
        self._luck = luck

    def insert_events(self, *given: Any, **more: Any) -> Any:
        """Save, unless this is the end."""
        self._luck.may_crash_at_write()
        saved = super().insert_events(*given, **more)
        self._luck.may_crash_at_write()
        return saved


class CrashingTable(InboxTable):
    """An inbox of a process that may end right before or right after it writes there."""

    def __init__(self, pool: Any, key: bytes, luck: Luck) -> None:
        super().__init__(pool, key)
        self._luck = luck

    def add(self, *given: Any, **more: Any) -> int:
        """Keep notices, unless this is the end."""
        self._luck.may_crash_at_write()
        new = super().add(*given, **more)
        self._luck.may_crash_at_write()
        return new

    def settle_all(self, *given: Any) -> None:
        """Write down what came of notices, unless this is the end."""
        self._luck.may_crash_at_write()
        super().settle_all(*given)
        self._luck.may_crash_at_write()


class MortalReplays(Replays):
    """Commands under way, of a process that tidies nothing up when it ends."""

    def __init__(self, desk: Desk, pool: Any, clock: Any, luck: Luck) -> None:
        super().__init__(pool, clock, desk.seals)
        self._luck = luck

    def drop(self, command_id: UUID, mine: Mine) -> None:
        """Let go of a command: whoever is dead holds on to it until its time is up."""
        if not self._luck.is_dead:
            super().drop(command_id, mine)


@dataclass
class Post:
    """Takes what a company sends; some of it never arrives, some twice, all in any order."""

    luck: Luck

    def __post_init__(self) -> None:
        self.under_way: list[bytes] = []

    def take(self, raw: bytes) -> None:
        """Something to be brought."""
        self.luck.counts["notices"] += 1
        if self.luck.strikes("notices lost", self.luck.rates.lost):
            return
        self.under_way.append(raw)
        if self.luck.strikes("notices repeated", self.luck.rates.twice):
            self.under_way.append(raw)

    def take_back(self, raw: bytes) -> None:
        """Nobody said that it has arrived: it is sent again another day."""
        self.luck.counts["notices sent again"] += 1
        self.under_way.append(raw)

    def brought(self) -> list[bytes]:
        """What arrives today, shuffled; the rest comes another day."""
        self.luck.dice.shuffle(self.under_way)
        late: list[bytes] = []
        today: list[bytes] = []
        for raw in self.under_way:
            is_late = self.luck.strikes("notices late", self.luck.rates.late)
            (late if is_late else today).append(raw)
        self.under_way = late
        return today
