"""What anyone may see."""

from __future__ import annotations

import dataclasses

from ledger.facts import Actor
from ledger.money import Money
from ledger.terms import Terms
from tests.web.pages.conftest import FREE, MACHINE, PASSWORD, Browser, Place, cause
from tests.web.pages.reading import Page
from web.app import create_app
from web.pages import all_pages


def test_everybody_sees_the_open_plans_with_their_prices(place: Place) -> None:  # AX10
    gold = place.plan()
    place.plan("Letter", FREE)
    browser = place.stranger()
    assert "Gold €12.00 a month" in browser.get("/").words
    french = browser.get("/", "fr")
    assert "Gold 12,00 € par mois" in french.words
    assert "Letter Gratuit" in french.words
    one = browser.get(f"/plans/{gold}")
    assert one.headings == ["Gold"]
    assert "€12.00 a month" in one.words
    assert any(link.startswith("/sign-in") for link in one.links)


def test_prices_are_said_as_people_say_them(place: Place) -> None:
    place.plan("Patron", Terms(model="recurring", amount=Money(9000, "EUR"), unit="month", every=3))
    place.plan("Founder", Terms(model="one_time", amount=Money(19900, "EUR")))
    course = Money(4500, "EUR")
    place.plan(
        "Course", Terms(model="instalments", amount=course, unit="month", every=1, payments=4)
    )
    english, french = place.stranger().get("/").words, place.stranger().get("/", "fr").words
    assert "€90.00 every 3 months" in english
    assert "90,00 € tous les 3 mois" in french
    assert "€199.00, once" in english
    assert "4 payments of €45.00, one a month" in english


def test_drafts_are_nobodys_and_retired_plans_cant_be_joined(place: Place) -> None:  # part of PL7
    from ledger import ids

    draft = ids.new()
    place.parts.ledger.draft_plan(draft, name="New", description="", by=MACHINE, cause=cause())
    gold = place.plan()
    place.parts.ledger.retire_plan(gold, by=MACHINE, cause=cause())
    place.settle()
    browser = place.stranger()
    browser.get(f"/plans/{draft}", status=404)
    assert "can’t be joined just now" in browser.get(f"/plans/{gold}").words
    assert "No plan can be joined" in browser.get("/").words


def test_the_sign_in_link_can_be_hidden(place: Place) -> None:  # part of AX10
    place.plan()
    settings = place.parts.settings.model_copy(update={"show_sign_in": False})
    hidden = create_app(dataclasses.replace(place.parts, settings=settings), pages=all_pages())
    browser = Browser(hidden.test_client())
    assert "/sign-in" not in browser.get("/").links
    assert browser.get("/sign-in").headings == ["Sign in"]


def shown_by(place: Place, origins: str) -> Browser:
    """A browser of Ada's, on a site whose block the pages of these origins may show."""
    settings = place.parts.settings.model_copy(update={"embed_origins": origins})
    app = create_app(dataclasses.replace(place.parts, settings=settings), pages=all_pages())
    browser, there = place.person(), Browser(app.test_client())
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    there.client.set_cookie("session", cookie.value)
    return there


def policy(browser: Browser) -> str:
    """Who may frame the page at hand."""
    assert browser.answer is not None
    return browser.answer.headers["Content-Security-Policy"].rpartition("frame-ancestors ")[2]


def test_the_sign_up_block_stands_in_the_pages_of_sites_that_are_named(
    place: Place,
) -> None:  # part of AX10
    gold, sites = place.plan(), "https://www.example.org https://club.example:8443"
    browser = shown_by(place, sites)
    for path in ("/embed/plans", f"/embed/plans/{gold}"):
        page = browser.get(path)
        assert policy(browser) == sites
        assert "Gold €12.00 a month" in page.words
        assert page.links[-1] == f"/plans/{gold}"
    browser.get("/")
    assert policy(browser) == "'none'"


def test_no_other_page_shows_the_block_unless_a_site_is_named(place: Place) -> None:
    gold, browser = place.plan(), place.stranger()
    browser.get(f"/embed/plans/{gold}")
    assert policy(browser) == "'none'"
    assert browser.answer is not None
    assert browser.answer.headers["X-Frame-Options"] == "DENY"


def test_the_block_knows_nobody_leaves_no_cookie_and_leads_out_of_its_frame(place: Place) -> None:
    place.plan()
    browser = shown_by(place, "https://www.example.org")
    page = browser.get("/embed/plans?lang=fr")
    assert browser.answer is not None
    assert "Set-Cookie" not in browser.answer.headers
    assert page.lang == "fr"
    assert not page.forms
    assert "Ada" not in page.words
    assert 'target="_top"' in browser.answer.text


def test_test_mode_is_said_on_every_page(place: Place) -> None:
    browser = place.stranger()
    for path in ("/", "/sign-in", "/team/sign-in", "/nowhere"):
        answer = browser.client.get(path)
        assert "Test mode" in Page(answer.text).words


def test_the_language_is_what_was_asked_chosen_or_preferred(place: Place) -> None:
    client = place.stranger().client

    def lang(path: str, prefers: str = "") -> str:
        return Page(client.get(path, headers={"Accept-Language": prefers}).text).lang

    assert lang("/") == "en"
    assert lang("/", "fr-CA,fr;q=0.9,en;q=0.5") == "fr"
    assert lang("/?lang=fr") == "fr"
    assert lang("/", "en") == "fr"  # kept in a cookie
    assert lang("/?lang=en") == "en"
    assert lang("/?lang=xx", "fr") == "en"


def test_signing_in_brings_the_persons_language(place: Place) -> None:
    member_id = place.account()
    person = Actor(kind="member", id=member_id)
    place.parts.ledger.choose_locale(member_id, "fr", by=person, cause=cause())
    browser = place.stranger()
    page = browser.send(
        browser.get("/sign-in"), "/sign-in", email="ada@example.org", password=PASSWORD
    )
    assert page.lang == "fr"
    assert page.headings == ["Mon compte"]
