"""Moments of the past against the oracle, in stories that are often told late (AU3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from projections.catalogue import all_views
from projections.moment_building import Builder
from projections.moments import Moments, MomentSource
from projections.one_member import Facts, Known, OnTheSpot
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.recurring import RecurringQueries
from projections.queries.reports.revenue import RevenueFilter, RevenueQueries
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, Books, opened
from tests.projections.full_stories import FullStory
from tests.projections.oracle import KEYS, Oracle, compared, disagreements, figures
from tests.projections.stories import START
from tests.projections.tables import Tables, stored

PAIRS = 20
ROOM = 1 << 40


@dataclass
class Past:
    """Books with a long past, and who builds moments of it."""

    books: Books
    builder: Builder
    lines: list[dict[str, Any]]

    def pairs(self, seed: int) -> Iterator[tuple[datetime, int]]:
        """What was true by an instant, around which something happened; known then or later."""
        random = Random(seed)  # noqa: S311 -- any pairs will do
        for _ in range(PAIRS):
            line = random.choice(self.lines)
            as_of = datetime.fromisoformat(line["state"]["occurred_at"])
            as_of += random.choice((-1, 0, 0, 1)) * timedelta(seconds=1)
            known = random.randrange(line["position"], len(self.lines) + 1)
            yield as_of, self.books.recorder.last_of_save(known)

    def source(self, as_of: datetime, position: int) -> MomentSource:
        """A moment, built now unless there is one."""
        moments = self.builder.moments
        moments.at(as_of, position)
        self.builder.build_waiting()
        return MomentSource(self.books.pool, moments.at(as_of, position))

    def tables(self, as_of: datetime, position: int) -> Tables:
        """The rows of a moment."""
        return stored(self.source(as_of, position), EUROS)


@pytest.fixture(scope="module")
def past(template: str, fresh_databases: FreshDatabases) -> Iterator[Past]:
    with fresh_databases.copy_of(template) as dsn, opened(dsn) as books:
        story = FullStory(Random(3))  # noqa: S311 -- a story, not a secret
        for save in story.found():
            books.save(*save)
        while story.commands < 700:
            books.save(*story.step())
        books.clock.advance_to(story.now)
        books.follower().catch_up()
        moments = Moments(books.pool, books.recorder, all_views(EUROS), books.clock)
        moments.lay_out()
        yield Past(books, Builder(dsn, moments, books.mapper, ROOM), books.exported())


def test_every_view_is_right_at_any_moment(past: Past) -> None:  # part of AU3
    for as_of, position in past.pairs(1):
        rows = past.tables(as_of, position)
        assert disagreements(past.lines, rows, as_of=as_of, known=position) == [], (as_of, position)


def test_reports_are_right_at_any_moment(past: Past) -> None:  # part of AU3
    counted = 0
    for as_of, position in past.pairs(1):
        source, oracle = past.source(as_of, position), Oracle(past.lines, as_of, position)
        worth = RecurringQueries(source).at(as_of)
        told = {(one.currency, str(one.plan_id)): one.exact for one in worth.plans}
        right = figures.recurring(oracle, as_of).items()
        assert told == {plan: value for plan, (value, _) in right}
        days = Calendar.days(START.date() - timedelta(days=70), as_of.date(), ZoneInfo(EUROS.zone))
        lines = RevenueQueries(source).lines(days, as_of, RevenueFilter())
        money = {(d.start, d.total.currency, d.total.mode, str(d.plan_id)): d.total for d in lines}
        expected = figures.revenue(oracle, as_of)
        assert {day: (one.gross, one.fees, one.net) for day, one in money.items()} == {
            day: (one["gross"], one["fees"], one["gross"] - one["refunded"] - one["disputed"])
            for day, one in expected.items()
        }
        counted += len(told) + len(money)
    assert counted > 500


def test_late_news_is_in_what_was_true_and_not_in_what_was_known(past: Past) -> None:  # part of AU3
    late = max(past.lines, key=lambda line: lateness(line) * (line["topic"] == "order.paid"))
    true_at = datetime.fromisoformat(late["state"]["occurred_at"])
    known, before = late["position"], past.books.recorder.last_of_save(late["position"] - 1)
    paid = {"order_id": late["stream_id"], "fact_version": late["version"]}
    for position, is_there in ((known, True), (min(before, known - 1), False)):
        moves = past.tables(true_at, position)["movements"]
        assert any(row.items() >= paid.items() for row in moves) == is_there
    assert lateness(late) > timedelta(days=20)


def lateness(line: dict[str, Any]) -> timedelta:
    """How long after it was true something was learned."""
    said = line["state"]
    return datetime.fromisoformat(said["timestamp"]) - datetime.fromisoformat(said["occurred_at"])


def test_one_member_is_right_at_any_moment(past: Past) -> None:  # part of AU3
    books, random = past.books, Random(2)  # noqa: S311
    folder = OnTheSpot(books.pool, all_views(EUROS))
    own = [view.name for view in all_views(EUROS) if view.partition == "subject"]
    judged = 0
    for as_of, position in past.pairs(2):
        oracle = Oracle(past.lines, as_of=as_of, known=position)
        member = random.choice(sorted(oracle.accounts) or [str(UUID(int=0))])
        facts = Facts(books.recorder, books.mapper, Known(as_of, position))
        with folder.one_member(facts, UUID(member)) as source:
            rows = stored(source, EUROS, own)
        for view in own:
            partition = KEYS[view][0]
            expected = [row for row in oracle.rows(view) if row[partition] == member]
            assert list(compared(view, expected, rows[view])) == [], (view, as_of, position)
            judged += len(expected)
    assert judged > PAIRS
