"""Laws bind: each says something of real facts, and rows that are gone or doubled break it."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from projections.catalogue import all_views
from projections.laws import BOOKS, NET_OF_SPENDING, SETTLED, Law, breaches
from projections.view import View
from tests.projections.books import EUROS, Books
from tests.projections.full_stories import told_fully

LAWS = [(view, law) for view in all_views(EUROS) for law in view.laws]
EMPTY = "DELETE FROM {table}"
OFF_BY_ONE = "UPDATE {table} SET net = net + CASE WHEN gross % 2 = 0 THEN 1 ELSE -1 END"


def is_broken(connection: Connection[Any], view: View[Any], law: Law, position: int) -> bool:
    """Whether a law is, for the rows that serve."""
    found = breaches(
        connection,
        [law],
        sql.Identifier("views", view.name),
        position=position,
        aside=(),
        parameters=view.parameters,
    )
    return bool(found)


def told(books: Books) -> int:
    """Books in which a bit of everything happened; the last position."""
    for changed in told_fully(3, 500):
        books.save(*changed)
    return books.follower().catch_up()


def test_every_law_holds_and_notices_when_rows_are_wrong(books: Books) -> None:
    position = told(books)
    blind = []
    for view, law in LAWS:
        table = sql.Identifier("views", view.name)
        spoil = OFF_BY_ONE if law is NET_OF_SPENDING else EMPTY
        with books.pool.connection() as connection, connection.transaction(force_rollback=True):
            assert not is_broken(connection, view, law, position), (view.name, law.name)
            connection.execute(sql.SQL(spoil).format(table=table))
            if not is_broken(connection, view, law, position):
                blind.append((view.name, law.name))
    assert blind == []


def test_every_view_has_a_law() -> None:
    assert [view.name for view in all_views(EUROS) if not view.laws] == []


def test_a_fact_is_opened_once_however_many_fields_a_law_names(books: Books) -> None:
    asked = {"position": 1, "topics": ["order.paid"], "aside": []}
    query = sql.SQL("EXPLAIN (VERBOSE) " + BOOKS).format(law=sql.SQL(SETTLED))
    with books.pool.connection() as connection:
        plan = connection.execute(query.as_bytes(connection), asked).fetchall()
    assert str(plan).count("convert_from") == 1
