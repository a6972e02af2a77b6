"""A member's own money on pages: saving a card, paying what is due, and Stripe's own fields."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from ledger.billing.collection import PAGE_STAYS_OPEN, Collection
from ledger.billing.sweep import Sweep
from ledger.payments.gateway import Gateway, Rejected, Setup
from ledger.payments.sandbox import Sandbox
from ledger.terms import Terms
from projections.queries.due import DueQueries
from tests.web.pages.conftest import CARD, MACHINE, MONTHLY, Browser, Place, cause
from tests.web.pages.owing import DECLINED_LATER, owing
from web.app import create_app
from web.headers import CONTENT_SECURITY_POLICY
from web.pages import all_pages

ASKS_ONCE = {**CARD, "card_number": "4000 0025 0000 3155"}
ASKS = {**CARD, "card_number": "4000 0027 6000 3184"}
STRIPE = "https://js.stripe.com"
NEEDED = {
    "script-src": {"'self'", STRIPE, "https://*.js.stripe.com"},
    "frame-src": {STRIPE, "https://*.js.stripe.com", "https://hooks.stripe.com"},
    "connect-src": {"'self'", "https://api.stripe.com"},
    "form-action": {"'self'", "https://checkout.stripe.com"},
}
"""What Stripe publishes that its script needs (https://docs.stripe.com/security/guide), and its own
page to which a form leads. Google's maps are for address fields and link.com is for Link, which
pay.js switches off.
"""


def test_what_is_due_stands_on_the_account_and_is_paid_there(place: Place) -> None:  # AC8
    ada = owing(place, DECLINED_LATER)
    browser = place.as_member(ada.member_id)
    page = browser.get("/account")
    assert "€12.00 has been due since 22 Dec 2026." in page.words
    assert "We try again on 27 Dec 2026." in page.words
    pay = next(link for link in page.links if link.endswith("/pay"))
    paid = browser.send(browser.get(pay), "", CARD)
    assert "Paid: €12.00 for Gold. The next payment, €12.00, is on 22 Jan 2027." in paid.words
    assert "has been due" not in paid.words


def test_a_declined_card_is_told_on_the_page_that_asks_for_another(place: Place) -> None:
    ada = owing(place, DECLINED_LATER, lang="fr")
    browser = place.as_member(ada.member_id)
    path = f"/account/memberships/{ada.membership_id}/pay"
    poor = {**CARD, "card_number": "4000 0000 0000 9995"}
    declined = browser.send(browser.get(path, "fr"), "", poor, status=422)
    assert "12,00 € pour Gold restent dus" in declined.words.replace("\xa0", " ").replace(
        "\u202f", " "
    )


def test_a_card_that_is_saved_is_charged_what_is_due_while_its_member_is_there(
    place: Place,
) -> None:  # DU3
    ada = owing(place, DECLINED_LATER)
    browser = place.as_member(ada.member_id)
    page = browser.get("/account/method")
    assert (
        "€12.00 for Gold is due, and is charged to the card as soon as it is saved." in page.words
    )
    setup = browser.send(page, "", ASKS)
    assert setup.headings == ["Confirm your card"]
    payment = browser.send(setup, "", approve="yes")
    assert payment.headings == ["Confirm the payment"]
    assert "Paid: €12.00 for Gold." in browser.send(payment, "", approve="yes").words


@pytest.mark.parametrize("chosen", [CARD, {"saved": "yes"}], ids=["another", "saved"])
def test_a_member_whose_bank_asks_may_pay_with_another_card_or_the_saved_one(  # DU3
    place: Place, chosen: dict[str, str]
) -> None:
    ada = owing(place, DECLINED_LATER)
    browser = place.as_member(ada.member_id)
    path = f"/account/memberships/{ada.membership_id}/pay"
    bank = browser.send(browser.get(path), "", ASKS)
    assert browser.get(path).headings == ["Confirm the payment"]
    [way_out] = [link for link in bank.links if "another" in link]
    paid = browser.send(browser.get(way_out), "", chosen)
    assert "Paid: €12.00 for Gold." in paid.words
    ada.banks_approve()
    assert ada.taken() == [1200, 1200]


def test_a_first_payment_that_a_bank_asks_about_has_no_such_way(place: Place) -> None:
    gold, browser = place.plan(), place.person()
    bank = browser.send(browser.get(f"/plans/{gold}"), f"/plans/{gold}/join", ASKS)
    assert bank.headings == ["Confirm the payment"]
    assert "Use another card" not in bank.words


def test_a_payment_left_at_the_bank_is_told_as_not_charged_once_it_is_given_up(  # DU6
    place: Place,
) -> None:
    gold, browser = place.plan(), place.person()
    browser.send(browser.get(f"/plans/{gold}"), f"/plans/{gold}/join", ASKS)
    browser.send(browser.get(f"/plans/{gold}"), f"/plans/{gold}/join", CARD)
    assert "Pending" in browser.get("/account").words
    place.clock.advance(PAGE_STAYS_OPEN + timedelta(minutes=1))
    sweep = Sweep(place.parts.collection, cause())
    sweep.resume(DueQueries(place.parts.pool).undecided(10))
    place.settle()
    orders = browser.get("/account").words
    assert "Pending" not in orders
    assert "Not charged" in orders
    assert "Paid" in orders


def test_a_bank_that_refuses_a_card_leaves_none_saved(place: Place) -> None:
    browser = place.person()
    setup = browser.send(browser.get("/account/method"), "", ASKS_ONCE)
    refused = browser.send(setup, "", status=422, refuse="yes")
    assert "The card is not saved: your bank did not confirm it." in refused.words
    assert "No card is saved." in browser.get("/account").words


def test_a_free_start_saves_a_card_that_its_bank_is_asked_about(place: Place) -> None:  # PL1
    free_start = place.plan("Early", MONTHLY)
    place.parts.ledger.set_early_access(
        free_start,
        password_until=None,
        free_until=place.clock.now() + timedelta(days=3),
        by=MACHINE,
        cause=cause(),
    )
    place.settle()
    browser = place.person()
    page = browser.get(f"/plans/{free_start}")
    setup = browser.send(page, f"/plans/{free_start}/join", ASKS_ONCE)
    assert setup.headings == ["Confirm your card"]
    assert "Welcome to Early." in browser.send(setup, "", approve="yes").words


def test_each_act_says_what_happens_next(place: Place) -> None:
    browser, gold = place.person(), place.plan()
    saved = browser.send(browser.get("/account/method"), "", CARD)
    assert "Your card is saved: nothing is to be charged to it now." in saved.words
    browser.send(browser.get(f"/plans/{gold}"), f"/plans/{gold}/join", CARD)
    again = browser.send(browser.get("/account/method"), "", CARD)
    assert "Your card is saved: €12.00 for Gold is charged to it on 22 Dec 2026." in again.words
    removed = browser.send(again, "/account/method/remove")
    assert "€12.00 for Gold on 22 Dec 2026 will wait for another one." in removed.words


def test_staff_have_no_page_of_a_members_money(place: Place) -> None:  # AC6
    ada = owing(place)
    for role in ("administrator", "store_manager", "auditor", "operator"):
        staff = place.staff(role)
        for path in ("/account/method", f"/account/memberships/{ada.membership_id}/pay"):
            staff.get(path, status=403)
    eve = place.person("eve@example.org")
    eve.get(f"/account/memberships/{ada.membership_id}/pay", status=404)


# --- with Stripe ------------------------------------------------------------------------


def with_stripe(place: Place) -> Place:
    """The same site with Stripe's key for the browser."""
    key = {"stripe_publishable_key": "pk_test_51"}
    settings = place.parts.settings.model_copy(update=key)
    parts = dataclasses.replace(place.parts, settings=settings)
    return Place(create_app(parts, pages=all_pages()), parts, place.clock)


def policy(browser: Browser) -> str:
    """What the page at hand may load."""
    assert browser.answer is not None
    return browser.answer.headers["Content-Security-Policy"]


def test_pages_that_ask_for_a_method_show_stripes_fields_and_no_others(place: Place) -> None:
    ada = owing(place)
    ada.tell()
    stripe, gold = with_stripe(place), place.plan("Silver")
    browser = stripe.as_member(ada.member_id)
    for path in (
        f"/plans/{gold}",
        "/account/method",
        f"/account/memberships/{ada.membership_id}/pay",
        ada.link(),
    ):
        page = browser.get(path)
        assert browser.answer is not None
        assert 'data-stripe-key="pk_test_51"' in browser.answer.text
        assert "card_number" not in browser.answer.text
        assert [one for one in page.loaded if one.startswith(STRIPE)] == [
            f"{STRIPE}/endive/stripe.js"
        ]
        assert page.styled == []
        assert allowed(policy(browser)) == {**allowed(CONTENT_SECURITY_POLICY), **NEEDED}


def allowed(policy: str) -> dict[str, set[str]]:
    """What a policy lets a page load, by kind."""
    directives = (directive.split() for directive in policy.split(";"))
    return {name: set(sources) for name, *sources in directives}


@pytest.mark.parametrize("path", ["/", "/account", "/sign-in", "/account/details"])
def test_no_other_page_lets_stripe_in(place: Place, path: str) -> None:
    browser = with_stripe(place).person()
    page = browser.get(path)
    assert policy(browser) == CONTENT_SECURITY_POLICY
    assert "stripe" not in policy(browser)
    assert all(one.startswith("/static/") for one in page.loaded)


def test_a_page_that_shows_none_of_its_fields_does_not_let_stripe_in(place: Place) -> None:
    gold, stripe = place.plan(), with_stripe(place)
    stranger = stripe.stranger()
    stranger.get(f"/plans/{gold}")
    assert policy(stranger) == CONTENT_SECURITY_POLICY
    ada = stripe.person()
    order_id = place.join(place.account("eve@example.org"), gold)
    ada.get(f"/orders/{order_id}/confirm", status=404)
    assert policy(ada) == CONTENT_SECURITY_POLICY


def test_without_stripe_no_page_lets_it_in(place: Place) -> None:
    browser = place.person()
    browser.get("/account/method")
    assert policy(browser) == CONTENT_SECURITY_POLICY


def test_a_token_of_stripes_script_is_charged_and_its_bank_asked_by_the_script(
    place: Place,
) -> None:
    gold, stripe = place.plan(), with_stripe(place)
    browser = stripe.person()
    page = browser.get(f"/plans/{gold}")
    token = "pm_card_authenticationRequired"
    asked = browser.send(page, f"/plans/{gold}/join", method_token=token)
    assert asked.headings == ["Confirm the payment"]
    assert browser.answer is not None
    assert 'data-secret="sandbox_action_' in browser.answer.text
    still = browser.send(asked, "")
    assert still.headings == ["Confirm the payment"]
    place.parts.sandbox.authenticate(action=secret(browser), approved=True)
    assert "Welcome to Gold." in browser.send(still, "").words


def test_with_stripe_a_form_without_a_token_says_so(place: Place) -> None:
    browser = with_stripe(place).person()
    refused = browser.send(browser.get("/account/method"), "", status=422, method_token="")
    assert "Enter a payment method first." in refused.words


def test_what_is_paid_once_is_not_saved_by_stripes_fields(place: Place) -> None:
    once = place.plan("Book", Terms(model="one_time", amount=MONTHLY.amount))
    browser = with_stripe(place).person()
    browser.get(f"/plans/{once}")
    assert browser.answer is not None
    assert "data-saves" not in browser.answer.text


# --- on the company's own page ----------------------------------------------------------


class WithCheckout:
    """A payment company that has a page of its own; here, one that does nothing but send back."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._setups: dict[str, Setup] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def start_checkout(self, *, attempt: UUID, customer_id: str, back_to: str) -> str:
        card = "pm_card_mastercard"
        made = self._sandbox.start_setup(attempt=attempt, customer_id=customer_id, method=card)
        self._setups[f"cs_{attempt.hex}"] = made
        return f"{urlsplit(back_to).path}?session=cs_{attempt.hex}"

    def finish_checkout(self, *, session_id: str) -> Setup:
        if session_id not in self._setups:
            raise Rejected(why="there was no such session")
        return self._setups[session_id]


def with_checkout(place: Place) -> Place:
    """The same site with a company that has such a page."""
    gateway = cast("Gateway", WithCheckout(place.parts.sandbox))
    collection = Collection(place.parts.ledger, gateway)
    parts = dataclasses.replace(place.parts, collection=collection)
    return Place(create_app(parts, pages=all_pages()), parts, place.clock)


def test_a_card_given_on_the_companys_page_is_saved_and_charged_what_is_due(  # DU3
    place: Place,
) -> None:
    ada = owing(place, DECLINED_LATER)
    browser = with_checkout(place).as_member(ada.member_id)
    back = browser.send(browser.get("/account/method"), "/account/method/checkout")
    assert back.headings == ["Save this card"]
    saved = browser.send(back, "/account/method/checkout/save")
    assert "Mastercard ending in 4444" in saved.words
    assert "Paid: €12.00 for Gold." in saved.words


def test_somebody_elses_card_is_not_saved(place: Place) -> None:  # AC6
    site = with_checkout(place)
    ada, eve = site.person(), site.person("eve@example.org", "Eve")
    back = ada.send(ada.get("/account/method"), "/account/method/checkout")
    session = dict(back.form("/account/method/checkout/save").fields)["session"]
    page = eve.get("/account/method/checkout?session=cs_none")
    eve.send(page, "/account/method/checkout/save", status=404)
    eve.send(page, "/account/method/checkout/save", status=404, session=session)
    assert "No card is saved." in eve.get("/account").words


def test_without_such_a_page_none_is_offered(place: Place) -> None:
    browser = place.person()
    page = browser.get("/account/method")
    assert "/account/method/checkout" not in [form.action for form in page.forms]


def secret(browser: Browser) -> str:
    """What the page hands to Stripe's script for the bank."""
    assert browser.answer is not None
    return browser.answer.text.partition('data-secret="')[2].partition('"')[0]
