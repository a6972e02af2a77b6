"""Answers that take long, kept a while: given again at once, and made anew meanwhile."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from threading import Lock, Thread
from typing import Generic, NamedTuple, TypeVar

from projections.queries.members import MemberFilter
from web.reading.queries import Queries

KEPT_SECONDS = 60.0
"""An answer is given again for so long; then it is made anew, and given until that is done."""
MOST_OF_THE_TIME = 0.05
"""What takes long is kept longer: nobody who looks on and on keeps a processor busier than this."""
MOST_KEPT = 32

log = logging.getLogger(__name__)

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


class _Made(NamedTuple, Generic[Answer]):
    answer: Answer
    until: float


class Kept(Generic[Question, Answer]):
    """The last answers. `make` is told the one before, for it may have only to go on from there."""

    def __init__(self, name: str, make: Callable[[Question, Answer | None], Answer]) -> None:
        self._name, self._make = name, make
        self._answers: OrderedDict[Question, _Made[Answer]] = OrderedDict()
        self._asking: set[Question] = set()
        self._lock = Lock()

    def of(self, question: Question) -> Answer:
        """An answer, perhaps somewhat old. The first one takes as long as it takes."""
        found = self.so_far(question, asks=False)
        return self._ask(question, None) if found is None else found

    def so_far(self, question: Question, *, asks: bool = True) -> Answer | None:
        """An answer, or None while the first one is being made."""
        made = self._answers.get(question)
        is_due = asks if made is None else made.until < time.monotonic()
        if is_due and self._begin(question):
            before = made.answer if made else None
            thread = Thread(
                target=self._ask_again, args=(question, before), name=self._name, daemon=True
            )
            thread.start()
        return made.answer if made else None

    def _begin(self, question: Question) -> bool:
        with self._lock:
            is_free = question not in self._asking
            self._asking.add(question)
        return is_free

    def _ask(self, question: Question, before: Answer | None) -> Answer:
        began = time.monotonic()
        answer = self._make(question, before)
        now = time.monotonic()
        until = now + max(KEPT_SECONDS, (now - began) / MOST_OF_THE_TIME)
        with self._lock:
            self._answers[question] = _Made(answer, until)
            while len(self._answers) > MOST_KEPT:
                self._answers.popitem(last=False)
        return answer

    def _ask_again(self, question: Question, before: Answer | None) -> None:
        try:
            self._ask(question, before)
        except Exception:
            log.exception("%s: no answer; whoever asks next tries again", self._name)
            with self._lock:
                self._answers.pop(question, None)
        finally:
            with self._lock:
                self._asking.discard(question)


def is_large(queries: Queries, now: datetime) -> bool:
    """Whether so many are known that not even their number is counted for a page."""
    return not queries.members.count(MemberFilter(), now).is_exact
