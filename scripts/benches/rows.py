"""What a bench says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.benches.own_process import load


@dataclass(frozen=True)
class Row:
    """Ours beside a peer's, in one unit.

    `limit` is the least ratio that is promised, if any, `most` the greatest. `load` is how many
    processes wanted the machine in the minute before ours was measured.
    """

    case: str
    unit: str
    ours: float
    peer: float
    limit: float | None = None
    most: float | None = None
    load: float = field(default_factory=load)

    @property
    def ratio(self) -> float:
        """How many times the peer's."""
        return self.ours / self.peer

    @property
    def note(self) -> str:
        """What else was measured."""
        return ""

    @property
    def is_kept(self) -> bool:
        """Whether what was promised is so, as far as was measured here."""
        enough = self.limit is None or self.ratio >= self.limit
        return enough and (self.most is None or self.ratio <= self.most)


@dataclass(frozen=True)
class Options:
    """What was asked of the bench: see `scripts/bench --help`."""

    seconds: float = 1.0
    facts: int = 1_000_000
    sizes: tuple[int, ...] = ()
    keep: Path | None = None
    plot: Path | None = None
    members: int = 1_000_000
    below: str = "/"


Case = Callable[[Options], Iterator[Row]]
"""Measures, and gives rows as they are known."""


def as_json(row: Row) -> str:
    """One line."""
    return json.dumps(asdict(row))


def as_text(row: Row) -> str:
    """One line of a table."""
    promise = "" if row.limit is None else f"at least {row.limit:.2f}"
    promise += "" if row.most is None else f"at most {row.most:.2f}"
    verdict = "" if row.is_kept else "  MISSED"
    return (
        f"{row.case:<64}{row.ours:>11,.0f}{row.peer:>11,.0f} {row.unit:<8}"
        f"{row.ratio:>8.2f}x  load {row.load:>5.2f}  {promise}{verdict}  {row.note}".rstrip()
    )
