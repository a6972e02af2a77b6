"""“Why?” in the panel: from what a page says to its facts, in both languages (NU4, AX7)."""

from __future__ import annotations

from uuid import UUID

import pytest

from ledger.money import Money
from tests.web.pages.conftest import MACHINE, Browser, Place, cause
from tests.web.pages.keeping import AtOnce, large_from_here_on, let_no_answer_last
from web.pages.panel import explain_sums


@pytest.fixture
def ids(place: Place) -> tuple[UUID, UUID, UUID]:
    """A member, their plan and their order, part of which was given back."""
    plan_id, member_id = place.plan(), place.account()
    order_id = place.join(member_id, plan_id)
    place.parts.collection.refund(
        order_id, Money(500, "EUR"), "kindness", by=MACHINE, cause=cause()
    )
    place.settle()
    return member_id, plan_id, order_id


@pytest.fixture
def browser(place: Place) -> Browser:
    return place.staff()


def test_a_total_leads_to_its_facts(browser: Browser, ids: tuple[UUID, UUID, UUID]) -> None:
    member_id, _, _ = ids
    profile = browser.get(f"/panel/members/{member_id}")
    path = f"/panel/members/{member_id}/spending/why"
    assert path in profile.links
    page = browser.get(path)
    assert page.headings == ["Why this total?"]
    assert "Agrees" in page.words
    assert "Payments less refunds less disputes lost" in page.words
    assert "Paid €12.00 for Gold" in page.words
    assert "Total spent −€5.00" in page.words
    french = browser.get(path, "fr")
    assert french.headings == ["Pourquoi ce total\u202f?"]
    assert "Les paiements moins les remboursements" in french.words


def test_a_status_leads_to_what_was_compared(
    browser: Browser, ids: tuple[UUID, UUID, UUID]
) -> None:
    member_id, _, _ = ids
    path = f"/panel/members/{member_id}/status/why"
    assert path in browser.get(f"/panel/members/{member_id}").links
    page = browser.get(path)
    assert "Member" in "".join(page.headings)
    assert "a member until without end" in page.words
    assert "Joined Gold" in page.words
    entry = browser.get(f"/panel/members/{member_id}/segments/customers/why")
    assert "In the segment" in entry.words
    out = browser.get(f"/panel/members/{member_id}/segments/past_due/why")
    assert "Not in the segment" in out.words
    browser.get(f"/panel/members/{member_id}/segments/nobody/why", status=404)


def test_access_leads_to_its_rule_and_facts(  # AX7
    browser: Browser, ids: tuple[UUID, UUID, UUID]
) -> None:
    member_id, plan_id, _ = ids
    path = f"/panel/members/{member_id}/access/{plan_id}/why"
    assert path in browser.get(f"/panel/members/{member_id}").links
    page = browser.get(path)
    assert "yes, within the paid period" in page.words
    assert "Joined Gold" in page.words


def test_an_orders_figures_lead_to_its_facts(
    browser: Browser, ids: tuple[UUID, UUID, UUID]
) -> None:
    _, plan_id, order_id = ids
    path = f"/panel/orders/{order_id}/why"
    assert path in browser.get(f"/panel/orders/{order_id}").links
    page = browser.get(path)
    assert "Left to refund" in page.words
    assert "€7.00" in page.words
    days = "first_day=2026-11-01&last_day=2026-11-30"
    site = browser.get(f"/panel/figures/spending/why?plan={plan_id}&{days}")
    assert "Payment" in site.words
    assert "€12.00" in site.words
    assert "Agrees" in site.words


def test_mrr_leads_to_its_memberships_and_their_facts(
    browser: Browser, ids: tuple[UUID, UUID, UUID]
) -> None:
    member_id, plan_id, _ = ids
    page = browser.get("/panel/figures/mrr/why")
    assert page.headings == ["Monthly recurring revenue"]
    assert "Monthly recurring revenue: the monthly value of every membership" in page.words
    assert "Agrees" in page.words
    assert f"/panel/members/{member_id}" in page.links
    assert f"{member_id}/" in page.words
    other = browser.get(f"/panel/figures/mrr/why?plan={member_id}")
    assert "No membership yet." in other.words
    french = browser.get(f"/panel/figures/mrr/why?plan={plan_id}", "fr")
    assert "la valeur mensuelle de chaque adhésion" in french.words


