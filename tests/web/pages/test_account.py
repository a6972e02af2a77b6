"""A member's own pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from ledger import ids
from tests.web.pages.conftest import CARD, FREE, MACHINE, Place, cause
from tests.web.pages.reading import Page
from web.pages import account
from web.running.first_start import make_owner
from web.wording import words
from web.wording.languages import catalogue


def test_a_member_sees_plan_dates_price_card_and_orders(place: Place) -> None:  # AC8
    browser = place.person()
    gold = place.plan()
    page = browser.get(f"/plans/{gold}")
    joined = browser.send(page, f"/plans/{gold}/join", CARD)
    assert "Welcome to Gold." in joined.words
    for said in (
        "€12.00 a month",
        "Since 22 Nov 2026",
        "Renews on 22 Dec 2026",
        "Visa ending in 4242",
        "expires 12/2031",
        "First payment Paid €12.00",
    ):
        assert said in joined.words
    french = browser.get("/account", "fr").words
    assert "Renouvellement le 22 déc. 2026" in french
    receipt = browser.get(next(link for link in joined.links if "/account/orders/" in link))
    assert "T2026-000001" in receipt.words


def test_orders_of_long_ago_are_a_page_further(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:  # AC8
    monkeypatch.setattr(account, "ORDERS_SHOWN", 1)
    member_id = place.member(place.plan("Silver"))
    place.clock.advance(timedelta(days=1))
    place.join(member_id, place.plan("Gold"))
    browser = place.as_member(member_id)
    latest = browser.get("/account")
    assert orders_in(latest) == ["23 Nov 2026 Gold"]
    [way] = turns(latest)
    earlier = browser.get(way)
    assert orders_in(earlier) == ["22 Nov 2026 Silver"]
    [back] = turns(earlier)
    assert orders_in(browser.get(back)) == ["23 Nov 2026 Gold"]


def turns(page: Page) -> list[str]:
    """Where the list goes on, and back, in the reader's language."""
    return [link for link in page.links if "cursor=" in link and "lang=" not in link]


def orders_in(page: Page) -> list[str]:
    """Day and plan of each order that is listed."""
    return re.findall(r"\d+ \w+ \d{4} (?:Gold|Silver)", page.words)


def test_a_cancellation_is_withdrawn_until_it_takes_effect(place: Place) -> None:  # part of AX4
    gold = place.plan()
    member_id = place.member(gold)
    browser = place.as_member(member_id)
    ask = browser.get(next(x for x in browser.get("/account").links if x.endswith("/cancel")))
    assert "You keep access until 22 Dec 2026." in ask.words
    [form] = [form for form in ask.forms if form.action.endswith("/cancel")]
    cancelled = browser.send(ask, form.action)
    assert "you have access until 22 Dec 2026" in cancelled.words
    [form] = [form for form in cancelled.forms if form.action.endswith("/withdraw")]
    kept = browser.send(cancelled, form.action)
    assert "Renews on 22 Dec 2026" in kept.words


def test_a_free_plan_is_left_at_once(place: Place) -> None:  # part of AX5
    letter = place.plan("Letter", FREE)
    member_id = place.member(letter)
    browser = place.as_member(member_id)
    page = browser.get("/account")
    assert not [link for link in page.links if link.endswith("/cancel")]
    ask = browser.get(next(link for link in page.links if link.endswith("/leave")))
    [form] = [form for form in ask.forms if form.action.endswith("/leave")]
    assert "You have left Letter: access has ended" in browser.send(ask, form.action).words
    assert not place.parts.ledger.access(member_id, letter).allowed


def test_members_never_see_what_staff_write(place: Place) -> None:  # AC9
    gold = place.plan()
    member_id = place.member(gold)
    ledger = place.parts.ledger
    ledger.tag(member_id, "grumbler", by=MACHINE, cause=cause())
    ledger.write_note(member_id, ids.new(), "Pays late.", by=MACHINE, cause=cause())
    place.settle()
    staff = place.staff().get(f"/panel/members/{member_id}").words
    assert "grumbler" in staff
    assert "Pays late." in staff
    browser = place.as_member(member_id)
    order = next(link for link in browser.get("/account").links if "/account/orders/" in link)
    for path in ("/account", "/account/details", order, f"/plans/{gold}", "/mailbox"):
        said = browser.get(path).words
        assert "grumbler" not in said
        assert "Pays late" not in said


def test_somebody_elses_order_is_not_there(place: Place) -> None:
    gold = place.plan()
    order_id = place.join(place.account(), gold)
    other = place.person("eve@example.org")
    other.get(f"/account/orders/{order_id}", status=404)
    other.get(f"/orders/{order_id}/confirm", status=404)


def test_a_name_and_a_language_are_changed(place: Place) -> None:
    browser = place.person()
    page = browser.send(browser.get("/account/details"), "/account/name", name="Ada King")
    assert "Ada King" in browser.get("/account").words
    french = browser.send(page, "/account/locale", locale="fr")
    assert french.lang == "fr"
    member_id = place.parts.ledger.member_by_email("ada@example.org")
    assert member_id is not None
    assert place.parts.ledger.member(member_id).locale == "fr"


@pytest.mark.parametrize("prefers", ["fr-FR,fr;q=0.9", "en"])
def test_staff_sign_in_to_the_language_of_the_page_that_they_read(
    prefers: str, place: Place
) -> None:
    owner = make_owner(place.parts)
    assert owner is not None
    browser = place.stranger()
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = prefers
    page = browser.get("/team/sign-in")
    browser.client.delete_cookie("lang")
    sent = {"email": owner.email, "password": owner.password}
    assert browser.send(page, "/team/sign-in", sent).lang == prefers[:2]


def test_the_states_of_an_order_agree_with_it_in_french() -> None:
    feminine = {"paid": "Payée", "failed": "Refusée", "refunded": "Remboursée"}
    said = {state: catalogue("fr").gettext(words.ORDER_STATE[state]) for state in feminine}
    assert said == feminine
    masculine = [
        state
        for state, english in words.ORDER_STATE.items()
        if re.search(r"(é|Gratuit|Ouvert)$", catalogue("fr").gettext(english))
    ]
    assert masculine == []


def test_a_card_is_replaced_and_removed_by_its_member(place: Place) -> None:  # part of AC6
    member_id = place.member(place.plan())
    browser = place.as_member(member_id)
    other = {**CARD, "card_number": "5555 5555 5555 4444"}
    saved = browser.send(browser.get("/account/method"), "", other)
    assert "Mastercard ending in 4444" in saved.words
    bad = browser.send(
        browser.get("/account/method"), "", {**CARD, "card_number": "1234"}, status=422
    )
    assert "Only test cards are accepted here" in bad.words
    assert "No card is saved." in browser.send(saved, "/account/method/remove").words


def test_a_forms_fault_stands_beside_its_field_in_french(place: Place) -> None:
    browser = place.person()
    page = browser.get("/account/details", "fr")
    refused = browser.send(page, "/account/name", name=" ", status=422)
    assert "Veuillez remplir ce champ." in refused.words
