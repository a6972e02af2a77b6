"""Signing up, signing in, forgotten passwords, another address: by forms and mailed links."""

from __future__ import annotations

import pytest

from tests.web.pages.conftest import PASSWORD, Browser, Place


def sign_up(browser: Browser, email: str = "ada@example.org", **more: str) -> str:
    """Ask for an account; what the page says."""
    page = browser.send(browser.get("/sign-up"), "/sign-up", more, name="Ada Lovelace", email=email)
    return page.words.replace(email, "")


def test_an_account_is_no_membership(place: Place) -> None:  # AC2
    browser = place.stranger()
    sign_up(browser)
    page = browser.get(f"/sign-up/verify?token={place.token('ada@example.org')}")
    assert "Ada Lovelace" in page.words
    home = browser.send(page, "/sign-up/verify", password=PASSWORD)
    assert "Your account is ready." in home.words
    assert "No membership yet." in browser.get("/account").words
    assert place.parts.ledger.member_by_email("ada@example.org") is not None


def test_signing_up_looks_alike_whoever_has_an_account(place: Place) -> None:  # part of AC10
    place.account()
    assert sign_up(place.stranger()) == sign_up(place.stranger(), "grace@example.org")
    told = place.parts.desk.mailbox.recent(to="ada@example.org")[0].mail.text
    assert "already have an account" in told


def test_asking_for_a_password_looks_alike(place: Place) -> None:  # part of AC10
    place.account()
    said = []
    for email in ("ada@example.org", "grace@example.org"):
        browser = place.stranger()
        page = browser.send(browser.get("/password/forgotten"), "", email=email)
        said.append(page.words.replace(email, ""))
    assert said[0] == said[1]


def test_opening_a_link_uses_nothing_up_and_it_works_once(place: Place) -> None:  # part of AC10
    browser = place.stranger()
    sign_up(browser)
    link = f"/sign-up/verify?token={place.token('ada@example.org')}"
    page = browser.get(link)
    browser.get(link)
    short = browser.send(page, "/sign-up/verify", password="short", status=422)
    assert "A password has 10 to 200 characters." in short.words
    browser.send(short, "/sign-up/verify", password=PASSWORD)
    assert "was used, has expired" in browser.get(link, status=410).words
    assert "Ce lien a servi" in browser.get(link, "fr", status=410).words


def test_a_wrong_sign_in_does_not_say_what_was_wrong(place: Place) -> None:  # part of AC10
    place.account()
    said = set()
    for email in ("ada@example.org", "grace@example.org"):
        browser = place.stranger()
        page = browser.send(
            browser.get("/sign-in"), "/sign-in", email=email, password="wrong one", status=401
        )
        said.add(page.words)
    assert len(said) == 1
    assert "The e-mail or the password is wrong." in said.pop()


def test_another_password_signs_every_other_browser_out(place: Place) -> None:
    there = place.person()
    here = place.stranger()
    here.send(here.get("/password/forgotten"), "", email="ada@example.org")
    page = here.get(f"/password/reset?token={place.token('ada@example.org')}")
    assert here.send(page, "/password/reset", password="another password").headings == [
        "My account"
    ]
    assert there.get("/account").headings == ["Sign in"]


def test_an_address_changes_when_the_new_one_is_proved(place: Place) -> None:  # part of AC10
    browser = place.person()
    page = browser.get("/account/details")
    wrong = browser.send(
        page, "/account/email", email="ada@new.example", password="guessed one", status=422
    )
    assert "This is not your password." in wrong.words
    browser.send(wrong, "/account/email", email="ada@new.example", password=PASSWORD)
    assert "ada@example.org" in browser.get("/account").words
    warned = place.parts.desk.mailbox.recent(to="ada@example.org")[0].mail.subject
    assert "about to change" in warned
    page = browser.get(f"/account/email/confirm?token={place.token('ada@new.example')}")
    browser.send(page, "/account/email/confirm")
    assert "ada@new.example" in browser.get("/account").words


@pytest.mark.parametrize("strange", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_nobody_is_sent_elsewhere(place: Place, strange: str) -> None:
    place.account()
    browser = place.stranger()
    page = browser.get(f"/sign-in?next={strange}")
    home = browser.send(page, "/sign-in", email="ada@example.org", password=PASSWORD, next=strange)
    assert home.headings == ["My account"]


def test_signing_out_ends_the_session_itself(place: Place) -> None:
    browser = place.person()
    token = browser.client.get_cookie("session")
    assert token is not None
    browser.send(browser.get("/account"), "/sign-out")
    browser.client.set_cookie("session", token.value)
    assert browser.get("/account").headings == ["Sign in"]


def test_a_name_that_shows_nothing_is_refused_beside_its_field(place: Place) -> None:
    browser = place.stranger()
    page = browser.get("/sign-up", "fr")
    refused = browser.send(page, "/sign-up", name="\u200b", email="ada@example.org", status=422)
    assert "Un contact a toujours un nom." in refused.words
