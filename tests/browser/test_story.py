"""The whole story in a real browser: somebody joins, is found, refunded, removed."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE_MILLISECONDS, Eyes, Listening

DESKTOP, PHONE = (1280, 860), (390, 844)
PASSWORD = "correct horse battery"
SAID = {
    "en": {
        "welcome": "Welcome to Circle.",
        "inside": "Inside Circle",
        "shut": "removed by staff",
        "status": "Member",
        "spent": "€12.00",
        "left": "€7.00",
        "gone": "Former member",
        "amount": "5.00",
    },
    "fr": {
        "welcome": "Bienvenue dans Circle.",
        "inside": "Dans Circle",
        "shut": "retirée par l’équipe",
        "status": "Membre",
        "spent": "12,00\u00a0€",
        "left": "7,00\u00a0€",
        "gone": "Ancien membre",
        "amount": "5,00",
    },
}


class Person:
    """Somebody at a browser of their own, watched."""

    def __init__(self, context: BrowserContext, eyes: Eyes, address: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MILLISECONDS)
        self.eyes, self.address = eyes, address
        eyes.watch(self.page)

    def open(self, path: str) -> None:
        """Type an address."""
        self.page.goto(self.address + path)
        self.eyes.look(self.page)

    def click(self, what: str) -> None:
        """Press the first such thing, and look at where it leads."""
        self.page.locator(what).first.click()
        self.page.wait_for_load_state()
        self.eyes.look(self.page)

    def fill(self, **fields: str) -> None:
        """Type into fields, by their ids."""
        for name, text in fields.items():
            self.page.fill(f"#{name}", text)

    def sees(self, text: str, where: str = "main") -> None:
        """Find a text on the page."""
        expect(self.page.locator(where).first).to_contain_text(text, timeout=PATIENCE_MILLISECONDS)


def joins(person: Person, said: dict[str, str]) -> None:
    """Sign up, follow the mailed link, set a password, pay, and open what was paid for."""
    person.open("/")
    person.click(".plan .button")
    person.fill(name="Ada Lovelace", email="ada@example.org")
    person.click("main form[method=post] button")
    person.click("main .button")  # the mailbox
    person.click("main tbody a")
    person.click("main .button")  # the link
    person.fill(password=PASSWORD)
    person.click("main form button")
    person.fill(card_number="4242 4242 4242 4242", exp_month="12", exp_year="2031", cvc="123")
    person.click("main form[method=post] button")
    person.sees(said["welcome"])
    person.click(".membership .button")
    person.sees(said["inside"])


def finds(staff: Person, owner: tuple[str, str], said: dict[str, str]) -> None:
    """Sign in to the panel, and find the member by the keyboard alone."""
    staff.open(f"/team/sign-in?lang={staff.eyes.lang}")
    staff.fill(email=owner[0], password=owner[1])
    staff.click("main form button")
    staff.page.keyboard.press("/")
    staff.page.keyboard.type("lovelace ADA")
    staff.page.keyboard.press("Enter")
    staff.page.wait_for_url("**/panel/members?q=*")
    row = "tbody tr"
    for text in ("Ada Lovelace", "ada@example.org", said["status"], "Circle", said["spent"]):
        staff.sees(text, row)
    staff.click("tbody th a")


def refunds(staff: Person, said: dict[str, str]) -> None:
    """Give back a part of the only order."""
    staff.click("section[aria-labelledby=orders] tbody a")
    staff.click(".heading .button")
    expect(staff.page.locator("#amount")).to_have_value("12" + said["amount"][1:])
    staff.fill(amount=said["amount"])
    staff.click("main form button")
    staff.sees(said["left"])


def removes(staff: Person, said: dict[str, str]) -> None:
    """Remove the member from the list."""
    staff.click(".trail a:last-of-type")
    staff.sees(said["left"], ".figure")
    staff.click(".button.danger")
    staff.fill(reason="asked us to")
    staff.click("main form button.danger")
    staff.sees(said["gone"])


@pytest.mark.parametrize(("lang", "size"), [("en", DESKTOP), ("fr", PHONE)])
def test_the_story_from_sign_up_to_removal(
    listening: Listening, chromium: Browser, lang: str, size: tuple[int, int]
) -> None:  # part of AX9, part of OR4, part of AX2
    listening.plan()
    said, eyes = SAID[lang], Eyes(lang, urlsplit(listening.address).netloc)
    width, height = size
    contexts = [
        chromium.new_context(locale=lang, viewport={"width": width, "height": height})
        for _ in range(2)
    ]
    ada, staff = (Person(context, eyes, listening.address) for context in contexts)
    joins(ada, said)
    content = ada.page.url.removeprefix(listening.address)
    finds(staff, listening.owner, said)
    refunds(staff, said)
    ada.open(content)
    ada.sees(said["inside"])
    removes(staff, said)
    ada.open(content)
    ada.sees(said["shut"])
    for context in contexts:
        context.close()
    assert eyes.faults == []
