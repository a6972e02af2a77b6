"""Members by month, and how many of those who joined together are still there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString, NamedTuple

from projections.queries.reading import Source
from projections.queries.reports.asking import asked
from projections.queries.reports.calendar import Calendar, months_between

STAYS: LiteralString = """
SELECT width_bucket(began[1], %(bounds)s::timestamptz[]),
       width_bucket(began[place], %(bounds)s::timestamptz[]),
       CASE WHEN ended[place] <= %(now)s
            THEN width_bucket(ended[place], %(bounds)s::timestamptz[]) END,
       place = 1, count(*)
  FROM timelines, generate_subscripts(began, 1) AS place
 WHERE began[place] < %(before)s AND began[place] <= %(now)s
 GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True, slots=True)
class MembersLine:
    """Members of a month: starting + new + returned - left = ending."""

    month: date
    starting: int
    new: int
    returned: int
    left: int

    @property
    def ending(self) -> int:
        """At the end of the month, or now if that is earlier."""
        return self.starting + self.new + self.returned - self.left

    @property
    def churn_basis_points(self) -> int | None:
        """How many of ten thousand left; half of one goes up. None where nobody could leave."""
        if not self.starting:
            return None
        return (self.left * 20_000 + self.starting) // (2 * self.starting)


@dataclass(frozen=True, slots=True)
class CohortLine:
    """Of `size` people who joined first in the month `cohort`, `members` were members at the end of
    `month`, or now if that is earlier.
    """

    cohort: date
    month: date
    size: int
    members: int

    @property
    def months_after(self) -> int:
        """0 for the month in which they joined."""
        return months_between(self.cohort, self.month)

    @property
    def basis_points(self) -> int:
        """How many of ten thousand would be left; half of one goes up."""
        return (self.members * 20_000 + self.size) // (2 * self.size)


class Stays(NamedTuple):
    """So many people who joined first in a month, and were members from a month until another.

    Months are counted from 1; 0 is before the first, and where nobody has left yet there is None.
    """

    joined: int
    began: int
    ended: int | None
    is_first: bool
    people: int


class MembershipReports:
    """Asks how many were members when."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def by_month(self, months: Calendar, now: datetime) -> list[MembersLine]:
        """Every month of a calendar; nothing after `now` counts."""
        return members_of(self.stays(months, now), months.starts)

    def cohorts(self, months: Calendar, now: datetime) -> list[CohortLine]:
        """Who joined first in each month of a calendar, and each month until its last."""
        return cohorts_of(self.stays(months, now), months.starts)

    def stays(self, months: Calendar, now: datetime) -> list[Stays]:
        """From when until when people were members; nothing after `now` counts."""
        parameters = {"bounds": list(months.bounds), "before": months.before, "now": now}
        return [Stays(*row) for row in asked(self._source, STAYS, parameters)]


def members_of(stays: Iterable[Stays], months: Sequence[date]) -> list[MembersLine]:
    """How many members the months of some stays had."""
    new, returned, left = (defaultdict[int, int](int) for _ in range(3))
    for one in stays:
        (new if one.is_first else returned)[one.began] += one.people
        left[len(months) + 1 if one.ended is None else one.ended] += one.people
    starting = new[0] + returned[0] - left[0]
    lines: list[MembersLine] = []
    for place, month in enumerate(months, 1):
        lines.append(MembersLine(month, starting, new[place], returned[place], left[place]))
        starting = lines[-1].ending
    return lines


def cohorts_of(stays: Iterable[Stays], months: Sequence[date]) -> list[CohortLine]:
    """How many of those who joined first in a month were there still, month by month."""
    sizes: dict[int, int] = defaultdict(int)
    moved: dict[tuple[int, int], int] = defaultdict(int)
    for one in stays:
        sizes[one.joined] += one.people if one.is_first else 0
        moved[one.joined, one.began] += one.people
        moved[one.joined, len(months) + 1 if one.ended is None else one.ended] -= one.people
    lines: list[CohortLine] = []
    for place, cohort in enumerate(months, 1):
        members = 0
        for later, month in enumerate(months[place - 1 :], place):
            members += moved[place, later]
            if sizes[place]:
                lines.append(CohortLine(cohort, month, sizes[place], members))
    return lines
