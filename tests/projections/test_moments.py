"""Moments: the views as they were, against a plain fold and against the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from psycopg import sql

from projections import moments
from projections.catalogue import all_views
from projections.columns import codec, reading
from projections.moment_building import Builder
from projections.moments import (
    Moment,
    Moments,
)
from projections.view import Recorded, View, fold
from tests.projections.books import EUROS, Books
from tests.projections.stories import START, Story

DAY = timedelta(days=1)
ROOMY = 1 << 40


@pytest.fixture
def kept(books: Books) -> Moments:
    """Moments of these books."""
    books.follower().catch_up()
    found = Moments(books.pool, books.recorder, all_views(EUROS), books.clock)
    found.lay_out()
    return found


@pytest.fixture
def builder(books: Books, kept: Moments) -> Builder:
    """Who builds them, with all the room there is."""
    return Builder(books.dsn, kept, books.mapper, ROOMY)


def tell(books: Books, seed: int = 1, commands: int = 120) -> datetime:
    """Live through a story; the clock stands at its end."""
    story = Story(Random(seed))  # noqa: S311 -- a story, not a secret
    for save in story.found():
        books.save(*save)
    while story.commands < commands:
        books.save(*story.step())
    books.clock.advance_to(story.now)
    return story.now


def built(builder: Builder, as_of: datetime, position: int | None = None) -> Moment:
    """A moment that is ready."""
    kept = builder.moments
    known = kept.known_position(None) if position is None else position
    moment = kept.at(as_of, known)
    if moment.state != "ready":
        builder.build_waiting()
        moment = kept.at(as_of, known)
    assert moment.state == "ready", moment
    return moment


def rows_of(books: Books, view: View[Any], schema: str) -> list[Any]:
    """A table's rows, in the order of their keys."""
    found = codec(view.columns)
    query = sql.SQL("SELECT {columns} FROM {table} ORDER BY {key}").format(
        columns=sql.SQL(", ").join(sql.Identifier(c.name) for c in found.columns),
        table=sql.Identifier(schema, view.name),
        key=sql.SQL(", ").join(map(sql.Identifier, view.key)),
    )
    with books.pool.connection() as connection:
        return [found.decode(values) for values in reading(connection).execute(query)]


def everything(books: Books, moment: Moment) -> dict[str, list[Any]]:
    """All rows of a moment."""
    return {view.name: rows_of(books, view, moment.schema) for view in all_views(EUROS)}


def plainly(books: Books, as_of: datetime, position: int) -> dict[str, list[Any]]:
    """The same rows by a plain fold over the facts that count."""
    facts = [
        one for one in books.facts() if one.position <= position and one.fact.occurred_at <= as_of
    ]
    return {view.name: _folded(view, facts) for view in all_views(EUROS)}


def _folded(view: View[Any], facts: list[Recorded]) -> list[Any]:
    rows = fold(view, {}, facts)
    return [rows[key] for key in sorted(rows, key=_sorting) if rows[key] is not None]


def _sorting(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(str(part) if not isinstance(part, int) else part for part in key)


def pairs(books: Books, seed: int, count: int) -> Iterator[tuple[datetime, int]]:
    """Random moments: instants, each with what was known then, later or by now."""
    random, horizon = Random(seed), books.recorder.horizon()  # noqa: S311
    span = books.clock.now() - START
    for _ in range(count):
        as_of = START + span * random.random()
        yield as_of, books.recorder.last_of_save(random.randrange(1, horizon + 1))


def test_random_moments_are_what_a_plain_fold_says(
    books: Books, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:  # part of AU3
    monkeypatch.setattr(moments, "LARGEST_PART", 60)
    monkeypatch.setattr(moments, "MOST_WAITING", 100)
    tell(books)
    for as_of, position in pairs(books, 5, 10):
        moment = built(builder, as_of, position)
        assert everything(books, moment) == plainly(books, as_of, position), (as_of, position)
    assert any(moment.parts_total > 4 for moment in builder.moments.all())
