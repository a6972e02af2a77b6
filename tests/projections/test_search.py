"""What a search of the member list finds: words in names and addresses, with signs and without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid5

import pytest
from psycopg_pool import ConnectionPool

from ledger import ids
from ledger.store.pool import open_pool
from projections.catalogue import all_views
from projections.columns import teach
from projections.engine import prepare
from projections.members import MemberRow, Members
from projections.queries.members import MemberFilter, MemberQueries
from projections.queries.paging import Turn
from projections.queries.wide import Bounds
from projections.search import AS_LETTERS, search_key
from projections.tables import SCHEMA, Table
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, opened

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PEOPLE = {
    "anna": ("Anna Example", "anna@example.org"),
    "pierre": ("Jean-Pierre Blanc", "jeanpierre@gmail.com"),
    "eva": ("Eva Marie O'Brien", "eva_brien+news@exa-mple.org"),
    "zoé": ("Zoé Gmail", "zo@posteo.example"),
    "émile": ("ÉMILE Comte", "E.Comte@mail.gmail.com.example"),
    "uwe": ("Uwe Groß", "jean_b+d@e.example"),
}
FOUND: dict[str, set[str]] = {
    # One or two letters or digits begin a word of the name, or the address.
    "e": {"anna", "eva", "émile"},
    "E": {"anna", "eva", "émile"},
    "ex": {"anna"},
    "zo": {"zoé"},
    "g": {"zoé", "uwe"},
    "gm": {"zoé"},
    "c": {"émile"},
    "o": {"eva"},
    "o'": {"eva"},
    "e.": {"émile"},
    "pi": set(),
    "b": {"pierre"},
    "j": {"pierre", "uwe"},
    "a@": set(),
    "zo@": {"zoé"},
    # More stand anywhere.
    "exa": {"anna", "eva", "zoé", "émile", "uwe"},
    "example": {"anna", "zoé", "émile", "uwe"},
    ".example": {"zoé", "émile", "uwe"},
    "@example": {"anna"},
    "@e.example": {"uwe"},
    "gmail": {"pierre", "zoé", "émile"},
    "gmail.com": {"pierre", "émile"},
    "@gmail.com": {"pierre"},
    "mail.gmail": {"émile"},
    "com": {"pierre", "émile"},
    "org": {"anna", "eva"},
    "jean-pierre": {"pierre"},
    "jean pierre": {"pierre"},
    "jeanpierre": {"pierre"},
    "jeanpierre@": {"pierre"},
    "pie": {"pierre"},
    "o'brien": {"eva"},
    "brien": {"eva"},
    "_brien": {"eva"},
    "brien+": {"eva"},
    "eva_brien+news@exa-mple.org": {"eva"},
    "+news": {"eva"},
    "-mple": {"eva"},
    "gross": {"uwe"},
    # Every word, in any order; signs beside a letter or digit count.
    "gmail blanc": {"pierre"},
    "e com": {"émile"},
    "e example": {"anna", "émile"},
    "anna @": set(),
    "@": set(),
    # No sign stands for another, nor for a letter.
    "anna.example": set(),
    "annaaexample": set(),
    "jeandpierre": set(),
    "jean.pierre": set(),
    "jean_pierre": set(),
    "jean_b": {"uwe"},
    "jean%": set(),
}
"""Who is found by what is typed."""
WAYS = {
    "gathered": Bounds(cheap=1 << 40, tried=0),
    "walked": Bounds(cheap=0, dear=0, walked=1, looked_at=1),
}


@pytest.fixture(scope="module")
def pool(template: str, fresh_databases: FreshDatabases) -> Iterator[ConnectionPool[Any]]:
    with fresh_databases.copy_of(template) as dsn:
        with opened(dsn) as books:
            prepare(dsn, all_views(EUROS), books.clock)
        with open_pool(dsn, max_size=1, search_path=SCHEMA) as pool:
            with pool.connection() as connection, connection.transaction():
                teach(connection)
                rows = [person(*one) for one in PEOPLE.values()]
                Table(Members(EUROS)).write(connection, {}, {row[:1]: row for row in rows})
            yield pool


def person(name: str, email: str) -> MemberRow:
    row = MemberRow(
        member_id=uuid5(ids.SITE, email),
        name=name,
        email=email,
        name_key=search_key(name),
        email_key=search_key(email),
        same_name=None,
        same_email=None,
        locale="fr",
        opened_at=NOW,
    )
    return Members(EUROS).finish(row)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", FOUND)
def test_a_search_finds(pool: ConnectionPool[Any], text: str, way: str) -> None:  # SE3
    members, asked = MemberQueries(pool, WAYS[way]), MemberFilter(text=text)
    by_name = {name: key for key, (name, _) in PEOPLE.items()}
    for sort in ("name", "email", "joined", "status"):
        page = members.page(asked, Turn(sort), NOW)
        assert {by_name[row.name] for row in page.rows} == FOUND[text], sort
        assert len(page.rows) == len(FOUND[text])
    assert members.count(asked, NOW).rows == len(FOUND[text])


@pytest.mark.parametrize("sort", ["name", "email", "status", "plan"])
def test_who_begins_with_what_is_typed_comes_first(pool: ConnectionPool[Any], sort: str) -> None:
    members, asked = MemberQueries(pool), MemberFilter(text="e")
    rising = [row.name for row in members.page(asked, Turn(sort), NOW).rows]
    assert rising == ["ÉMILE Comte", "Eva Marie O'Brien", "Anna Example"]
    falling = [row.name for row in members.page(asked, Turn(sort, descending=True), NOW).rows]
    assert falling == ["Eva Marie O'Brien", "ÉMILE Comte", "Anna Example"]


def test_no_key_holds_a_letter_that_stands_for_a_sign() -> None:
    every = search_key("".join(map(chr, range(sys.maxunicode + 1))))
    assert set(AS_LETTERS).isdisjoint(every)
