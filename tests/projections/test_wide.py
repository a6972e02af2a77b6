"""The member list of a larger site: however it is read, it says the same, and by indexes alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from projections.queries.members import MemberFilter, MemberQueries, MemberSort
from projections.queries.paging import Turn
from projections.queries.stretches import every
from projections.queries.wide import Bounds, by_index
from scripts.benches.populated import fill
from scripts.benches.population import NOW
from scripts.benches.questions import COMBINATIONS, EVERYBODY, SINGLE, SORTS
from tests.conftest import FreshDatabases

PEOPLE = 8_000
AS_OF_A_MILLION = Bounds(cheap=60, dear=600)
"""What is cheap and dear here, as the usual bounds are for a million."""
WAYS = {
    "gathered": Bounds(cheap=1 << 40, tried=0),
    "walked": Bounds(cheap=0, dear=0, walked=1, looked_at=1),
    "walked in vain, then gathered": Bounds(cheap=0, dear=1 << 40, walked=1, looked_at=1),
}
LOOKED_AT: LiteralString = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT FROM members AS view WHERE "
BY_BITMAPS: tuple[LiteralString, ...] = (
    "SET LOCAL enable_indexscan = off",
    "SET LOCAL enable_indexonlyscan = off",
)
IN_VAIN = ("Rows Removed by Index Recheck", "Rows Removed by Filter")
NEWSLETTER = MemberFilter(tag="newsletter")
SEQUENTIAL = re.compile(r"(Seq|Sample) Scan on \S*(members|taggings)\b")
READ_BY = re.compile(r"Index Scan (?:Backward )?using (\w+)")
"""The indexes by which single rows are read."""
FILTERS = {
    "everybody": EVERYBODY,
    **{f"{kind}: {name}": one for kind, own in SINGLE.items() for name, one in own.items()},
    **COMBINATIONS,
}
TURNS = {
    asked: [(sort, (place + own) % 2 == 1) for own, sort in enumerate(SORTS)]
    for place, asked in enumerate(FILTERS)
}
"""Each filter under every sort, rising or falling by turns: its neighbours have the other half."""
LOOK: tuple[LiteralString, ...] = (
    "LOAD 'auto_explain'",
    "SET auto_explain.log_min_duration = 0",
    "SET client_min_messages = log",
)


@dataclass
class Site:
    """A site of some size, whose server says how it answered each statement."""

    pool: ConnectionPool[Any]
    said: list[str] = field(default_factory=list)

    def how(self, ask: Callable[[], object]) -> str:
        """How it answers; asking what to expect runs nothing."""
        self.said.clear()
        ask()
        return "\n".join(one for one in self.said if "EXPLAIN (FORMAT" not in one)

    def listed(
        self, asked: MemberFilter, sort: MemberSort, *, descending: bool, bounds: Bounds
    ) -> list[UUID]:
        """The first pages of a list."""
        return list(islice(self._rows(asked, Turn(sort, descending, 15), bounds), 30))

    def _rows(self, asked: MemberFilter, turn: Turn | None, bounds: Bounds) -> Iterator[UUID]:
        queries = MemberQueries(self.pool, bounds)
        while turn is not None:
            page = queries.page(asked, turn, NOW)
            yield from (row.member_id for row in page.rows)
            more = page.next_cursor
            turn = None if more is None else Turn(turn.sort, turn.descending, turn.limit, more)


@pytest.fixture(scope="module")
def site(template: str, fresh_databases: FreshDatabases) -> Iterator[Site]:
    said: list[str] = []

    def listen(connection: psycopg.Connection[Any]) -> None:
        connection.autocommit = True
        connection.execute("SET search_path = views")
        for statement in LOOK:
            connection.execute(statement)
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))

    with fresh_databases.copy_of(template) as dsn:
        fill(dsn, PEOPLE)
        with ConnectionPool(dsn, min_size=1, max_size=1, configure=listen, open=True) as pool:
            yield Site(pool, said)


@pytest.mark.parametrize("asked", FILTERS)
def test_a_list_is_the_same_however_it_is_found(site: Site, asked: str) -> None:  # SE3
    for sort, descending in TURNS[asked]:
        found = {
            way: site.listed(FILTERS[asked], sort, descending=descending, bounds=bounds)
            for way, bounds in WAYS.items()
        }
        assert found["walked"] == found["gathered"], (sort, descending)
        assert found["walked in vain, then gathered"] == found["gathered"], (sort, descending)
        assert len(set(found["gathered"])) == len(found["gathered"])


@pytest.mark.parametrize("asked", FILTERS)
def test_every_page_is_found_by_indexes(site: Site, asked: str) -> None:
    members = MemberQueries(site.pool, AS_OF_A_MILLION)
    for sort, descending in TURNS[asked]:
        turn = Turn(sort, descending, 20)
        how = site.how(partial(members.page, FILTERS[asked], turn, NOW))
        assert "Index" in how
        assert not SEQUENTIAL.search(how), (sort, descending, how)


INDEXES = {sort: f"members_{sort}" for sort in SORTS if sort not in ("plan", "status")}


@pytest.mark.parametrize("sort", INDEXES)
@pytest.mark.parametrize("way", ["walked", "walked in vain, then gathered"])
def test_a_walk_follows_the_index_of_its_sort(site: Site, sort: MemberSort, way: str) -> None:
    members = MemberQueries(site.pool, WAYS[way])
    for asked, descending in ((EVERYBODY, False), (EVERYBODY, True), (NEWSLETTER, True)):
        turn = Turn(sort, descending, 20)
        how = site.how(partial(members.page, asked, turn, NOW))
        assert re.search(rf"Index Only Scan( Backward)? using {INDEXES[sort]} ", how), how
        walk = site.said[-1] if asked is EVERYBODY else site.said[-2]
        assert "Sort Key" not in walk, walk


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_far_behind_is_found_like_the_first(site: Site, sort: MemberSort) -> None:
    members = MemberQueries(site.pool, AS_OF_A_MILLION)
    far = members.page(EVERYBODY, Turn(sort, limit=PEOPLE // 2), NOW).next_cursor
    how = site.how(lambda: members.page(EVERYBODY, Turn(sort, limit=20, cursor=far), NOW))
    assert "Index Only Scan" in how
    assert not SEQUENTIAL.search(how), how
    assert set(READ_BY.findall(how)) == {"members_pkey"}, how


def test_tags_are_read_off_an_index(site: Site) -> None:
    queries = MemberQueries(site.pool)
    names: list[str] = []
    how = site.how(lambda: names.extend(queries.tag_names()))
    assert names == sorted(queries.tags())
    assert "Index Only Scan" in how
    assert not SEQUENTIAL.search(how), how


@pytest.mark.parametrize(
    ("text", "is_walked"), [("ma", True), ("marie", True), ("martin", False), ("vincent", False)]
)
def test_a_page_is_walked_to_where_many_fit_and_gathered_where_few_do(
    site: Site, text: str, is_walked: bool
) -> None:
    members = MemberQueries(site.pool, Bounds(cheap=1 << 40))
    turn = Turn("joined", descending=True, limit=20)
    how = site.how(partial(members.page, MemberFilter(text=text), turn, NOW))
    assert ("members_joined" in how) is is_walked, how
    assert ("members_search" in how) is not is_walked, how


@pytest.mark.parametrize(
    "text", ["e", "o", "g", "ma", "zo", "gmail", "gmail.com", "@gmail.com", "e gmail", "marie.d"]
)
def test_an_index_finds_hardly_anybody_but_those_who_are_searched_for(
    site: Site, text: str
) -> None:
    asked = MemberFilter(text=text).asked(NOW)
    with site.pool.connection() as connection, by_index(connection):
        for statement in BY_BITMAPS:
            connection.execute(statement)
        query = sql.SQL(LOOKED_AT) + every(asked.conditions)
        [[[answer]]] = connection.execute(query, asked.parameters).fetchall()
    found = list(nodes(answer["Plan"]))
    assert any(one.get("Index Name") == "members_search" for one in found), answer
    rows = sum(one.get("Actual Rows", 0) for one in found[:1])
    beside = sum(sum(one.get(kind, 0) for kind in IN_VAIN) for one in found)
    assert beside <= rows / 20, answer


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for own in plan.get("Plans", ()):
        yield from nodes(own)
