"""Joining from a page: cards, codes, confirmations, and forms that are sent twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger import ids
from ledger.discount import DiscountRules
from ledger.money import Money
from ledger.terms import Terms
from tests.web.conftest import NOON
from tests.web.pages.conftest import CARD, FREE, MACHINE, MONTHLY, PASSWORD, Place, cause


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


def test_a_code_is_tried_before_an_account_is_made(place: Place) -> None:
    gold, code_id = place.plan(), ids.new()
    place.parts.ledger.make_discount(
        code_id, code="HALF", rules=DiscountRules(percent=50), by=MACHINE, cause=cause()
    )
    page = place.stranger().get(f"/plans/{gold}?code=half")
    assert "HALF is applied." in page.words
    assert "To pay now €6.00 €12.00" in page.words
    back = dict(page.form("/sign-up").fields)["next"]
    assert back == f"/plans/{gold}?code=half"


DAY = timedelta(days=1)
REFUSED: dict[str, tuple[DiscountRules, str]] = {
    "expired": (DiscountRules(percent=50, ends_at=NOON - DAY), "expired on"),
    "not yet": (DiscountRules(percent=50, starts_at=NOON + 400 * DAY), "is valid from"),
    "used up": (DiscountRules(percent=50, total_uses=1), "has been used up."),
    "elsewhere": (DiscountRules(percent=50, plan_ids=(ids.SITE,)), "is not for the plan Gold."),
    "currency": (DiscountRules(amount=Money(100, "CHF")), "is in CHF; the plan Gold is not."),
}


@pytest.mark.parametrize("why", REFUSED)
def test_each_refusal_of_a_code_has_its_own_sentence_beside_the_field(  # DI5
    place: Place, why: str
) -> None:
    rules, said = REFUSED[why]
    gold, silver = place.plan(), place.plan("Silver")
    if rules.plan_ids:
        rules = rules.model_copy(update={"plan_ids": (silver,)})
    place.parts.ledger.make_discount(ids.new(), code="CODE", rules=rules, by=MACHINE, cause=cause())
    if why == "used up":
        first = place.person("bob@example.org", "Bob")
        page = first.get(f"/plans/{gold}?code=CODE")
        first.send(page, f"/plans/{gold}/join", CARD)
    browser = place.person()
    page = browser.get(f"/plans/{gold}?code=CODE")
    assert said in page.words
    assert browser.answer is not None
    assert 'aria-describedby="code-fault"' in browser.answer.text
    assert "To pay now €12.00" in page.words


def test_a_code_is_used_once_per_person(place: Place) -> None:  # part of DI1, part of DI5
    browser, letter, gold = place.person(), place.plan("Letter"), place.plan()
    place.parts.ledger.make_discount(
        ids.new(), code="HALF", rules=DiscountRules(percent=50), by=MACHINE, cause=cause()
    )
    page = browser.get(f"/plans/{letter}?code=HALF")
    browser.send(page, f"/plans/{letter}/join", CARD)
    assert "and you have used it" in browser.get(f"/plans/{gold}?code=HALF").words


LATER: dict[str, tuple[Terms, str]] = {
    "recurring": (MONTHLY, "Then €6.00 a month from"),
    "instalments": (
        Terms(model="instalments", amount=Money(4500, "EUR"), unit="month", every=1, payments=4),
        "Then 3 more payments of €22.50, the next on",
    ),
    "once": (Terms(model="one_time", amount=Money(1200, "EUR")), "Then nothing more"),
}


@pytest.mark.parametrize("model", LATER)
def test_what_is_charged_now_and_later_is_said_before_paying(place: Place, model: str) -> None:
    terms, said = LATER[model]
    gold = place.plan(terms=terms)
    rules = DiscountRules(percent=50, every_payment=True)
    place.parts.ledger.make_discount(ids.new(), code="HALF", rules=rules, by=MACHINE, cause=cause())
    page = place.person().get(f"/plans/{gold}?code=HALF")
    assert said in page.words
    half = terms.amount.percent_off(50)
    assert f"Join and pay {half.minor // 100}.{half.minor % 100:02}" in page.words.replace("€", "")
    if model == "instalments":
        assert "In all €90.00" in page.words


def test_a_first_payment_code_lowers_the_first_payment_alone(place: Place) -> None:
    gold = place.plan()
    place.parts.ledger.make_discount(
        ids.new(), code="GIFT", rules=DiscountRules(percent=100), by=MACHINE, cause=cause()
    )
    page = place.person().get(f"/plans/{gold}?code=GIFT")
    assert "To pay now €0.00 €12.00" in page.words
    assert "Then €12.00 a month from" in page.words
    assert "Nothing is charged today." in page.words


def test_early_access_asks_for_its_password_and_says_that_it_starts_free(  # part of PL6
    place: Place,
) -> None:
    gold, until = place.plan(), place.clock.now() + 30 * DAY
    place.parts.desk.plan_passwords.put(gold, "open sesame")
    place.parts.ledger.set_early_access(
        gold, password_until=until, free_until=until, by=MACHINE, cause=cause()
    )
    place.settle()
    assert "Early access: a password is needed." in place.stranger().get("/").words
    browser = place.person()
    page = browser.get(f"/plans/{gold}")
    assert "Nothing is charged today." in page.words
    action = f"/plans/{gold}/join"
    wrong = browser.send(page, action, CARD, status=422, early_access_password="no")
    assert "its password is missing or wrong" in wrong.words
    joined = browser.send(wrong, action, CARD, early_access_password="open sesame")
    assert "Welcome to Gold." in joined.words


def test_outside_its_window_a_plan_says_when_it_can_be_joined(place: Place) -> None:  # PL5
    gold = place.plan()
    place.parts.ledger.open_plan(gold, opens_at=place.clock.now() + DAY, by=MACHINE, cause=cause())
    place.settle()
    browser = place.person()
    assert "further notice" in browser.get(f"/plans/{gold}").words
    assert "nouvel ordre" in browser.get(f"/plans/{gold}", "fr").words
    assert "€12.00" not in browser.get("/").words


def test_a_free_plan_asks_for_no_card(place: Place) -> None:  # part of PL1
    browser, letter = place.person(), place.plan("Letter", FREE)
    page = browser.get(f"/plans/{letter}")
    assert "Card number" not in page.words
    assert "Welcome to Letter." in browser.send(page, f"/plans/{letter}/join").words
