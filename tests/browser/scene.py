"""One site for all stories of a file: its clock is ours to move, and people sit at browsers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from ledger import ids
from ledger.clock import SystemClock, VirtualClock
from ledger.facts import Actor, Cause
from ledger.member import Member, Membership
from ledger.member.facts import Locale
from ledger.money import Money
from ledger.terms import Terms
from tests.browser.conftest import Eyes, Listening, serving
from tests.browser.test_story import DESKTOP, PHONE, Person
from web.identity.permissions import Role
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner
from web.parts import Parts
from web.sessions.sessions import Kind

MACHINE = Actor(kind="machine")
VISA = "pm_card_visa"
MONTHLY = Terms(model="recurring", amount=Money(1200, "EUR"), unit="month", every=1)
FREE = Terms(model="free", amount=Money(0, "EUR"))
COOKIES = {Kind.MEMBER: "session", Kind.CONTRIBUTOR: "team"}

# What a screen reader makes of a page, beside what `Eyes` asks of every page.
SENSE = """() => {
    const found = [];
    let rank = 0;
    for (const one of document.querySelectorAll('h1, h2, h3, h4')) {
        const next = Number(one.tagName[1]);
        if (next > rank + 1) found.push(`heading skips to ${next}: ${one.textContent.trim()}`);
        rank = next;
    }
    for (const one of document.querySelectorAll('table')) {
        if (!one.caption) found.push(`no caption: ${one.textContent.trim().slice(0, 30)}`);
        if ([...one.querySelectorAll('th')].some((th) => !th.scope)) found.push('th without scope');
    }
    for (const one of document.querySelectorAll('nav')) {
        if (!one.ariaLabel) found.push(`nav without a name: ${one.textContent.slice(0, 30)}`);
    }
    const refers = ['aria-describedby', 'aria-labelledby', 'aria-controls', 'for'];
    for (const name of refers) {
        for (const one of document.querySelectorAll(`[${name}]`)) {
            for (const id of one.getAttribute(name).split(' ')) {
                if (!document.getElementById(id)) found.push(`${name} leads nowhere: ${id}`);
            }
        }
    }
    const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
    found.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `id twice: ${id}`));
    const wrong = document.querySelector('[aria-invalid=true]');
    if (wrong && wrong !== document.activeElement) found.push(`not on the wrong field ${wrong.id}`);
    for (const one of document.querySelectorAll('[aria-invalid=true]')) {
        if (!one.getAttribute('aria-describedby')) found.push(`wrong, and not told why: ${one.id}`);
    }
    return found;
}"""


class View(NamedTuple):
    """Whose language a browser speaks, and how large it is."""

    lang: Locale
    size: tuple[int, int]


NAMED = ("en", "fr")
BOTH = pytest.mark.parametrize("view", [View("en", DESKTOP), View("fr", PHONE)], ids=NAMED)
TURNED = pytest.mark.parametrize("view", [View("en", PHONE), View("fr", DESKTOP)], ids=NAMED)
ENGLISH = pytest.mark.parametrize("view", [View("en", DESKTOP)], ids=["en"])
FRENCH = pytest.mark.parametrize("view", [View("fr", DESKTOP)], ids=["fr"])
"""For what keys and forms do, which no language changes: some stories are told in one, some in the
other, and every page is looked at in both by axe.
"""


class Ears(Eyes):
    """Also checks what those need who don't see the page."""

    def look(self, page: Page) -> None:
        """Check the page at hand."""
        super().look(page)
        self.faults += [f"{page.url}: {fault}" for fault in page.evaluate(SENSE)]

    def _said(self, message: ConsoleMessage) -> None:
        # The browser also reports the status of a form that is refused on purpose.
        if not any(f"status of {code}" in message.text for code in (410, 422)):
            super()._said(message)


