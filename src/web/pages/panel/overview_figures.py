"""The figures of the overview: asked of the reports, and kept a while where asking takes long."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock, Thread
from uuid import UUID

from flask import current_app

from projections.queries.members import MemberFilter
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.membership import CohortLine, MembersLine
from projections.queries.reports.recurring import Movement, Recurring
from projections.queries.reports.revenue import RevenueFilter, RevenueLine
from web.reading.queries import Queries

KEPT_SECONDS = 60
"""Figures of a large site are given again for so long; then they are made anew meanwhile."""
MOST_KEPT = 32

NAME = "overview figures"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What is looked at: the stretches of the revenue, the months of all else, which money."""

    stretches: Calendar
    months: Calendar
    currency: str
    mode: str
    plan_id: UUID | None = None


@dataclass(frozen=True)
class Figures:
    """What the reports answered at an instant."""

    at: datetime
    revenue: Sequence[RevenueLine]
    recurring: Recurring
    movements: Sequence[Movement]
    members: Sequence[MembersLine]
    cohorts: Sequence[CohortLine]


def asked(queries: Queries, wanted: Wanted, now: datetime) -> Figures:
    """Every figure, asked now."""
    reports, currency = queries.reports, wanted.currency
    revenue = reports.revenue.lines(
        wanted.stretches, now, RevenueFilter(currency=currency, plan_id=wanted.plan_id)
    )
    return Figures(
        at=now,
        revenue=[line for line in revenue if line.total.mode == wanted.mode],
        recurring=reports.recurring.at(now, currency=currency),
        movements=reports.recurring.movements(wanted.months, now, currency=currency),
        members=reports.membership.by_month(wanted.months, now),
        cohorts=reports.membership.cohorts(wanted.months, now),
    )


@dataclass
class KeptFigures:
    """The figures of the present. Those of a site that is not large are never kept."""

    queries: Queries
    kept: OrderedDict[Wanted, tuple[float, Figures]] = field(default_factory=OrderedDict)
    _asking: Lock = field(default_factory=Lock)

    def of(self, wanted: Wanted, now: datetime) -> Figures:
        """They may be a minute old; `Figures.at` says of when they are."""
        found = self.kept.get(wanted)
        if found is None:
            return self._ask(wanted, now)
        since, figures = found
        if time.monotonic() - since > KEPT_SECONDS and self._asking.acquire(blocking=False):
            given = (wanted, now)
            Thread(target=self._ask_again, args=given, name=NAME, daemon=True).start()
        return figures

    def _ask(self, wanted: Wanted, now: datetime) -> Figures:
        figures = asked(self.queries, wanted, now)
        if not self.queries.members.count(MemberFilter(), now).is_exact:
            self.kept[wanted] = time.monotonic(), figures
            while len(self.kept) > MOST_KEPT:
                self.kept.popitem(last=False)
        return figures

    def _ask_again(self, wanted: Wanted, now: datetime) -> None:
        try:
            self._ask(wanted, now)
        except Exception:
            log.exception("the figures could not be asked; the next page asks again")
            self.kept.pop(wanted, None)
        finally:
            self._asking.release()


def kept_figures(queries: Queries) -> KeptFigures:
    """Those of the site that serves; one a process."""
    found: KeptFigures = current_app.extensions.setdefault(NAME, KeptFigures(queries))
    return found
