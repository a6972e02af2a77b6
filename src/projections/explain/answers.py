"""What every explanation is made of: a definition, figures, and the facts that add up to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from projections.explain.as_stored import Broken

MOST_LINES = 200
"""Facts that one answer lists; those after it are asked for by the last one's position."""


class Definition(NamedTuple):
    """What a figure means, by name and version; the edge has a sentence for each."""

    name: str
    version: int


class Unit(NamedTuple):
    """In what an amount is: minor units of a currency, in live or test mode (OR9)."""

    currency: str
    mode: str


@dataclass(frozen=True, slots=True)
class Line:
    """A fact and what it brings to what is explained.

    `adds` are signed minor units of `unit`, by figure: the lines of a figure add up to it.
    `changed` are columns of the row that the fact set, `effect` is what the view says of it.
    `fault` says why a fact could not be read or folded, by code.
    """

    position: int
    fact_id: str
    topic: str
    recorded_at: datetime
    occurred_at: datetime | None
    adds: Mapping[str, int] = field(default_factory=dict)
    unit: Unit | None = None
    effect: str | None = None
    changed: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount in minor units: as a view states it, and re-added from the books.

    None is stated where a hand has left a row from which nothing can be reckoned.
    """

    view: str
    name: str
    unit: Unit
    stated: int | None
    readded: int

    @property
    def difference(self) -> int | None:
        """What the view has too much, or (negative) too little; None where it states nothing."""
        return None if self.stated is None else self.stated - self.readded

    @property
    def agrees(self) -> bool:
        """Whether view and books say the same."""
        return self.stated == self.readded


@dataclass(frozen=True, slots=True)
class Lines:
    """Some of the facts, in order of position; `next_after` is where the others begin."""

    lines: Sequence[Line]
    count: int
    next_after: int | None


class Turn(NamedTuple):
    """Which facts to list: so many after a position. Sums are always whole."""

    limit: int = MOST_LINES
    after: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """Figures with the facts that add up to them, up to a position of the books.

    Where a fact could not be read nothing is vouched for: `agrees` is false. So it is where a row
    has a column that is `broken`.
    """

    definition: Definition
    position: int
    figures: Sequence[Figure]
    facts: Lines
    unread: int = 0
    broken: Sequence[Broken] = ()

    @property
    def agrees(self) -> bool:
        """Whether every figure is what its facts add up to."""
        return not (self.unread or self.broken) and all(figure.agrees for figure in self.figures)


Amounts = Mapping[tuple[Unit, str], int]
"""Minor units by unit and figure."""


Stated = Mapping[tuple[Unit, str], int | None]
"""The same as rows state it; None where they say nothing."""


def added(lines: Iterable[Line]) -> Amounts:
    """What lines add up to."""
    sums: Counter[tuple[Unit, str]] = Counter()
    for line in lines:
        for name, minor in line.adds.items():
            if line.unit is not None:
                sums[line.unit, name] += minor
    return sums


def compared(view: str, names: Sequence[str], stated: Stated, readded: Amounts) -> list[Figure]:
    """Each figure of each unit that either side knows, side by side."""
    units = sorted({unit for unit, name in [*stated, *readded] if name in names})
    return [
        Figure(view, name, unit, stated.get((unit, name), 0), readded.get((unit, name), 0))
        for unit in units
        for name in names
    ]


def turned(lines: Sequence[Line], turn: Turn) -> Lines:
    """A page of lines that are all at hand."""
    rest = [line for line in lines if line.position > turn.after]
    page = rest[: turn.limit]
    more = len(rest) > len(page)
    return Lines(page, len(lines), page[-1].position if more else None)
