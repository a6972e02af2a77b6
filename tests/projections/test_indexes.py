"""Every question that pages and jobs ask again and again is answered by an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, get_args
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from ledger import ids
from projections.catalogue import all_views
from projections.columns import teach
from projections.engine import prepare
from projections.instants import FOREVER, NEVER
from projections.mailing_lists import ListEntries, ListEntryRow
from projections.members import MemberRow, Members
from projections.memberships import MembershipRow, Memberships
from projections.notices import NoticeRow, Notices
from projections.orders import OrderRow, Orders
from projections.queries.agenda import AgendaQueries
from projections.queries.coming import ComingQueries
from projections.queries.due import DueQueries
from projections.queries.mailing_lists import MailingListQueries
from projections.queries.members import MemberFilter, MemberQueries, MemberSort
from projections.queries.memberships import MembershipQueries
from projections.queries.notices import NoticeFilter, NoticeQueries
from projections.queries.orders import OrderFilter, OrderQueries
from projections.queries.paging import Turn
from projections.queries.segments import Segment, Status
from projections.queries.wide import Bounds
from projections.search import search_key
from projections.tables import Table
from projections.view import View
from tests.conftest import FreshDatabases
from tests.projections.books import EUROS, opened

PEOPLE = 20_000
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")
FEWER = Bounds(cheap=100, dear=1_500)
"""As little as the usual ones are of a million."""
PLANS = [uuid5(ids.SITE, f"plan {number}") for number in range(40)]
LISTS = [uuid5(ids.SITE, f"list {number}") for number in range(40)]
SEQUENTIAL = re.compile(r"Seq Scan on (members|orders|memberships|list_entries|notices)\b")
SORTS: tuple[MemberSort, ...] = get_args(MemberSort)


@dataclass
class Plans:
    """A pool whose server says how it answered each statement."""

    pool: ConnectionPool[Any]
    said: list[str] = field(default_factory=list)

    def of(self, ask: Callable[[], object]) -> str:
        """How it answers."""
        self.said.clear()
        ask()
        # Asking how many rows are expected runs nothing.
        return "\n".join(one for one in self.said if "EXPLAIN (FORMAT" not in one)


@pytest.fixture(scope="module")
def plans(template: str, fresh_databases: FreshDatabases) -> Iterator[Plans]:
    said: list[str] = []

    def listen(connection: psycopg.Connection[Any]) -> None:
        connection.autocommit = True
        connection.execute("LOAD 'auto_explain'")
        connection.execute("SET auto_explain.log_min_duration = 0")
        connection.execute("SET client_min_messages = log")
        connection.execute("SET search_path = views")
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))

    with fresh_databases.copy_of(template) as dsn:
        fill(dsn)
        with ConnectionPool(dsn, min_size=1, max_size=1, configure=listen, open=True) as pool:
            yield Plans(pool, said)


def fill(dsn: str) -> None:
    """A site of some size, as the views would have it."""
    with opened(dsn) as books:
        prepare(dsn, all_views(EUROS), books.clock)
        with books.pool.connection() as connection, connection.transaction():
            random = Random(1)  # noqa: S311 -- rows, not secrets
            people = [person(random, number) for number in range(PEOPLE)]
            stays = [stay(random, row.member_id) for row in people]
            for view, rows in (
                (Members(EUROS), people),
                (Memberships(), stays),
                (Orders(), [order(random, row) for row in stays]),
                (ListEntries(), [entry(random, row.member_id) for row in people]),
                (Notices(), [notice(random, row.member_id) for row in people]),
            ):
                put(connection, view, rows)
        with books.pool.connection() as connection:
            connection.execute("VACUUM views.members")
            connection.execute("VACUUM views.memberships")


def put(connection: psycopg.Connection[Any], view: View[Any], rows: list[Any]) -> None:
    teach(connection)
    table = Table(view)
    table.write(connection, {}, {row[: len(view.key)]: row for row in rows})
    table.analyze(connection)


def person(random: Random, number: int) -> MemberRow:
    name, email = f"Person {random.randrange(10**6)} No {number}", f"p{number}@example.org"
    name_key, joined = search_key(name), NOW - random.randrange(2000) * DAY
    until = random.choice([None, joined, joined + 40 * DAY, FOREVER, FOREVER])
    rare = random.random() < 0.01
    row = MemberRow(
        member_id=uuid5(ids.SITE, email),
        name=name,
        email=email,
        name_key=name_key,
        email_key=email,
        same_name=name_key,
        same_email=email,
        locale="fr",
        opened_at=joined,
        closed_at=NOW if rare and until is None else None,
        joined_at=joined if until else NEVER,
        is_customer=random.random() < 0.5,
        plan_ids=(random.choice(PLANS),) if until else (),
        plan_untils=(until,) if until else (),
        plan_key=f"plan {random.randrange(40)}" if until else "",
        member_until=until,
        past_due_until=until if rare else None,
        action_required_until=until if random.random() < 0.01 else None,
        cancelling_until=until if random.random() < 0.01 else None,
        tags=("vip",) if rare else (),
        agrees=rare,
        method_country="IN" if rare else random.choice([None, "FR", "DE"]),
        same_method=f"fp {random.randrange(10**6)}",
        last_order_at=joined,
        spent=random.randrange(100_000),
    )
    return Members(EUROS).finish(row)


def stay(random: Random, member_id: UUID) -> MembershipRow:
    joined = NOW - random.randrange(400) * DAY
    billing = random.choices(["none", "current", "past_due", "action_required"], [30, 60, 1, 1])[0]
    ended = joined if random.random() < 0.3 else None
    period_end = NOW + random.randrange(-40, 300) * DAY if billing != "none" else None
    failed = billing in ("past_due", "action_required")
    return MembershipRow(
        member_id=member_id,
        membership_id=uuid5(member_id, "stay"),
        plan_id=random.choice(PLANS),
        plan_name="A plan",
        model="recurring" if period_end else "free",
        price=1200,
        currency="EUR",
        unit="month",
        every=1,
        payments=None,
        price_version=1,
        discount_code=None,
        discount_percent=None,
        discount_amount=None,
        discount_every_payment=False,
        began_free=False,
        joined_at=joined,
        charge_index=1,
        period_start=joined,
        period_end=period_end,
        access_until=period_end,
        billing=billing,
        failures=int(failed),
        retry_at=period_end if billing == "past_due" and random.random() < 0.5 else None,
        unpaid_order_id=None,
        order_id=uuid5(member_id, "order"),
        cancelled_at=None,
        ended_at=ended,
        ending="left" if ended else None,
        runs_until=ended or period_end or FOREVER,
    )


def order(random: Random, row: MembershipRow) -> OrderRow:
    return OrderRow(
        member_id=row.member_id,
        order_id=row.order_id,
        membership_id=row.membership_id,
        plan_id=row.plan_id,
        plan_name=row.plan_name,
        price_version=1,
        charge="first",
        charge_index=0,
        currency="EUR",
        list_price=1200,
        amount=1200,
        discount_code="RARE" if random.random() < 0.001 else None,
        discount_cut=0,
        tax_basis_points=2000,
        period_start=row.period_start,
        period_end=row.period_end,
        due_at=row.joined_at,
        mode="live",
        placed_at=row.joined_at,
        state="paid",
        paid=1200,
        undecided_since=row.joined_at if random.random() < 0.01 else None,
    )


def entry(random: Random, member_id: UUID) -> ListEntryRow:
    return ListEntryRow(
        list_id=random.choice(LISTS),
        entry_id=uuid5(member_id, "entry"),
        member_id=member_id,
        email=None,
        added_at=NOW - random.randrange(400) * DAY,
        taken_off_at=NOW if random.random() < 0.5 else None,
    )


def notice(random: Random, member_id: UUID) -> NoticeRow:
    return NoticeRow(
        notice_id=uuid5(member_id, "notice"),
        recipient_id=random.choice(PLANS),
        recipient_kind="contributor",
        role="owner",
        kind=random.choice(["member_joined", "renewal_paid"]),
        because_of=f"{member_id}/1",
        member_id=member_id,
        locale="fr",
        queued_at=NOW - random.randrange(400) * DAY,
        state="failed" if random.random() < 0.01 else "sent",
    )


QUESTIONS: dict[str, Callable[[DueQueries], object]] = {
    "charges": lambda due: due.charges(NOW, 100),
    "lapses": lambda due: due.lapses(NOW, 100),
    "undecided": lambda due: due.undecided(100),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_due_is_read_off_an_index(plans: Plans, question: str) -> None:
    found: list[Any] = []
    plan = plans.of(lambda: found.append(QUESTIONS[question](DueQueries(plans.pool))))
    assert len(found[0]) > 10
    assert "Index" in plan
    assert not SEQUENTIAL.search(plan)
    assert "memberships_pkey" not in plan
    assert "orders_pkey" not in plan


FILTERS: dict[str, MemberFilter] = {
    "nothing": MemberFilter(),
    "plan": MemberFilter(plan_id=PLANS[7]),
    "tag": MemberFilter(tag="vip"),
    "joined from": MemberFilter(joined_from=NOW - 20 * DAY),
    "joined before": MemberFilter(joined_before=NOW - 1980 * DAY),
    "spent from": MemberFilter(spent_from=99_000),
    "spent to": MemberFilter(spent_to=900),
    "last order from": MemberFilter(last_order_from=NOW - 20 * DAY),
    "last order before": MemberFilter(last_order_before=NOW - 1980 * DAY),
    "rare country": MemberFilter(method_country="IN"),
    "frequent country": MemberFilter(method_country="FR"),
    "no such country": MemberFilter(method_country="XX"),
    "few who agree": MemberFilter(agrees=True),
    "many who do not": MemberFilter(agrees=False),
    "text": MemberFilter(text="person 4242"),
    "address": MemberFilter(text="p1234@example"),
    **{f"segment {name}": MemberFilter(segment=name) for name in get_args(Segment)},
    **{f"status {name}": MemberFilter(statuses=(name,)) for name in get_args(Status)},
}


@pytest.mark.parametrize("asked", FILTERS)
def test_every_sort_and_filter_of_the_list_uses_an_index(plans: Plans, asked: str) -> None:  # SE3
    members = MemberQueries(plans.pool, FEWER)
    for sort in SORTS:
        for descending in (False, True):
            turn = Turn(sort, descending)
            plan = plans.of(lambda turn=turn: members.page(FILTERS[asked], turn, NOW))  # type: ignore[misc]
            assert "Index" in plan
            assert not SEQUENTIAL.search(plan), (sort, descending, plan)


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_far_behind_costs_no_more(plans: Plans, sort: MemberSort) -> None:
    members = MemberQueries(plans.pool)
    page = members.page(MemberFilter(), Turn(sort, limit=200), NOW)
    turn = Turn(sort, limit=200, cursor=page.next_cursor)
    plan = plans.of(lambda: members.page(MemberFilter(), turn, NOW))
    assert "Index Scan" in plan
    assert not SEQUENTIAL.search(plan), plan


NOTICES = {
    "all": NoticeFilter(),
    "told to one": NoticeFilter(recipient_id=PLANS[7]),
    "about one": NoticeFilter(member_id=PLANS[7]),
    "that failed": NoticeFilter(state="failed"),
    "of a kind": NoticeFilter(kind="renewal_paid"),
}


@pytest.mark.parametrize("asked", NOTICES)
def test_notices_are_read_off_an_index(plans: Plans, asked: str) -> None:
    notices, turn = NoticeQueries(plans.pool), Turn("queued", descending=True)
    plan = plans.of(lambda: notices.page(NOTICES[asked], turn))
    assert "Index" in plan
    assert not SEQUENTIAL.search(plan), plan


def test_who_is_on_a_list_and_the_lists_of_somebody_are_read_off_an_index(plans: Plans) -> None:
    lists = MailingListQueries(plans.pool)
    for ask in (
        lambda: lists.entries(LISTS[7], Turn("added")),
        lambda: lists.of_member(PLANS[0]),
        lambda: lists.one(LISTS[7]),
    ):
        plan = plans.of(ask)
        assert "Index" in plan
        assert not SEQUENTIAL.search(plan), plan


def test_the_memberships_of_a_plan_and_the_orders_of_a_code_are_read_off_an_index(
    plans: Plans,
) -> None:
    coming, orders = ComingQueries(plans.pool), OrderQueries(plans.pool)
    asked, turn = OrderFilter(discount_code="RARE"), Turn("placed", descending=True)
    for ask in (
        lambda: coming.standing(PLANS[7], NOW),
        lambda: coming.alike(PLANS[7], NOW, PARIS),
        lambda: orders.page(asked, turn),
        lambda: orders.count(asked),
    ):
        plan = plans.of(ask)
        assert "Index" in plan
        assert not SEQUENTIAL.search(plan), plan


def test_what_thousands_will_pay_is_read_off_an_index_alone(plans: Plans) -> None:
    coming, agenda = ComingQueries(plans.pool), AgendaQueries(plans.pool)
    for ask in (
        lambda: coming.standing(PLANS[7], NOW),
        lambda: coming.alike(PLANS[7], NOW, PARIS),
        lambda: agenda.days(NOW, NOW + 14 * DAY, PARIS, {}),
    ):
        plan = plans.of(ask)
        assert "Index Only Scan" in plan
        assert not SEQUENTIAL.search(plan), plan


def test_who_stands_in_every_plan_is_counted_on_the_narrowest_index(plans: Plans) -> None:
    plan = plans.of(lambda: MembershipQueries(plans.pool).running(NOW))
    assert "Index Only Scan using memberships_running" in plan, plan


def test_orders_by_amount_and_the_periods_nobody_charged_have_an_index_each(plans: Plans) -> None:
    turn = Turn("amount", descending=True)
    plan = plans.of(lambda: OrderQueries(plans.pool).page(OrderFilter(mode="live"), turn))
    assert "orders_amount" in plan
    assert not SEQUENTIAL.search(plan), plan
    plan = plans.of(lambda: DueQueries(plans.pool).missed(NOW - 90 * DAY, 100))
    assert "orders_later" in plan
    assert not SEQUENTIAL.search(plan), plan
