"""A site that listens, and a real browser that looks at it."""

from __future__ import annotations

import base64
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright
from werkzeug.serving import make_server

from ledger import ids
from ledger.clock import Clock
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.terms import Terms
from web.api.framework import Route
from web.app import create_app
from web.pages import all_pages
from web.parts import Parts
from web.running.first_start import make_owner
from web.running.following import follower
from web.settings import Settings
from web.wiring import wire

PATIENCE_MILLISECONDS = 60_000
"""The machine may be busy with other things."""

LOOK_SECONDS = 0.02
"""How often a server looks whether it is to stop."""

HEADLESS = which("chromium-headless-shell")
CHROMIUM = Path(os.environ.get("LEDGER_TEST_CHROMIUM") or HEADLESS or "/usr/bin/chromium")
"""The same engine without a browser around it does a page with less than half of the work."""

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-quic",
    # The page of another site, which is made up, has no address: it may still frame this machine.
    "--disable-features=LocalNetworkAccessChecks",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

WELL_MADE = """() => {
    const named = (e) => e.labels?.length || e.ariaLabel || e.closest('[aria-hidden="true"]');
    const controls = [...document.querySelectorAll('input:not([type=hidden]), select, textarea')];
    return {
        lang: document.documentElement.lang,
        headings: document.querySelectorAll('h1').length,
        main: document.querySelectorAll('main').length,
        unnamed: controls.filter((e) => !named(e)).map((e) => e.id || e.name),
        silent: [...document.querySelectorAll('a, button')]
            .filter((e) => !(e.textContent.trim() || e.ariaLabel)).length,
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    };
}"""


@dataclass(frozen=True)
class Listening:
    """The site, and how its owner signs in."""

    parts: Parts
    address: str
    owner: tuple[str, str]

    def plan(self) -> None:
        """An open plan, Circle, at 12.00 a month."""
        by, plan_id = Actor(kind="machine"), ids.new()
        terms = Terms(model="recurring", amount=Money(1200, "EUR"), unit="month", every=1)
        self.parts.ledger.draft_plan(
            plan_id, name="Circle", description="Month by month.", by=by, cause=_cause()
        )
        self.parts.ledger.set_price(plan_id, terms, by=by, cause=_cause())
        position = self.parts.ledger.open_plan(plan_id, by=by, cause=_cause())
        assert self.parts.views.wait_for(position, wait_seconds=30).position >= position


@dataclass
class Eyes:
    """Whatever a page should not have done."""

    lang: str
    host: str
    faults: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen to everything that a page does."""
        page.on("request", self._asked)
        page.on("console", self._said)
        page.on("pageerror", self._broke)

    def look(self, page: Page) -> None:
        """Check the page at hand."""
        made = page.evaluate(WELL_MADE)
        sound = {
            "lang": self.lang,
            "headings": 1,
            "main": 1,
            "unnamed": [],
            "silent": 0,
            "wide": 0,
        }
        if made != sound:
            self.faults.append(f"{page.url}: {made}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https"} and address.netloc != self.host:
            self.faults.append(f"asked {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # The browser also reports the status of a page that is shut on purpose.
        if message.type in {"error", "warning"} and "status of 403" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _broke(self, error: Error) -> None:
        self.faults.append(f"script: {error}")


@pytest.fixture
def listening(site_database: str, tmp_path: Path) -> Iterator[Listening]:
    with serving(site_database, tmp_path) as site:
        yield site


@contextmanager
def serving(
    database: str,
    folder: Path,
    *,
    clock: Clock | None = None,
    routes: Iterable[Route] = (),
    **shown: Any,
) -> Iterator[Listening]:
    """A site that listens. Pages are `shown` as with these settings, whoever takes the money."""
    key = base64.b64encode(bytes(range(32))).decode()
    settings = Settings(data=folder, master_key=key, port=_free_port())
    with wire(settings, database, clock=clock) as parts:
        sign_in = make_owner(parts)
        assert sign_in is not None
        following = follower(parts, database)
        following.start()
        seen = replace(parts, settings=settings.model_copy(update=shown))
        app = create_app(seen, routes=routes, pages=all_pages())
        server = make_server(settings.host, settings.port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,))
        thread.start()
        try:
            yield Listening(parts, settings.address, (sign_in.email, sign_in.password))
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            following.stop()


@pytest.fixture(scope="module")
def launched() -> Iterator[Browser]:
    """One browser for a file: to start it takes longer than to look at ten pages.

    Not for longer: while it runs, its thread is one in which nothing else can be asynchronous.
    """
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def chromium(launched: Browser) -> Iterator[Browser]:
    """The file's browser, in which nobody has been: each person in it is a context of their own."""
    yield launched
    for context in launched.contexts:
        context.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cause() -> Cause:
    return Cause(kind="command_line", id=ids.new())
