"""One member as of a moment, folded on the spot."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import psycopg
import pytest

from ledger import ids
from ledger.errors import NotFound
from ledger.facts import Aggregate
from ledger.member import Member
from projections.catalogue import all_views
from projections.history import History
from projections.one_member import Facts, Known, OnTheSpot, PastHistory, grown
from projections.queries.house import PlanQueries
from projections.queries.members import MemberQueries
from projections.queries.memberships import MembershipQueries
from projections.queries.money import MoneyQueries
from projections.view import fold
from tests.projections.books import EUROS, Books
from tests.projections.stories import START, Story

VIEWS = all_views(EUROS)


def tell(books: Books, seed: int = 3, commands: int = 120) -> Story:
    """Live through a story; the clock stands at its end."""
    story = Story(Random(seed))  # noqa: S311 -- a story, not a secret
    for save in story.found():
        books.save(*save)
    while story.commands < commands:
        books.save(*story.step())
    books.clock.advance_to(story.now)
    return story


def pairs(books: Books, seed: int, count: int) -> list[Known]:
    """Random moments."""
    random, span = Random(seed), books.clock.now() - START  # noqa: S311
    last = books.recorder.horizon()
    return [
        Known(START + span * random.random(), books.recorder.last_of_save(random.randint(1, last)))
        for _ in range(count)
    ]


def test_a_member_is_what_their_own_facts_said(books: Books) -> None:  # part of AU3
    story, seen = tell(books), 0
    told = books.facts()
    for place, known in enumerate(pairs(books, 1, 20)):
        member_id = story.members[place % len(story.members)].id
        facts = [
            one
            for one in told
            if one.position <= known.position
            and one.fact.occurred_at <= known.as_of
            and one.fact.member_id == member_id
        ]
        rows = {view.name: fold(view, {}, facts) for view in VIEWS if view.partition == "subject"}
        reading = Facts(books.recorder, books.mapper, known)
        with OnTheSpot(books.pool, VIEWS).one_member(reading, member_id) as source:
            shown = MemberQueries(source).one(member_id, known.as_of)
            stays = MembershipQueries(source).of_member(member_id)
            spent = MoneyQueries(source).spending_of(member_id)
        row = rows["members"].get((member_id,))
        assert (shown is None) == (row is None)
        if shown and row:
            assert (shown.name, shown.net, shown.position) == (row.name, row.spent, row.position)
            seen += len(stays)
        assert set(stays) == set(rows["memberships"].values())
        assert set(spent) == set(rows["spending"].values())
    assert seen > 5


def test_what_one_member_can_not_tell_is_not_answered(books: Books) -> None:
    story = tell(books)
    books.follower().catch_up()
    reading = Facts(books.recorder, books.mapper, Known(story.now, books.recorder.horizon()))
    with (
        pytest.raises(psycopg.errors.UndefinedTable),
        OnTheSpot(books.pool, VIEWS).one_member(reading, story.members[0].id) as source,
    ):
        PlanQueries(source).all()


def test_live_tables_are_read_again_after_a_member_of_the_past(books: Books) -> None:
    story = tell(books)
    books.follower().catch_up()
    reading = Facts(books.recorder, books.mapper, Known(START, books.recorder.horizon()))
    for _ in range(8):
        with OnTheSpot(books.pool, VIEWS).one_member(reading, story.members[0].id):
            pass
        assert MemberQueries(books.pool).one(story.members[0].id, story.now) is not None


def test_access_comes_from_what_was_known_and_true(books: Books) -> None:  # part of AU3, AX7
    story, asked = tell(books, commands=200), 0
    told = books.facts()
    for place, known in enumerate(pairs(books, 2, 30)):
        member_id = story.members[place % len(story.members)].id
        facts = [
            one.fact
            for one in told
            if one.position <= known.position
            and one.fact.occurred_at <= known.as_of
            and one.fact.originator_id == member_id
        ]
        reading = Facts(books.recorder, books.mapper, known)
        if not facts:
            with pytest.raises(NotFound):
                reading.member(member_id)
            continue
        member = reading.member(member_id)
        for membership in member.memberships.values():
            answer = member.access(membership.plan_id, known.as_of)
            asked += 1
            assert set(answer.fact_ids) <= {fact.fact_id for fact in facts}
    assert asked > 10


def test_what_came_of_a_fact_that_was_not_yet_true_is_left_out(books: Books) -> None:
    story = tell(books)
    member = next(one for one in story.members if len(one.memberships) > 1)
    facts = [one.fact for one in books.facts() if one.fact.originator_id == member.id]
    joined = next(fact for fact in facts if fact.TOPIC == "member.joined")
    found = grown([fact for fact in facts if fact is not joined])
    assert isinstance(found, Member)
    assert len(found.memberships) == len(member.memberships) - 1
    assert grown([fact for fact in facts if fact is not facts[0]]) is None


def test_a_history_ends_at_its_moment(books: Books) -> None:
    story = tell(books)
    member_id = story.members[0].id
    half = START + (story.now - START) / 2
    known = Known(half, books.recorder.horizon())
    entries = PastHistory(books.recorder, books.mapper, known).of_subject(member_id)
    assert entries
    assert all(one.occurred_at <= half for one in entries)
    earlier = Known(story.now, entries[-1].position - 1)
    shorter = PastHistory(books.recorder, books.mapper, earlier).of_subject(member_id)
    assert shorter == [one for one in entries if one.position < entries[-1].position]


def test_the_last_of_a_history_is_the_last_of_what_counts(books: Books) -> None:
    story = tell(books)
    member_id = story.members[0].id
    now = History(books.recorder, books.mapper)
    known = Known(START + (story.now - START) / 2, books.recorder.horizon())
    then = PastHistory(books.recorder, books.mapper, known)
    for history in (now, then):
        everything = history.of_subject(member_id)
        assert len(everything) > 6
        found, earlier = history.latest_of_subject(member_id, 3)
        assert (found[-3:], earlier) == (everything[-3:], len(everything) - 3)
        found, earlier = history.latest_of_subject(member_id, 3, before=everything[-3].position)
        assert (found[-3:], earlier) == (everything[-6:-3], len(everything) - 6)
        stream = history.of_stream(member_id)
        assert history.latest_of_stream(member_id, 2) == stream[-2:]
        assert history.latest_of_stream(member_id, len(stream) + 1) == stream


def test_nobody_is_there_before_they_signed_up(books: Books) -> None:
    story = tell(books)
    known = Known(START - timedelta(days=1), books.recorder.horizon())
    reading = Facts(books.recorder, books.mapper, known)
    with OnTheSpot(books.pool, VIEWS).one_member(reading, story.members[0].id) as source:
        assert MemberQueries(source).one(story.members[0].id, START) is None
    with pytest.raises(NotFound):
        reading.require_plan(story.plans[0].id)
    with pytest.raises(NotFound):
        reading.member(ids.new())


def test_an_order_leads_to_its_person(books: Books) -> None:
    story = tell(books)
    order_id, order = next(iter(story.orders.items()))
    last = books.recorder.horizon()
    assert Facts(books.recorder, books.mapper, Known(START, last)).person_of(order_id) == (
        order.member_id
    )
    assert Facts(books.recorder, books.mapper, Known(START, 0)).person_of(order_id) is None
    assert isinstance(order, Aggregate)
