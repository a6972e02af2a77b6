"""Sums by day and by plan: what they add up to, page by page, and how they go on (NU4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from projections.explain import days as by_day
from projections.explain.answers import Line, Turn
from projections.explain.recurring import Asked, Worth
from projections.explain.recurring_sums import RecurringSums
from projections.queries.money import MovementFilter
from projections.queries.reports.calendar import ONE_DAY, day_of, start_of
from tests.projections.books import EUROS
from tests.projections.explaining import WHOLE, Past, Pasts
from tests.projections.oracle.figures import recurring

ZONE = EUROS.time_zone
EVERYTHING = Asked(limit=100_000)


@pytest.fixture(scope="module", params=(3, 5))
def site(request: pytest.FixtureRequest, pasts: Pasts) -> Iterator[Past]:
    with pasts.of(request.param, 600) as found:
        yield found


@pytest.fixture
def spoilt(pasts: Pasts) -> Iterator[Past]:
    """A site whose views a test may change by hand."""
    with pasts.of(5, 300) as found:
        yield found


# --- money, day by day --------------------------------------------------------------------


def filters(site: Past) -> Iterator[MovementFilter]:
    """All of it; a plan's; of some days; all together."""
    move = site.oracle.moves[len(site.oracle.moves) // 2]
    plan = UUID(site.oracle.orders[move["order_id"]][0]["plan_id"])
    since, before = (start_of(day_of(site.instants[n], ZONE), ZONE) for n in (1, 3))
    yield MovementFilter()
    yield MovementFilter(plan_id=plan)
    yield MovementFilter(currency="USD")
    yield MovementFilter(mode="test")
    yield MovementFilter(since=since, before=before)
    yield MovementFilter(since=since, before=before, plan_id=plan, currency="EUR", mode="live")


def test_sums_by_day_are_those_of_all_facts_at_once(site: Past) -> None:  # part of NU4
    days = site.days.added(site.instants[-1])
    for asked in filters(site):
        found, exact = site.days.explain(asked, days, WHOLE), site.figures.spending(asked, WHOLE)
        assert found.agrees
        assert (found.figures, found.facts) == (exact.figures, exact.facts)
        for figure in found.figures:
            if figure.name == "net":
                own = [line for line in found.days if line.unit == figure.unit]
                assert sum(line.readded for line in own) == figure.readded
        # A fee is a fact of its day, though it is no part of the net.
        assert sum(line.facts for line in found.days) == found.facts.count


def test_a_day_leads_to_its_own_facts(site: Past) -> None:
    days = site.days.added(site.instants[-1])
    whole = site.days.explain(MovementFilter(), days, WHOLE)
    for line in whole.days[::5]:
        own = MovementFilter(
            currency=line.unit.currency,
            mode=line.unit.mode,
            since=start_of(line.first, ZONE),
            before=start_of(line.last + ONE_DAY, ZONE),
        )
        found = site.days.explain(own, days, WHOLE)
        assert found.facts.count == len(found.facts.lines) == line.facts
        [net] = [one.readded for one in found.figures if one.name == "net"]
        assert net == line.readded


def test_a_long_time_is_told_by_month(site: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    days = site.days.added(site.instants[-1])
    monkeypatch.setattr(by_day, "MOST_DAYS", 1_000_000)
    daily = site.days.explain(MovementFilter(), days, WHOLE).days
    monkeypatch.setattr(by_day, "MOST_DAYS", 1)
    monthly = site.days.explain(MovementFilter(), days, WHOLE).days
    assert all(line.first == line.last for line in daily)
    assert all(line.first.day == 1 and (line.last + ONE_DAY).day == 1 for line in monthly)
    for month in monthly:
        own = [d for d in daily if d.unit == month.unit and month.first <= d.first <= month.last]
        assert sum(one.readded for one in own) == month.readded
        assert sum(one.facts for one in own) == month.facts


def test_facts_of_days_come_in_pages_and_sums_whole(site: Past) -> None:
    days = site.days.added(site.instants[-1])
    for asked in filters(site):
        whole, pages = site.days.explain(asked, days, WHOLE), list[Line]()
        turn = Turn(limit=7)
        while True:
            found = site.days.explain(asked, days, turn)
            assert (found.figures, found.facts.count) == (whole.figures, whole.facts.count)
            pages += found.facts.lines
            if found.facts.next_after is None:
                break
            turn = turn._replace(after=found.facts.next_after)
        assert pages == list(whole.facts.lines)


def test_what_was_added_up_before_stands_and_what_came_since_is_added(spoilt: Past) -> None:
    before = spoilt.days.added(spoilt.instants[-1])
    spoilt.books.tell(6, 120)
    spoilt.books.follower().catch_up()
    after, anew = (spoilt.days.added(spoilt.instants[-1], one) for one in (before, None))
    assert after == anew
    assert after.position > before.position
    assert after.readded != before.readded
    # What was kept of the books is believed, as facts never change: nothing else adds them twice.
    doubled = replace(before, readded={})
    assert spoilt.days.added(spoilt.instants[-1], doubled).readded != anew.readded


def test_where_other_facts_are_left_out_all_are_added_up_anew(spoilt: Past) -> None:
    before = replace(spoilt.days.added(spoilt.instants[-1]), readded={}, left_out=frozenset({1}))
    found = spoilt.days.added(spoilt.instants[-1], before)
    assert found == spoilt.days.added(spoilt.instants[-1])


def test_a_movement_on_another_day_is_found(spoilt: Past) -> None:
    spoilt.spoil(
        "UPDATE movements SET occurred_at = occurred_at - interval '1 day'"
        " WHERE position = (SELECT max(position) FROM movements WHERE kind = 'payment')"
    )
    found = spoilt.days.explain(MovementFilter(), spoilt.days.added(spoilt.instants[-1]), WHOLE)
    assert not found.agrees
    assert len([line for line in found.days if line.stated != line.readded]) == 2


def test_what_was_kept_is_not_believed_where_it_differs(spoilt: Past) -> None:
    days = spoilt.days.added(spoilt.instants[-1])
    wrong = replace(days, readded={})
    assert spoilt.days.explain(MovementFilter(), wrong, WHOLE).agrees
    position = spoilt.one("SELECT max(position) FROM movements")[0]
    spoilt.spoil("DELETE FROM movements WHERE position = %(p)s", p=position)
    found = spoilt.days.explain(MovementFilter(), spoilt.days.added(spoilt.instants[-1]), WHOLE)
    assert (found.agrees, found.apart) == (False, [position])


# --- MRR, plan by plan --------------------------------------------------------------------


def sums(site: Past, instant: int = 3) -> RecurringSums:
    return site.recurring_sums.added(site.instants[instant])


def test_mrr_by_plan_is_that_of_the_judge(site: Past) -> None:  # part of NU4
    for instant in (1, 2, 3, 4):
        found = site.recurring_sums.explain(sums(site, instant), EVERYTHING, 0)
        assert found.agrees
        said = {
            (one.figure.currency, str(one.plan_id)): tuple(one.figure.readded)
            for one in found.plans
        }
        expected = recurring(site.oracle, site.instants[instant])
        assert said == {plan: worth for plan, worth in expected.items() if worth[1]}
        assert found.figures == site.recurring.at(site.instants[instant], EVERYTHING).figures


def test_its_memberships_are_those_of_all_at_once(site: Past) -> None:
    at, own = site.instants[3], sums(site)
    plans = site.recurring_sums.explain(own, EVERYTHING, 0).plans
    asked = [EVERYTHING, *(EVERYTHING._replace(plan_id=one.plan_id) for one in plans)]
    asked += [EVERYTHING._replace(currency=one) for one in ("EUR", "KWD")]
    for one in asked:
        found, exact = site.recurring_sums.explain(own, one, 0), site.recurring.at(at, one)
        assert found.count == exact.count
        assert sorted(found.memberships, key=membership) == list(exact.memberships)


def membership(one: Worth) -> UUID:
    return one.membership_id


@pytest.mark.parametrize("limit", [1, 3])
def test_memberships_come_in_pages_each_where_the_one_before_ended(site: Past, limit: int) -> None:
    own, pages, after = sums(site), list[Worth](), 0
    whole = site.recurring_sums.explain(own, EVERYTHING, 0)
    while True:
        found = site.recurring_sums.explain(own, Asked(limit=limit), after)
        assert (found.figures, found.plans) == (whole.figures, whole.plans)
        assert len(found.memberships) <= limit
        pages += found.memberships
        if not isinstance(found.next_after, int):
            break
        after = found.next_after
    assert pages == list(whole.memberships)
    assert len(pages) > limit


def test_an_edit_in_one_currency_is_no_difference_in_another(spoilt: Past) -> None:
    own = sums(spoilt)
    [member, *_] = [
        one.member_id
        for one in spoilt.recurring_sums.explain(own, EVERYTHING, 0).memberships
        if one.currency == "EUR"
    ]
    spoilt.spoil(
        "UPDATE timelines SET numerators[1] = numerators[1] + denominators[1]"
        " WHERE member_id = %(m)s",
        m=member,
    )
    edited = sums(spoilt)
    found = spoilt.recurring_sums.explain(edited, EVERYTHING, 0)
    assert (found.agrees, [one.member_id for one in found.apart]) == (False, [member])
    other = spoilt.recurring_sums.explain(edited, Asked("USD", limit=100_000), 0)
    assert (other.agrees, other.apart) == (True, ())
    assert other.figures


def test_a_page_is_added_up_anew_whatever_was_kept(spoilt: Past) -> None:
    own = sums(spoilt)
    one = spoilt.recurring_sums.explain(own, EVERYTHING, 0).memberships[0]
    spoilt.spoil("DELETE FROM timelines WHERE member_id = %(m)s", m=one.member_id)
    found = spoilt.recurring_sums.explain(own, EVERYTHING, 0)
    assert not found.agrees
    assert found.memberships[0].stated != found.memberships[0].readded


def test_nothing_is_looked_for_where_nothing_counts(site: Past) -> None:
    early = site.recurring_sums.added(site.instants[0] - timedelta(days=40_000))
    found = site.recurring_sums.explain(early, EVERYTHING, 0)
    assert (found.figures, found.memberships, found.next_after) == ([], [], None)
    assert found.agrees
