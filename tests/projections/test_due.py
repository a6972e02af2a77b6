"""What is due, against the books' own members and orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from ledger.member.membership import Membership
from projections.queries.due import DueQueries
from tests.conftest import FreshDatabases
from tests.projections.books import Books, opened
from tests.projections.stories import Story

MOST = 10_000


@dataclass
class Told:
    """A story in the books and in the views."""

    story: Story
    books: Books

    @property
    def due(self) -> DueQueries:
        return DueQueries(self.books.pool)

    @property
    def instants(self) -> list[datetime]:
        """Now, and when everything that can fall due has."""
        return [self.story.now + timedelta(days=days) for days in (-400, -30, 0, 5, 30, 400)]

    def memberships(self) -> Iterator[tuple[tuple[UUID, UUID], Membership]]:
        for member in self.story.members:
            for membership in member.memberships.values():
                yield (member.id, membership.membership_id), membership


@pytest.fixture(scope="module")
def told(template: str, fresh_databases: FreshDatabases) -> Iterator[Told]:
    with fresh_databases.copy_of(template) as dsn, opened(dsn) as books:
        story = Story(Random(5))  # noqa: S311 -- a story, not a secret
        for save in story.found():
            books.save(*save)
        while story.commands < 700:
            books.save(*story.step())
        books.follower().catch_up()
        yield Told(story, books)


def waits_since(stay: Membership) -> datetime | None:
    """When its next charge, or its next try, is due; None where none is to come."""
    if stay.ended_at is not None or stay.cancelled_at is not None:
        return None
    return stay.period_end if stay.billing == "current" else stay.retry_at


def test_charges_are_those_of_the_books(told: Told) -> None:  # part of DU1, AX3
    found = 0
    for now in told.instants:
        expected = sorted(
            (since, ids[1], ids)
            for ids, stay in told.memberships()
            if (since := waits_since(stay)) is not None and since <= now
        )
        asked = told.due.charges(now, MOST)
        assert asked == [ids for _, _, ids in expected]
        assert told.due.charges(now, 3) == asked[:3]
        assert told.due.charges(now, 3, skip=2) == asked[2:5]
        found += len(asked)
    assert found


def test_lapses_are_what_stands_no_more(told: Told) -> None:  # part of DU1, AX8
    found = 0
    for now in told.instants:
        expected = sorted(
            (stay.access_until, ids[1], ids)
            for ids, stay in told.memberships()
            if stay.access_until and stay.access_until <= now
            if stay.is_unpaid and stay.ended_at is None and stay.cancelled_at is None
            if not stay.is_running(max(now, stay.access_until))
        )
        asked = told.due.lapses(now, MOST)
        assert asked == [ids for _, _, ids in expected]
        assert told.due.lapses(now, 2, skip=1) == asked[1:3]
        found += len(asked)
    assert found


def test_undecided_orders_wait_for_an_attempt_or_a_refund(told: Told) -> None:
    expected = {
        order.id
        for order in told.story.orders.values()
        if any(one.state in ("open", "pending", "unknown") for one in order.attempts.values())
        or any(one.state in ("requested", "pending") for one in order.refunds.values())
    }
    asked = told.due.undecided(MOST)
    assert len(asked) == len(set(asked))
    assert set(asked) == expected
    assert expected
    assert told.due.undecided(2, skip=1) == asked[1:3]
    begun = [
        min(
            [one.started_at for one in told.story.orders[order_id].attempts.values()]
            + [told.story.now]
        )
        for order_id in asked
        if not told.story.orders[order_id].refunds
    ]
    assert begun == sorted(begun)
