"""`scripts/screenshots`: pictures of the main pages, in both languages, light and dark."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.pictures.palette import shrink
from scripts.pictures.site import Pictured, pictured
from tests.browser.conftest import CHROMIUM, QUIET

FOLDER = Path(__file__).parents[2] / "docs/screenshots"
SIZE = (1280, 800)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("en", "fr")
LOYAL = "/panel/members?status=member&sort=spent&direction=desc"
"""The list whose first member has been there long: of whom the profile is."""


@dataclass(frozen=True)
class Shot:
    """A picture: its file's name, who looks, at which address, and what is unfolded first."""

    name: str
    viewer: Literal["owner", "member", "nobody"]
    path: str
    unfolds: str = ""


def shots(page: Page, site: Pictured) -> tuple[list[Shot], UUID]:
    """What there is to take, and the member whose side of it is taken."""
    page.goto(f"{site.address}{LOYAL}")
    profile = urlsplit(_way(page, "a[data-row]")).path
    page.goto(f"{site.address}{profile}")
    order = urlsplit(_way(page, "main a[href^='/panel/orders/']")).path
    page.goto(site.address)
    plan = urlsplit(_way(page, ".plan:has-text('12') a")).path
    taken = [
        Shot("members", "owner", "/panel/members"),
        Shot("member", "owner", profile),
        Shot("overview", "owner", "/panel/overview"),
        Shot("orders", "owner", "/panel/orders"),
        Shot("refund", "owner", f"{order}/refund"),
        Shot("plans", "owner", "/panel/plans"),
        Shot("audit", "owner", "/panel/audit", ".moment-form summary"),
        Shot("operations", "owner", "/panel/operations"),
        Shot("notices", "owner", "/panel/notices"),
        Shot("join", "nobody", plan),
        Shot("account", "member", "/account"),
    ]
    return taken, UUID(profile.rsplit("/", 1)[1])


def main(names: list[str]) -> None:
    """Take those that are named, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with pictured() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        blank = browser.new_page()
        taken, member_id = shots(_page(browser, site, site.owner(), "en"), site)
        cookies = {"owner": site.owner(), "member": site.member(member_id), "nobody": {}}
        for lang in LANGUAGES:
            pages = {who: _page(browser, site, held, lang) for who, held in cookies.items()}
            for shot in taken:
                if not names or shot.name in names:
                    _take(pages[shot.viewer], site, shot, lang, blank)
        browser.close()


def _page(browser: Browser, site: Pictured, cookies: dict[str, str], lang: str) -> Page:
    context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, locale=lang)
    for name, value in {**cookies, "lang": lang}.items():
        context.add_cookies([{"name": name, "value": value, "url": site.address}])
    return context.new_page()


def _take(page: Page, site: Pictured, shot: Shot, lang: str, blank: Page) -> None:
    page.goto(f"{site.address}{shot.path}")
    if shot.unfolds:
        page.click(shot.unfolds)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        made = FOLDER / f"{shot.name}-{lang}-{scheme}.png"
        page.screenshot(path=made)
        shrink(blank, made)


def _way(page: Page, found: str) -> str:
    href = page.locator(found).first.get_attribute("href")
    if href is None:
        raise LookupError(found)
    return href


main(sys.argv[1:])
