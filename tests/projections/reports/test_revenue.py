"""Revenue against a plain sum over the exported facts."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from projections.catalogue import all_views
from projections.columns import teach
from projections.engine import prepare
from projections.movements import MovementRow, Movements
from projections.orders import OrderRow, Orders
from projections.queries.money import MoneyQueries
from projections.queries.paging import Turn
from projections.queries.reports.calendar import Calendar, start_of
from projections.queries.reports.revenue import BY_DAY, RevenueFilter, RevenueQueries, totals
from projections.tables import Table
from tests.projections.books import EUROS, Books
from tests.projections.oracle.lines import moment
from tests.projections.reports.conftest import ZONE, Judged
from tests.projections.stories import START

EVERYTHING = RevenueFilter()
Sums = Counter[tuple[Any, ...]]


def plainly(judged: Judged) -> Sums:
    """By day, currency, mode, plan and figure, as the facts say."""
    plans = {
        fact["originator_id"]: fact["plan_id"]
        for fact in judged.oracle.facts
        if fact["topic"] == "order.placed"
    }
    sums: Sums = Counter()
    for fact in judged.oracle.facts:
        figure, sign = figure_of(fact)
        if figure:
            day = moment(fact).astimezone(ZONE).date()
            money, plan = fact["amount"], plans[fact["originator_id"]]
            sums[day, money["currency"], fact["mode"], plan, figure] += sign * money["minor"]
    return sums


FIGURES = {
    "order.paid": ("gross", 1),
    "order.payment_reversed": ("gross", -1),
    "order.refunded": ("refunded", 1),
    "order.refund_failed": ("refunded", -1),
    "order.dispute_closed": ("disputed", 1),
    "order.fee_recorded": ("fees", 1),
}


def figure_of(fact: dict[str, Any]) -> tuple[str | None, int]:
    if fact.get("was_settled") is False:
        return None, 0
    if fact.get("outcome") == "won":
        return ("disputed", -1) if fact.get("was_lost") else (None, 0)
    return FIGURES.get(fact["topic"], (None, 0))


def every_day(judged: Judged) -> Calendar:
    return Calendar.days(
        judged.months.starts[0], judged.now.astimezone(ZONE).date() + timedelta(days=2), ZONE
    )


def test_revenue_is_what_the_facts_add_up_to(judged: Judged) -> None:  # NU1, OR9
    lines = RevenueQueries(judged.books.pool).lines(every_day(judged), judged.now, EVERYTHING)
    found: Sums = Counter()
    for line in lines:
        total = line.total
        for figure in ("gross", "refunded", "disputed", "fees"):
            key = (line.start, total.currency, total.mode, str(line.plan_id), figure)
            found[key] += getattr(total, figure)
        assert total.net == total.gross - total.refunded - total.disputed
    assert +found == +plainly(judged)
    assert {key[2] for key in found} == {"live", "test"}
    assert len({key[1] for key in found}) > 1
    assert lines == sorted(lines, key=lambda line: line.order)


def test_months_and_filters_are_sums_of_the_same(judged: Judged) -> None:  # NU1
    queries = RevenueQueries(judged.books.pool)
    by_day = queries.lines(every_day(judged), judged.now, EVERYTHING)
    by_month = queries.lines(judged.months, judged.now, EVERYTHING)
    assert totals(by_day) == totals(by_month)
    assert len(by_month) < len(by_day)
    plan = by_day[0].plan_id
    of_plan = queries.lines(judged.months, judged.now, RevenueFilter("EUR", plan))
    assert of_plan == [
        line for line in by_month if line.plan_id == plan and line.total.currency == "EUR"
    ]


def test_a_day_begins_at_midnight_of_the_site(judged: Judged) -> None:  # NU1
    paid = next(fact for fact in judged.oracle.facts if fact["topic"] == "order.paid")
    day: date = moment(paid).astimezone(ZONE).date()
    queries = RevenueQueries(judged.books.pool)
    (line, *_) = queries.lines(Calendar.days(day, day, ZONE), judged.now, EVERYTHING)
    assert (line.since, line.before) == (start_of(day, ZONE), start_of(day + timedelta(1), ZONE))
    assert queries.lines(Calendar.days(day, day, ZONE), line.since - timedelta(1), EVERYTHING) == []


def test_every_line_names_the_movements_that_add_up_to_it(judged: Judged) -> None:  # part of NU4
    money = MoneyQueries(judged.books.pool)
    for line in RevenueQueries(judged.books.pool).lines(judged.months, judged.now, EVERYTHING):
        rows = money.page(line.movements, Turn("position", limit=200)).rows
        assert sum(row.minor for row in rows if row.kind != "fee") == line.total.net
        assert {row.fact_id for row in rows} <= judged.facts.keys()


def test_a_day_is_read_off_indexes(books: Books) -> None:  # part of NU1
    prepare(books.dsn, all_views(EUROS), books.clock)
    charges = [a_charge(number) for number in range(4_000)]
    with books.pool.connection() as connection:
        teach(connection)
        for view, rows in (
            (Orders(), [order for order, _ in charges]),
            (Movements(EUROS), [movement for _, movement in charges]),
        ):
            table = Table(view)
            with connection.transaction():
                table.write(connection, {}, {row[: len(view.key)]: row for row in rows})
            table.analyze(connection)
        day = START.date() + timedelta(days=50)
        calendar = Calendar.days(day, day, ZONE)
        asked = {"bounds": list(calendar.bounds), "since": calendar.since, "now": calendar.before}
        asked |= {"before": calendar.before, "currency": None, "plan_id": None}
        plan = connection.execute("EXPLAIN " + BY_DAY, asked).fetchall()
    told = "\n".join(str(line) for line in plan)
    assert "orders_order" in told
    assert "movements_occurred" in told
    assert "Seq Scan" not in told
    (line,) = RevenueQueries(books.pool).lines(calendar, calendar.before, EVERYTHING)
    assert line.total.gross == 8 * 1200


def a_charge(number: int) -> tuple[OrderRow, MovementRow]:
    """An order and its payment; eight a day."""
    at, order_id = START + timedelta(hours=3 * number), UUID(int=number)
    order = an_order(order_id, at)
    movement = MovementRow(
        member_id=order.member_id,
        order_id=order_id,
        fact_version=2,
        kind="payment",
        currency=order.currency,
        mode=order.mode,
        minor=order.amount,
        reference=None,
        occurred_at=at,
        recorded_at=at,
        year=at.year,
        position=number + 1,
    )
    return order, movement


def an_order(order_id: UUID, at: datetime) -> OrderRow:
    """Of somebody of their own, in the one plan."""
    return OrderRow(
        member_id=order_id,
        order_id=order_id,
        membership_id=order_id,
        plan_id=UUID(int=7),
        plan_name="A plan",
        price_version=1,
        charge="first",
        charge_index=0,
        currency="EUR",
        list_price=1200,
        amount=1200,
        discount_code=None,
        discount_cut=0,
        tax_basis_points=None,
        period_start=at,
        period_end=None,
        due_at=at,
        mode="live",
        placed_at=at,
        state="paid",
        paid=1200,
    )
