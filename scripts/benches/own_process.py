"""Each contender in a process of its own, so that its memory is its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

STATUS = Path("/proc/self/status")
PEAK = "VmHWM:"
KIBIBYTES = 1024


class ContenderFailed(RuntimeError):
    """A contender's process ended without an answer."""


class Outcome(NamedTuple, Generic[T]):
    """What a contender answered, and the most memory its process held, in MiB.

    `load` is how many processes wanted the machine in the minute before it ended.
    """

    answer: T
    peak: int
    load: float = 0.0


def load() -> float:
    """How many processes wanted the machine in the last minute."""
    return round(os.getloadavg()[0], 2)


def peak() -> int:
    """The most memory that this process has held so far, in MiB (VmHWM)."""
    lines = STATUS.read_text().splitlines()
    [held] = [line.removeprefix(PEAK) for line in lines if line.startswith(PEAK)]
    return -(-int(held.split()[0]) // KIBIBYTES)


def in_own_process(contend: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
    """Run a function of a module in a fresh process. Raises ContenderFailed."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, contend, args, kwargs))
    process.start()
    theirs.close()
    try:
        answer, held = ours.recv()
    except EOFError:
        message = f"{contend.__name__} ended without an answer; its process says why"
        raise ContenderFailed(message) from None
    finally:
        process.join()
    return Outcome(answer, held, load())


def note_peak(folder: Path) -> None:
    """Leave a note of what this process held at most, for `noted_peaks`."""
    (folder / f"{os.getpid()}.peak").write_text(str(peak()))


def noted_peaks(folder: Path) -> list[int]:
    """What processes that left notes held at most, in MiB, the greatest first."""
    return sorted((int(note.read_text()) for note in folder.glob("*.peak")), reverse=True)


def _answer(
    pipe: Connection, contend: Callable[..., object], args: tuple[object, ...], kwargs: object
) -> None:
    answer = contend(*args, **kwargs)  # type: ignore[arg-type]
    pipe.send((answer, peak()))
