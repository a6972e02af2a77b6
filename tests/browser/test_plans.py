"""In a real browser: staff make a plan of each price model and a code; somebody joins with it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MILLISECONDS, Eyes, Listening, serving
from tests.browser.test_story import DESKTOP, PASSWORD, PHONE, Person

OTHER_SITE = "http://club.example"
SAID = {
    "en": {
        "prices": ["Free", "€199.00, once", "4 payments of €45.00", "€12.50 a month"],
        "amount": "12.50",
        "joined": "Welcome to Monthly.",
        "applied": "HALF is applied.",
        "now": "Join and pay €6.25",
        "unknown": "There is no discount code HALT.",
        "preview": "New members pay €15.00 a month from now on.",
        "stays": "1 member at price version 1 stays at €12.50.",
    },
    "fr": {
        "prices": [
            "Gratuit",
            "199,00\u00a0€",
            "4 versements de 45,00\u00a0€",
            "12,50\u00a0€ par mois",
        ],
        "amount": "12,50",
        "joined": "Bienvenue dans Monthly.",
        "applied": "Le code HALF est appliqué.",
        "now": "6,25\u00a0€",
        "unknown": "HALT",
        "preview": "Les nouveaux membres paient désormais 15,00\u00a0€ par mois.",
        "stays": "reste à 12,50\u00a0€.",
    },
}
MODELS: dict[str, dict[str, str]] = {
    "free": {},
    "one_time": {"amount": "199"},
    "instalments": {"amount": "45", "payments": "4"},
    "recurring": {"amount": "12.50"},
}
NAMES = {"free": "Letter", "one_time": "Founder", "instalments": "Course", "recurring": "Monthly"}
SHOWN = {
    "free": (),
    "one_time": ("amount",),
    "instalments": ("amount", "every", "payments"),
    "recurring": ("amount", "every"),
}
"""The fields that a model has a use for; the others are out of sight."""


def makes(staff: Person, model: str, price: str, amount: str) -> None:
    """A plan of a price model, opened."""
    staff.open("/panel/plans/new")
    staff.page.check(f"input[name=model][value={model}]")
    for name in ("amount", "every", "payments"):
        assert staff.page.locator(f"#{name}").is_visible() == (name in SHOWN[model]), (model, name)
    fields = {**MODELS[model], **({"amount": amount} if model == "recurring" else {})}
    staff.fill(name=NAMES[model], **fields)
    staff.click("main form.terms button")
    staff.sees(price)
    staff.click("main form[action$='/open'] button")


def makes_code(staff: Person) -> None:
    """Half off the first payment."""
    staff.open("/panel/discounts/new")
    staff.fill(discount_code="half", percent="50")
    staff.click("main form.terms button")
    staff.sees("HALF", "main h1")


def joins_by_code(ada: Person, said: dict[str, str]) -> None:
    """Try a wrong code, then the right one; make an account; pay what was said."""
    ada.open("/")
    ada.click(".plan:has-text('Monthly') .button")
    ada.fill(code="halt")
    ada.click(".inline-form button")
    ada.sees(said["unknown"], "#code-fault")
    ada.fill(code="half")
    ada.page.press("#code", "Enter")
    ada.sees(said["applied"])
    ada.fill(name="Ada Lovelace", email="ada@example.org")
    ada.click("form[action='/sign-up'] button")
    ada.click("main .button")  # the mailbox
    ada.click("main tbody a")
    ada.click("main .button")  # the link
    ada.fill(password=PASSWORD)
    ada.click("main form button")
    ada.sees(said["applied"])
    ada.sees(said["now"])
    ada.fill(card_number="4242 4242 4242 4242", exp_month="12", exp_year="2031", cvc="123")
    ada.click("form[action$='/join'] button")
    ada.sees(said["joined"])


def looks_before_pricing(staff: Person, said: dict[str, str]) -> None:
    """Who pays what when is said before the price is set."""
    staff.open("/panel/plans")
    staff.click("tbody th a:has-text('Monthly')")
    staff.click(".heading .button")
    staff.fill(amount="15")
    staff.click("main form.terms button")
    staff.sees(said["preview"])
    staff.sees(said["stays"])
    staff.click("main .panel-box button")
    staff.sees("15", "main tbody tr")


@pytest.mark.parametrize(("lang", "size"), [("en", DESKTOP), ("fr", PHONE)])
def test_a_plan_of_each_price_model_is_made_and_joined_by_code(  # part of PL1, part of DI1
    listening: Listening, chromium: Browser, lang: str, size: tuple[int, int]
) -> None:
    said, eyes = SAID[lang], Eyes(lang, urlsplit(listening.address).netloc)
    width, height = size
    contexts = [
        chromium.new_context(locale=lang, viewport={"width": width, "height": height})
        for _ in range(2)
    ]
    ada, staff = (Person(context, eyes, listening.address) for context in contexts)
    staff.open(f"/team/sign-in?lang={lang}")
    staff.fill(email=listening.owner[0], password=listening.owner[1])
    staff.click("main form button")
    for model, price in zip(MODELS, said["prices"], strict=True):
        makes(staff, model, price, str(said["amount"]))
    makes_code(staff)
    joins_by_code(ada, said)  # type: ignore[arg-type]
    looks_before_pricing(staff, said)  # type: ignore[arg-type]
    staff.open("/panel/discounts")
    staff.click("tbody th a")
    staff.sees("Ada Lovelace", "main tbody")
    for context in contexts:
        context.close()
    assert eyes.faults == []


@pytest.mark.parametrize("named", [OTHER_SITE, ""])
def test_the_block_stands_in_the_page_of_a_named_site_alone_and_leads_out_of_it(
    site_database: str, tmp_path: Path, chromium: Browser, named: str
) -> None:  # part of AX10
    with serving(site_database, tmp_path, embed_origins=named) as site:
        site.plan()
        page = chromium.new_context(locale="en").new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        frame = f'<iframe src="{site.address}/embed/plans"></iframe>'
        page.route(
            f"{OTHER_SITE}/**", lambda route: route.fulfill(body=frame, content_type="text/html")
        )
        with page.expect_response(f"{site.address}/embed/plans"):
            page.goto(f"{OTHER_SITE}/")
        button = page.frame_locator("iframe").locator(".plan .button")
        if named:
            button.click()
            page.wait_for_url(f"{site.address}/plans/*")
            expect(page.locator("main h1")).to_have_text("Circle")
        else:
            expect(button).to_have_count(0)
        page.context.close()
