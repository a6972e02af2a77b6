"""Members by month and lifetime value, beside what the stored facts themselves say (NU4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from projections.explain import refolded
from projections.explain.people import Cohort, Stretch
from projections.queries.reports.calendar import Calendar, day_of
from projections.queries.reports.facts import Turnover
from projections.queries.reports.lifetime import LifetimeQueries
from projections.queries.reports.membership import MembershipReports
from tests.projections.explaining import WHOLE, Past, Pasts, summed
from tests.projections.oracle.lines import moment

ZONE = ZoneInfo("Europe/Paris")
KINDS: tuple[Turnover, ...] = get_args(Turnover)


@pytest.fixture(scope="module")
def site(pasts: Pasts) -> Iterator[Past]:
    with pasts.of(3, 600) as found:
        yield found


@pytest.fixture
def spoilt(pasts: Pasts) -> Iterator[Past]:
    """A site whose views a test may change by hand."""
    with pasts.of(5, 300) as found:
        yield found


def months(site: Past) -> Calendar:
    """Those of the site's past."""
    first = min(moment(fact) for fact in site.oracle.facts)
    return Calendar.months(day_of(first, ZONE), day_of(site.instants[-2], ZONE), ZONE)


def stretches(site: Past) -> Iterator[Stretch]:
    """Each month."""
    calendar = months(site)
    for since, before in zip(calendar.bounds, calendar.bounds[1:], strict=False):
        yield Stretch(since, before, site.instants[-2])


def test_members_of_a_month_are_explained(site: Past) -> None:  # part of NU4
    report = MembershipReports(site.books.pool).by_month(months(site), site.instants[-2])
    seen: Counter[str] = Counter()
    told = [*zip(report, stretches(site), strict=True)]
    busy = [one for one in told if one[0].left or one[0].returned]
    newcomers = [one for one in told if one[0].new]
    for line, month in [*busy[:6], *newcomers[:2], *told[::12]]:
        for kind in KINDS:
            found = site.people.turnover(month, kind, limit=1000, after=None)
            assert found.agrees
            assert found.starting.readded == line.starting
            assert found.ending.readded == line.ending
            assert found.moved == {"new": line.new, "returned": line.returned, "left": line.left}
            assert len(found.parts) == found.moved[kind]
            assert {one.fact_id for one in found.parts} == {one.fact_id for one in found.facts}
            seen[kind] += found.moved[kind]
    assert seen["new"]
    assert seen["left"]


def test_a_presence_edited_by_hand_is_found(spoilt: Past) -> None:
    whole = Stretch(months(spoilt).bounds[0], spoilt.instants[-2], spoilt.instants[-2])
    found = spoilt.people.turnover(whole, "new", limit=1000, after=None)
    assert found.agrees
    assert spoilt.spoil(
        "UPDATE timelines SET began = '{}', ended = '{}' WHERE member_id = %(m)s",
        m=found.parts[0].member_id,
    )
    assert not spoilt.people.turnover(whole, "new", limit=1000, after=None).agrees


def test_somebody_who_came_and_is_told_to_have_come_back_is_found(spoilt: Past) -> None:
    whole = Stretch(months(spoilt).bounds[0], spoilt.instants[-2], spoilt.instants[-2])
    member = spoilt.people.turnover(whole, "new", limit=1000, after=None).parts[0].member_id
    # A stay long before: the month begins and ends with as many members, but one was there before.
    spoilt.spoil(
        "UPDATE timelines SET began = '2001-01-01'::timestamptz || began,"
        " ended = '2001-02-01'::timestamptz || ended WHERE member_id = %(m)s",
        m=member,
    )
    for kind in KINDS:
        found = spoilt.people.turnover(whole, kind, limit=1000, after=None)
        assert ([one.member_id for one in found.apart], found.agrees) == ([member], False)


@pytest.mark.parametrize("size", [1, 2, 300])
def test_everybody_of_a_month_is_folded_anew_however_many_they_are(
    spoilt: Past, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(refolded, "A_PAGE", size)
    whole = Stretch(months(spoilt).bounds[0], spoilt.instants[-2], spoilt.instants[-2])
    found = spoilt.people.turnover(whole, "new", limit=1, after=None)
    everybody = {UUID(stay["member"]) for stay in spoilt.oracle.stays.values()}
    assert (found.agrees, found.refolded) == (True, len(everybody))
    assert len(everybody) > 2
    # A stay long before, of the last of all: no count of the month is another.
    spoilt.spoil(
        "UPDATE timelines SET began = '2001-01-01'::timestamptz || began,"
        " ended = '2001-02-01'::timestamptz || ended WHERE member_id = %(m)s",
        m=max(everybody),
    )
    found = spoilt.people.turnover(whole, "new", limit=1, after=None)
    assert [one.member_id for one in found.apart] == [max(everybody)]
    assert [one.name for one in found.apart[0].columns] == ["began", "ended"]
    assert not found.agrees


def test_nobody_else_is_folded_anew_where_too_many_are_apart(
    spoilt: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refolded, "A_PAGE", 1)
    monkeypatch.setattr(refolded, "MOST_APART", 2)
    spoilt.spoil("UPDATE timelines SET began = began[2:]")
    whole = Stretch(months(spoilt).bounds[0], spoilt.instants[-2], spoilt.instants[-2])
    found = spoilt.people.turnover(whole, "new", limit=1, after=None)
    assert (len(found.apart), found.refolded, found.agrees) == (2, 2, False)


def test_what_a_cohort_brought_is_re_added_from_the_books(site: Past) -> None:  # part of NU4
    calendar, now = months(site), site.instants[-2]
    report = LifetimeQueries(site.books.pool)
    for by in ("cohort", "plan"):
        for line in report.lines(calendar, now, by=by):
            month = calendar.starts.index(line.cohort) if line.cohort else None
            since = calendar.since if month is None else calendar.bounds[month]
            before = calendar.before if month is None else calendar.bounds[month + 1]
            cohort = Cohort(
                Stretch(since, before, now), line.plan_id, line.total.currency, line.total.mode
            )
            found = site.people.lifetime(cohort, WHOLE)
            assert found.agrees
            for figure in found.figures:
                assert figure.readded == getattr(line.total, figure.name)
                assert figure.readded == summed([*found.facts.lines], figure.name, *figure.unit)


def test_facts_of_a_cohort_come_in_pages(site: Past) -> None:
    calendar, now = months(site), site.instants[-2]
    cohort = Cohort(Stretch(calendar.since, calendar.before, now), currency="EUR")
    whole = site.people.lifetime(cohort, WHOLE)
    page = site.people.lifetime(cohort, WHOLE._replace(limit=5))
    rest = site.people.lifetime(cohort, WHOLE._replace(after=page.facts.next_after or 0))
    assert [*page.facts.lines, *rest.facts.lines] == list(whole.facts.lines)
    assert page.figures == whole.figures


def test_money_of_a_cohort_edited_by_hand_is_found(spoilt: Past) -> None:
    calendar, now = months(spoilt), spoilt.instants[-2]
    cohort = Cohort(Stretch(calendar.since, calendar.before, now))
    assert spoilt.people.lifetime(cohort, WHOLE).agrees
    (member,) = spoilt.one("SELECT member_id FROM spending JOIN timelines USING (member_id)")
    spoilt.spoil("UPDATE spending SET refunded = 9999 WHERE member_id = %(m)s", m=member)
    found = spoilt.people.lifetime(cohort, WHOLE)
    assert not found.agrees
    assert {one.name for one in found.figures if not one.agrees} == {"refunded"}
