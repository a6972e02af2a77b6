"""Where one hand lets go and the next takes over: nothing lost, nothing twice, nobody stuck."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.member.facts import Tagged
from projections import rebuild, rebuild_rows
from projections.catalogue import all_views
from projections.members import MemberRow, Members
from projections.parking import parked
from projections.positions import INCOMPLETE, ViewNewer, ViewsTaken, standings
from projections.rebuild import RebuildFailed
from projections.tables import Table
from projections.view import on
from tests.projections.books import EUROS, Books
from tests.projections.rebuilds import (
    Killed,
    asked,
    at,
    digest_of,
    done,
    rebuilder,
    shadow,
    views_with,
)
from tests.projections.test_engine import assert_true, spoil, stored
from tests.projections.test_rebuild import ALL, NewMembers, follow, followed, leftovers

UNDER_WAY = ["planned", "building", "catching_up", "verifying"]


def a_member(books: Books) -> Any:
    """Somebody."""
    return min(stored(books, Members(EUROS)))[0]


@pytest.mark.parametrize("state", UNDER_WAY)
def test_what_is_set_aside_meanwhile_is_left_out_too(books: Books, state: str) -> None:
    followed(books)
    victim = a_member(books)

    def meanwhile() -> None:
        spoil(books, victim)
        follow(books)

    assert rebuilder(books, tell=at(state, meanwhile)).run(ALL).state == "live"
    follow(books)
    before = {view.name: digest_of(books, view) for view in all_views(EUROS)}
    with books.pool.connection() as connection:
        assert len(parked(connection)) == 2
    done(books, "DROP SCHEMA views_old CASCADE")
    rebuilder(books).run(ALL)
    assert {view.name: digest_of(books, view) for view in all_views(EUROS)} == before


def test_whoever_dies_between_two_tables_indexes_leaves_it_to_the_next(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)
    names = "SELECT indexname FROM pg_indexes WHERE schemaname = 'views' ORDER BY 1"
    before = asked(books, names)
    indexed: list[str] = []
    add_indexes = Table.add_indexes

    def index(table: Table, connection: Any) -> None:
        add_indexes(table, connection)
        indexed.append(table.view.name)
        if len(indexed) == 3:
            raise Killed

    monkeypatch.setattr(Table, "add_indexes", index)
    with pytest.raises(Killed):
        rebuilder(books).run(ALL)
    finished = rebuilder(books).carry_on()
    assert finished is not None
    assert finished.state == "live"
    assert sorted(set(indexed)) == sorted(ALL)
    assert len(indexed) == len(ALL) + 1
    assert asked(books, names) == before


def test_a_row_that_stands_twice_is_refused_and_not_tried_for_ever(books: Books) -> None:
    followed(books)
    own = rebuilder(books)
    crew = own.crew

    class Doubles:
        def fold(self, rebuild_id: Any, numbers: Any) -> Any:
            yield from crew.fold(rebuild_id, numbers)
            done(books, "INSERT INTO members SELECT * FROM members LIMIT 1", shadow(books))

    with pytest.raises(RebuildFailed, match="members"):
        rebuilder(books, crew=Doubles()).run(["members"])
    assert leftovers(books) == 0


def test_who_cancels_too_late_changes_nothing(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)
    own = rebuilder(books)
    own.plan(["members"])

    def too_late(*given: Any) -> None:
        rebuilder(books).carry_on()
        cancel(*given)

    cancel = rebuild_rows.cancel
    monkeypatch.setattr(rebuild_rows, "cancel", too_late)
    assert own.cancel().state == "live"
    assert own.latest()[0].rebuild.state == "live"


def test_who_cancels_what_another_carries_out_is_told_how_it_stands(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)
    own = rebuilder(books)
    own.plan(["members"])

    def too_late(*given: Any) -> None:
        rebuilder(books).carry_on()
        cancel(*given)
        # A server lets go of a lock some time after the session that held it has left.
        monkeypatch.setattr(rebuild, "leads", lambda *_: False)

    cancel = rebuild_rows.cancel
    monkeypatch.setattr(rebuild_rows, "cancel", too_late)
    assert own.cancel().state == "live"


def test_what_can_be_gone_back_to_stays_until_the_swap(books: Books) -> None:
    followed(books)
    rebuilder(books, views_with(NewMembers(EUROS))).run(["members"])

    def meanwhile() -> None:
        done(books, "UPDATE members SET gross = gross + 1", shadow(books))

    views = views_with(NewMembers(EUROS))
    with pytest.raises(RebuildFailed):
        rebuilder(books, views, tell=at("verifying", meanwhile)).run(["members"])
    assert asked(books, "SELECT to_regclass('views_old.members') IS NOT NULL") == [(True,)]


class Stern(Members):
    """A version that can't fold some fact."""

    @on(Tagged)
    def tagged(self, row: MemberRow, fact: Tagged) -> MemberRow:
        raise ValueError(fact.tag)


