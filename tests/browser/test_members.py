"""The member list in a real browser: filtered as one types, and worked by keyboard alone."""

from __future__ import annotations

import os
import re
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from ledger import ids
from ledger.facts import Actor, Cause
from tests.browser.conftest import PATIENCE_MILLISECONDS, Eyes, Listening

NAMES = ("Ada Lovelace", "Zoë Lemaître", "Émile Zola", "Grace Hopper")
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
SHOTS = os.environ.get("LEDGER_TEST_SHOTS")
"""A folder for pictures of what the test saw; none are kept unless asked."""
SAID = {
    "en": {"tagged": "1 member was tagged “press”.", "undone": "Undone: “press” was taken off 1"},
    "fr": {
        "tagged": "1 membre a reçu le tag « press ».",
        "undone": "Annulé : le tag « press » a été retiré à 1 membre.",
    },
}


def people(site: Listening) -> list[UUID]:
    """Somebody of each name."""
    position, found = 0, []
    for number, name in enumerate(NAMES):
        member_id = ids.new()
        position = site.parts.ledger.open_account(
            member_id,
            email=f"p{number}@example.org",
            name=name,
            locale="en",
            by=Actor(kind="member", id=member_id),
            cause=Cause(kind="command_line", id=ids.new()),
        )
        found.append(member_id)
    assert site.parts.views.wait_for(position, wait_seconds=30).position >= position
    return found


def signed_in(chromium: Browser, site: Listening, lang: str, size: str, eyes: Eyes) -> Page:
    """The owner, on the member list."""
    width, height = SIZES[size]
    context = chromium.new_context(
        locale=lang,
        viewport={"width": width, "height": height},
        color_scheme="dark" if size == "phone" else "light",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    eyes.watch(page)
    page.goto(f"{site.address}/team/sign-in?lang={lang}")
    page.fill("#email", site.owner[0])
    page.fill("#password", site.owner[1])
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/panel"))
    page.goto(f"{site.address}/panel/members?sort=name")
    return page


def shoot(page: Page, name: str) -> None:
    """A picture, where somebody asked for them."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("lang", "size"), [("en", "desktop"), ("fr", "phone")])
def test_the_list_is_filtered_as_one_types(
    listening: Listening, chromium: Browser, lang: str, size: str
) -> None:  # part of SE3
    """Each language at one size: every page is looked at in both at both by axe."""
    people(listening)
    eyes = Eyes(lang, listening.address.partition("//")[2])
    page = signed_in(chromium, listening, lang, size, eyes)
    shoot(page, f"members-{lang}-{size}")
    expect(page.locator("a[data-row]")).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("LEMAITRE", delay=20)
    expect(page.locator("a[data-row]")).to_have_text(["Zoë Lemaître"])
    expect(page.locator("#found")).to_have_text("1")
    expect(page.locator("#find")).to_be_focused()
    expect(page).to_have_url(re.compile("q=LEMAITRE"))
    shoot(page, f"typed-{lang}-{size}")
    page.reload()
    expect(page.locator("a[data-row]")).to_have_text(["Zoë Lemaître"])
    page.go_back()
    expect(page.locator("a[data-row]")).to_have_count(4)
    page.locator(".filters summary").first.click()
    eyes.look(page)
    shoot(page, f"filters-{lang}-{size}")
    assert eyes.faults == []


@pytest.mark.parametrize("lang", SAID)
def test_somebody_is_tagged_and_untagged_by_keyboard_alone(
    listening: Listening, chromium: Browser, lang: str
) -> None:  # part of AC9
    _, zoe, *_ = people(listening)
    eyes = Eyes(lang, listening.address.partition("//")[2])
    page = signed_in(chromium, listening, lang, "desktop", eyes)
    row = page.locator(f"#m-{zoe}")
    while not row.evaluate("row => row === document.activeElement"):
        page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-many]").first).to_have_text("(1)")
    shoot(page, f"ticked-{lang}")
    while not page.locator("#bulk-tag").evaluate("box => box === document.activeElement"):
        page.keyboard.press("Shift+Tab")
    page.keyboard.type("press")
    page.keyboard.press("Enter")
    expect(page.locator(".act")).to_contain_text(SAID[lang]["tagged"])
    assert listening.parts.ledger.member(zoe).tags == {"press"}
    shoot(page, f"tagged-{lang}")
    page.keyboard.press("Tab")
    expect(page.locator("[data-undo]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".act")).to_contain_text(SAID[lang]["undone"])
    assert listening.parts.ledger.member(zoe).tags == set()
    eyes.look(page)
    assert eyes.faults == []


def test_back_from_a_profile_the_keyboard_is_where_it_was(
    listening: Listening, chromium: Browser
) -> None:
    people(listening)
    eyes = Eyes("en", listening.address.partition("//")[2])
    page = signed_in(chromium, listening, "en", "desktop", eyes)
    for key in ("j", "ArrowDown", "ArrowDown", "k"):
        page.keyboard.press(key)
    name = page.locator("a[data-row]:focus").inner_text()
    assert name == sorted(NAMES, key=lambda one: one.replace("É", "E"))[1]
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name)
    page.go_back()
    expect(page.locator("a[data-row]:focus")).to_have_text(name)
    assert eyes.faults == []
