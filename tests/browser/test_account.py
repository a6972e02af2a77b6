"""In a real browser: staff set up a second step and sign in with it; members print a receipt."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from ledger import ids
from ledger.clock import SystemClock
from ledger.facts import Actor, Cause
from ledger.member.facts import Locale
from tests.browser.conftest import Eyes, Listening
from tests.browser.test_story import DESKTOP, PHONE, Person
from web.sessions.second_factors import STEP_SECONDS
from web.sessions.sessions import Kind

A4 = re.compile(rb"/MediaBox ?\[ ?0 0 59[45](\.\d+)? 84[12](\.\d+)? ?\]")
SHEET = re.compile(rb"/Type ?/Page\b")
SAID = {
    "en": {
        "on": "From now on you sign in with a code.",
        "asked": "Your code",
        "left": "10 codes on paper are left.",
        "receipt": "Receipt T",
        "seller": "Membership ledger",
        "paid": "€12.00",
    },
    "fr": {
        "on": "Désormais, vous vous connectez avec un code.",
        "asked": "Votre code",
        "left": "Il reste 10 codes sur papier.",
        "receipt": "Reçu T",
        "seller": "Membership ledger",
        "paid": "12,00\u00a0€",
    },
}
BOTH = pytest.mark.parametrize(("lang", "size"), [("en", DESKTOP), ("fr", PHONE)])
REMEMBERS_PRINTING = "window.print = () => { document.title = 'printed'; };"


class Telephone:
    """Shows codes, each once, as an authenticator app does."""

    def __init__(self, address: str) -> None:
        self._codes = pyotp.parse_uri(address)
        self._last = 0

    def code(self) -> str:
        """The code of this half minute, or of the next where this one's was used."""
        here = int(SystemClock().now().timestamp()) // STEP_SECONDS
        self._last = max(here, self._last + 1)
        assert isinstance(self._codes, pyotp.TOTP)
        return self._codes.at(self._last * STEP_SECONDS)


@BOTH
def test_staff_set_up_a_second_step_and_sign_in_with_it(
    listening: Listening, chromium: Browser, lang: Locale, size: tuple[int, int]
) -> None:
    said, (email, password) = SAID[lang], listening.owner
    eyes, context = at_browser(listening, chromium, lang, size)
    owner = Person(context, eyes, listening.address)
    owner.open("/team/sign-in")
    owner.fill(email=email, password=password)
    owner.click("main form button")
    owner.open("/panel/security")
    owner.click("form[action='/panel/security/second-step'] button")
    expect(owner.page.locator(".qr svg path").first).to_be_visible()
    address = owner.page.locator("a[href^='otpauth:']").get_attribute("href")
    telephone = Telephone(address or "")
    owner.fill(code=telephone.code(), password=password)
    owner.click("main form button")
    owner.sees(said["on"])
    assert owner.page.locator(".codes li").count() == 10
    owner.click("form[action='/team/sign-out'] button")
    owner.fill(email=email, password=password)
    owner.click("main form button")
    owner.sees(said["asked"])
    owner.fill(code=telephone.code())
    owner.click("main form button")
    owner.open("/panel/security")
    owner.sees(said["left"])
    context.close()
    assert eyes.faults == []


@BOTH
def test_a_receipt_is_printed_on_one_sheet_without_the_frame(  # OR10
    listening: Listening, chromium: Browser, lang: Locale, size: tuple[int, int], tmp_path: Path
) -> None:
    said = SAID[lang]
    eyes, context = at_browser(listening, chromium, lang, size)
    context.add_init_script(REMEMBERS_PRINTING)
    ada = Person(context, eyes, listening.address)
    name, token = ("session", signed_in(listening))
    context.add_cookies([{"name": name, "value": token, "url": listening.address}])
    ada.open("/account")
    ada.click("a[href^='/account/orders/']")
    ada.click("a[href^='/account/receipts/']")
    for text in (said["receipt"], said["seller"], said["paid"], "Ada Lovelace"):
        ada.sees(text)
    ada.page.locator("[data-print]").click()
    expect(ada.page).to_have_title("printed")
    ada.page.emulate_media(media="print")
    for frame in (".top", ".foot", ".test-mode", "[data-print]"):
        expect(ada.page.locator(frame).first).to_be_hidden()
    paper = ada.page.pdf(prefer_css_page_size=True)
    assert A4.search(paper)
    assert len(SHEET.findall(paper)) == 1
    context.close()
    assert eyes.faults == []


def at_browser(
    listening: Listening, chromium: Browser, lang: Locale, size: tuple[int, int]
) -> tuple[Eyes, BrowserContext]:
    """A browser of a language and a size, and who watches it."""
    width, height = size
    context = chromium.new_context(locale=lang, viewport={"width": width, "height": height})
    return Eyes(lang, urlsplit(listening.address).netloc), context


def signed_in(listening: Listening) -> str:
    """The session of somebody who joined and paid."""
    listening.plan()
    parts, member_id = listening.parts, ids.new()
    by = Actor(kind="member", id=member_id)

    def cause() -> Cause:
        return Cause(kind="command_line", id=ids.new())

    parts.ledger.open_account(
        member_id, email="ada@example.org", name="Ada Lovelace", locale="en", by=by, cause=cause()
    )
    [plan] = parts.queries.plans.all()
    parts.collection.join(
        member_id, plan.plan_id, method_token="pm_card_visa", by=by, cause=cause()
    )
    last = parts.recorder.max_notification_id() or 0
    assert parts.views.wait_for(last, wait_seconds=30).position >= last
    return parts.desk.sessions.open(Kind.MEMBER, member_id).token
