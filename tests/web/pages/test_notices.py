"""What pages tell people: what was done or not, letters of test mode, dates as people write."""

from __future__ import annotations

from ledger import ids
from ledger.billing.outcomes import Collected
from tests.web.pages.conftest import CARD, Place
from tests.web.pages.owing import DECLINED_LATER, owing
from web.wording.next_steps import tone

ASKING = {**CARD, "card_number": "4000 0027 6000 3184"}


def test_a_payment_that_was_refused_is_not_told_as_a_success(place: Place) -> None:
    browser, gold = place.person(), place.plan()
    asked = browser.send(browser.get(f"/plans/{gold}"), f"/plans/{gold}/join", ASKING)
    browser.send(asked, "", refuse="yes")
    assert browser.answer is not None
    assert '<p class="notice bad" role="alert">The payment was not' in browser.answer.text
    asked = browser.send(browser.get(f"/plans/{gold}"), f"/plans/{gold}/join", ASKING)
    browser.send(asked, "", approve="yes")
    assert '<p class="notice good" role="status">Welcome to Gold.' in browser.answer.text


def test_payments_of_which_one_was_declined_are_not_told_as_a_success() -> None:
    paid, declined = Collected(ids.new(), "settled"), Collected(ids.new(), "declined")
    assert tone([paid, declined]) == "bad"
    assert tone([paid]) == "good"


def test_the_account_says_until_when_access_is_kept_while_a_payment_is_due(place: Place) -> None:
    ada = owing(place, DECLINED_LATER)
    said = place.as_member(ada.member_id).get("/account").words
    assert "Access until 1 Jan 2027" in said
    assert "Renews on" not in said


def test_a_card_expires_as_it_stands_on_the_card(place: Place) -> None:
    member_id = place.member(place.plan())
    assert "expires 12/2099" in place.as_member(member_id).get("/account").words
    assert "expires 12/2099" in place.staff().get(f"/panel/members/{member_id}").words


def test_the_mailbox_shows_one_persons_letters_where_that_is_wished(place: Place) -> None:
    place.account("ada@example.org")
    place.account("eve@example.org")
    reader = place.stranger()
    assert "eve@example.org" in reader.get("/mailbox").words
    found = reader.get("/mailbox?to=ADA@example.org").words
    assert "ada@example.org" in found
    assert "eve@example.org" not in found
    assert "No mail to this address." in reader.get("/mailbox?to=nobody@example.org").words


def test_a_link_that_no_longer_works_is_answered_with_a_page(place: Place) -> None:
    reader = place.stranger()
    assert reader.get("/pay?token=forged", status=410).headings == ["This link no longer works"]


def test_a_french_letter_sets_its_colon_apart(place: Place) -> None:
    ada = owing(place, lang="fr")
    assert ada.tell() == 1
    assert "maintenant\u00a0:\nhttp" in ada.letter().text


def test_the_history_of_a_member_says_of_letters_what_they_are_about(place: Place) -> None:
    ada = owing(place)
    assert ada.tell() == 1
    said = place.staff().get(f"/panel/members/{ada.member_id}").words
    assert "A letter to the member was sent: the payment failed" in said
    assert "The payment for Gold failed. The bank wants the payment to be confirmed." in said
    assert "notice." not in said
