"""Sites that pass for large ones, whose answers are kept; made anew at once, without a thread."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def large_from_here_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be counted one by one."""
    monkeypatch.setattr("projections.queries.counting.MOST_COUNTED", -1)
    monkeypatch.setattr("projections.queries.counting.CHEAP", -1)


def let_no_answer_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever asks see what was kept, and have it made anew before the next one asks."""
    monkeypatch.setattr("web.reading.kept.KEPT_SECONDS", -1.0)
    monkeypatch.setattr("web.reading.kept.MOST_OF_THE_TIME", float("inf"))
    monkeypatch.setattr("web.reading.kept.Thread", AtOnce)


class AtOnce:
    """A thread that has done its work when it was started."""

    def __init__(self, *, target: Callable[..., None], args: object, **_: object) -> None:
        self._target, self._args = target, args

    def start(self) -> None:
        """Do it."""
        self._target(*self._args)  # type: ignore[misc]
