"""Rebuilding: the same rows, nothing lost, taken up where it broke off, given up, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import NotFound
from projections import layout
from projections.catalogue import all_views
from projections.digest import Digest
from projections.members import MemberRow, Members
from projections.parking import parked
from projections.plans import Plans
from projections.positions import ViewNewer, standings
from projections.rebuild import RebuildBusy, RebuildFailed
from projections.rebuild_rows import Rebuild, set_fields
from projections.swap import NothingToRollBack, drop_shadow
from projections.view import View, on
from tests.projections.books import EUROS, Books
from tests.projections.rebuilds import (
    Killed,
    asked,
    at,
    die,
    digest_of,
    done,
    rebuilder,
    views_with,
)
from tests.projections.test_engine import assert_true, spoil, stored

ALL = [view.name for view in all_views(EUROS)]
UNDER_WAY = ["planned", "building", "catching_up", "verifying"]


class NewMembers(Members):
    """The next version, whose rows are the same."""

    version = Members.version + 1


def followed(books: Books, seed: int = 1, commands: int = 120) -> None:
    """Books whose views serve."""
    books.tell(seed, commands)
    books.follower().catch_up()


def leftovers(books: Books) -> int:
    """Schemas that a rebuild left behind."""
    query = "SELECT FROM pg_namespace WHERE nspname LIKE 'rebuild%' OR nspname = 'views_gone'"
    return len(asked(books, query))


def test_a_rebuild_gives_the_same_rows_and_leaves_the_old_ones_beside(books: Books) -> None:
    followed(books)
    before = {view.name: digest_of(books, view) for view in all_views(EUROS)}
    rebuild = rebuilder(books).run(ALL)
    assert rebuild.state == "live"
    for view in all_views(EUROS):
        assert digest_of(books, view) == before[view.name]
        assert digest_of(books, view, "views_old") == before[view.name]
    assert leftovers(books) == 0
    # The next one replaces what was kept of this one.
    assert rebuilder(books).run(ALL).state == "live"
    assert leftovers(books) == 0


def test_new_tables_have_every_key_and_index(books: Books) -> None:
    followed(books)
    names = "SELECT indexname FROM pg_indexes WHERE schemaname = 'views' ORDER BY 1"
    before = asked(books, names)
    rebuilder(books).run(ALL)
    assert asked(books, names) == before


def test_the_receipt_says_what_was_read_and_what_was_made(books: Books) -> None:
    followed(books)
    given: list[tuple[Rebuild, dict[str, Digest]]] = []

    def keep(rebuild: Rebuild, digests: dict[str, Digest]) -> int:
        given.append((rebuild, digests))
        return 7

    assert rebuilder(books, receipt=keep).run(["members", "plans"]).receipt == 7
    [(rebuild, digests)] = given
    assert rebuild.facts == len(books.facts())
    for name, view in (("members", Members(EUROS)), ("plans", Plans())):
        buckets = digest_of(books, view).values()
        assert digests[name] == Digest(sum(b.rows for b in buckets), sum(b.hash for b in buckets))


@pytest.mark.parametrize("state", UNDER_WAY)
def test_facts_that_come_meanwhile_are_in_it(books: Books, state: str) -> None:
    followed(books)

    def meanwhile() -> None:
        books.tell(2, 60)
        follow(books)

    rebuilder(books, tell=at(state, meanwhile)).run(ALL)
    follow(books)
    assert_true(books)


def follow(books: Books) -> None:
    """Read all there is."""
    with books.follower().leading() as leader:
        while leader.step():
            pass


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_rebuild_whose_coordinator_died_is_taken_up(books: Books, state: str) -> None:
    followed(books)
    with pytest.raises(Killed):
        rebuilder(books, tell=at(state, die)).run(ALL)
    books.tell(2, 30)
    follow(books)
    finished = rebuilder(books).carry_on()
    assert finished is not None
    assert finished.state == "live"
    follow(books)
    assert_true(books)


def test_parts_that_are_done_are_not_done_again(books: Books) -> None:
    followed(books)
    folded: list[int] = []
    own = rebuilder(books)
    crew = own.crew

    class DiesAfterOne:
        def fold(self, rebuild_id: Any, numbers: Any) -> Any:
            for number in crew.fold(rebuild_id, numbers):
                folded.append(number)
                raise Killed

    with pytest.raises(Killed):
        rebuilder(books, crew=DiesAfterOne()).run(ALL)

    class Watched:
        def fold(self, rebuild_id: Any, numbers: Any) -> Any:
            for number in crew.fold(rebuild_id, numbers):
                folded.append(number)
                yield number

    rebuilder(books, crew=Watched()).carry_on()
    assert len(folded) > 1
    assert sorted(folded) == sorted(set(folded))
    assert_true(books)


def test_a_receipt_that_was_not_written_is_written_by_the_next(books: Books) -> None:
    followed(books)

    def fails(*_: Any) -> int:
        raise Killed

    with pytest.raises(Killed):
        rebuilder(books, receipt=fails).run(["members"])
    written: list[str] = []

    def writes(rebuild: Rebuild, _: dict[str, Digest]) -> int:
        written.append(rebuild.state)
        return 9

    rebuilder(books, receipt=writes).carry_on()
    assert written == ["live"]
    assert rebuilder(books).latest()[0].rebuild.receipt == 9


def test_whoever_dies_right_after_the_swap_leaves_nothing_behind(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)

    def dies_after_the_commit(connection: Any, rebuild: Rebuild, **fields: Any) -> Rebuild:
        if not connection.info.transaction_status:
            raise Killed
        return set_fields(connection, rebuild, **fields)

    monkeypatch.setattr("projections.swap.set_fields", dies_after_the_commit)
    with pytest.raises(Killed):
        rebuilder(books).run(ALL)
    assert rebuilder(books).carry_on() is None
    [report] = rebuilder(books).latest()
    assert (report.rebuild.state, report.rebuild.receipt) == ("live", 0)
    assert report.rebuild.blocked_ms > 0
    assert leftovers(books) == 0


def test_whoever_dies_while_giving_up_leaves_it_to_the_next(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)
    views, dropping = views_with(Picky(EUROS)), "projections.rebuild.drop_shadow"

    def drops_and_dies(*given: Any) -> None:
        drop_shadow(*given)
        raise Killed

    monkeypatch.setattr(dropping, drops_and_dies)
    with pytest.raises(Killed):
        rebuilder(books, views).run(["members"])
    monkeypatch.setattr(dropping, drop_shadow)
    with pytest.raises(RebuildFailed, match="ValueError"):
        rebuilder(books, views).carry_on()
    assert leftovers(books) == 0


def test_one_rebuild_at_a_time(books: Books) -> None:
    followed(books)
    rebuilder(books).plan(["members"])
    with pytest.raises(RebuildBusy, match="members"):
        rebuilder(books).plan(["orders"])


def test_a_view_that_there_isnt_is_refused_by_name(books: Books) -> None:
    followed(books)
    with pytest.raises(NotFound, match="horses"):
        rebuilder(books).plan(["horses"])


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_rebuild_that_is_cancelled_changes_nothing(books: Books, state: str) -> None:
    followed(books)
    before = digest_of(books, Members(EUROS))
    own = rebuilder(books)
    cancelled = rebuilder(books, tell=at(state, own.cancel)).run(["members"])
    assert cancelled.state == "cancelled"
    assert digest_of(books, Members(EUROS)) == before
    assert leftovers(books) == 0


def test_a_planned_rebuild_can_be_cancelled_while_nobody_carries_it_out(books: Books) -> None:
    followed(books)
    rebuilder(books).plan(["members"])
    assert rebuilder(books).cancel().state == "cancelled"
    with pytest.raises(NotFound, match="under way"):
        rebuilder(books).cancel()


def test_a_rollback_puts_the_old_rows_back(books: Books) -> None:
    followed(books)
    before = digest_of(books, Members(EUROS))
    rebuilder(books, views_with(NewMembers(EUROS))).run(["members"])
    rebuilder(books, views_with(NewMembers(EUROS))).roll_back("members")
    with books.pool.connection() as connection:
        assert {one.name: one.version for one in standings(connection)}[
            "members"
        ] == Members.version
    assert digest_of(books, Members(EUROS)) == before
    books.tell(2, 30)
    follow(books)
    assert_true(books)


def test_what_was_rolled_back_is_not_rebuilt_unasked(books: Books) -> None:
    followed(books)
    new = rebuilder(books, views_with(NewMembers(EUROS)))
    assert new.outdated() == ["members"]
    new.run(["members"])
    new.roll_back("members")
    assert new.outdated() == []


def test_there_is_nothing_to_roll_back_to_twice(books: Books) -> None:
    followed(books)
    rebuilder(books).run(["members"])
    rebuilder(books).roll_back("members")
    with pytest.raises(NotFound):
        rebuilder(books).roll_back("members")
    rebuilder(books).run(["members"])
    done(books, "DROP TABLE views_old.members")
    with pytest.raises(NothingToRollBack):
        rebuilder(books).roll_back("members")


def test_a_bad_fact_stops_a_rebuild_and_it_says_where(books: Books) -> None:
    followed(books)
    before = digest_of(books, Members(EUROS))
    with pytest.raises(RebuildFailed, match=r"Fact \d+ \(member.tagged\).*members: ValueError"):
        rebuilder(books, views_with(Picky(EUROS))).run(["members"])
    assert digest_of(books, Members(EUROS)) == before
    assert leftovers(books) == 0


class Picky(NewMembers):
    """A version with a fault."""

    @on(*(fact for fact in Members.handlers if fact.TOPIC == "member.tagged"))
    def tagged(self, row: MemberRow, fact: Any) -> MemberRow:
        raise ValueError(fact.tag)


def test_what_is_parked_is_left_out_and_not_tried_meanwhile(books: Books) -> None:
    followed(books)
    victim = next(iter(stored(books, Members(EUROS))))[0]
    spoil(books, victim)
    follow(books)
    before = {view.name: digest_of(books, view) for view in all_views(EUROS)}

    def retried() -> None:
        with books.follower().leading() as leader:
            assert leader.retry_parked() == 0

    rebuilder(books, tell=at("verifying", retried)).run(ALL)
    with books.pool.connection() as connection:
        assert len(parked(connection)) == 2
    assert {view.name: digest_of(books, view) for view in all_views(EUROS)} == before


class Extra(Members):
    """A view that was not there before."""

    name = "extra_members"


def test_a_new_view_is_built_beside_the_others_and_then_followed(books: Books) -> None:
    followed(books)
    views = views_with(Extra(EUROS))
    with books.follower(views=views).leading() as leader:
        rebuilder(books, views).run(["extra_members"])
        leader.take_in()
        books.tell(3, 30)
        while leader.step():
            pass
    rows = stored(books, Extra(EUROS))
    assert rows == stored(books, Members(EUROS))


def test_books_with_a_past_and_no_views_are_folded_by_a_rebuild(
    new_books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "SMALL", 10)
    new_books.tell(1, 120)
    own = rebuilder(new_books)
    assert own.outdated() == ALL
    assert asked(new_books, "SELECT to_regclass('views.members')") == [(None,)]
    own.run(ALL)
    assert_true(new_books)


def test_a_program_of_an_older_version_follows_nothing(books: Books) -> None:
    followed(books)
    rebuilder(books, views_with(NewMembers(EUROS))).run(["members"])
    books.tell(2, 30)
    newer = f"members stands at version {NewMembers.version}"
    with pytest.raises(ViewNewer, match=newer), books.follower().leading():
        pytest.fail("an older program led")
    with pytest.raises(ViewNewer, match="members"):
        rebuilder(books).plan(["members"])


def test_a_follower_leaves_alone_what_another_version_made(books: Books) -> None:
    followed(books)
    before = digest_of(books, Members(EUROS))
    books.tell(2, 30)
    with books.follower(views=views_with(NewMembers(EUROS))).leading() as leader:
        while leader.step():
            pass
    assert digest_of(books, Members(EUROS)) == before
    with books.pool.connection() as connection:
        found = {one.name: one.position for one in standings(connection)}
    assert found["members"] < found["orders"] == books.recorder.horizon()


def test_a_follower_that_is_overtaken_by_a_swap_starts_over(books: Books) -> None:
    followed(books)
    with books.follower().leading() as leader:
        rebuilder(books).run(["members"])
        books.tell(2, 30)
        while leader.step():
            pass
    assert_true(books)


def test_the_old_version_serves_until_the_new_one_is_in_place(books: Books) -> None:
    followed(books)
    seen: list[Any] = []
    views: list[View[Any]] = views_with(NewMembers(EUROS))

    def look(_: Any) -> None:
        seen.append(digest_of(books, Members(EUROS)))

    before = digest_of(books, Members(EUROS))
    rebuilder(books, views, tell=look).run(["members"])
    assert len(seen) >= len(UNDER_WAY)
    assert all(one == before for one in seen)
