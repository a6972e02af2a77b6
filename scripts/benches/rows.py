"""What a bench says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """Ours beside a peer's, in one unit; `limit` is the least ratio that is promised, if any."""

    case: str
    unit: str
    ours: float
    peer: float
    limit: float | None = None

    @property
    def ratio(self) -> float:
        """How many times the peer's."""
        return self.ours / self.peer

    @property
    def is_kept(self) -> bool:
        """Whether what was promised is so, as far as was measured here."""
        return self.limit is None or self.ratio >= self.limit


Case = Callable[[float], Iterator[Row]]
"""Measures, given how many seconds each contender may take in each round."""


def as_json(row: Row) -> str:
    """One line."""
    return json.dumps(asdict(row))


def as_text(row: Row) -> str:
    """One line of a table."""
    promise = "" if row.limit is None else f"at least {row.limit:.2f}"
    verdict = "" if row.is_kept else "  MISSED"
    return (
        f"{row.case:<42}{row.ours:>10,.0f}{row.peer:>10,.0f} {row.unit:<8}"
        f"{row.ratio:>6.2f}x  {promise}{verdict}"
    )
