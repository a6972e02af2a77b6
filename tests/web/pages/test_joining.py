"""Joining from a page: cards, codes, confirmations, and forms that are sent twice."""

from __future__ import annotations

from ledger import ids
from ledger.discount import DiscountRules
from tests.web.pages.conftest import CARD, FREE, MACHINE, PASSWORD, Place, cause


def test_a_stranger_comes_back_to_the_plan_by_the_mailed_link(place: Place) -> None:
    gold = place.plan()
    browser = place.stranger()
    page = browser.get(f"/plans/{gold}")
    browser.send(page, "/sign-up", name="Ada Lovelace", email="ada@example.org")
    page = browser.get(f"/sign-up/verify?token={place.token('ada@example.org')}")
    back = browser.send(page, "/sign-up/verify", password=PASSWORD)
    assert back.headings == ["Gold"]
    assert "Join and pay €12.00" in back.words


def test_a_declined_card_joins_nothing_and_says_why(place: Place) -> None:  # part of DU6
    browser, gold = place.person(), place.plan()
    page = browser.get(f"/plans/{gold}")
    bad = {**CARD, "card_number": "4000 0000 0000 9995"}
    declined = browser.send(page, f"/plans/{gold}/join", bad, status=422)
    assert "not enough money" in declined.words
    assert "Welcome to Gold." in browser.send(declined, f"/plans/{gold}/join", CARD).words


def test_a_form_that_is_sent_twice_is_one_membership(place: Place) -> None:
    browser, gold = place.person(), place.plan()
    page = browser.get(f"/plans/{gold}")
    for _ in range(2):
        browser.send(page, f"/plans/{gold}/join", CARD)
    member_id = place.parts.ledger.member_by_email("ada@example.org")
    assert member_id is not None
    assert len(place.parts.ledger.member(member_id).memberships) == 1
    assert browser.get("/account").words.count("€12.00 Receipt") == 0


def test_a_bank_that_asks_is_answered_on_a_page_of_its_own(place: Place) -> None:
    browser, gold = place.person(), place.plan()
    page = browser.get(f"/plans/{gold}")
    asking = {**CARD, "card_number": "4000 0027 6000 3184"}
    asked = browser.send(page, f"/plans/{gold}/join", asking)
    assert asked.headings == ["Confirm the payment"]
    assert "Welcome to Gold." in browser.send(asked, "", approve="yes").words


def test_a_refused_confirmation_joins_nothing(place: Place) -> None:
    browser, gold = place.person(), place.plan()
    asking = {**CARD, "card_number": "4000 0027 6000 3184"}
    asked = browser.send(browser.get(f"/plans/{gold}"), f"/plans/{gold}/join", asking)
    refused = browser.send(asked, "", refuse="yes")
    assert "not confirmed with the bank" in refused.words
    assert "No membership yet." in browser.get("/account").words


def test_a_code_lowers_the_price_and_a_bad_one_says_why(place: Place) -> None:  # part of DI5
    browser, gold = place.person(), place.plan()
    place.parts.ledger.make_discount(
        ids.new(), code="HALF", rules=DiscountRules(percent=50), by=MACHINE, cause=cause()
    )
    assert "€6.00" in browser.get(f"/plans/{gold}?code=HALF").words
    page = browser.get(f"/plans/{gold}")
    wrong = browser.send(page, f"/plans/{gold}/join", CARD, status=422, discount_code="NONE")
    assert "There is no discount code NONE." in wrong.words
    joined = browser.send(wrong, f"/plans/{gold}/join", CARD, discount_code="half")
    assert "First payment Paid €6.00" in joined.words


def test_a_free_plan_asks_for_no_card(place: Place) -> None:  # part of PL1
    browser, letter = place.person(), place.plan("Letter", FREE)
    page = browser.get(f"/plans/{letter}")
    assert "Card number" not in page.words
    assert "Welcome to Letter." in browser.send(page, f"/plans/{letter}/join").words
