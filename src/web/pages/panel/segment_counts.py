"""How many each smart segment has, beside the member list: asked apart where it takes a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock, Thread

from flask import current_app

from projections.queries.counting import Count
from projections.queries.members import MemberQueries
from projections.queries.segments import Segment
from web.identity.auth import parts
from web.pages.past_pages import past, reading

KEPT_SECONDS = 10
"""Estimates of a large site are given again for so long; then they are made anew meanwhile."""

NAME = "segment counts"

log = logging.getLogger(__name__)
Counts = Mapping[Segment, Count]


@dataclass
class SegmentCounts:
    """The counts of the present. Exact ones, of a site that is not large, are never kept."""

    queries: MemberQueries
    kept: Counts | None = None
    since: float = 0.0
    _asking: Lock = field(default_factory=Lock)

    def at(self, now: datetime) -> Counts:
        """How many there are."""
        kept = self.kept
        if kept is None:
            return self._ask(now)
        if time.monotonic() - self.since > KEPT_SECONDS and self._asking.acquire(blocking=False):
            Thread(target=self._ask_again, args=(now,), name=NAME, daemon=True).start()
        return kept

    def _ask(self, now: datetime) -> Counts:
        counts = self.queries.segments(now)
        self.since = time.monotonic()
        self.kept = None if all(count.is_exact for count in counts.values()) else counts
        return counts

    def _ask_again(self, now: datetime) -> None:
        try:
            self._ask(now)
        except Exception:
            log.exception("the segments could not be counted; the next page asks again")
            self.kept = None
        finally:
            self._asking.release()


def segment_counts(queries: MemberQueries) -> SegmentCounts:
    """Those of the site that serves; one a process."""
    found: SegmentCounts = current_app.extensions.setdefault(NAME, SegmentCounts(queries))
    return found


def smart_counts(instant: datetime) -> Counts:
    """How many each smart segment has, where the page at hand reads."""
    if past() is not None:
        return reading().queries.members.segments(instant)
    return segment_counts(parts().queries.members).at(instant)
