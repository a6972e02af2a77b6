"""The member list of a larger site: however it is read, it says the same, and by indexes alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from random import Random
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from projections.queries import wide
from projections.queries.counting import Expected
from projections.queries.member_sorts import EMAIL_BEGINS, NAME_BEGINS
from projections.queries.members import MemberFilter, MemberQueries, MemberSort
from projections.queries.paging import Turn
from projections.queries.segments import STATUSES
from projections.queries.stretches import every
from projections.queries.wide import QUICK, Bounds
from scripts.benches.populated import fill
from scripts.benches.population import DAY, NOW, OFFERS
from scripts.benches.questions import COMBINATIONS, EVERYBODY, SINGLE, SORTS
from tests.conftest import FreshDatabases

PEOPLE = 8_000
AS_OF_A_MILLION = Bounds(cheap=60, affordable=120, dear=600, glanced=1)
"""What is cheap and dear here, as the usual bounds are for a million."""
IN_VAIN = Bounds(cheap=0, dear=1 << 40, walked=1, walked_on=1, looked_at=1, glanced=0)
GATHERED = Bounds(cheap=1 << 40, glanced=0)
WAYS = {
    "gathered": GATHERED,
    "walked": Bounds(cheap=0, dear=0, walked=1, walked_on=1, looked_at=1, glanced=0),
    "walked in vain, then gathered": IN_VAIN,
}
NEWSLETTER = MemberFilter(tag="newsletter")
SEQUENTIAL = re.compile(r"(Seq|Sample) Scan on \S*(members|taggings)\b")
FILTERS = {
    "everybody": EVERYBODY,
    **{f"{kind}: {name}": one for kind, own in SINGLE.items() for name, one in own.items()},
    **COMBINATIONS,
    "a first name that is a family name": MemberFilter(text="david"),
}
TURNS = [(sort, descending) for sort in SORTS for descending in (False, True)]
PLAINLY: LiteralString = "SELECT member_id FROM members AS view WHERE {condition} ORDER BY {order}"
RUNS: LiteralString = "(view.member_until > %(now)s) IS TRUE"
NAMED: LiteralString = f"NOT ({NAME_BEGINS})"
STATUS: LiteralString = (
    "CASE " + " ".join(f"WHEN {one} THEN '{name}'" for name, one in STATUSES.items()) + " END"
)
IN_ORDER: LiteralString = "ARRAY['" + "', '".join(STATUSES) + "']"
PLAIN: dict[MemberSort, LiteralString] = {
    "name": NAMED + ", view.name_key {way}, view.member_id {way}",
    "email": (
        f"CASE WHEN {EMAIL_BEGINS} THEN 0 WHEN {NAME_BEGINS} THEN 1 ELSE 2 END"
        ", view.email_key {way}, view.member_id {way}"
    ),
    "plan": (
        f"NOT {RUNS} {{way}}, NOT {RUNS} AND {NAMED}"
        f", CASE WHEN {RUNS} THEN view.plan_key ELSE view.name_key END {{way}}"
        ", view.member_id {way}"
    ),
    "status": (
        f"array_position({IN_ORDER}, {STATUS}) {{way}}, {NAMED}"
        ", view.name_key {way}, view.member_id {way}"
    ),
    "joined": "view.joined_at {way}, view.member_id {way}",
    "spent": "view.spent {way}, view.member_id {way}",
    "last_order": "view.last_order_at {way}, view.member_id {way}",
    "orders": "view.order_count {way}, view.member_id {way}",
    "refunded": "view.refunded {way}, view.member_id {way}",
    "language": "view.locale {way}, view.member_id {way}",
}
"""In which order each sort lists members, as a plain query says it."""
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

    def plainly(self, asked: MemberFilter, sort: MemberSort, *, descending: bool) -> list[UUID]:
        """All of a list, by a query that is bare of everything that makes it quick."""
        order = PLAIN["name" if sort == "plan" and asked.plan_id else sort]
        query = sql.SQL(PLAINLY).format(
            condition=every(asked.meant()),
            order=sql.SQL(order).format(way=sql.SQL("DESC" if descending else "ASC")),
        )
        with self.pool.connection() as connection:
            return [one for (one,) in connection.execute(query, asked.parameters(NOW))]

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
    for sort, descending in TURNS:
        found = {
            way: site.listed(FILTERS[asked], sort, descending=descending, bounds=bounds)
            for way, bounds in WAYS.items()
        }
        assert all(rows == found["gathered"] for rows in found.values()), (sort, descending, found)
        assert len(set(found["gathered"])) == len(found["gathered"])


@pytest.mark.parametrize("asked", FILTERS)
def test_a_list_is_that_of_a_plain_query(  # SE3
    site: Site, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(asked)  # noqa: S311 -- which way is thought to be quick, not a secret

    def guessed(*_: object) -> Expected:
        return Expected(chance.choice((1, 10**6)), chance.randrange(QUICK + 1, 10 * QUICK))

    monkeypatch.setattr(wide, "expected", guessed)
    bounds = Bounds(cheap=5 * QUICK, dear=8 * QUICK, walked=4, walked_on=8, looked_at=1, glanced=0)
    for sort, descending in TURNS:
        found = site.listed(FILTERS[asked], sort, descending=descending, bounds=bounds)
        assert found == site.plainly(FILTERS[asked], sort, descending=descending)[:30], sort


LED = {
    "first_tag|second_tag|more_tags": NEWSLETTER,
    "country": MemberFilter(method_country="BE"),
    "first_plan|second_plan|more_plans": MemberFilter(plan_id=OFFERS[4].plan_id),
    "past_due|cancelling|closed": MemberFilter(statuses=("past_due", "cancelling", "closed")),
}


@pytest.mark.parametrize("names", LED)
def test_who_has_a_trait_is_looked_for_within_its_index(
    site: Site, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearest_first = count(10**6, -1)
    monkeypatch.setattr(wide, "expected", lambda *_: Expected(1, next(dearest_first)))
    members = MemberQueries(site.pool, GATHERED)
    for sort, descending in TURNS:
        how = site.how(partial(members.page, LED[names], Turn(sort, descending, 20), NOW))
        for name in names.split("|"):
            assert f"Index Only Scan using members_{name} " in how, (sort, how)
        assert "Bitmap" not in how, (sort, how)


def test_who_did_something_in_a_month_is_looked_for_within_its_index(site: Site) -> None:
    members = MemberQueries(site.pool, GATHERED)
    month = {"from": NOW - 40 * DAY, "before": NOW - 35 * DAY}
    for column in ("joined", "last_order"):
        asked = MemberFilter(**{f"{column}_{end}": at for end, at in month.items()})  # type: ignore[arg-type]
        for sort, descending in TURNS:
            how = site.how(partial(members.page, asked, Turn(sort, descending, 20), NOW))
            assert f"Index Only Scan using members_{column} " in how, (sort, how)
            assert "Bitmap" not in how, (sort, how)


@pytest.mark.parametrize("asked", FILTERS)
def test_every_page_is_found_by_indexes(site: Site, asked: str) -> None:
    members = MemberQueries(site.pool, AS_OF_A_MILLION)
    for sort, descending in TURNS:
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


def test_tags_are_read_off_an_index(site: Site) -> None:
    queries = MemberQueries(site.pool)
    names: list[str] = []
    how = site.how(lambda: names.extend(queries.tag_names()))
    assert names == sorted(queries.tags())
    assert "Index Only Scan" in how
    assert not SEQUENTIAL.search(how), how


def test_what_ends_soon_is_walked_to_its_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[object]()

    def dear(*question: object) -> Expected:
        asked.append(question)
        return Expected(1, 10 * QUICK)

    monkeypatch.setattr(wide, "expected", dear)
    members = MemberQueries(site.pool, IN_VAIN._replace(glanced=1))
    largest = MemberFilter(plan_id=OFFERS[0].plan_id)  # who is in it has ordered: one part is empty
    members.page(largest, Turn("last_order", limit=20), NOW)
    ways = 3
    assert len(asked) == ways + ways  # for both parts at once, and for the other one
