"""Every page, looked at by axe-core and measured, in both languages, sizes and colour schemes.

Every page is loaded in each language and measured. axe-core, which takes its time, sees it in one
of them, in one of the four combinations of size and colour scheme, as it is or with everything
unfolded that can be: which goes round from page to page. With LEDGER_TEST_AXE=all it sees each page
in all of them in both languages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from ledger.clock import VirtualClock
from tests.browser.conftest import PATIENCE_MILLISECONDS, serving
from tests.browser.furnished import APART, Furnished, Viewer, furnish
from tests.web.conftest import NOON, cheap_passwords  # noqa: F401 -- a fixture
from tests.web.pages.conftest import Place
from web.api.catalogue import all_routes
from web.app import create_app
from web.identity import accounts
from web.pages import all_pages

AXE = Path(__file__).parents[1] / "vendor/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = (1280, 860), (390, 844)
Scheme = Literal["light", "dark"]
SHOWN: list[tuple[tuple[int, int], Scheme]] = [
    (WIDE, "light"),
    (WIDE, "dark"),
    (NARROW, "dark"),
    (NARROW, "light"),
]
FEW = 6
"""Endpoints of which the reference tells here: all look alike, and there are many."""
ALL = os.environ.get("LEDGER_TEST_AXE") == "all"

MOST_BYTES = 150_000
"""What a first load of a page may take."""
MOST_SHIFT = 0.1
"""By how much a page may move while it loads: the bound that is called good."""

RUN = """async (tags) => {
    const found = await axe.run(document, {
        runOnly: {type: 'tag', values: tags},
        rules: {'target-size': {enabled: true}},
        resultTypes: ['violations'],
        preload: false,
    });
    const why = (node) => node.any.concat(node.all, node.none).map((one) => one.message).join('; ');
    return found.violations.map((one) => one.id + ': '
        + one.nodes.map((node) => node.html.slice(0, 160) + ' | ' + why(node)).join(' || '));
}"""
UNFOLD = """() => {
    const folded = [...document.querySelectorAll('details:not([open])')];
    folded.forEach((one) => { one.removeAttribute('name'); one.open = true; });
}"""
MEASURED = """async () => {
    let shift = 0;
    const add = (entries) => entries.forEach((e) => { if (!e.hadRecentInput) shift += e.value; });
    const observer = new PerformanceObserver((list) => add(list.getEntries()));
    observer.observe({type: 'layout-shift', buffered: true});
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    add(observer.takeRecords());
    const loaded = [...performance.getEntriesByType('navigation'),
        ...performance.getEntriesByType('resource')];
    const torn = document.querySelectorAll('p:empty').length;
    return {shift, torn, bytes: loaded.reduce((sum, e) => sum + e.encodedBodySize, 0)};
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Inspector:
    """Looks at pages, and notes what is wrong with them."""

    lang: str
    address: str
    faults: list[str] = field(default_factory=list)

    def inspect(self, page: Page, path: str, number: int) -> None:
        """Load a page, measure it, and let axe look at it."""
        turn = number + 2 * (self.lang == "fr")
        shown = [SHOWN[(turn + more) % 4] for more in range(4 if ALL else 1)]
        self._show(page, *shown[0])
        page.goto(f"{self.address}{path}")
        self._measure(page, path)
        if ALL:
            self._look(page, path, shown)
        if ALL or number // 2 % 2:
            page.evaluate(UNFOLD)
        if ALL or number % 2 == (self.lang == "fr"):
            self._look(page, path, shown)
        self._fits(page, path)

    def asked(self, request: Request) -> None:
        """A request of a page: of this site, or a fault."""
        if not request.url.startswith((self.address, "data:")):
            self.faults.append(f"asked {request.url}")

    def _measure(self, page: Page, path: str) -> None:
        found = page.evaluate(MEASURED)
        if found["shift"] >= MOST_SHIFT:
            self.faults.append(f"{path} moves by {found['shift']} while it loads")
        if found["torn"]:
            self.faults.append(f"{path} has {found['torn']} paragraphs torn by what is in them")
        if not 0 < found["bytes"] <= MOST_BYTES:
            self.faults.append(f"{path} takes {found['bytes']} bytes")

    def _show(self, page: Page, size: tuple[int, int], scheme: Scheme) -> None:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    def _look(self, page: Page, path: str, shown: list[tuple[tuple[int, int], Scheme]]) -> None:
        for size, scheme in shown:
            if ALL:
                self._show(page, size, scheme)
            found = page.evaluate(RUN, TAGS)
            self.faults += [f"{path} {size, scheme} {one}" for one in found]

    def _fits(self, page: Page, path: str) -> None:
        """Nothing sticks out, on a telephone neither."""
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        wide = page.evaluate(OVERFLOW)
        if wide:
            self.faults.append(f"{path} is {wide} pixels too wide")


@pytest.fixture
def furnished(
    site_database: str,
    cheap_passwords: None,  # noqa: F811 -- the fixture that is imported
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Furnished, str]]:
    """The site, and its address."""
    monkeypatch.setattr(accounts, "HOLD_SECONDS", 0)  # what makes answers equally slow
    clock = VirtualClock(NOON)
    with serving(site_database, tmp_path, clock=clock, routes=all_routes()[:FEW]) as site:
        app = create_app(site.parts, routes=all_routes(), pages=all_pages())
        yield furnish(Place(app, site.parts, clock), site.owner), site.address


def contexts(
    chromium: Browser, site: Furnished, address: str, lang: str
) -> dict[Viewer, BrowserContext]:
    """A browser's profile for each of those who look."""
    made: dict[Viewer, BrowserContext] = {}
    for viewer, cookies in site.cookies.items():
        context = chromium.new_context(bypass_csp=True)
        context.add_init_script(path=AXE)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        for name, value in {**cookies, "lang": lang}.items():
            context.add_cookies([{"name": name, "value": value, "url": address}])
        made[viewer] = context
    return made


def test_axe_sees_what_is_wrong(chromium: Browser) -> None:
    page = chromium.new_page()
    page.add_init_script(path=AXE)
    page.goto("about:blank")
    page.set_content("""<html><title>x</title><body style="color: #bbb; background: #fff">
        <main><h1>Pale</h1><p>Pale words</p><a href="#" style="font-size: 4px">a</a>
        <a href="#" style="font-size: 4px">b</a><input><img src="x"></main>""")
    found = {one.partition(":")[0] for one in page.evaluate(RUN, TAGS)}
    assert {"color-contrast", "html-has-lang", "image-alt", "label", "target-size"} <= found


def test_every_page_of_the_site_is_looked_at(furnished: tuple[Furnished, str]) -> None:
    site, _ = furnished
    readable = {
        rule.endpoint
        for rule in site.place.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith("api.")
    }
    assert readable == {*site.paths, *APART}
    assert not {*site.paths} & {*APART}


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_axe_finds_nothing_on_any_page(
    furnished: tuple[Furnished, str], chromium: Browser, lang: str
) -> None:
    site, address = furnished
    inspector, number = Inspector(lang, address), 0
    pages = {
        viewer: one.new_page() for viewer, one in contexts(chromium, site, address, lang).items()
    }
    for page in pages.values():
        page.on("request", inspector.asked)
    for endpoint in site.paths:
        for viewer, path in site.paths[endpoint]:
            number += 1
            inspector.inspect(pages[viewer], path, number)
    assert not inspector.faults, "\n".join(inspector.faults)
