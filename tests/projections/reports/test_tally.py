"""A tally answers for every period what the reports say of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest

from projections.queries.reports.calendar import Calendar, day_of, month_after
from projections.queries.reports.every import Reports
from projections.queries.reports.membership import cohorts_of, members_of
from projections.queries.reports.recurring import Moved, Recurring, movements_of
from projections.queries.reports.revenue import RevenueFilter
from projections.queries.reports.tally import Tally
from tests.projections.books import EUROS
from tests.projections.explaining import Past, Pasts

ZONE = EUROS.time_zone


@pytest.fixture(scope="module", params=(3, 5))
def site(request: pytest.FixtureRequest, pasts: Pasts) -> Iterator[Past]:
    with pasts.of(request.param, 600) as found:
        yield found


def tallied(site: Past, now: datetime) -> tuple[Reports, Tally]:
    reports = Reports.over(site.books.pool)
    return reports, Tally.of(site.books.pool, reports, now, ZONE)


def periods(site: Past, now: datetime) -> Iterator[tuple[date, date]]:
    """All of it; some of it; long before it and beyond it; before it and after it."""
    first, last = day_of(site.instants[0], ZONE), day_of(now, ZONE)
    middle = first + (last - first) // 2
    yield first, last
    yield middle, last
    yield first, middle
    yield month_after(first, -14), month_after(last, 2)
    yield month_after(first, -14), month_after(first, -12)
    yield month_after(last, 1), month_after(last, 3)


@pytest.mark.parametrize("instant", [1, 3])
def test_a_tally_says_of_any_period_what_the_reports_say(site: Past, instant: int) -> None:
    now = site.instants[instant]
    reports, tally = tallied(site, now)
    for first, last in periods(site, now):
        months = Calendar.months(first, last, ZONE)
        assert members_of(tally.stays(months), months.starts) == reports.membership.by_month(
            months, now
        )
        assert cohorts_of(tally.stays(months), months.starts) == reports.membership.cohorts(
            months, now
        )
        for currency in ("EUR", "USD", "KWD"):
            moved = movements_of(tally.moved(months, currency), months.starts)
            assert moved == reports.recurring.movements(months, now, currency=currency)


@pytest.mark.parametrize("instant", [1, 3])
def test_a_tally_s_revenue_is_that_of_the_report(site: Past, instant: int) -> None:
    now, seen = site.instants[instant], 0
    reports, tally = tallied(site, now)
    plans = {line.plan_id for line in tally.days}
    for first, last in periods(site, now):
        days = Calendar.days(max(first, last - timedelta(days=300)), last, ZONE)
        for calendar in (Calendar.months(first, last, ZONE), days):
            for plan_id in (None, min(plans)):
                wanted = RevenueFilter(currency="EUR", plan_id=plan_id)
                lines = tally.revenue(calendar, wanted)
                assert lines == reports.revenue.lines(calendar, now, wanted)
                seen += len(lines)
    assert seen


def test_a_tally_s_mrr_is_that_of_the_report(site: Past) -> None:
    now = site.instants[3]
    reports, tally = tallied(site, now)
    for currency in ("EUR", "USD", "KWD"):
        assert tally.recurring(currency) == reports.recurring.at(now, currency=currency)


@pytest.mark.parametrize("instant", ["-infinity", "infinity", "0001-01-01Z"])
def test_what_no_calendar_has_does_not_keep_it_from_the_rest(pasts: Pasts, instant: str) -> None:
    with pasts.of(5, 250) as spoilt:
        spoilt.spoil(
            "UPDATE movements SET occurred_at = %(at)s"
            " WHERE position = (SELECT min(position) FROM movements)",
            at=instant,
        )
        _, tally = tallied(spoilt, spoilt.instants[3])
    assert tally.days


def test_what_came_before_all_months_stays_before_them_however_far_one_looks_back() -> None:
    months, wider = (
        Calendar.months(date(year, 1, 1), date(2026, 6, 30), ZONE) for year in (2026, 2025)
    )
    changes: Moved = {(0, "EUR", "new"): Fraction(5), (6, "EUR", "new"): Fraction(7)}
    tally = Tally(months.before, months, [], Recurring(months.before, []), changes, [])
    seen = {(0, "EUR", "new"): Fraction(5), (18, "EUR", "new"): Fraction(7)}
    assert tally.moved(wider, "EUR") == seen
