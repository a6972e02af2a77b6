"""Lines over logarithmic axes, as an SVG picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, HEIGHT, MARGIN, LEGEND = 720, 440, 60, 230
COLOURS = ("#4c72b0", "#55a868", "#c44e52", "#8172b2", "#937860", "#64b5cd", "#8c8c8c")


class Line(NamedTuple):
    """A name and its points; both values of each are greater than zero."""

    name: str
    points: Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """Whole powers of ten over a stretch of the picture."""

    lowest: int
    highest: int
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        share = (log10(value) - self.lowest) / (self.highest - self.lowest)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def marks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**power for power in range(self.lowest, self.highest + 1)]


def as_svg(lines: Sequence[Line], across: str, up: str) -> str:
    """The picture; `across` and `up` say what the axes count."""
    points = [point for line in lines for point in line.points]
    x = _axis([a for a, _ in points], MARGIN, WIDTH - LEGEND)
    y = _axis([b for _, b in points], HEIGHT - MARGIN, MARGIN / 2)
    drawn = [*_grid(x, y, across, up), *_drawn(lines, x.at, y.at)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *drawn,
            "</svg>\n",
        ]
    )


def _axis(values: Sequence[float], start: float, end: float) -> Axis:
    lowest, highest = floor(log10(min(values))), ceil(log10(max(values)))
    return Axis(lowest, max(highest, lowest + 1), start, end)


def _grid(x: Axis, y: Axis, across: str, up: str) -> Iterator[str]:
    for value in x.marks:
        yield _path([(x.at(value), y.start), (x.at(value), y.end)], "#ddd")
        yield _text(x.at(value), y.start + 18, f"{value:,.0f}", "middle")
    for value in y.marks:
        yield _path([(x.start, y.at(value)), (x.end, y.at(value))], "#ddd")
        yield _text(x.start - 6, y.at(value) + 4, f"{value:,g}", "end")
    yield _text((x.start + x.end) / 2, y.start + 40, across, "middle")
    yield _text(x.start - 6, y.end - 8, up, "end")


def _drawn(
    lines: Sequence[Line], x: Callable[[float], float], y: Callable[[float], float]
) -> Iterator[str]:
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        places = [(x(a), y(b)) for a, b in line.points]
        yield _path(places, colour)
        for a, b in places:
            yield f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>'
        top = MARGIN / 2 + 18 * (number + 1)
        yield _path([(WIDTH - LEGEND + 10, top - 4), (WIDTH - LEGEND + 30, top - 4)], colour)
        yield _text(WIDTH - LEGEND + 36, top, line.name, "start")


def _path(places: Sequence[tuple[float, float]], colour: str) -> str:
    points = " ".join(f"{a},{b}" for a, b in places)
    return f'<polyline points="{points}" fill="none" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
