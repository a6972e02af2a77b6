"""A rebuild under way when the program is updated: begun anew by itself, and served meanwhile."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from projections import rebuild_rows
from projections.catalogue import all_views
from projections.crew import CrewLost, Here, carry_out
from projections.members import Members
from projections.rebuild import BEGUN_BY_ANOTHER, Report
from tests.projections.books import EUROS, Books
from tests.projections.rebuilds import (
    Killed,
    asked,
    at,
    die,
    digest_of,
    done,
    rebuilder,
    shadow,
    views_with,
)
from tests.projections.test_engine import assert_true
from tests.projections.test_rebuild import NewMembers, follow, followed, leftovers

WITH_TABLES = ["building", "catching_up", "verifying"]
NAMES = ["members", "plans"]


class NextMembers(NewMembers):
    """The version after that, of the program that comes next."""

    version = NewMembers.version + 1


def begun(books: Books, state: str) -> None:
    """A rebuild that is killed in a state."""
    with pytest.raises(Killed):
        rebuilder(books, views_with(NewMembers(EUROS)), tell=at(state, die)).run(NAMES)


def made_by_the_previous_program(books: Books) -> None:
    """The rebuild under way as a program leaves it that knows no digests by person or stream."""
    done(books, "DROP TABLE written", shadow(books))
    done(books, "ALTER TABLE rebuilds DROP COLUMN manner; COMMENT ON SCHEMA views IS 'layout 1'")


@pytest.mark.parametrize("again", ["planned", *WITH_TABLES])
@pytest.mark.parametrize("state", WITH_TABLES)
def test_what_cannot_be_gone_on_with_is_begun_anew(books: Books, state: str, again: str) -> None:
    followed(books)
    begun(books, state)
    made_by_the_previous_program(books)
    books.tell(2, 30)
    follow(books)
    before = digest_of(books, Members(EUROS))
    served: list[Any] = []

    def look(report: Report) -> None:
        if report.rebuild.is_under_way:
            served.append(digest_of(books, Members(EUROS)))
        dies_again(report)

    views, dies_again = views_with(NewMembers(EUROS)), at(again, die)
    with pytest.raises(Killed):
        rebuilder(books, views, tell=look).carry_on()
    finished = rebuilder(books, views, tell=look).carry_on()
    assert finished is not None
    assert (finished.state, sorted(finished.names)) == ("live", NAMES)
    assert len(served) > len(WITH_TABLES)
    assert all(one == before for one in served)
    assert [(one.rebuild.state, one.rebuild.why) for one in rebuilder(books, views).latest()] == [
        ("live", None),
        ("failed", BEGUN_BY_ANOTHER),
    ]
    assert leftovers(books) == 0
    with books.follower(views=views).leading() as leader:
        books.tell(3, 30)
        while leader.step():
            pass
    assert_true(books)


def test_what_can_be_gone_on_with_is_gone_on_with(books: Books) -> None:
    followed(books)
    begun(books, "verifying")
    parts = "SELECT number, xmin::text FROM rebuild_parts ORDER BY number"
    before = asked(books, parts)
    finished = rebuilder(books, views_with(NewMembers(EUROS))).carry_on()
    assert finished is not None
    assert finished.state == "live"
    assert len(rebuilder(books).latest()) == 1
    assert asked(books, parts) == before


def test_a_next_version_makes_its_own_of_what_another_began(books: Books) -> None:
    followed(books)
    begun(books, "catching_up")
    views = views_with(NextMembers(EUROS))
    finished = rebuilder(books, views).carry_on()
    assert finished is not None
    versions = dict(zip(finished.names, finished.versions, strict=True))
    assert versions["members"] == NextMembers.version
    assert rebuilder(books, views).outdated() == []
    assert leftovers(books) == 0


def test_whoever_dies_while_beginning_anew_leaves_it_to_the_next(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)
    begun(books, "building")
    made_by_the_previous_program(books)
    views = views_with(NewMembers(EUROS))

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(rebuild_rows, "plan", dies)
        with pytest.raises(Killed):
            rebuilder(books, views).carry_on()
    finished = rebuilder(books, views).carry_on()
    assert finished is not None
    assert finished.state == "live"
    assert leftovers(books) == 0


def test_a_worker_of_another_program_folds_nothing(books: Books) -> None:
    followed(books)
    views = views_with(NewMembers(EUROS))
    others = Here(partial(carry_out, books.dsn, books.mapper, list(all_views(EUROS))))
    with pytest.raises(CrewLost, match="another program"):
        rebuilder(books, views, crew=others).run(NAMES)
    assert digest_of(books, NewMembers(EUROS), shadow(books)) == {}
    finished = rebuilder(books, views).carry_on()
    assert finished is not None
    assert finished.state == "live"