def test_a_page_says_so_where_view_and_books_differ(
    place: Place, browser: Browser, ids: tuple[UUID, UUID, UUID]
) -> None:
    member_id, _, _ = ids
    with place.parts.pool.connection() as connection:
        connection.execute("UPDATE views.spending SET gross = gross + 250")
        connection.execute("UPDATE views.movements SET minor = 1 WHERE kind = 'payment'")
    page = browser.get(f"/panel/members/{member_id}/spending/why")
    assert "Differs" in page.words
    assert "€2.50" in page.words
    site = browser.get("/panel/figures/spending/why")
    assert "Facts that the figure misses, has wrong or made up:" in site.words


def test_a_figure_leads_to_its_days_and_a_day_to_its_facts(  # part of NU4
    browser: Browser, ids: tuple[UUID, UUID, UUID]
) -> None:
    page = browser.get("/panel/figures/spending/why")
    assert "The sums are of all 2 facts; 2 of them are shown here." in page.words
    assert "Both sides were added up on 22 Nov 2026" in page.words
    [day] = [link for link in page.links if "first_day=2026-11-22&last_day=2026-11-22" in link]
    own = browser.get(day)
    assert "22 Nov 2026 test €7.00 €7.00 2" in own.words
    assert "Refund" in own.words
    [file] = [link for link in own.links if ".csv" in link]
    assert "since=2026-11-22T00%3A00" in file
    before = browser.get("/panel/figures/spending/why?last_day=2026-11-21")
    assert "No fact yet." in before.words


def test_sums_of_a_large_site_are_added_up_once(
    place: Place,
    browser: Browser,
    ids: tuple[UUID, UUID, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large_from_here_on(monkeypatch)
    monkeypatch.setattr("web.reading.kept.Thread", AtOnce)
    for name in ("spending", "mrr"):
        path = f"/panel/figures/{name}/why"
        adding = browser.get(path, status=202)
        assert adding.headings == ["The figures are being added up again"]
        assert browser.answer is not None
        assert browser.answer.headers["Refresh"] == "1"
        first = browser.get(path)
        assert "Agrees" in first.words
        assert "up to fact" in first.words
        place.join(place.account(f"{name}@example.org"), ids[1])
        place.settle()
        assert browser.get(path).words == first.words
    let_no_answer_last(monkeypatch)
    kept = browser.client.application.extensions[explain_sums.NAME]
    kept.__post_init__()
    for name in ("spending", "mrr"):
        path = f"/panel/figures/{name}/why"
        browser.get(path, status=202)
        before = browser.get(path).words
        place.join(place.account(f"{name}.again@example.org"), ids[1])
        place.settle()
        browser.get(path)  # which has them added up once more
        after = browser.get(path).words
        assert "Agrees" in after
        assert after != before


def test_the_sums_of_a_moment_are_its_own(
    place: Place, browser: Browser, ids: tuple[UUID, UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    large_from_here_on(monkeypatch)
    moment = "as_of=2026-11-22T13:00"
    browser.get(f"/panel/figures/mrr/why?{moment}", status=202)
    place.parts.past.worker.build()
    for name in ("spending", "mrr"):
        page = browser.get(f"/panel/figures/{name}/why?{moment}")
        assert "Agrees" in page.words
        assert "€12.00" in page.words
        assert all("as_of=" in link for link in page.links if ".csv" in link)


def test_many_facts_are_turned_page_by_page(
    browser: Browser, ids: tuple[UUID, UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.panel.explain.FACTS", 1)
    member_id, _, _ = ids
    first = browser.get(f"/panel/members/{member_id}/spending/why")
    [following] = [link for link in first.links if "after=" in link]
    second = browser.get(following)
    assert "Refunded €5.00" in second.words
    assert "Paid €12.00 for Gold" not in second.words
