"""Revenue against a plain sum over the exported facts."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from projections.queries.money import MoneyQueries
from projections.queries.paging import Turn
from projections.queries.reports.calendar import Calendar, start_of
from projections.queries.reports.revenue import RevenueFilter, RevenueQueries, totals
from tests.projections.oracle.lines import moment
from tests.projections.reports.conftest import ZONE, Judged

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


def figure_of(fact: dict[str, Any]) -> tuple[str | None, int]:
    match fact["topic"]:
        case "order.paid":
            return "gross", 1
        case "order.refunded":
            return "refunded", 1
        case "order.refund_failed" if fact["was_settled"]:
            return "refunded", -1
        case "order.dispute_closed" if fact["outcome"] == "lost":
            return "disputed", 1
        case "order.fee_recorded":
            return "fees", 1
    return None, 0


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
    assert {key[1] for key in found} > {"EUR", "USD"}
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
