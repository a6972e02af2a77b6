"""Use cases that cross each other: at a chosen moment, or as chance has it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

from ledger.application import Ledger
from ledger.errors import LedgerError
from tests.application.sites import Site

PATIENCE_SECONDS = 10


class Hesitant(Ledger):
    """A ledger that stops once between deciding and saving, until it is told to go on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_decided, self.may_save = Event(), Event()
        self.saves_before = 0

    def append(self, *aggregates: Any, **beside: Any) -> int:
        """Stop once, after so many saves."""
        if self.saves_before:
            self.saves_before -= 1
        elif not self.has_decided.is_set():
            self.has_decided.set()
            assert self.may_save.wait(PATIENCE_SECONDS)
        return super().append(*aggregates, **beside)


def crossed(
    site: Site,
    slow: Callable[[Ledger], Any],
    quick: Callable[[], Any],
    *,
    saves_before: int = 0,
) -> Any:
    """What becomes of a slow use case when a quick one is saved between its deciding and saving.

    Its answer, or the refusal. `saves_before` pass before it hesitates.
    """
    hesitant = site.ledger_of(Hesitant)
    hesitant.saves_before = saves_before
    with ThreadPoolExecutor(1) as threads:
        outcome = threads.submit(_outcome, lambda: slow(hesitant))
        try:
            assert hesitant.has_decided.wait(PATIENCE_SECONDS)
            quick()
        finally:
            hesitant.may_save.set()
        return outcome.result(PATIENCE_SECONDS)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What becomes of acts that begin together: answers and refusals, in the order given."""
    gate = Barrier(len(acts))

    def begin(act: Callable[[], Any]) -> Any:
        gate.wait(PATIENCE_SECONDS)
        return _outcome(act)

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(begin, acts))


def refusals(outcomes: list[Any]) -> list[LedgerError]:
    """Those that were refused."""
    return [each for each in outcomes if isinstance(each, LedgerError)]


def _outcome(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except LedgerError as refusal:
        return refusal
