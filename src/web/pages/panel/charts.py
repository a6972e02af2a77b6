"""Charts as plain geometry: columns, lines and an axis, in whole hundredths of a per cent.

Everything is placed in per cent of a box of any size, so that texts keep theirs on a phone. What a
chart shows stands in a table beside it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

WHOLE = 10_000
TICKS = 4
MOST_LABELS = 12
BROAD, SLIM = 72, 36
"""How much of its place a column takes, in per cent."""

Write = Callable[[int], str]


@dataclass(frozen=True)
class Series:
    """One figure at each place; None where there is none. `name` is the class of its colour."""

    name: str
    label: str
    values: Sequence[int | None]


class Box(NamedTuple):
    """A rectangle."""

    name: str
    x: str
    y: str
    width: str
    height: str


class Stroke(NamedTuple):
    """A piece of a line."""

    name: str
    x1: str
    y1: str
    x2: str
    y2: str


class Dot(NamedTuple):
    """A point of a line."""

    name: str
    x: str
    y: str


class Tick(NamedTuple):
    """A height with its value written out."""

    y: str
    text: str
    is_zero: bool


class Place(NamedTuple):
    """Where a day or month stands; `label` is empty where there is no room, `told` says it all."""

    middle: str
    start: str
    width: str
    label: str
    is_spare: bool
    told: str


@dataclass(frozen=True)
class Chart:
    """What is drawn."""

    series: Sequence[Series]
    boxes: Sequence[Box]
    strokes: Sequence[Stroke]
    dots: Sequence[Dot]
    ticks: Sequence[Tick]
    places: Sequence[Place]


@dataclass(frozen=True)
class Axis:
    """From the lowest to the highest value, both ticks."""

    low: int
    high: int
    step: int

    @classmethod
    def over(cls, values: Sequence[int]) -> Axis:
        """One that holds all values, and zero."""
        low, high = min(0, *values, 0), max(0, *values, 0)
        step = _round_step(max(high - low, 1))
        low, high = low // step * step, -(-high // step) * step
        return cls(low, max(high, low + step), step)

    def y(self, value: int) -> int:
        """How far from the top."""
        return (self.high - value) * WHOLE // (self.high - self.low)

    def ticks(self, write: Write) -> list[Tick]:
        """From the top to the bottom."""
        values = range(self.high, self.low - 1, -self.step)
        return [Tick(percent(self.y(value)), write(value), value == 0) for value in values]


def overlaid(labels: Sequence[str], series: Sequence[Series], write: Write) -> Chart:
    """Columns before one another, the first one broad and behind."""
    axis = Axis.over(_all(series))
    boxes = []
    for number, one in enumerate(series):
        share = BROAD if number == 0 else SLIM
        for place, value in enumerate(one.values):
            ends = (0, value or 0)
            boxes.append(_column(one.name, place, len(labels), axis, share=share, ends=ends))
    return _chart(labels, series, axis, write, boxes=boxes)


def stacked(labels: Sequence[str], series: Sequence[Series], write: Write) -> Chart:
    """Columns on one another: what adds above zero, what takes away below it."""
    ups, downs = [0] * len(labels), [0] * len(labels)
    spans: list[tuple[str, int, tuple[int, int]]] = []
    for one in series:
        for place, value in enumerate(one.values):
            pile = ups if (value or 0) >= 0 else downs
            spans.append((one.name, place, (pile[place], pile[place] + (value or 0))))
            pile[place] += value or 0
    axis = Axis.over([*ups, *downs])
    boxes = [
        _column(name, place, len(labels), axis, share=BROAD, ends=ends)
        for name, place, ends in spans
    ]
    return _chart(labels, series, axis, write, boxes=boxes)


def line(labels: Sequence[str], one: Series, write: Write) -> Chart:
    """A line through the values that there are."""
    axis, count = Axis.over(_all([one])), len(labels)
    points = [
        None if value is None else (_middle(place, count), axis.y(value))
        for place, value in enumerate(one.values)
    ]
    strokes = [
        Stroke(one.name, *map(percent, (*before, *after)))
        for before, after in pairwise(points)
        if before and after
    ]
    dots = [Dot(one.name, percent(point[0]), percent(point[1])) for point in points if point]
    return _chart(labels, [one], axis, write, strokes=strokes, dots=dots)


def percent(hundredths: int) -> str:
    """As an attribute of a drawing takes it."""
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


# --- within -------------------------------------------------------------------------------


def _all(series: Sequence[Series]) -> list[int]:
    return [value for one in series for value in one.values if value is not None]


def _round_step(span: int) -> int:
    """1, 2 or 5 with some zeros: about so many fit in a span."""
    least = -(-span // TICKS)
    power: int = 10 ** (len(str(least)) - 1)
    return next(size * power for size in (1, 2, 5, 10) if size * power >= least)


def _middle(place: int, count: int) -> int:
    return (2 * place + 1) * WHOLE // (2 * count)


def _column(
    name: str, place: int, count: int, axis: Axis, *, share: int, ends: tuple[int, int]
) -> Box:
    width = WHOLE * share // (100 * count)
    upper, lower = axis.y(max(ends)), axis.y(min(ends))
    left = _middle(place, count) - width // 2
    return Box(name, percent(left), percent(upper), percent(width), percent(lower - upper))


def _chart(
    labels: Sequence[str],
    series: Sequence[Series],
    axis: Axis,
    write: Write,
    *,
    boxes: Sequence[Box] = (),
    strokes: Sequence[Stroke] = (),
    dots: Sequence[Dot] = (),
) -> Chart:
    places = [_place(number, labels, series, write) for number in range(len(labels))]
    return Chart(series, boxes, strokes, dots, axis.ticks(write), places)


def _place(number: int, labels: Sequence[str], series: Sequence[Series], write: Write) -> Place:
    count = len(labels)
    every = -(-count // MOST_LABELS)
    shown = number % every == 0
    values = [
        f"{one.label} {write(value)}" for one in series if (value := one.values[number]) is not None
    ]
    return Place(
        middle=percent(_middle(number, count)),
        start=percent(number * WHOLE // count),
        width=percent(WHOLE // count),
        label=labels[number] if shown else "",
        is_spare=number // every % 2 == 1,
        told=f"{labels[number]}: {', '.join(values)}",
    )
