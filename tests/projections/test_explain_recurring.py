"""MRR: membership by membership, beside what the stored facts themselves say (NU2, NU4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg.rows import dict_row

from projections.courses import Kind
from projections.explain.moved import ExplainMoved, Month, MovementExplained
from projections.explain.recurring import Asked, RecurringExplained, Worth
from projections.queries.reports.calendar import Calendar, day_of
from projections.queries.reports.recurring import KINDS, RecurringQueries
from tests.projections.explaining import Past, Pasts, checked
from tests.projections.oracle.figures import by_currency, recurring

ZONE = ZoneInfo("Europe/Paris")
EVERYTHING = Asked(limit=100_000)


@pytest.fixture(scope="module", params=(3, 5))
def site(request: pytest.FixtureRequest, pasts: Pasts) -> Iterator[Past]:
    with pasts.of(request.param, 600) as found:
        yield found


@pytest.fixture(params=[(5, 500), (5, 300), (3, 400)], ids=str)
def spoilt(request: pytest.FixtureRequest, pasts: Pasts) -> Iterator[Past]:
    """A site whose views a test may change by hand."""
    with pasts.of(*request.param) as found:
        yield found


def apart(found: RecurringExplained | MovementExplained) -> list[UUID]:
    """Whose row is not what their facts make of it."""
    return [one.member_id for one in found.apart]


def exact(found: RecurringExplained) -> dict[str, Fraction]:
    """What the books say, by currency."""
    return {figure.currency: figure.readded.exact for figure in found.figures}


def test_mrr_at_any_instant_is_re_added_from_the_books(site: Past) -> None:  # part of NU4
    report, seen = RecurringQueries(site.books.pool), Counter[str]()
    for at in (*site.instants, site.instants[-1] + timedelta(days=4000)):
        found = site.recurring.at(at, EVERYTHING)
        assert found.agrees, (at, [figure for figure in found.figures if not figure.agrees])
        expected = {name: value for name, value in by_currency(site.oracle, at).items() if value}
        assert exact(found) == expected
        stated = {one.currency: (one.exact, one.memberships) for one in report.at(at).totals}
        assert stated == {one.currency: one.stated for one in found.figures}
        seen.update(expected)
    assert {"EUR", "USD", "JPY"} <= set(seen)


def test_memberships_and_their_facts_add_up_to_it(site: Past) -> None:  # part of NU4
    all_found = [site.recurring.at(at, EVERYTHING) for at in site.instants]
    found = max(all_found, key=lambda one: one.count)
    sums: Counter[str] = Counter()
    for one in found.memberships:
        assert one.stated == one.readded == sum(part.amount for part in one.parts)
        assert one.stated > 0
        sums[one.currency] += one.readded  # type: ignore[assignment]
    assert dict(sums) == exact(found)
    assert found.count == len(found.memberships) > 5
    listed = {line.fact_id for line in found.facts}
    assert {part.fact_id for one in found.memberships for part in one.parts} <= listed
    assert all(line.recorded_at and line.topic for line in found.facts)


def test_a_plans_mrr_is_that_of_the_judge(site: Past) -> None:
    at = site.instants[3]
    for (currency, plan), (value, memberships) in recurring(site.oracle, at).items():
        found = site.recurring.at(at, Asked(currency, UUID(plan)))
        [figure] = found.figures
        assert figure.readded == (value, memberships)
        assert found.agrees
    nothing = site.recurring.at(at, Asked("KWD"))
    assert (nothing.figures, nothing.memberships, nothing.agrees) == ([], [], True)


def test_memberships_come_in_pages_and_sums_whole(site: Past) -> None:
    at = site.instants[3]
    whole, asked = site.recurring.at(at, EVERYTHING), Asked(limit=3)
    pages: list[Worth] = []
    while True:
        found = site.recurring.at(at, asked)
        assert found.figures == whole.figures
        pages += found.memberships
        if found.next_after is None:
            break
        assert isinstance(found.next_after, UUID)
        asked = asked._replace(after=found.next_after)
    assert pages == whole.memberships


def test_a_timeline_edited_by_hand_is_found(spoilt: Past) -> None:
    at = spoilt.instants[3]
    found = spoilt.recurring.at(at, EVERYTHING)
    one = found.memberships[0]
    assert found.apart == []
    spoilt.spoil(
        "UPDATE timelines SET numerators[1] = numerators[1] + denominators[1]"
        " WHERE member_id = %(m)s",
        m=one.member_id,
    )
    edited = spoilt.recurring.at(at, EVERYTHING)
    assert not edited.agrees
    assert apart(edited) == [one.member_id]
    [figure] = [figure for figure in edited.figures if not figure.agrees]
    assert figure.stated.exact - figure.readded.exact == 1
    spoilt.spoil("DELETE FROM timelines WHERE member_id = %(m)s", m=one.member_id)
    gone = spoilt.recurring.at(at, EVERYTHING)
    assert not gone.agrees
    lost = next(each for each in gone.memberships if each.membership_id == one.membership_id)
    assert (lost.stated, lost.readded) == (Fraction(0), one.readded)


# --- how it moved -------------------------------------------------------------------------


def months(site: Past) -> Calendar:
    """Those of the site's past."""
    first, last = day_of(site.instants[0], ZONE), day_of(site.instants[-2], ZONE)
    return Calendar.months(first, last, ZONE)


