"""Counts beside the list: exact ones are asked each time, estimates are given again for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast

from projections.queries.counting import Count
from projections.queries.members import MemberQueries
from projections.queries.segments import Segment
from web.pages.panel.segment_counts import KEPT_SECONDS, SegmentCounts

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PATIENCE_SECONDS = 10


class Members:
    """Counts up; each answer tells how often it was asked."""

    def __init__(self, *, is_exact: bool) -> None:
        self.asked = 0
        self.is_exact = is_exact
        self.fails = False

    def segments(self, now: datetime) -> Mapping[Segment, Count]:
        self.asked += 1
        if self.fails:
            raise ConnectionError(now)
        return {"members": Count(self.asked, self.is_exact)}


def counts_of(members: Members) -> SegmentCounts:
    return SegmentCounts(cast("MemberQueries", members))


def rows(counts: SegmentCounts) -> int:
    return counts.at(NOW)["members"].rows


def wait_until(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)
    return is_so()


def test_exact_counts_are_those_of_this_moment() -> None:
    counts = counts_of(Members(is_exact=True))
    assert [rows(counts) for _ in range(3)] == [1, 2, 3]


def test_estimates_are_given_again_and_made_anew_meanwhile() -> None:
    counts = counts_of(Members(is_exact=False))
    assert [rows(counts) for _ in range(3)] == [1, 1, 1]
    counts.since -= 2 * KEPT_SECONDS
    assert rows(counts) == 1
    assert wait_until(lambda: rows(counts) == 2)


def test_estimates_that_could_not_be_made_anew_are_asked_for_again() -> None:
    members = Members(is_exact=False)
    counts = counts_of(members)
    assert rows(counts) == 1
    members.fails = True
    counts.since -= 2 * KEPT_SECONDS
    assert rows(counts) == 1
    assert wait_until(lambda: counts.kept is None)
    members.fails = False
    assert rows(counts) == 3
