"""What is due in the days to come, as a page and the interface tell it."""

from __future__ import annotations

from datetime import date

from projections.queries.agenda import AgendaQueries, DueDay
from projections.queries.reports.calendar import ONE_DAY, day_of, start_of
from web.parts import Parts


def today_of(parts: Parts) -> date:
    """The day that it is where the site is."""
    return day_of(parts.clock.now(), parts.site.time_zone)


def due_days(parts: Parts, days: int) -> list[DueDay]:
    """Each of the next days on which something is charged, and what that brings."""
    zone = parts.site.time_zone
    before = start_of(today_of(parts) + days * ONE_DAY, zone)
    prices = {row.plan_id: row.prices for row in parts.queries.plans.all()}
    return AgendaQueries(parts.pool).days(parts.clock.now(), before, zone, prices)
