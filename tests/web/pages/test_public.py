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


def test_the_sign_up_block_stands_in_other_pages_and_knows_nobody(
    place: Place,
) -> None:  # part of AX10
    gold = place.plan()
    browser = place.person()
    page = browser.get(f"/embed/plans/{gold}")
    assert browser.answer is not None
    assert "frame-ancestors *" in browser.answer.headers["Content-Security-Policy"]
    assert page.links[-1] == f"/plans/{gold}"
    assert not page.forms
    assert "Ada" not in page.words
    assert "Gold" in browser.get("/embed/plans").words
    browser.get("/")
    assert "frame-ancestors 'none'" in browser.answer.headers["Content-Security-Policy"]


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
