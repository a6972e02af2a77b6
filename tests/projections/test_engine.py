"""The follower: everything once, in order, whatever is bad and whoever else follows."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ledger.member.facts import LocaleChosen, Tagged
from ledger.store.mapper import FactUnreadable
from ledger.store.records import StoredFact
from projections.catalogue import all_views
from projections.columns import RowCodec, reading
from projections.members import MemberRow, Members
from projections.parking import parked
from projections.positions import standings
from projections.rebuild import RebuildFailed
from projections.view import Recorded, View, fold, on
from tests.projections.books import EUROS, Books


def stored(books: Books, view: View[Any]) -> dict[Any, Any]:
    """A view's rows as the database has them."""
    rows = RowCodec(view.columns)
    names = psycopg.sql.SQL(", ").join(psycopg.sql.Identifier(c.name) for c in rows.columns)
    table = psycopg.sql.Identifier("views", view.name)
    statement = psycopg.sql.SQL("SELECT {} FROM {}").format(names, table)
    with books.pool.connection() as connection:
        found = [rows.decode(values) for values in reading(connection).execute(statement)]
    return {row[: len(view.key)]: row for row in found}


def assert_true(books: Books) -> None:
    """Every table holds what a fold of all facts from scratch gives."""
    facts = books.facts()
    for view in all_views(EUROS):
        expected = {key: row for key, row in fold(view, {}, facts).items() if row is not None}
        assert stored(books, view) == expected, view.name


def test_what_is_followed_equals_a_fold_from_scratch(books: Books) -> None:
    follower = books.follower()
    with follower.leading() as leader:
        for seed in (1, 2, 3):
            last = books.tell(seed, 120)
            while leader.step():
                pass
            assert follower.position == last
    assert_true(books)


def test_small_and_large_batches_give_the_same(books: Books) -> None:
    with books.follower().leading() as leader:
        books.tell(4, 15)
        leader.step()
        books.tell(5, 600)
        leader.step()
    assert_true(books)


def test_all_views_stand_at_one_position(books: Books) -> None:
    last = books.tell(1, 60)
    books.follower().catch_up()
    with books.pool.connection() as connection:
        assert {standing.position for standing in standings(connection)} == {last}


def test_a_second_start_reads_nothing_again(books: Books) -> None:
    last = books.tell(1, 60)
    books.follower().catch_up()
    with books.follower().leading() as leader:
        assert leader.step() == 0
    assert books.follower().catch_up() == last
    assert_true(books)


def test_a_bad_fact_stops_nobody_but_its_member(books: Books) -> None:
    books.tell(1, 60)
    follower = books.follower()
    follower.catch_up()
    victim = next(iter(stored(books, Members(EUROS))))[0]
    spoil(books, victim)
    books.tell(2, 60)
    follower.catch_up()
    with books.pool.connection() as connection:
        aside = parked(connection)
    assert [one.subject_id for one in aside] == [victim, victim]
    assert aside[0].why == "fact_unreadable"
    assert "behind" in aside[1].why
    healthy = [f for f in readable(books) if f.position < aside[0].position or not of(f, victim)]
    for view in all_views(EUROS):
        expected = {k: row for k, row in fold(view, {}, healthy).items() if row is not None}
        assert stored(books, view) == expected, view.name


def of(one: Any, victim: UUID) -> bool:
    """Whether a fact is somebody's."""
    return bool(one.fact.subject_id == victim)


def readable(books: Books) -> list[Any]:
    """Every fact that can be read."""
    facts = []
    for record in books.recorder.read(0, 1_000_000):
        try:
            facts.append(Recorded(record.position, books.mapper.open_record(record)))
        except FactUnreadable:
            continue
    return facts


def spoil(books: Books, victim: UUID) -> None:
    """Add a fact that nobody can read, and a good one behind it."""
    last = books.facts()[-1].fact
    version = books.recorder.of_stream(victim)[-1].version
    bad = StoredFact(
        originator_id=victim,
        originator_version=version + 1,
        topic="member.tagged",
        state=b'{"what":1}',
        subject_id=victim,
        recorded_at=last.recorded_at,
    )
    books.recorder.insert_events([bad])
    good = LocaleChosen(
        originator_id=victim,
        originator_version=version + 2,
        timestamp=last.timestamp,
        occurred_at=last.occurred_at,
        actor=last.actor,
        cause=last.cause,
        member_id=victim,
        locale="en",
    )
    books.save_facts([good])


