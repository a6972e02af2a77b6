"""MRR and its movements, against an oracle that asks every membership anew at every instant."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest

from ledger.dunning import STANDARD
from ledger.money import Money
from ledger.terms import Discount, Terms
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.facts import ReportFacts, Span
from projections.queries.reports.recurring import KINDS, LESS, Movement, RecurringQueries
from projections.queries.reports.rounding import rounded
from tests.projections.books import Books
from tests.projections.reports.conftest import ZONE, Judged
from tests.projections.reports.joiners import MONTHLY, YEARLY, Joiners
from tests.projections.stories import START

MICROSECOND = timedelta(microseconds=1)


def mrr(books: Books, now: datetime) -> dict[str, int]:
    """What is shown, by currency, once the views have read everything."""
    books.follower().catch_up()
    totals = RecurringQueries(books.pool).at(now).totals
    return {total.currency: total.minor for total in totals}


def lasting(**cut: Any) -> Discount:
    """A discount on every payment."""
    return Discount(code_id=UUID(int=9), code="LESS", every_payment=True, **cut)


# --- what counts --------------------------------------------------------------------------


def test_a_hundred_a_month_and_six_hundred_a_year(books: Books, joiners: Joiners) -> None:  # NU2
    books.save(*(joiners.join_on(MONTHLY, plan=1) for _ in range(100)))
    books.save(*(joiners.join_on(YEARLY, plan=2) for _ in range(50)))
    assert mrr(books, joiners.now) == {"EUR": 12_500}
    report = RecurringQueries(books.pool).at(joiners.now)
    assert [(line.memberships, minor) for line, minor in report.shown] == [
        (100, 10_000),
        (50, 2500),
    ]


@pytest.mark.parametrize(
    ("terms", "exact"),
    [
        (Terms(model="recurring", amount=Money(100, "EUR"), unit="week", every=1), "5200/12"),
        (Terms(model="recurring", amount=Money(100, "EUR"), unit="month", every=3), "100/3"),
        (Terms(model="recurring", amount=Money(100, "EUR"), unit="year", every=2), "100/24"),
        (Terms(model="instalments", amount=MONTHLY.amount, unit="month", every=1, payments=3), "0"),
        (Terms(model="one_time", amount=Money(100, "EUR")), "0"),
        (Terms(model="free", amount=Money(0, "EUR")), "0"),
    ],
)
def test_every_rhythm_counts_by_the_month(  # NU2
    books: Books, joiners: Joiners, terms: Terms, exact: str
) -> None:
    books.save(*(joiners.join_on(terms) for _ in range(7)))
    books.follower().catch_up()
    totals = RecurringQueries(books.pool).at(joiners.now).totals
    assert sum(total.exact for total in totals) == 7 * Fraction(exact)
    assert all(total.minor == rounded(7 * Fraction(exact)) for total in totals)


@pytest.mark.parametrize(
    ("discount", "minor"),
    [
        (lasting(percent=30), 70),
        (lasting(amount=Money(45, "EUR")), 55),
        (lasting(percent=100), None),
        (Discount(code_id=UUID(int=9), code="ONCE", percent=30, every_payment=False), 100),
    ],
)
def test_a_discount_on_every_payment_lowers_it(  # NU2
    books: Books, joiners: Joiners, discount: Discount, minor: int | None
) -> None:
    books.save(joiners.join_on(MONTHLY, discount=discount))
    assert mrr(books, joiners.now) == ({} if minor is None else {"EUR": minor})


def test_a_membership_counts_until_its_cancellation_takes_effect(  # NU2, AX8
    books: Books, joiners: Joiners
) -> None:
    member = joiners.join_on(MONTHLY)
    (stay,) = member.memberships.values()
    member.self_cancel(stay.membership_id, stamp=joiners.stamp())
    books.save(member)
    assert stay.period_end is not None
    assert mrr(books, stay.period_end - MICROSECOND) == {"EUR": 100}
    assert mrr(books, stay.period_end) == {}


def test_past_due_counts_while_it_lasts_and_action_required_does_not(  # NU2, AX8
    books: Books, joiners: Joiners
) -> None:
    late, stuck = joiners.join_on(MONTHLY), joiners.join_on(MONTHLY)
    for member in (late, stuck):
        (stay,) = member.memberships.values()
        assert stay.period_end is not None
        due_at = joiners.now = max(joiners.now, stay.period_end)
        about: dict[str, Any] = {"order_id": joiners.id(), "due_at": due_at, "policy": STANDARD}
        for _ in range(1 if member is stuck else 3):
            stamp = joiners.stamp()
            if member is stuck:
                member.require_action(stay.membership_id, why="card", stamp=stamp, **about)
            else:
                member.fall_past_due(stay.membership_id, stamp=stamp, **about)
    books.save(late, stuck)
    (stay,) = late.memberships.values()
    assert stay.retry_at is None
    assert stay.access_until is not None
    assert mrr(books, joiners.now) == {"EUR": 100}
    assert mrr(books, stay.access_until - MICROSECOND) == {"EUR": 100}
    assert mrr(books, stay.access_until) == {}  # lapsed, though no job has recorded it


def test_mrr_at_any_instant_is_that_of_the_oracle(judged: Judged) -> None:  # NU2
    queries = RecurringQueries(judged.books.pool)
    turns = sorted({at for stay in judged.counted for at in map(at_of, stay["facts"])})
    asked = Random(1).sample(turns, 30)  # noqa: S311 -- any will do
    for now in [*asked, *(at - MICROSECOND for at in asked), *judged.months.bounds]:
        totals = queries.at(now).totals
        assert {one.currency: one.exact for one in totals} == judged.worth(now), now


def at_of(fact: Any) -> datetime:
    return datetime.fromisoformat(fact["occurred_at"])


# --- how it moved -------------------------------------------------------------------------


def test_movements_add_up_exactly_month_after_month(judged: Judged) -> None:  # NU3
    lines = RecurringQueries(judged.books.pool).movements(judged.months, judged.now)
    by_month = {(line.month, line.currency): line for line in lines}
    kinds = {kind for line in lines for kind in KINDS if line.moved[kind]}
    assert kinds >= {"new", "expansion", "churned"}
    ends = [*judged.months.bounds[1:-1], judged.now + MICROSECOND]
    for month, since, before in zip(judged.months.starts, judged.months.bounds, ends, strict=False):
        starting, ending = judged.worth(since - MICROSECOND), judged.worth(before - MICROSECOND)
        for currency in {key[1] for key in by_month}:
            line = by_month[month, currency]
            assert line.starting == starting.get(currency, 0), line
            assert line.ending == ending.get(currency, 0), line
            assert all(line.moved[kind] <= 0 for kind in LESS)
            assert all(line.moved[kind] >= 0 for kind in KINDS if kind not in LESS)


def test_what_is_shown_adds_up_as_well(judged: Judged) -> None:  # NU3
    lines = RecurringQueries(judged.books.pool).movements(judged.months, judged.now)
    endings: dict[str, int] = {}
    assert any(line.starting.denominator > 1 for line in lines)
    for line in lines:
        shown = line.minor
        assert shown["starting"] == endings.get(line.currency, shown["starting"])
        gained = shown["new"] + shown["reactivated"] + shown["expansion"]
        lost = shown["contraction"] + shown["churned"]
        assert shown["starting"] + gained - lost == shown["ending"] == rounded(line.ending)
        for kind in KINDS:
            assert abs(shown[kind] - abs(line.moved[kind])) < 1
        endings[line.currency] = shown["ending"]


def test_kinds_are_those_of_the_member(judged: Judged) -> None:  # NU3
    lines = RecurringQueries(judged.books.pool).movements(judged.months, judged.now)
    expected: dict[tuple[Any, str, str], Fraction] = defaultdict(Fraction)
    for row in judged.oracle.rows("timelines"):
        for at, currency, _, kind, numerator, denominator, _ in row["changes"]:
            if at <= judged.now:
                month = at.astimezone(ZONE).date().replace(day=1)
                expected[month, currency, kind] += Fraction(numerator, denominator)
    found = {
        (line.month, line.currency, kind): line.moved[kind] for line in lines for kind in KINDS
    }
    assert {key: value for key, value in found.items() if value} == expected


def one_life(books: Books, joiners: Joiners) -> list[Movement]:
    """Joins on the last evening of a month in Paris, renews for more, and is removed in March."""
    joiners.now = datetime(2025, 1, 31, 22, 59, 59, tzinfo=UTC)
    member = joiners.join_on(MONTHLY)
    (stay,) = member.memberships.values()
    assert stay.period_end == datetime(2025, 2, 28, 22, 59, 59, tzinfo=UTC)
    joiners.now = stay.period_end
    dearer = MONTHLY.model_copy(update={"amount": Money(130, "EUR")})
    member.move_price(stay.membership_id, price_version=2, terms=dearer, stamp=joiners.stamp())
    joiners.now = datetime(2025, 2, 28, 23, tzinfo=UTC)
    member.remove(stay.membership_id, "moved away", stamp=joiners.stamp())
    books.save(member)
    books.follower().catch_up()
    months = Calendar.months(date(2025, 1, 1), date(2025, 4, 1), ZONE)
    return RecurringQueries(books.pool).movements(months, datetime(2026, 1, 1, tzinfo=UTC))


def said(**minor: int) -> dict[str, int]:
    """A line that says nothing else."""
    return {**dict.fromkeys(("starting", *KINDS, "ending"), 0), **minor}


def test_a_month_ends_where_the_site_says(books: Books, joiners: Joiners) -> None:  # NU3
    january, february, march, april = one_life(books, joiners)
    assert january.minor == said(new=100, ending=100)
    assert february.minor == said(starting=100, expansion=30, ending=130)
    assert march.minor == said(starting=130, churned=130)
    assert not any(april.moved.values())


def test_who_comes_back_is_reactivated_and_who_takes_more_expands(  # NU3
    books: Books, joiners: Joiners
) -> None:
    member = joiners.join_on(MONTHLY)
    for more, plan in ((MONTHLY, 2), (YEARLY, 3)):
        joiners.now += timedelta(days=1)
        joiners.join_on(more, plan=plan, member=member)
    stays = list(member.memberships)
    for gone in (stays[:1], stays[1:]):
        joiners.now += timedelta(days=1)
        for stay in gone:
            member.remove(stay, "moved away", stamp=joiners.stamp())
    joiners.now += timedelta(days=1)
    joiners.join_on(MONTHLY, member=member)
    books.save(member)
    books.follower().catch_up()
    months = Calendar.months(START.date(), joiners.now.date(), ZONE)
    moved = [line.moved for line in RecurringQueries(books.pool).movements(months, joiners.now)]
    sums = {kind: sum(month[kind] for month in moved) for kind in KINDS}
    # Both of the last two went at once: nothing was left, so neither was a mere contraction.
    assert sums == {
        "new": 100,
        "expansion": 150,
        "contraction": -100,
        "churned": -150,
        "reactivated": 100,
    }


def test_nothing_after_now_counts(books: Books, joiners: Joiners) -> None:  # NU3, AX8
    member = joiners.join_on(MONTHLY)
    (stay,) = member.memberships.values()
    member.self_cancel(stay.membership_id, stamp=joiners.stamp())
    books.save(member)
    books.follower().catch_up()
    assert stay.period_end is not None
    months = Calendar.months(START.date(), stay.period_end.date(), ZONE)
    queries = RecurringQueries(books.pool)
    assert queries.movements(months, stay.period_end - MICROSECOND)[-1].ending == 100
    assert queries.movements(months, stay.period_end)[-1].ending == 0


# --- the facts ----------------------------------------------------------------------------


def test_every_mrr_names_the_facts_that_add_up_to_it(judged: Judged) -> None:  # part of NU4
    queries, facts = RecurringQueries(judged.books.pool), ReportFacts(judged.books.pool)
    now = judged.months.bounds[len(judged.months.bounds) // 2]
    span = Span(since=None, before=now + MICROSECOND, now=now)
    report = queries.at(now)
    assert report.plans
    for line in report.plans:
        about = {"currency": line.currency, "plan_id": line.plan_id}
        page, named = facts.recurring(span, limit=2, **about), []  # type: ignore[arg-type]
        while True:
            named += page.facts
            if page.next_after is None:
                break
            page = facts.recurring(span, limit=2, after=page.next_after, **about)  # type: ignore[arg-type]
        assert sum(one.amount for one in named) == line.exact
        assert {one.fact_id for one in named} <= judged.facts.keys()
        assert len({one.membership_id for one in named}) == line.memberships


def test_every_movement_names_the_facts_that_add_up_to_it(judged: Judged) -> None:  # part of NU4
    facts = ReportFacts(judged.books.pool)
    bounds = dict(zip(judged.months.starts, judged.months.bounds, strict=False))
    ends = dict(zip(judged.months.starts, judged.months.bounds[1:], strict=True))
    for line in RecurringQueries(judged.books.pool).movements(judged.months, judged.now):
        span = Span(since=bounds[line.month], before=ends[line.month], now=judged.now)
        for kind in KINDS:
            found = facts.moved(span, currency=line.currency, kind=kind).facts
            assert sum(one.amount for one in found) == line.moved[kind]
            assert {one.fact_id for one in found} <= judged.facts.keys()
