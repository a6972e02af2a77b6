"""Days and months of the site, as instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days or months one after another: the first day of each, and the instants between them.

    `bounds` holds one instant more than there are `starts`: the end of the last.
    """

    starts: tuple[date, ...]
    bounds: tuple[datetime, ...]

    @property
    def since(self) -> datetime:
        """Where the first begins."""
        return self.bounds[0]

    @property
    def before(self) -> datetime:
        """Where the last ends."""
        return self.bounds[-1]

    def part(self, first: int, size: int) -> Self:
        """At most so many of them, from the one at a place on."""
        starts = self.starts[first : first + size]
        return type(self)(starts, self.bounds[first : first + len(starts) + 1])

    @classmethod
    def days(cls, first: date, last: date, zone: ZoneInfo) -> Self:
        """Every day from the first to the last, both included."""
        starts = tuple(first + n * ONE_DAY for n in range((last - first).days + 1))
        return cls(starts, tuple(start_of(day, zone) for day in (*starts, last + ONE_DAY)))

    @classmethod
    def months(cls, first: date, last: date, zone: ZoneInfo) -> Self:
        """Every month from that of one day to that of another, both included."""
        count = months_between(first, last) + 1
        starts = tuple(month_after(first, n) for n in range(count))
        ends = (*starts, month_after(first, count))
        return cls(starts, tuple(start_of(day, zone) for day in ends))


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; where the clocks skip midnight, when they have."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The day that an instant falls on."""
    return instant.astimezone(zone).date()


def months_between(first: date, last: date) -> int:
    """How many months later one day's is than another's."""
    return (last.year - first.year) * 12 + last.month - first.month


def month_after(day: date, months: int) -> date:
    """The first day of the month so many months after that of a day. OverflowError, ValueError."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)