class Shouting(Members):
    """Another version of a view, whose rows differ."""

    version = Members.version + 1

    @property
    def parameters(self) -> tuple[str, ...]:
        """Other rows."""
        return (*super().parameters, "loud")


def test_another_version_is_folded_anew_and_takes_the_place(books: Books) -> None:
    books.tell(1, 120)
    books.follower().catch_up()
    books.tell(2, 30)
    views = [Shouting(EUROS), *all_views(EUROS)[1:]]
    books.follower(views=views).catch_up()
    with books.pool.connection() as connection:
        versions = {standing.name: standing.version for standing in standings(connection)}
        leftover = connection.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rebuild%'"
        ).fetchone()
        indexes = connection.execute(
            "SELECT count(*) FROM pg_indexes WHERE tablename = 'members' AND schemaname = 'views'"
        ).fetchone()
    assert versions["members"] == Shouting.version
    assert leftover == (0,)
    assert indexes == (1 + len(Members.indexes),)
    assert_true(books)


def test_a_view_folded_anew_leaves_out_what_is_parked_and_no_more(books: Books) -> None:
    books.tell(1, 120)
    follower = books.follower()
    follower.catch_up()
    spoil(books, busiest(books))
    books.tell(2, 30)
    follower.catch_up()
    with books.pool.connection() as connection:
        before, aside = stored(books, Members(EUROS)), parked(connection)
    views = [Shouting(EUROS), *all_views(EUROS)[1:]]
    books.follower(views=views).catch_up()
    with books.pool.connection() as connection:
        assert [one.position for one in parked(connection)] == [one.position for one in aside]
    assert stored(books, Members(EUROS)) == before


def test_a_fact_that_only_a_new_version_refuses_stops_it(books: Books) -> None:
    books.tell(1, 120)
    books.follower().catch_up()
    before = stored(books, Members(EUROS))
    views = [Picky(EUROS), *all_views(EUROS)[1:]]
    with pytest.raises(RebuildFailed, match="by members: ValueError"):
        books.follower(views=views).catch_up()
    assert stored(books, Members(EUROS)) == before
    books.follower().catch_up()
    assert_true(books)


class Picky(Shouting):
    """Another version of a view, with a fault."""

    @on(Tagged)
    def tagged(self, row: MemberRow, fact: Tagged) -> MemberRow:
        raise ValueError(fact.tag)


def busiest(books: Books) -> UUID:
    """Who has most orders."""
    rows: list[MemberRow] = list(stored(books, Members(EUROS)).values())
    return max(rows, key=lambda row: row.order_count).member_id


def test_one_leads_and_another_stands_by(books: Books) -> None:
    first, second = books.follower(), books.follower()
    with first.leading():
        second.start()
        time.sleep(0.1)
        books.tell(1, 20)
        assert second.position == 0
        second.stop()


def test_following_in_the_background_is_quick(books: Books) -> None:
    follower = books.follower()
    follower.start()
    try:
        for seed in range(3):
            last = books.tell(seed, 20)
            wait_until(lambda last=last: follower.position >= last)
    finally:
        follower.stop()
    assert_true(books)


def test_a_lost_connection_is_made_again(books: Books) -> None:
    follower = books.follower()
    follower.start()
    try:
        first = books.tell(1, 20)
        wait_until(lambda: follower.position >= first)
        with books.pool.connection() as connection:
            connection.execute(
                # Locks of all databases are listed, and another test may be at work in another.
                "SELECT pg_terminate_backend(pid)"
                "  FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
                " WHERE datname = current_database()"
                "   AND locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = 22"
            )
        last = books.tell(2, 20)
        wait_until(lambda: follower.position >= last)
    finally:
        follower.stop()
    assert_true(books)


def wait_until(is_so: Any, seconds: int = 20) -> None:
    """Wait for something that should happen soon."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail("waited too long")
        time.sleep(0.005)
