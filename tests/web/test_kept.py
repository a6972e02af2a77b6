"""Answers that take long are made once, given while they last, and made anew meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from tests.web.pages.keeping import AtOnce, let_no_answer_last
from web.reading import kept
from web.reading.kept import Kept


@dataclass
class Later:
    """Threads that begin when they are told to."""

    waiting: list[Callable[[], None]] = field(default_factory=list)

    def __call__(
        self, *, target: Callable[..., None], args: tuple[object, ...], **_: object
    ) -> Later:
        self.waiting.append(lambda: target(*args))
        return self

    def start(self) -> None:
        """Not yet."""

    def go_on(self) -> int:
        """Do what was started; how many there were."""
        done = [begin() for begin in self.waiting]
        self.waiting.clear()
        return len(done)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    threads = Later()
    monkeypatch.setattr(kept, "Thread", threads)
    return threads


def counted() -> Kept[str, list[str]]:
    """Answers with the question once more for each time it was asked."""
    return Kept("test", lambda question, before: [*(before or []), question])


def test_the_first_answer_is_waited_for_and_kept(later: Later) -> None:
    answers = counted()
    assert answers.of("a") == ["a"]
    assert answers.of("a") == ["a"]
    assert answers.of("b") == ["b"]
    assert later.go_on() == 0


def test_whoever_cannot_wait_has_it_the_next_time(later: Later) -> None:
    answers = counted()
    assert answers.so_far("a") is None
    assert answers.so_far("a") is None
    assert later.go_on() == 1
    assert answers.so_far("a") == ["a"]
    assert later.go_on() == 0


def test_one_that_is_old_is_given_and_made_anew_from_what_it_was(
    later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = counted()
    monkeypatch.setattr(kept, "KEPT_SECONDS", -1.0)
    monkeypatch.setattr(kept, "MOST_OF_THE_TIME", float("inf"))
    assert answers.of("a") == ["a"]
    assert answers.of("a") == answers.of("a") == ["a"]
    assert later.go_on() == 1
    assert answers.of("a") == ["a", "a"]


def test_what_takes_long_is_kept_longer(later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 199.0, 211.0])
    own_time = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("web.reading.kept.time", own_time)
    answers = counted()
    answers.of("a")
    answers.of("a")
    assert later.waiting == []
    answers.of("a")
    assert len(later.waiting) == 1


def test_where_none_can_be_had_whoever_asks_next_tries_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def make(question: str, _: str | None) -> str:
        asked.append(question)
        if len(asked) == 1:
            raise ValueError(question)
        return question

    monkeypatch.setattr(kept, "Thread", AtOnce)
    answers = Kept("test", make)
    assert answers.so_far("a") is None
    assert "test: no answer" in caplog.text
    assert answers.so_far("a") is None
    assert answers.so_far("a") == "a"


def test_only_the_last_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    let_no_answer_last(monkeypatch)
    monkeypatch.setattr(kept, "KEPT_SECONDS", 60.0)
    monkeypatch.setattr(kept, "MOST_KEPT", 2)
    answers = counted()
    for question in "abc":
        answers.of(question)
    assert answers.so_far("c", asks=False) == ["c"]
    assert answers.so_far("a", asks=False) is None
