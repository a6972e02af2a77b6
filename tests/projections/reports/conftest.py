"""Sites with a past in which everything happens, often told late; and what was true when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from random import Random
from zoneinfo import ZoneInfo

import pytest

from projections.queries.reports.calendar import Calendar, day_of
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, Books, opened
from tests.projections.full_stories import told_fully
from tests.projections.oracle import Oracle
from tests.projections.oracle.lines import Fact, moment
from tests.projections.oracle.stays import Stay
from tests.projections.oracle.timelines import currency_of, stands, worth
from tests.projections.reports.joiners import Joiners

ZONE = ZoneInfo("Europe/Paris")
SEEDS = (3, 5)


@dataclass
class Judged:
    """Books whose views are up to date, and the exported facts as their judge has them."""

    books: Books
    oracle: Oracle
    now: datetime
    seen: dict[datetime, set[str]] = field(default_factory=dict)

    @cached_property
    def months(self) -> Calendar:
        """From the first fact to now, in the site's time zone."""
        first = min(map(moment, self.oracle.facts))
        return Calendar.months(day_of(first, ZONE), day_of(self.now, ZONE), ZONE)

    @cached_property
    def facts(self) -> dict[str, Fact]:
        """Every fact, as stream/version."""
        return {
            f"{fact['originator_id']}/{fact['originator_version']}": fact
            for fact in self.oracle.facts
        }

    @cached_property
    def counted(self) -> list[Stay]:
        """Memberships that did not begin in test mode."""
        placed = [fact for fact in self.oracle.facts if fact["topic"] == "order.placed"]
        modes = {one["membership_id"]: one["mode"] for one in placed if not one["charge_index"]}
        return [stay for name, stay in self.oracle.stays.items() if modes[name] == "live"]

    def worth(self, now: datetime) -> dict[str, Fraction]:
        """The MRR at an instant by currency, membership by membership."""
        sums: dict[str, Fraction] = defaultdict(Fraction)
        for stay in self.counted:
            sums[currency_of(stay)] += worth(stay, now)
        return {currency: value for currency, value in sums.items() if value}

    def members(self, now: datetime) -> set[str]:
        """Who was a member at an instant."""
        if now not in self.seen:
            stays = self.oracle.stays.values()
            self.seen[now] = {str(stay["member"]) for stay in stays if stands(stay, now)}
        return self.seen[now]

    def joined(self) -> dict[str, datetime]:
        """When each joined for the first time."""
        rows = [row for row in self._timelines if row["first_plan_id"]]
        return {row["member_id"]: row["joined_at"] for row in rows}

    def arrived(self) -> dict[str, datetime]:
        """When each was a member for the first time; who was removed by then never was."""
        rows = [row for row in self._timelines if row["presence"]]
        return {row["member_id"]: row["presence"][0][0] for row in rows}

    @cached_property
    def _timelines(self) -> list[Fact]:
        return self.oracle.rows("timelines")


@pytest.fixture(scope="module", params=SEEDS)
def judged(
    request: pytest.FixtureRequest, template: str, fresh_databases: FreshDatabases
) -> Iterator[Judged]:
    """A site that anything happened to."""
    with fresh_databases.copy_of(template) as dsn, opened(dsn) as books:
        for save in told_fully(request.param, 600):
            books.save(*save)
        books.follower(EUROS).catch_up()
        oracle = Oracle(books.exported())
        now = max(map(moment, oracle.facts)) + timedelta(days=1)
        books.clock.advance_to(now)
        yield Judged(books, oracle, now)


def month_of(instant: datetime) -> date:
    """The site's month of an instant."""
    return day_of(instant, ZONE).replace(day=1)


@pytest.fixture
def joiners() -> Joiners:
    return Joiners(Random(1))  # noqa: S311 -- a story, not a secret