class Mild(Members):
    """The next, which can."""

    version = Members.version + 1


def set_aside(books: Books) -> None:
    """Have a fact set aside that only the next version can fold."""
    books.tell(1, 120)
    books.follower(views=views_with(Stern(EUROS))).catch_up()
    with books.pool.connection() as connection:
        assert parked(connection)


def test_a_version_that_can_fold_what_was_set_aside_takes_it_in(books: Books) -> None:
    set_aside(books)
    views = views_with(Mild(EUROS))
    with books.follower(views=views).leading() as leader:
        while leader.step():
            pass
    with books.pool.connection() as connection:
        assert not parked(connection)
        shapes = {one.name: one.shape for one in standings(connection)}
    assert shapes["members"] == INCOMPLETE
    assert rebuilder(books, views).outdated() == ["members"]
    assert rebuilder(books, views).run(["members"]).state == "live"
    assert_true(books)


def test_who_goes_back_past_what_was_taken_in_folds_it_anew(books: Books) -> None:
    set_aside(books)
    views = views_with(Mild(EUROS))
    rebuilder(books, views).run(["members"])
    with books.follower(views=views).leading() as leader:
        while leader.step():
            pass
    assert_true(books)
    rebuilder(books, views).roll_back("members")
    before = views_with(Members(EUROS))
    assert rebuilder(books, before).outdated() == ["members"]
    books.follower(views=before).catch_up()
    assert_true(books)


def test_a_program_that_goes_leaves_what_a_newer_one_has_planned(books: Books) -> None:
    followed(books)
    rebuilder(books, views_with(NewMembers(EUROS))).plan(["members"])
    with pytest.raises(ViewNewer, match="members"):
        rebuilder(books).carry_on()
    finished = rebuilder(books, views_with(NewMembers(EUROS))).carry_on()
    assert finished is not None
    assert finished.state == "live"


def test_a_rebuild_reads_no_further_than_views_that_it_leaves_behind(books: Books) -> None:
    followed(books)
    last = books.tell(2, 60)
    rebuilder(books).run(["plans"])
    with books.pool.connection() as connection:
        assert {one.position < last for one in standings(connection)} == {True}
    follow(books)
    assert_true(books)


def test_a_view_that_cannot_follow_stops_no_other(books: Books) -> None:
    followed(books)
    views = views_with(NewMembers(EUROS))
    with books.follower(views=views).leading() as leader:
        books.tell(2, 120)
        while leader.step():
            pass
    ahead = books.tell(3, 60)
    # The old version is back, and stumbles over what came meanwhile.
    with books.follower(views=views_with(Stern(EUROS))).leading() as leader:
        while leader.step():
            pass
    with books.pool.connection() as connection:
        found = {one.name: one.position for one in standings(connection)}
    assert found["members"] < found["orders"] == ahead


def test_a_follower_whose_rows_were_swapped_takes_nothing_in(books: Books) -> None:
    set_aside(books)
    with books.follower(views=views_with(Stern(EUROS))).leading() as leader:
        rebuilder(books, views_with(Mild(EUROS))).run(["members"])
        with pytest.raises(ViewsTaken):
            leader.retry_parked()
    with books.pool.connection() as connection:
        assert parked(connection)


def test_what_is_kept_by_stream_is_folded_in_as_many_parts_as_what_is_kept_by_person(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)
    monkeypatch.setattr(rebuild_rows, "FEW_FACTS", 0)
    rebuild = rebuilder(books).run(ALL)
    assert rebuild.state == "live"
    kinds = asked(
        books,
        "SELECT kind, count(*), count(lower), count(upper), sum(facts) > 0"
        " FROM views.rebuild_parts GROUP BY kind ORDER BY kind",
    )
    # The first is open below, the last above.
    many = rebuild_rows.LEAST_PARTS
    assert kinds == [(kind, many, many - 1, many - 1, True) for kind in ("streams", "subjects")]
    assert_true(books)
