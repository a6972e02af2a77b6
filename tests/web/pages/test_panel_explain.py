"""“Why?” in the panel: from what a page says to its facts, in both languages (NU4, AX7)."""

from __future__ import annotations

from uuid import UUID

import pytest

from ledger.money import Money
from tests.web.pages.conftest import MACHINE, Browser, Place, cause


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