@dataclass
class Scene:
    """The site, its clock, a browser, and how people come in."""

    site: Listening
    clock: VirtualClock
    chromium: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    ears: list[Ears] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        """The site's."""
        return self.site.parts

    # --- at a browser -------------------------------------------------------------------

    def stranger(self, view: View, *, scripts: bool = True) -> Person:
        """Somebody whom the site doesn't know."""
        width, height = view.size
        context = self.chromium.new_context(
            locale=view.lang,
            viewport={"width": width, "height": height},
            java_script_enabled=scripts,
        )
        self.contexts.append(context)
        ears = Ears(view.lang, urlsplit(self.site.address).netloc)
        self.ears.append(ears)
        return Person(context, ears, self.site.address)

    def member(self, view: View, member_id: UUID, *, scripts: bool = True) -> Person:
        """A member who is signed in."""
        return self._in(self.stranger(view, scripts=scripts), Kind.MEMBER, member_id)

    def staff(self, view: View, role: Role = Role.OWNER, *, scripts: bool = True) -> Person:
        """One of the staff who is signed in."""
        person = self.stranger(view, scripts=scripts)
        return self._in(person, Kind.CONTRIBUTOR, self.contributor(role, view.lang))

    def leave(self) -> None:
        """Everybody closes their browser; nothing may have gone wrong there."""
        for context in self.contexts:
            context.close()
        faults = [fault for ears in self.ears for fault in ears.faults]
        self.contexts.clear()
        self.ears.clear()
        assert not faults, "\n".join(faults)

    # --- in the books -------------------------------------------------------------------

    def plan(self, name: str, terms: Terms = MONTHLY) -> UUID:
        """An open plan."""
        plan_id, ledger = ids.new(), self.parts.ledger
        ledger.draft_plan(plan_id, name=name, description="", by=MACHINE, cause=cause())
        ledger.set_price(plan_id, terms, by=MACHINE, cause=cause())
        ledger.open_plan(plan_id, by=MACHINE, cause=cause())
        self.settle()
        return plan_id

    def account(self, name: str, lang: Locale, email: str = "") -> UUID:
        """Somebody with an account; the address follows from the name and the language."""
        member_id = ids.new()
        by = Actor(kind="member", id=member_id)
        self.parts.ledger.open_account(
            member_id,
            email=email or f"{name.split(maxsplit=1)[0].lower()}.{lang}@example.org",
            name=name,
            locale=lang,
            by=by,
            cause=cause(),
        )
        self.parts.ledger.verify_email(member_id, by=by, cause=cause())
        self.settle()
        return member_id

    def join(self, member_id: UUID, plan_id: UUID, card: str | None = VISA) -> UUID:
        """Somebody joins a plan; the order."""
        by = Actor(kind="member", id=member_id)
        joined = self.parts.collection.join(
            member_id, plan_id, method_token=card, by=by, cause=cause()
        )
        self.settle()
        return joined.order_id

    def known(self, member_id: UUID) -> Member:
        """A member, as the books have them."""
        return self.parts.ledger.member(member_id)

    def stay(self, member_id: UUID, plan_id: UUID) -> Membership:
        """The last membership of somebody in a plan."""
        stays = self.known(member_id).memberships.values()
        return [stay for stay in stays if stay.plan_id == plan_id][-1]

    def facts(self, member_id: UUID) -> list[str]:
        """What happened to somebody, in the books' names."""
        return [fact.TOPIC for fact in self.parts.ledger.facts_of(member_id)]

    def contributor(self, role: Role, lang: Locale) -> UUID:
        """The owner, or the one of the staff with a role and a language."""
        if role is Role.OWNER:
            found = self.parts.ledger.contributor_by_email(self.site.owner[0])
            assert found is not None
            return found
        email, made = f"{role.value}.{lang}@example.org", ids.new()
        found = self.parts.ledger.contributor_by_email(email)
        if found is not None:
            return found
        roles = frozenset({role.value})
        self.parts.ledger.add_contributor(
            made,
            email=email,
            name=f"{role.value} {lang}",
            roles=roles,  # type: ignore[arg-type]
            locale=lang,
            by=MACHINE,
            cause=cause(),
        )
        self.settle()
        return made

    # --- time ---------------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until the views show everything."""
        last = self.parts.recorder.max_notification_id() or 0
        assert self.parts.views.wait_for(last, wait_seconds=30).position >= last

    def pass_by(self, *jobs: str, days: float = 0) -> None:
        """Days go by, and then some jobs run."""
        self.clock.advance(timedelta(days=days, minutes=1))
        runner = Runner(self.parts, AlwaysLeads())
        for name in jobs:
            self.settle()
            assert runner.tick(next(job for job in JOBS if job.name == name)), name
        self.settle()

    def link(self, email: str) -> str:
        """The path of the first link in the latest mail to an address."""
        url = next(iter(self.parts.desk.mailbox.recent(to=email)[0].mail.links.values()))
        return "/" + url.split("/", 3)[3]

    def _in(self, person: Person, kind: Kind, account_id: UUID) -> Person:
        token = self.parts.desk.sessions.open(kind, account_id).token
        cookie = {"name": COOKIES[kind], "value": token, "url": self.site.address}
        person.page.context.add_cookies([cookie])  # type: ignore[list-item]
        return person


@contextmanager
def opened(database: str, folder: Path, chromium: Browser) -> Iterator[Scene]:
    """A scene that lasts for a file's stories."""
    clock = VirtualClock(next_noon())
    with serving(database, folder, clock=clock) as site:
        yield Scene(site, clock, chromium)


def next_noon() -> datetime:
    """When a scene begins: the same day in UTC and for the site, never before a browser's now."""
    return SystemClock().now().replace(hour=12, minute=0) + timedelta(days=1)


def cause() -> Cause:
    """A command of its own."""
    return Cause(kind="command_line", id=ids.new())
