"""The figures of the overview: asked of the reports, and kept a while where asking takes long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from uuid import UUID

from flask import current_app

from projections.queries.reports.calendar import Calendar
from projections.queries.reports.membership import (
    CohortLine,
    MembersLine,
    cohorts_of,
    members_of,
)
from projections.queries.reports.recurring import Movement, Recurring, movements_of
from projections.queries.reports.revenue import RevenueFilter, RevenueLine
from projections.queries.reports.tally import Tally
from web.parts import Parts
from web.reading.kept import Kept, is_large
from web.reading.queries import Queries

NAME = "overview figures"
MOST_TOLD = 32
"""Periods, currencies and plans whose figures of one tally are kept."""


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


def asked(parts: Parts, queries: Queries, now: datetime) -> Tally:
    """Every figure, asked now."""
    return Tally.of(queries.source, queries.reports, now, parts.site.time_zone)


def figures_of(tally: Tally, wanted: Wanted) -> Figures:
    """What is wanted of a tally."""
    currency, stays = wanted.currency, tally.stays(wanted.months)
    revenue = tally.revenue(
        wanted.stretches, RevenueFilter(currency=currency, plan_id=wanted.plan_id)
    )
    return Figures(
        at=tally.at,
        revenue=[line for line in revenue if line.total.mode == wanted.mode],
        recurring=tally.recurring(currency),
        movements=movements_of(tally.moved(wanted.months, currency), wanted.months.starts),
        members=members_of(stays, wanted.months.starts),
        cohorts=cohorts_of(stays, wanted.months.starts),
    )


class Told:
    """A tally, and what was told of it lately: the same is told again without reckoning."""

    def __init__(self, tally: Tally) -> None:
        self.figures = lru_cache(maxsize=MOST_TOLD)(partial(figures_of, tally))


@dataclass
class KeptFigures:
    """The figures of the present. Those of a site that is not large are never kept."""

    parts: Parts

    def __post_init__(self) -> None:
        self._kept = Kept[None, Told](NAME, self._asked)

    def of(self, wanted: Wanted, now: datetime) -> Figures:
        """They may be a minute old; `Figures.at` says of when they are."""
        if is_large(self.parts.queries, now):
            return self._kept.of(None).figures(wanted)
        return figures_of(asked(self.parts, self.parts.queries, now), wanted)

    def _asked(self, _: None, _before: Told | None) -> Told:
        return Told(asked(self.parts, self.parts.queries, self.parts.clock.now()))


def kept_figures(parts: Parts) -> KeptFigures:
    """Those of the site that serves; one a process."""
    found: KeptFigures = current_app.extensions.setdefault(NAME, KeptFigures(parts))
    return found
