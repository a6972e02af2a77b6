"""How the views are said to be, and another try for what was set aside."""

from __future__ import annotations

from datetime import timedelta

import pytest
from psycopg import sql

from projections import rebuild, status
from projections.catalogue import all_views
from projections.members import Members
from projections.parking import ask_again, asked_again, parked
from projections.status import ViewsStatus
from tests.projections.books import EUROS, Books
from tests.projections.rebuilds import rebuilder
from tests.projections.test_engine import assert_true, spoil, stored, wait_until


def status_of(books: Books) -> ViewsStatus:
    return ViewsStatus(books.pool, all_views(EUROS), books.clock)


def test_each_view_says_how_far_it_is_and_what_it_holds(books: Books) -> None:
    first = books.tell(1, 60)
    books.follower().catch_up()
    books.tell(2, 20)
    waiting = [one for one in books.facts() if one.position > first]
    books.clock.advance_to(waiting[0].fact.recorded_at + timedelta(seconds=70))
    found = status_of(books).all()
    assert {one.name for one in found} == {view.name for view in all_views(EUROS)}
    assert {(one.position, one.lag, one.lag_seconds) for one in found} == {
        (first, len(waiting), 70)
    }
    for one, view in zip(found, sorted(all_views(EUROS), key=lambda v: v.name), strict=True):
        assert one.version == view.version
        assert (one.rows, one.is_current) == (len(stored(books, view)), True)


def test_a_large_view_is_taken_for_as_large_as_the_planner_thinks(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.tell(1, 60)
    books.follower().catch_up()
    exact = {one.name: one.rows for one in status_of(books).all()}
    largest = max(exact, key=lambda name: exact[name])
    small = [name for name, rows in exact.items() if rows < exact[largest]]
    assert small
    monkeypatch.setattr(status, "MOST_COUNTED", exact[largest] - 1)
    with books.pool.connection() as connection:
        taken_for = "UPDATE pg_class SET reltuples = 123456 WHERE oid = %s::regclass"
        connection.execute(taken_for, (f"views.{largest}",))
    found = {one.name: one for one in status_of(books).all(estimates=True)}
    assert (found[largest].rows, found[largest].is_exact) == (120_000, False)
    assert all((found[name].rows, found[name].is_exact) == (exact[name], True) for name in small)


def test_asking_how_rebuilds_are_lays_nothing_out(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.tell(1, 60)
    books.follower().catch_up()
    own = rebuilder(books)
    planned = own.plan(["members"])
    laid_out: list[object] = []
    monkeypatch.setattr(rebuild, "lay_out", lambda *given: laid_out.append(given))
    assert [one.rebuild.id for one in own.latest()] == [planned.id]
    assert not laid_out


def test_parked_facts_are_counted_where_they_are_missed(books: Books) -> None:
    books.tell(1, 60)
    follower = books.follower()
    follower.catch_up()
    spoil(books, next(iter(stored(books, Members(EUROS))))[0])
    follower.catch_up()
    aside = {one.name: one.parked for one in status_of(books).all()}
    assert (aside.pop("members"), aside.pop("taggings")) == (2, 1)
    assert set(aside.values()) == {0}


def test_who_leads_tries_again_when_asked(books: Books) -> None:
    books.tell(1, 60)
    follower = books.follower()
    follower.catch_up()
    victim = next(iter(stored(books, Members(EUROS))))[0]
    spoil(books, victim)
    follower.start()
    try:
        with books.pool.connection() as connection:
            wait_until(lambda: len(parked(connection)) == 2)
            ask_again(connection)
            wait_until(lambda: not asked_again(connection))
            assert len(parked(connection)) == 2
            mend(books)
            ask_again(connection)
            wait_until(lambda: not parked(connection) and not asked_again(connection))
    finally:
        follower.stop()
    assert_true(books)


def mend(books: Books) -> None:
    """Let the bad fact be one that can be read, as a newer program would."""
    with books.pool.connection() as connection:
        good = connection.execute(
            "SELECT topic, state FROM ledger.facts WHERE topic = 'member.locale_chosen' LIMIT 1"
        ).fetchone()
        assert good
        mended = sql.SQL("UPDATE ledger.facts SET topic = %s, state = %s WHERE state = %s")
        connection.execute("SET session_replication_role = replica")  # the books refuse changes
        connection.execute(mended, [*good, b'{"what":1}'])
        connection.execute("RESET session_replication_role")
