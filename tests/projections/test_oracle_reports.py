"""Reports against the oracle, in stories that are often told late (NU1 to NU3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from projections.courses import Kind
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.lifetime import By, LifetimeQueries
from projections.queries.reports.membership import MembershipReports
from projections.queries.reports.recurring import RecurringQueries
from projections.queries.reports.revenue import RevenueFilter, RevenueQueries
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, Books, opened
from tests.projections.full_stories import FullStory
from tests.projections.oracle import Oracle, figures
from tests.projections.stories import START

ZONE = ZoneInfo(EUROS.zone)
TURNS = ("member.joined", "member.removed", "member.lapsed", "order.refunded")


@dataclass
class Told:
    """A story in the views, its judge, and instants at which it is asked."""

    books: Books
    oracle: Oracle
    instants: list[datetime]

    @property
    def months(self) -> Calendar:
        """Every month of the story."""
        return Calendar.months(START.date(), self.instants[-1].date(), ZONE)

    @property
    def days(self) -> Calendar:
        """Every day of the story."""
        first = START.date() - timedelta(days=70)
        return Calendar.days(first, self.instants[-1].date(), ZONE)


@pytest.fixture(scope="module", params=(3, 4))
def told(
    request: pytest.FixtureRequest, template: str, fresh_databases: FreshDatabases
) -> Iterator[Told]:
    with fresh_databases.copy_of(template) as dsn, opened(dsn) as books:
        story = FullStory(Random(request.param))  # noqa: S311 -- a story, not a secret
        for save in story.found():
            books.save(*save)
        while story.commands < 1200:
            books.save(*story.step())
        books.follower().catch_up()
        span, random, oracle = story.now - START, story.random, Oracle(books.exported())
        instants = [START + span * random.random() for _ in range(8)]
        # Exactly when something begins or ends, too.
        ends = [fact for fact in oracle.facts if fact["topic"] in TURNS]
        instants += [datetime.fromisoformat(one["occurred_at"]) for one in random.sample(ends, 4)]
        yield Told(books, oracle, [*sorted(instants), story.now])


def test_revenue_is_that_of_the_oracle(told: Told) -> None:  # part of NU1
    for now in told.instants:
        lines = RevenueQueries(told.books.pool).lines(told.days, now, RevenueFilter())
        expected = figures.revenue(told.oracle, now)
        assert len(lines) == len(expected)
        for line in lines:
            total = line.total
            right = expected[line.start, total.currency, total.mode, str(line.plan_id)]
            assert (total.gross, total.refunded, total.fees, total.disputed, total.payments) == (
                tuple(right[name] for name in ("gross", "refunded", "fees", "disputed", "payments"))
            )
    assert len(expected) > 100


def test_recurring_revenue_is_that_of_the_oracle(told: Told) -> None:  # part of NU2
    for now in told.instants:
        found = RecurringQueries(told.books.pool).at(now)
        expected = figures.recurring(told.oracle, now)
        assert {
            (one.currency, str(one.plan_id)): (one.exact, one.memberships) for one in found.plans
        } == expected
        sums = figures.by_currency(told.oracle, now)
        assert {one.currency: one.exact for one in found.totals} == sums
    assert len(expected) > 3


def test_movements_add_up_to_what_the_oracle_finds_at_both_ends(told: Told) -> None:  # part of NU3
    every = figures.all_changes(told.oracle)
    for now in told.instants:
        expected = figures.moved(every, ZONE, now)
        lines = RecurringQueries(told.books.pool).movements(told.months, now)
        for line in lines:
            right = expected[line.month, line.currency]
            assert line.moved == {kind: right[kind] for kind in get_args(Kind)}
        for line in Random(1).sample(lines, min(len(lines), 20)):  # noqa: S311
            end = min(figures.ends(line.month, ZONE) - figures.JUST_BEFORE, now)
            assert line.ending == figures.by_currency(told.oracle, end).get(line.currency, 0)
            assert line.starting + sum(line.moved.values(), Fraction(0)) == line.ending
    assert len(lines) > 100


def test_members_by_month_are_those_of_the_oracle(told: Told) -> None:
    for now in told.instants:
        expected = figures.turnover(told.oracle, now)
        lines = MembershipReports(told.books.pool).by_month(told.months, now)
        for line in lines:
            right = expected[line.month]
            assert (line.new, line.returned, line.left) == (
                tuple(right[name] for name in ("new", "returned", "left"))
            )
        end = min(figures.ends(lines[-1].month, ZONE) - figures.JUST_BEFORE, now)
        assert lines[-1].ending == len(figures.members(told.oracle, end))


def test_retention_is_that_of_the_oracle(told: Told) -> None:
    for now in told.instants[::4]:
        lines = MembershipReports(told.books.pool).cohorts(told.months, now)
        expected = figures.retention(told.oracle, told.months.starts[-1], now)
        found = {(one.cohort, one.month): (one.size, one.members) for one in lines}
        assert found == expected
    assert len({cohort for cohort, _ in expected}) > 10


@pytest.mark.parametrize("by", get_args(By))
def test_lifetime_value_is_that_of_the_oracle(told: Told, by: By) -> None:
    lines = LifetimeQueries(told.books.pool).lines(told.months, told.instants[-1], by=by)
    expected = figures.lifetime(told.oracle, by)
    assert len(lines) == len(expected) > 3
    for line in lines:
        of, total = line.cohort or line.plan_id, line.total
        right = expected[_group(of), total.currency, total.mode]
        assert (line.members, line.payers) == (right["members"], right["payers"])
        assert (total.gross, total.refunded, total.disputed, total.payments) == (
            tuple(right[name] for name in ("gross", "refunded", "disputed", "payments"))
        )
        net = right["gross"] - right["refunded"] - right["disputed"]
        assert line.average == (2 * net + right["members"]) // (2 * right["members"])


def _group(of: object) -> str:
    return of.isoformat() if isinstance(of, date) else str(of)
