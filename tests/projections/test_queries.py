"""Queries against the oracle: lists, statuses, segments, totals, whatever the sort and the page."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from projections.catalogue import all_views
from projections.engine import prepare
from projections.freshness import Views
from projections.history import History
from projections.queries.house import ContributorQueries, DiscountQueries, PlanQueries
from projections.queries.members import MemberFilter, MemberQueries, MemberSort, MemberSummary
from projections.queries.memberships import MembershipQueries
from projections.queries.money import MoneyQueries, MovementFilter
from projections.queries.orders import OrderFilter, OrderQueries
from projections.queries.paging import CursorMalformed, Turn
from projections.queries.receipts import ReceiptQueries
from projections.queries.segments import Status
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, Books, opened
from tests.projections.oracle import Oracle

EVERYBODY = MemberFilter()
SORTS: tuple[MemberSort, ...] = get_args(MemberSort)


@dataclass
class Site:
    """A site with a past, and the judge of it."""

    books: Books
    oracle: Oracle
    instants: list[datetime]

    @property
    def pool(self) -> ConnectionPool[Any]:
        return self.books.pool

    @property
    def members(self) -> MemberQueries:
        return MemberQueries(self.pool)

    @property
    def now(self) -> datetime:
        return self.instants[-2]

    def listed(self, asked: MemberFilter, now: datetime, **turn: Any) -> list[MemberSummary]:
        """The whole list, page by page."""
        return list(self.pages(asked, now, Turn(**{"sort": "name", "limit": 7, **turn})))

    def pages(self, asked: MemberFilter, now: datetime, turn: Turn) -> Iterator[MemberSummary]:
        while True:
            page = self.members.page(asked, turn, now)
            yield from page.rows
            if page.next_cursor is None:
                return
            turn = Turn(turn.sort, turn.descending, turn.limit, page.next_cursor)


@pytest.fixture(scope="module")
def site(template: str, fresh_databases: FreshDatabases) -> Iterator[Site]:
    with fresh_databases.copy_of(template) as dsn, opened(dsn) as books:
        books.tell(11, 900)
        books.follower().catch_up()
        exported = books.exported()
        last = datetime.fromisoformat(exported[-1]["recorded_at"])
        books.clock.advance_to(last)
        recorded = [datetime.fromisoformat(fact["recorded_at"]) for fact in exported]
        moments = [recorded[len(recorded) * tenth // 10] for tenth in range(3, 10)]
        yield Site(books, Oracle(exported), [*moments, last, last + timedelta(days=3000)])


def ids_of(rows: list[MemberSummary]) -> list[str]:
    return [str(row.member_id) for row in rows]


# --- what the list says -------------------------------------------------------------------


def test_statuses_at_any_instant_are_those_of_the_oracle(site: Site) -> None:  # AX8
    seen: Counter[str] = Counter()
    for now in site.instants:
        for row in site.listed(EVERYBODY, now):
            assert row.status == site.oracle.status(str(row.member_id), now)
            seen[row.status] += 1
    assert set(seen) == set(get_args(Status))


def test_filtering_by_status_says_the_same(site: Site) -> None:
    for now in site.instants:
        by_status = {
            status: set(ids_of(site.listed(MemberFilter(statuses=(status,)), now)))
            for status in get_args(Status)
        }
        assert sum(map(len, by_status.values())) == len(site.oracle.accounts)
        for status, members in by_status.items():
            assert all(site.oracle.status(member, now) == status for member in members)


def test_total_spent_is_that_of_the_oracle(site: Site) -> None:  # OR8
    money = MoneyQueries(site.pool)
    for row in site.listed(EVERYBODY, site.now):
        expected = site.oracle.total(str(row.member_id), "EUR", "live")
        assert (row.gross, row.refunded, row.disputed) == expected
        assert row.net == expected[0] - expected[1] - expected[2]
        for total in money.spending_of(row.member_id):
            assert (total.gross, total.refunded, total.disputed) == site.oracle.total(
                str(row.member_id), total.currency, total.mode
            )


def test_site_totals_are_sums_of_movements(site: Site) -> None:  # OR8
    money = MoneyQueries(site.pool)
    for total in money.totals(MovementFilter()):
        assert total.net == net(site, total.currency)
    by_currency = {t.currency: t for t in money.totals(MovementFilter())}
    assert by_currency.keys() == {"EUR", "USD", "CHF"}
    assert (by_currency["CHF"].gross, by_currency["CHF"].net) == (0, 0)  # fees alone
    by_plan = [
        money.totals(MovementFilter(plan_id=plan.plan_id)) for plan in PlanQueries(site.pool).all()
    ]
    whole = money.totals(MovementFilter())
    assert sum(t.gross for one in by_plan for t in one) == sum(t.gross for t in whole)


def test_orders_count_once_they_are_settled(site: Site) -> None:
    for row in site.listed(EVERYBODY, site.now):
        assert row.order_count == site.oracle.settled_orders(str(row.member_id))


def test_plans_of_a_member_are_those_that_stand(site: Site) -> None:
    for now in site.instants:
        for row in site.listed(EVERYBODY, now):
            stays = site.oracle.stays_of(str(row.member_id))
            expected = sorted(stay["plan"] for stay in stays if site.oracle.runs(stay, now))
            assert sorted(str(stay.plan_id) for stay in row.plans) == expected


def test_filtering_by_plan_finds_who_stands_in_it(site: Site) -> None:
    for now in site.instants:
        for plan in PlanQueries(site.pool).all():
            found = set(ids_of(site.listed(MemberFilter(plan_id=plan.plan_id), now)))
            assert found == {
                stay["member"]
                for stay in site.oracle.stays.values()
                if stay["plan"] == str(plan.plan_id) and site.oracle.runs(stay, now)
            }


def test_segments_are_those_of_the_oracle(site: Site) -> None:  # part of SE1
    oracle, accounts = site.oracle, list(site.oracle.accounts)
    for now in site.instants:
        counts = {name: count.rows for name, count in site.members.segments(now).items()}
        status = {member: oracle.status(member, now) for member in accounts}
        standing = {"action_required", "past_due", "cancelling", "member"}
        assert counts["members"] == sum(one in standing for one in status.values())
        assert counts["customers"] == sum(map(oracle.is_customer, accounts))
        assert counts["action_required"] == Counter(status.values())["action_required"]
        assert counts["former_members"] == Counter(status.values())["former"]
        assert counts["accounts_without_plan"] == Counter(status.values())["contact"]
        for trouble in ("past_due", "cancelling"):
            assert counts[trouble] >= Counter(status.values())[trouble]


def test_possible_duplicates_share_a_name_or_a_method(site: Site) -> None:  # part of SE1
    listed = site.listed(MemberFilter(segment="possible_duplicates"), site.now)
    plain = {member: plain_name(site.oracle.name(member)) for member in site.oracle.accounts}
    namesakes = {m for m, n in plain.items() if Counter(plain.values())[n] > 1}
    assert namesakes <= set(ids_of(listed))
    for row in listed:
        others = site.members.duplicates_of(row.member_id, site.now)
        assert others
        assert row.member_id not in {other.member_id for other in others}
        assert all(other.email != row.email for other in others)


def plain_name(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


# --- sorting, paging, searching -----------------------------------------------------------


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_hold_everybody_once(  # SE3
    site: Site, sort: MemberSort, descending: bool
) -> None:
    rows = site.listed(EVERYBODY, site.now, sort=sort, descending=descending)
    assert sorted(ids_of(rows)) == sorted(site.oracle.accounts)
    other_way = site.listed(EVERYBODY, site.now, sort=sort, descending=not descending, limit=50)
    assert ids_of(other_way) == ids_of(rows)[::-1]


@pytest.mark.parametrize("sort", SORTS)
def test_pages_can_be_turned_back(site: Site, sort: MemberSort) -> None:
    first = site.members.page(EVERYBODY, Turn(sort, limit=5), site.now)
    second = site.members.page(EVERYBODY, Turn(sort, limit=5, cursor=first.next_cursor), site.now)
    third = site.members.page(EVERYBODY, Turn(sort, limit=5, cursor=second.next_cursor), site.now)
    back = site.members.page(EVERYBODY, Turn(sort, limit=5, cursor=third.previous_cursor), site.now)
    again = site.members.page(EVERYBODY, Turn(sort, limit=5, cursor=back.previous_cursor), site.now)
    assert first.previous_cursor is None
    assert back == second
    assert ids_of(again.rows) == ids_of(first.rows)
    assert again.previous_cursor is None


def test_sorted_by_what_is_said(site: Site) -> None:  # SE3
    def keys(sort: str, key: Any) -> list[Any]:
        return [key(row) for row in site.listed(EVERYBODY, site.now, sort=sort)]

    assert (spent := keys("spent", lambda row: row.net)) == sorted(spent)
    assert (names := keys("name", lambda row: plain_name(row.name))) == sorted(names)
    statuses = keys("status", lambda row: get_args(Status).index(row.status))
    assert statuses == sorted(statuses)
    planless = keys("plan", lambda row: not row.plans)
    assert planless == sorted(planless)


def test_search_ignores_accents_and_case(site: Site) -> None:  # SE3
    plain = {member: plain_name(site.oracle.name(member)) for member in site.oracle.accounts}
    for text in ("ZOE", "zoë", "MÜLLER", "uller", "ångström ANA", "lie mar"):
        found = ids_of(site.listed(MemberFilter(text=text), site.now))
        words = plain_name(text).split()
        expected = {m for m, name in plain.items() if all(word in name for word in words)}
        assert set(found) == expected, text
    assert len(site.listed(MemberFilter(text="zoë"), site.now)) > 1
    by_email = site.listed(MemberFilter(text="p1@example"), site.now)
    assert [row.email for row in by_email] == ["P1@Example.org"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "100%", "\0", "\ud800", "' OR 1=1"])
def test_search_takes_any_sign_for_itself(site: Site, text: str) -> None:
    assert site.listed(MemberFilter(text=text), site.now) == []
    assert site.listed(MemberFilter(tag=text), site.now) == []


def test_filters_narrow_together(site: Site) -> None:  # SE3
    rows = site.listed(EVERYBODY, site.now)
    middle = sorted(row.net for row in rows if row.net)[3]
    asked = MemberFilter(tag="vip", spent_from=middle, segment="customers")
    expected = {
        row.member_id for row in rows if "vip" in row.tags and row.net >= middle and row.is_customer
    }
    assert {row.member_id for row in site.listed(asked, site.now)} == expected
    assert expected
    joined = sorted(row.joined_at for row in rows if row.joined_at)
    asked = MemberFilter(joined_from=joined[2], joined_before=joined[9])
    assert len(site.listed(asked, site.now)) == 7
    assert site.members.count(asked, site.now).rows == 7


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "bnVsbA==", "W10=", "WyJuYW1lIixmYWxzZSw5OSwiIiwieCIsZmFsc2Vd"]
)
def test_a_foreign_cursor_is_refused(site: Site, cursor: str) -> None:
    with pytest.raises(CursorMalformed):
        site.members.page(EVERYBODY, Turn("name", cursor=cursor), site.now)


def test_a_cursor_fits_its_sort_only(site: Site) -> None:
    page = site.members.page(EVERYBODY, Turn("name", limit=2), site.now)
    for turn in (Turn("email", cursor=page.next_cursor), Turn("name", True, 2, page.next_cursor)):
        with pytest.raises(CursorMalformed):
            site.members.page(EVERYBODY, turn, site.now)


# --- orders, receipts, history ------------------------------------------------------------


def test_orders_are_listed_with_their_papers(site: Site) -> None:
    orders = OrderQueries(site.pool)
    turn, found = Turn("placed", descending=True, limit=20), []
    while True:
        page = orders.page(OrderFilter(), turn)
        found += page.rows
        if page.next_cursor is None:
            break
        turn = Turn("placed", descending=True, limit=20, cursor=page.next_cursor)
    assert {str(row.order_id) for row in found} == site.oracle.orders.keys()
    assert all(row.paid == sum(line.minor for line in row.payments) for row in found)
    assert all(0 <= row.refundable <= row.paid for row in found)
    people = orders.people(found[:5])
    assert {row.member_id for row in found[:5]} == people.keys()
    assert orders.one(found[0].order_id) == found[0]
    assert orders.count(OrderFilter(state="paid")).rows == sum(r.state == "paid" for r in found)


def test_receipts_are_numbered_without_a_gap(site: Site) -> None:  # OR10
    receipts = ReceiptQueries(site.pool)
    numbers: dict[int, list[int]] = {}
    for member in site.oracle.accounts:
        for receipt in receipts.of_member(UUID(member)):
            numbers.setdefault(receipt.year, []).append(receipt.number)
            assert receipts.numbered(receipt.year, receipt.number, mode="live") == receipt
            assert receipt in receipts.of_order(receipt.order_id)
            assert receipt.tax is not None
            assert receipt.tax.minor == round(receipt.minor / 6)
    assert numbers
    for year in numbers.values():
        assert sorted(year) == list(range(1, len(year) + 1))
    assert receipts.numbered(1999, 1, mode="live") is None


def test_movements_name_the_facts_that_add_up(site: Site) -> None:
    money = MoneyQueries(site.pool)
    turn, found = Turn("occurred", limit=9), []
    while True:
        page = money.page(MovementFilter(currency="EUR"), turn)
        found += page.rows
        if page.next_cursor is None:
            break
        turn = Turn("occurred", limit=9, cursor=page.next_cursor)
    known = {one.fact.fact_id: one for one in site.books.facts()}
    assert len(found) == len({row.fact_id for row in found})
    assert all(known[row.fact_id].position == row.position for row in found)
    assert sum(row.minor for row in found if row.kind != "fee") == net(site, "EUR")


def net(site: Site, currency: str) -> int:
    """What all movements come to, in minor units; fees are costs and stand apart."""
    moves = [move for move in site.oracle.moves if move["kind"] != "fee"]
    return sum(move["minor"] for move in moves if move["currency"] == currency)


def test_a_history_tells_everything_of_a_person(site: Site) -> None:  # AU2
    history = History(site.books.recorder, site.books.mapper)
    member = next(iter(site.oracle.accounts))
    entries = history.of_subject(UUID(member))
    expected = [f for f in site.books.exported() if f["state"]["member_id"] == member]
    assert [one.position for one in entries] == [f["position"] for f in expected]
    assert entries[0].fields["email"] == expected[0]["state"]["email"]
    assert all(one.actor and one.cause and one.recorded_at for one in entries)


def test_the_house_lists_its_plans_codes_and_staff(site: Site) -> None:
    plans = PlanQueries(site.pool)
    assert len(plans.all()) == 5
    assert all(plan.is_joinable(site.now) and plan.price for plan in plans.all())
    assert plans.one(plans.all()[0].plan_id) == plans.all()[0]
    (code,) = DiscountQueries(site.pool).all()
    uses = sum(f["topic"] == "discount.redeemed" for f in site.books.exported())
    assert code.uses == uses > 0
    (owner,) = ContributorQueries(site.pool).all()
    assert ContributorQueries(site.pool).roles_of(owner.contributor_id) == ("owner",)
    running = MembershipQueries(site.pool).running(site.now)
    assert sum(running.values()) == sum(
        site.oracle.runs(stay, site.now) for stay in site.oracle.stays.values()
    )


# --- freshness ----------------------------------------------------------------------------


def test_views_say_how_far_they_are(books: Books) -> None:
    views = Views(books.pool, books.clock, all_views(EUROS))
    follower = books.follower()
    first = books.tell(1, 20)
    follower.catch_up()
    assert views.wait_for(first, wait_seconds=1).position == first
    assert (views.freshness().lag, views.freshness().age_seconds) == (0, 0)
    books.tell(2, 20)
    waiting = [one for one in books.facts() if one.position > first]
    books.clock.advance_to(waiting[0].fact.recorded_at + timedelta(seconds=70))
    late = views.wait_for(waiting[-1].position, wait_seconds=0)
    assert late.position == first
    assert late.lag == len(waiting)
    assert late.age_seconds == 70


def test_one_reads_ones_own_command(books: Books) -> None:
    follower = books.follower()
    prepare(books.dsn, all_views(EUROS), books.clock)
    follower.start()
    try:
        last = books.tell(3, 30)
        assert (
            Views(books.pool, books.clock, all_views(EUROS))
            .wait_for(last, wait_seconds=20)
            .position
            >= last
        )
    finally:
        follower.stop()