def test_a_months_movements_lead_from_one_mrr_to_the_next(
    site: Past,
) -> None:  # part of NU3, part of NU4
    calendar, now = months(site), site.instants[-2]
    report = RecurringQueries(site.books.pool).movements(calendar, now, currency="EUR")
    assert len(report) > 5
    explainer = ExplainMoved(site.recurring)
    for line in report[::4]:
        place = calendar.starts.index(line.month)
        month = Month(calendar.bounds[place], calendar.bounds[place + 1], now, "EUR")
        for kind in KINDS:
            found = explainer.month(month, kind, limit=1000, after=None)
            assert found.agrees
            assert found.starting.readded.exact == line.starting
            assert found.ending.readded.exact == line.ending
            assert found.moved.get(kind, 0) == line.moved[kind]
            assert sum(one.amount for one in found.parts) == line.moved[kind]
            assert {one.fact_id for one in found.parts} == {one.fact_id for one in found.facts}


def whole(site: Past, currency: str) -> Month:
    """All the months of a site's past as one."""
    calendar = months(site)
    return Month(calendar.bounds[0], calendar.bounds[-1], site.instants[-2], currency)


def explained(site: Past, currency: str, kind: Kind) -> MovementExplained:
    """All that moved."""
    return ExplainMoved(site.recurring).month(whole(site, currency), kind, limit=1000, after=None)


PLACES = """
SELECT member_id, place FROM timelines, generate_subscripts(changed_at, 1) AS place
 WHERE currencies[place] = %(currency)s AND kinds[place] = %(kind)s
   AND changed_at[place] >= %(since)s AND changed_at[place] <= %(now)s
 ORDER BY place DESC, member_id
"""


def place_of(site: Past, currency: str, kind: Kind) -> dict[str, Any]:
    """Whose timeline has such a change, and where in it: as late in it as can be."""
    month = whole(site, currency)
    with site.books.pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        asked = {**month._asdict(), "kind": kind}
        found: dict[str, Any] | None = cursor.execute(PLACES.encode(), asked).fetchone()
    assert found is not None
    return found


MOVING = {
    "another amount": "numerators[%(place)s] = numerators[%(place)s] + 1",
    "another share": "denominators[%(place)s] = denominators[%(place)s] + 1",
    "another currency": "currencies[%(place)s] = 'CHF'",
    "another kind": "kinds[%(place)s] = 'expansion'",
    "another time": "changed_at[%(place)s] = changed_at[%(place)s] - interval '3000 days'",
    "gone": "numerators[%(place)s] = 0",
}


@pytest.mark.parametrize("edit", MOVING)
def test_a_movement_edited_by_hand_is_found_with_its_member(spoilt: Past, edit: str) -> None:
    before, own = explained(spoilt, "EUR", "new"), place_of(spoilt, "EUR", "new")
    assert before.agrees
    statement = f"UPDATE timelines SET {MOVING[edit]} WHERE member_id = %(member_id)s"  # noqa: S608
    assert spoilt.spoil(statement, **own) == 1
    after = explained(spoilt, "EUR", "new")
    assert after.moved != before.moved
    assert not after.agrees
    assert apart(after) == [own["member_id"]]


OTHERWISE = """
SELECT member_id, place, currencies[place] AS currency
  FROM timelines, generate_subscripts(changed_at, 1) AS place
 WHERE currencies[place] <> 'EUR' AND changed_at[place] <= %(now)s
 ORDER BY 'EUR' = ANY (currencies) DESC, place, member_id
"""


def test_an_edit_in_one_currency_changes_no_figure_of_another(spoilt: Past) -> None:
    before, now = explained(spoilt, "EUR", "new"), spoilt.instants[-2]
    with spoilt.books.pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        own = cursor.execute(OTHERWISE.encode(), {"now": now}).fetchone()
    assert own is not None
    spoilt.spoil(
        "UPDATE timelines SET numerators[%(place)s] = numerators[%(place)s] + 1"
        " WHERE member_id = %(member_id)s",
        **own,
    )
    assert explained(spoilt, "EUR", "new") == before
    assert not explained(spoilt, own["currency"], "new").agrees
    found = spoilt.recurring.at(now, EVERYTHING)
    assert [one.currency for one in found.figures if not one.agrees] == [own["currency"]]
    assert apart(found) == [own["member_id"]]


def test_a_membership_that_is_counted_twice_is_found_with_its_member(spoilt: Past) -> None:
    own, now = place_of(spoilt, "EUR", "new"), spoilt.instants[-2]
    spoilt.spoil("UPDATE timelines SET steps[%(place)s] = 2 WHERE member_id = %(member_id)s", **own)
    found = spoilt.recurring.at(now, EVERYTHING)
    assert not found.agrees
    assert apart(found) == [own["member_id"]]


def test_edits_that_cancel_each_other_out_are_found(spoilt: Past) -> None:
    own = place_of(spoilt, "EUR", "churned")
    # Joined and left within the month: without either, the month begins and ends as it did.
    spoilt.spoil(
        "UPDATE timelines SET currencies = array_replace(currencies, 'EUR', 'CHF')"
        " WHERE member_id = %(member_id)s",
        **own,
    )
    found = explained(spoilt, "EUR", "churned")
    assert own["member_id"] in apart(found)
    assert not found.agrees


def test_what_a_figure_does_not_hold_may_be_edited_and_it_stands(spoilt: Past) -> None:
    before, own = explained(spoilt, "EUR", "new"), place_of(spoilt, "EUR", "new")
    spoilt.spoil(
        "UPDATE timelines SET plan_ids[%(place)s] = member_id WHERE member_id = %(member_id)s",
        **own,
    )
    assert explained(spoilt, "EUR", "new") == before
    assert [one.view for one in checked(spoilt)] == ["timelines"]
