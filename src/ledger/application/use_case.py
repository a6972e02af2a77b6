"""Carrying a command out once, however often it is sent or crossed by others."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from eventsourcing.persistence import IntegrityError

from ledger.application.books import LOOKED_FOR, Books, Position
from ledger.errors import Busy, LedgerError
from ledger.facts import Cause
from ledger.store.refusals import ClaimTaken, StreamMoved

MOST_TRIES = 12
LONGEST_PAUSE_MILLISECONDS = 5

B = TypeVar("B", bound=Books)
P = ParamSpec("P")


def use_case(
    method: Callable[Concatenate[B, P], Position],
) -> Callable[Concatenate[B, P], Position]:
    """Carry a command out once.

    A conflict is tried again from the start with fresh aggregates, a bounded number of times. A
    command that was carried out before answers as the first time, also where its own effect
    leaves nothing to do now, or makes the rules refuse it.
    """
    return _carried_out(method, _first_answer)


def follow_up(
    method: Callable[Concatenate[B, P], Position],
) -> Callable[Concatenate[B, P], Position]:
    """Carry out what follows from a command, and has its cause.

    Conflicts are tried again likewise. That the command was carried out says nothing of what
    follows from it: a refusal is raised, however often the command is sent.
    """
    return _carried_out(method, lambda _books, _cause: None)


def _carried_out(
    method: Callable[Concatenate[B, P], Position],
    first_answer: Callable[[Books, object], Position | None],
) -> Callable[Concatenate[B, P], Position]:
    @wraps(method)
    def run(books: B, /, *args: P.args, **kwargs: P.kwargs) -> Position:
        if books.is_batching:
            with books.undone_if_refused():
                return method(books, *args, **kwargs)
        cause = kwargs.get("cause")
        refusal: LedgerError = Busy()
        for attempt in range(MOST_TRIES):
            try:
                return method(books, *args, **kwargs) or first_answer(books, cause) or 0
            except (IntegrityError, StreamMoved):
                _pause(attempt)
            except LedgerError as error:
                if not _may_be_free_next_time(error):
                    refusal = error
                    break
                _pause(attempt)
        done = first_answer(books, cause)
        if done is None:
            raise refusal
        return done

    return run


def _may_be_free_next_time(error: LedgerError) -> bool:
    return isinstance(error, ClaimTaken) and error.kind in LOOKED_FOR


def _first_answer(books: Books, cause: object) -> Position | None:
    """What the command answered when it was carried out, if it was."""
    return books.command_position(cause.id) if isinstance(cause, Cause) else None


def _pause(attempt: int) -> None:
    longest = LONGEST_PAUSE_MILLISECONDS * (attempt + 1)
    time.sleep(random.randint(0, longest) / 1000)  # noqa: S311 -- jitter, no secret
