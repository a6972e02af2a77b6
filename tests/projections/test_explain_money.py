"""Totals, orders and spending figures: what they add up to, and what does not add up (NU4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from projections.explain.adding import ORDER_FIGURES, TOTALS
from projections.explain.answers import Line, Turn
from projections.explain.figures import CONDITIONS, FIGURES, SUBJECT
from projections.queries.money import FILTERS, MoneyQueries, MovementFilter
from tests.projections.explaining import WHOLE, Past, Pasts, summed
from tests.projections.oracle.orders import order_row, refundable

SEEDS = (3, 4)


@pytest.fixture(scope="module", params=SEEDS)
def site(request: pytest.FixtureRequest, pasts: Pasts) -> Iterator[Past]:
    with pasts.of(request.param, 500) as found:
        yield found


@pytest.fixture
def spoilt(pasts: Pasts) -> Iterator[Past]:
    """A site whose views a test may change by hand."""
    with pasts.of(5, 250) as found:
        yield found


# --- what adds up -------------------------------------------------------------------------


def test_a_total_is_the_sum_of_the_facts_that_explain_it(site: Past) -> None:  # part of NU4
    units = set()
    for member in site.members:
        found = site.money.total_of(member, WHOLE)
        assert found.agrees
        for figure in found.figures:
            units.add(figure.unit)
            assert figure.stated == summed([*found.facts.lines], figure.name, *figure.unit)
            gross, refunded, disputed = site.oracle.total(str(member), *figure.unit)
            expected = (gross, refunded, disputed, gross - refunded - disputed)
            assert figure.readded == expected[TOTALS.index(figure.name)]
    assert {unit.currency for unit in units} >= {"EUR", "USD"}
    assert {unit.mode for unit in units} == {"live", "test"}


def test_an_orders_figures_are_those_of_the_judge(site: Past) -> None:
    for order_id, facts in site.oracle.orders.items():
        found = site.money.order(UUID(order_id), WHOLE)
        assert found is not None
        assert found.agrees
        row, said = order_row(facts), {one.name: one.readded for one in found.figures}
        for name in set(ORDER_FIGURES) - {"refundable"}:
            assert said[name] == row[name], name
        assert said["refundable"] == refundable(facts)


def filters(site: Past) -> Iterator[MovementFilter]:
    """Each filter alone, and some together."""
    move = site.oracle.moves[len(site.oracle.moves) // 2]
    order, when = site.oracle.orders[move["order_id"]][0], site.instants
    given: dict[str, Any] = {
        "member_id": UUID(move["member_id"]),
        "order_id": UUID(move["order_id"]),
        "plan_id": UUID(order["plan_id"]),
        "kind": "refund",
        "mode": "live",
        "currency": "USD",
        "since": when[1],
        "before": when[2],
    }
    assert given.keys() == FILTERS.keys()
    yield MovementFilter()
    for name, value in given.items():
        yield MovementFilter(**{name: value})
    for kind in ("payment", "payment_reversed", "refund_failed", "dispute_lost", "fee"):
        yield MovementFilter(kind=kind)
    yield MovementFilter(since=when[1], before=when[3], plan_id=given["plan_id"], currency="EUR")
    yield MovementFilter(member_id=given["member_id"], plan_id=given["plan_id"])


def test_a_spending_figure_is_re_added_from_the_books(site: Past) -> None:  # part of NU4
    money = MoneyQueries(site.books.pool)
    for asked in filters(site):
        found = site.figures.spending(asked, WHOLE)
        assert found.agrees
        assert found.apart == []
        stated = {
            (total.currency, total.mode, name): getattr(total, name)
            for total in money.totals(asked)
            for name in FIGURES
        }
        assert stated == {(*one.unit, one.name): one.readded for one in found.figures}
        for figure in found.figures:
            assert figure.stated == summed([*found.facts.lines], figure.name, *figure.unit)
        assert found.facts.count == len(found.facts.lines)


def test_a_site_wide_figure_is_that_of_the_judge(site: Past) -> None:
    found = site.figures.spending(MovementFilter(), WHOLE)
    assert [line.position for line in found.facts.lines] == [
        move["position"] for move in site.oracle.moves
    ]
    for figure in found.figures:
        if figure.name == "net":
            moves = [m for m in site.oracle.moves if (m["currency"], m["mode"]) == figure.unit]
            assert figure.readded == sum(m["minor"] for m in moves if m["kind"] != "fee")


def test_facts_come_in_pages_and_sums_whole(site: Past) -> None:
    whole = site.figures.spending(MovementFilter(), WHOLE)
    pages: list[Line] = []
    turn = Turn(limit=7)
    while True:
        found = site.figures.spending(MovementFilter(), turn)
        assert found.figures == whole.figures
        assert found.facts.count == whole.facts.count
        pages += found.facts.lines
        if found.facts.next_after is None:
            break
        turn = turn._replace(after=found.facts.next_after)
    assert pages == list(whole.facts.lines)
    busiest = max(site.members, key=lambda one: site.money.total_of(one, WHOLE).facts.count)
    first = site.money.total_of(busiest, Turn(limit=1))
    assert first.facts.next_after == first.facts.lines[0].position
    second = site.money.total_of(busiest, Turn(limit=1, after=first.facts.next_after))
    assert second.figures == first.figures
    assert second.facts.lines[0].position > first.facts.lines[0].position


def test_every_filter_has_a_meaning_in_the_books() -> None:
    assert {*CONDITIONS, *SUBJECT} == set(FILTERS)


def test_what_was_true_by_an_instant_is_what_the_judge_says_of_it(site: Past) -> None:
    at = site.instants[2]
    judge = type(site.oracle)(site.books.exported(), as_of=at)
    scope = type(site.scope)(site.scope.source, as_of=at)
    found = type(site)(site.books, judge, scope)
    for member in found.members:
        for figure in found.money.total_of(member, WHOLE).figures:
            gross, refunded, disputed = judge.total(str(member), *figure.unit)
            expected = (gross, refunded, disputed, gross - refunded - disputed)
            assert figure.readded == expected[TOTALS.index(figure.name)]
    kinds = ("payment", "payment_reversed")
    moves = [m for m in judge.moves if m["kind"] in kinds and m["currency"] == "EUR"]
    moves = [m for m in moves if m["mode"] == "live"]
    by_name = {
        (*one.unit, one.name): one.readded
        for one in found.figures.spending(MovementFilter(), WHOLE).figures
    }
    assert by_name["EUR", "live", "gross"] == sum(m["minor"] for m in moves)
    assert moves
    assert at < datetime.max.replace(tzinfo=at.tzinfo) - timedelta(days=1)


# --- what does not ------------------------------------------------------------------------


def disagreeing(found: Any) -> set[tuple[str, str, int]]:
    """View, figure and difference of what does not add up."""
    assert not found.agrees
    return {(one.view, one.name, one.difference) for one in found.figures if not one.agrees}


def test_a_total_edited_by_hand_is_found_with_its_column(spoilt: Past) -> None:
    member, _ = spoilt.one(
        "SELECT member_id, net FROM spending WHERE gross > 0 AND currency = 'EUR' AND mode = 'live'"
    )
    spoilt.spoil(
        "UPDATE spending SET refunded = refunded + 700"
        " WHERE member_id = %(m)s AND currency = 'EUR' AND mode = 'live'",
        m=member,
    )
    found = spoilt.money.total_of(member, WHOLE)
    assert disagreeing(found) == {("spending", "refunded", 700)}
    spoilt.spoil("UPDATE members SET spent = spent - 5 WHERE member_id = %(m)s", m=member)
    found = spoilt.money.total_of(member, WHOLE)
    assert disagreeing(found) == {("spending", "refunded", 700), ("members", "net", -5)}


def test_a_total_that_is_gone_or_made_up_is_found(spoilt: Past) -> None:
    member, gross = spoilt.one(
        "SELECT member_id, gross FROM spending"
        " WHERE gross > 0 AND currency = 'EUR' AND mode = 'live' AND net = gross"
    )
    spoilt.spoil(
        "DELETE FROM spending WHERE member_id = %(m)s AND currency = 'EUR' AND mode = 'live'",
        m=member,
    )
    missing = disagreeing(spoilt.money.total_of(member, WHOLE))
    assert missing == {("spending", "gross", -gross), ("spending", "net", -gross)}
    stranger = uuid5(member, "nobody")
    spoilt.spoil(
        "INSERT INTO spending (member_id, currency, mode, gross, refunded, disputed, net,"
        " payments, position) VALUES (%(m)s, 'EUR', 'live', 9, 0, 0, 9, 1, 1)",
        m=stranger,
    )
    made_up = disagreeing(spoilt.money.total_of(stranger, WHOLE))
    assert made_up == {("spending", "gross", 9), ("spending", "net", 9)}


def test_an_order_edited_by_hand_is_found(spoilt: Past) -> None:
    order_id, paid = spoilt.one("SELECT order_id, paid FROM orders WHERE paid > 0")
    spoilt.spoil("UPDATE orders SET paid = paid + 1 WHERE order_id = %(o)s", o=order_id)
    found = spoilt.money.order(order_id, WHOLE)
    assert ("orders", "paid", 1) in disagreeing(found)
    assert spoilt.money.order(uuid5(order_id, "none"), WHOLE) is None
    spoilt.spoil("DELETE FROM orders WHERE order_id = %(o)s", o=order_id)
    assert ("orders", "paid", -paid) in disagreeing(spoilt.money.order(order_id, WHOLE))


@pytest.mark.parametrize(
    "spoiling",
    [
        "UPDATE movements SET minor = minor + 1 WHERE position = %(p)s",
        "DELETE FROM movements WHERE position = %(p)s",
        "UPDATE movements SET mode = CASE mode WHEN 'test' THEN 'live' ELSE 'test' END"
        " WHERE position = %(p)s",
        "UPDATE movements SET position = position - 1 WHERE position = %(p)s",
        "UPDATE movements SET kind = 'fee' WHERE position = %(p)s",
    ],
)
def test_a_movement_edited_or_dropped_by_hand_is_found(spoilt: Past, spoiling: str) -> None:
    member, position = spoilt.one(
        "SELECT member_id, position FROM movements WHERE kind = 'payment' ORDER BY position DESC"
    )
    assert spoilt.spoil(spoiling, p=position) == 1
    for asked in (MovementFilter(), MovementFilter(member_id=member)):
        found = spoilt.figures.spending(asked, WHOLE)
        if "position - 1" in spoiling:
            assert found.agrees  # the money is right, whatever stands behind it
        else:
            assert not found.agrees
            assert position in found.apart


def test_a_movement_made_up_or_doubled_is_found(spoilt: Past) -> None:
    (position,) = spoilt.one("SELECT max(position) FROM movements")
    spoilt.spoil(
        "INSERT INTO movements SELECT member_id, order_id, fact_version + 1000, kind, currency,"
        " mode, minor, reference, occurred_at, recorded_at, year, position FROM movements"
        " WHERE position = %(p)s",
        p=position,
    )
    found = spoilt.figures.spending(MovementFilter(), WHOLE)
    assert not found.agrees


def test_facts_that_the_view_has_not_read_do_not_count(spoilt: Past) -> None:
    before = spoilt.figures.spending(MovementFilter(), WHOLE)
    spoilt.books.tell(6, 120)
    after = spoilt.figures.spending(MovementFilter(), WHOLE)
    assert after.agrees
    assert after.figures == before.figures
    spoilt.books.follower().catch_up()
    caught_up = spoilt.figures.spending(MovementFilter(), WHOLE)
    assert caught_up.agrees
    assert caught_up.facts.count > before.facts.count
