"""What the ledger knew at an instant: positions from times that go back and forth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from psycopg import Connection

from ledger import ids
from ledger.facts import Actor, Cause, Stamp
from ledger.member import Member
from projections import marks
from projections.layout import lay_out
from projections.marks import extend, known_position
from tests.projections.books import Books
from tests.projections.stories import START

SECOND = timedelta(seconds=1)


@pytest.fixture
def connection(books: Books) -> Iterator[Connection[Any]]:
    with books.pool.connection() as connection:
        lay_out(connection, [], START)
        marks.lay_out(connection)
        yield connection


def save(books: Books, *instants: datetime) -> int:
    """One save of facts recorded at these instants; its last position."""
    members = []
    for instant in instants:
        member_id = ids.new()
        cause = Cause(kind="job", id=ids.new())
        stamp = Stamp(Actor(kind="member", id=member_id), cause, START, instant)
        members.append(
            Member.open_account(
                member_id, email=f"{member_id}@x.org", name="Ada", locale="en", stamp=stamp
            )
        )
    return books.save(*members)


def plainly(books: Books, instant: datetime) -> int:
    """The same answer, fact by fact."""
    known, latest = 0, START - timedelta(days=1)
    with books.pool.connection() as connection:
        rows = connection.execute(
            "SELECT position, recorded_at, following FROM ledger.facts ORDER BY position"
        )
        for position, recorded_at, following in rows:
            latest = max(latest, recorded_at)
            if latest > instant:
                break
            known = position if following == 0 else known
    return known


def test_nothing_is_known_before_the_first_fact(
    books: Books, connection: Connection[Any]
) -> None:  # part of AU3
    assert known_position(connection, START, books.recorder.horizon()) == 0
    save(books, START)
    assert known_position(connection, START - SECOND, books.recorder.horizon()) == 0
    assert known_position(connection, START, books.recorder.horizon()) == 1


def test_a_save_is_known_as_a_whole_or_not_at_all(
    books: Books, connection: Connection[Any]
) -> None:
    first = save(books, START)
    last = save(books, START + SECOND, START + 2 * SECOND, START + 3 * SECOND)
    horizon = books.recorder.horizon()
    assert known_position(connection, START + 2 * SECOND, horizon) == first
    assert known_position(connection, START + 3 * SECOND, horizon) == last


def test_a_fact_behind_a_clock_that_is_fast_is_not_known_before_it(
    books: Books, connection: Connection[Any]
) -> None:
    first = save(books, START)
    save(books, START + 60 * SECOND)  # another process's clock
    last = save(books, START + SECOND)
    horizon = books.recorder.horizon()
    assert known_position(connection, START + 30 * SECOND, horizon) == first
    assert known_position(connection, START + 60 * SECOND, horizon) == last


@pytest.mark.parametrize("seed", range(3))
def test_marks_change_no_answer(
    books: Books, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(marks, "EVERY", 7)
    monkeypatch.setattr(marks, "CHUNK", 20)
    random, now = Random(seed), START  # noqa: S311
    asked = []
    for _ in range(60):
        now += random.randrange(3) * SECOND
        size = random.randrange(1, 4)
        save(books, *(now + random.randrange(-9, 9) * SECOND for _ in range(size)))
        asked.append(now + random.randrange(-9, 9) * SECOND)
        if random.random() < 0.2:
            extend(connection, books.recorder.horizon())
    horizon = books.recorder.horizon()
    found = [known_position(connection, instant, horizon) for instant in asked]
    assert found == [plainly(books, instant) for instant in asked]
    stood = connection.execute("SELECT count(*) FROM views.marks").fetchone()
    assert stood is not None
    assert stood[0] > 10
