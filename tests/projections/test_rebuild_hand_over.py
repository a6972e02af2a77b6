"""Where one hand lets go and the next takes over: nothing lost, nothing twice, nobody stuck."""

from __future__ import annotations

from typing import Any

import pytest

from projections.catalogue import all_views
from projections.members import Members
from projections.parking import parked
from projections.rebuild import RebuildFailed
from tests.projections.books import EUROS, Books
from tests.projections.rebuilds import at, digest_of, done, rebuilder, shadow
from tests.projections.test_engine import spoil, stored
from tests.projections.test_rebuild import ALL, follow, followed, leftovers

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

    from projections import rebuild_rows

    cancel = rebuild_rows.cancel
    monkeypatch.setattr(rebuild_rows, "cancel", too_late)
    assert own.cancel().state == "live"
    assert own.latest()[0].rebuild.state == "live"
