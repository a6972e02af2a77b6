"""The overview: figures drawn, told in a table, defined, explained and taken along (NU1 to NU4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import quote

import pytest

from ledger import ids
from ledger.money import Money
from projections.queries.money import Total
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.revenue import RevenueLine
from tests.web.conftest import NOON
from tests.web.pages.conftest import MACHINE, Browser, Place, cause
from tests.web.pages.keeping import large_from_here_on, let_no_answer_last
from web.api.catalogue import all_routes
from web.app import create_app
from web.pages.panel.overview_figures import KeptFigures, Wanted, asked, figures_of

DAY = timedelta(days=1)
PATH = "/panel/overview"


@pytest.fixture
def browser(place: Place) -> Browser:
    """Three joined at 12.00 a month in November; in December one was given 5.00 back, one left."""
    plan_id = place.plan()
    people = [place.account(f"p{number}@example.org") for number in range(3)]
    order_id, *_ = [place.join(member_id, plan_id) for member_id in people]
    ledger = place.parts.ledger
    place.clock.advance_to(NOON + 20 * DAY)
    place.parts.collection.refund(
        order_id, Money(500, "EUR"), "kindness", by=MACHINE, cause=cause()
    )
    memberships = [one.membership_id for one in ledger.member(people[1]).memberships.values()]
    ledger.remove_memberships(people[1], memberships, "asked", by=MACHINE, cause=cause())
    place.settle()
    return place.staff()


def test_the_panel_begins_with_the_figures(place: Place) -> None:
    assert place.staff().get("/panel").headings[0] == "Overview"
    assert place.staff("operator").get("/panel").headings[0] == "Operations"


def test_revenue_is_drawn_told_and_defined(browser: Browser) -> None:  # part of NU1, NU4
    page = browser.get(f"{PATH}?first_day=2026-11-01&last_day=2026-12-31")
    assert "Net €31.00" in page.words
    assert "Gross €36.00" in page.words
    assert "22 Nov 2026 €36.00 €0.00 €0.00 €36.00" in page.words
    assert "12 Dec 2026 €0.00 €5.00 €0.00 −€5.00" in page.words.replace("-€", "−€")
    assert "revenue-1" in page.words
    assert "each on the day on which it settled" in page.words
    by_month = browser.get(f"{PATH}?first_day=2026-11-01&last_day=2026-12-31&step=month")
    assert "November 2026 €36.00 €0.00 €0.00 €36.00" in by_month.words


def test_play_money_and_real_money_are_never_one_figure(place: Place) -> None:  # OR9
    now = place.clock.now()
    days = Calendar.days(date(2026, 11, 22), date(2026, 11, 22), place.parts.site.time_zone)
    tally = asked(place.parts, place.parts.queries, now)
    played, earned = (
        RevenueLine(
            days.starts[0],
            days.bounds[0],
            days.bounds[1],
            ids.new(),
            "Gold",
            Total("EUR", mode, gross=1200, refunded=0, disputed=0, fees=0, payments=1),
        )
        for mode in ("test", "live")
    )
    both = replace(tally, days=[played, earned])
    for mode, line in (("test", played), ("live", earned)):
        wanted = Wanted(stretches=days, months=days, currency="EUR", mode=mode)
        assert [one.total for one in figures_of(both, wanted).revenue] == [line.total]


def test_mrr_stands_beside_its_definition_and_its_movements(browser: Browser) -> None:  # NU2, NU3
    page = browser.get(PATH)
    assert "Monthly recurring revenue mrr-1" in page.words
    assert "Now €24.00" in page.words
    assert "Every k periods counts for one k-th" in page.words
    november = "November 2026 €0.00 €36.00 €0.00 €0.00 €0.00 €0.00 €36.00"
    assert november in page.words
    assert "December 2026 €36.00 €0.00 €0.00 €0.00 €0.00 €12.00 €24.00" in page.words


def test_members_churn_and_cohorts_are_told(browser: Browser) -> None:
    page = browser.get(PATH)
    assert "Running 2" in page.words
    assert "December 2026 3 0 0 1 2" in page.words
    assert "December 2026 3 1 33.3%" in page.words
    assert "November 2026 3 100 67" in page.words
    assert "33,3 %" in browser.get(PATH, "fr").words.replace("\xa0", " ")


def test_every_figure_leads_to_its_facts_and_its_file(  # NU4, EX1
    place: Place, browser: Browser
) -> None:
    page = browser.get(PATH)
    why = [link for link in page.links if link.startswith("/panel/figures/")]
    assert len(why) == 2
    assert all("Agrees" in browser.get(link).words for link in why)
    files = [link for link in page.links if ".csv" in link]
    assert len({link.partition("?")[0] for link in files}) == 5
    client = create_app(place.parts, routes=all_routes()).test_client()
    client.set_cookie("team", _cookie(browser))
    for link in files:
        answer = client.get(link)
        assert answer.status_code == 200, link
        assert len(answer.text.splitlines()) > 1, link
    french = [link for link in browser.get(PATH, "fr").links if ".csv" in link]
    assert all("separator=semicolon" in link for link in french)


def test_a_chart_is_named_and_described_for_who_cannot_see_it(
    browser: Browser,
) -> None:  # part of NU4
    answer = browser.client.get(PATH)
    assert answer.text.count('role="img"') == 6
    for one in ("revenue", "mrr", "moves", "members", "turnover", "churn"):
        assert f'aria-labelledby="{one}-chart-title {one}-chart-about"' in answer.text
        assert f'<title id="{one}-chart-title">' in answer.text


def test_period_currency_and_plan_stand_in_the_address(place: Place, browser: Browser) -> None:
    other = place.plan("Other")
    page = browser.get(f"{PATH}?plan={other}&first_day=2026-11-01&last_day=2026-11-30")
    assert "Net €0.00" in page.words
    assert "Now €0.00" in page.words
    dollars = browser.get(f"{PATH}?currency=USD")
    assert "Net US$0.00" in dollars.words
    assert "$36" not in dollars.words


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("first_day=2026-12-02&last_day=2026-12-01", "The first day is after the last."),
        ("first_day=2000-01-01", "At most five years are shown at once."),
        ("first_day=never", "This filter can’t be read."),
        ("currency=EURO", "This filter can’t be read."),
        ("last_day=9999-12-31", "This filter can’t be read."),
    ],
)
def test_what_is_no_period_is_said_and_the_usual_one_shown(
    browser: Browser, query: str, said: str
) -> None:
    page = browser.get(f"{PATH}?{query}")
    assert said in page.words
    assert "Net €31.00" in page.words


def test_the_figures_are_read_as_of_a_moment(place: Place, browser: Browser) -> None:  # part of AU3
    moment = quote((NOON + DAY).isoformat())
    browser.get(f"{PATH}?as_of={moment}", status=202)
    place.parts.past.worker.build()
    page = browser.get(f"{PATH}?as_of={moment}")
    assert "Net €36.00" in page.words
    assert "Running 3" in page.words
    assert all("as_of=" in link for link in page.links if ".csv" in link)


def test_a_large_site_is_told_what_is_a_minute_old_and_asks_meanwhile(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, wanted, plan_id = KeptFigures(place.parts), _wanted(place), place.plan()
    assert kept.of(wanted, NOON).recurring.totals == []
    place.join(place.account(), plan_id)
    place.settle()
    small = kept.of(wanted, NOON)
    assert [one.memberships for one in small.recurring.totals] == [1]
    large_from_here_on(monkeypatch)
    first = kept.of(wanted, NOON)
    assert first == small
    assert kept.of(wanted, NOON + DAY) == first
    let_no_answer_last(monkeypatch)
    kept = KeptFigures(place.parts)
    place.clock.advance_to(NOON + DAY)
    assert kept.of(wanted, NOON).at == NOON + DAY
    place.clock.advance_to(NOON + 2 * DAY)
    assert kept.of(wanted, NOON).at == NOON + DAY  # and is asked once more meanwhile
    assert kept.of(wanted, NOON).at == NOON + 2 * DAY


def _cookie(browser: Browser) -> str:
    found = browser.client.get_cookie("team")
    assert found is not None
    return found.value


def _wanted(place: Place) -> Wanted:
    from web.pages.panel.overview import OverviewArgs
    from web.pages.panel.overview import _wanted as made

    with place.app.test_request_context():
        return made(OverviewArgs(), NOON.date(), NOON.date(), "day")
