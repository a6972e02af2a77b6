"""The member list against the oracle: any filter, any sort, any page (SE2, SE3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from projections.queries.members import MemberFilter, MemberQueries, MemberSort
from projections.queries.paging import Turn
from projections.queries.saved_segments import SavedSegmentQueries, filter_of
from projections.queries.segments import Segment, Status
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, Books, opened
from tests.projections.full_stories import FullStory
from tests.projections.oracle import Oracle
from tests.projections.oracle.filters import fitting
from tests.projections.stories import START

FILTER = TypeAdapter(MemberFilter)
FILTERS = 120
Choices = dict[str, list[Any]]


@dataclass
class Listed:
    """A list with a long past, its judge, and what may be asked of it."""

    books: Books
    oracle: Oracle
    now: datetime

    def choices(self) -> Choices:
        """Values of each filter, that fit somebody or nobody, as JSON has them."""
        rows = self.oracle.rows("members")
        moments = [START + (self.now - START) * part / 9 for part in range(10)]
        spent = sorted({row["spent"] for row in rows})
        instants = [moment.isoformat() for moment in moments]
        return {
            "statuses": [[one] for one in get_args(Status)] + [["member", "former"]],
            "segment": list(get_args(Segment)),
            "plan_id": sorted({stay["plan"] for stay in self.oracle.stays.values()}),
            "tag": ["vip", "press", "été", "nobody's"],
            "joined_from": instants,
            "joined_before": instants,
            "spent_from": spent,
            "spent_to": spent,
            "last_order_from": instants,
            "last_order_before": instants,
            "method_country": ["FR", "US"],
            "agrees": [True, False],
            "text": ["zoe", "ünal", "MÜLLER p1", "example", "%", "nobody here"],
        }

    def found(self, asked: MemberFilter, sort: MemberSort, now: datetime) -> list[str]:
        """Whom the list shows, page by page."""
        queries, found = MemberQueries(self.books.pool), list[str]()
        turn: Turn | None = Turn(sort, limit=9)
        while turn is not None:
            page = queries.page(asked, turn, now)
            found += [str(row.member_id) for row in page.rows]
            more = page.next_cursor
            turn = None if more is None else Turn(sort, limit=9, cursor=more)
        assert queries.count(asked, now).rows == len(found)
        return found


@pytest.fixture(scope="module")
def listed(template: str, fresh_databases: FreshDatabases) -> Iterator[Listed]:
    with fresh_databases.copy_of(template) as dsn, opened(dsn) as books:
        story = FullStory(Random(6))  # noqa: S311 -- a story, not a secret
        for save in story.found():
            books.save(*save)
        while story.commands < 1000:
            books.save(*story.step())
        for _ in range(40):  # others are removed in between
            books.save(*story.save_segment())
        books.follower().catch_up()
        yield Listed(books, Oracle(books.exported()), story.now)


def test_any_filter_finds_whom_the_oracle_finds(listed: Listed) -> None:  # SE3
    random, choices, sizes = Random(1), listed.choices(), set[int]()  # noqa: S311
    for _ in range(FILTERS):
        names = random.sample(sorted(choices), random.choice((1, 1, 2, 2, 3)))
        asked = {name: random.choice(choices[name]) for name in names}
        now = listed.now + random.choice((-300, -30, 0, 0, 40)) * timedelta(days=1)
        sort = random.choice(get_args(MemberSort))
        found = listed.found(FILTER.validate_python(asked), sort, now)
        assert len(found) == len(set(found)), asked
        assert set(found) == fitting(listed.oracle, asked, now), (asked, now)
        sizes.add(len(found))
    assert len(sizes) > 10


def test_a_saved_segment_finds_whom_the_oracle_finds(listed: Listed) -> None:  # part of SE2
    kept = SavedSegmentQueries(listed.books.pool).all()
    for row in kept:
        found = listed.found(filter_of(row, EUROS.currency), "name", listed.now)
        asked = to_jsonable_python(row._asdict())
        assert set(found) == fitting(listed.oracle, asked, listed.now), asked
    assert len(kept) > 10


def test_the_list_is_sorted_as_the_oracle_compares(listed: Listed) -> None:  # SE3
    rows = {row["member_id"]: row for row in listed.oracle.rows("members")}
    for sort, column in (("name", "name_key"), ("spent", "spent"), ("joined", "joined_at")):
        found = listed.found(MemberFilter(), sort, listed.now)  # type: ignore[arg-type]
        keys = [(rows[member][column], member) for member in found]
        assert all(one <= other for one, other in pairwise(keys))
        assert len(keys) == len(rows)
