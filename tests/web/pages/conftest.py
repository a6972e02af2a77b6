"""A whole site behind its pages, and people with browsers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import ids
from ledger.clock import VirtualClock
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.terms import Terms
from tests.web.conftest import usual
from tests.web.pages.reading import Page
from web.app import create_app
from web.identity import accounts
from web.pages import all_pages
from web.parts import Parts
from web.running.following import follower
from web.sessions.sessions import Kind
from web.wiring import wire

PASSWORD = "correct horse battery"
MACHINE = Actor(kind="machine")
CARD = {"card_number": "4242 4242 4242 4242", "exp_month": "12", "exp_year": "31", "cvc": "123"}
MONTHLY = Terms(model="recurring", amount=Money(1200, "EUR"), unit="month", every=1)
FREE = Terms(model="free", amount=Money(0, "EUR"))


def cause() -> Cause:
    """A command of its own."""
    return Cause(kind="command_line", id=ids.new())


@dataclass
class Browser:
    """Somebody who looks at pages and fills in forms."""

    client: FlaskClient
    answer: TestResponse | None = None

    def get(self, path: str, lang: str = "en", status: int = 200) -> Page:
        """Look at a page, in a language."""
        self.client.set_cookie("lang", lang)
        self.answer = self.client.get(path, follow_redirects=True)
        return self._seen(status)

    def send(
        self,
        page: Page,
        action: str,
        ready: Mapping[str, str] | None = None,
        *,
        status: int = 200,
        **given: str | list[str],
    ) -> Page:
        """Fill in the form of a page that goes to an address, and send it."""
        filled = page.form(action).filled({**(ready or {}), **given})
        self.answer = self.client.post(
            action or page.path, data=_as_data(filled), follow_redirects=True
        )
        return self._seen(status)

    def _seen(self, status: int) -> Page:
        assert self.answer is not None
        assert self.answer.status_code == status, self.answer.text
        assert self.answer.mimetype == "text/html"
        return Page(self.answer.text, self.answer.request.path)


def _as_data(sent: list[tuple[str, str]]) -> dict[str, list[str]]:
    data: dict[str, list[str]] = {}
    for name, value in sent:
        data.setdefault(name, []).append(value)
    return data


@dataclass
class Place:
    """The site under test."""

    app: Flask
    parts: Parts
    clock: VirtualClock

    def stranger(self) -> Browser:
        """A browser that nobody is signed in with."""
        return Browser(self.app.test_client())

    def staff(self, role: str = "administrator") -> Browser:
        """A contributor's browser."""
        contributor_id = ids.derived(ids.SITE, role)
        if self.parts.ledger.contributor_by_email(f"{role}@example.org") is None:
            roles = frozenset({role})
            self.parts.ledger.add_contributor(
                contributor_id,
                email=f"{role}@example.org",
                name=f"Some {role}",
                roles=roles,  # type: ignore[arg-type]
                locale="en",
                by=MACHINE,
                cause=cause(),
            )
        return self._signed_in("team", Kind.CONTRIBUTOR, contributor_id)

    def person(self, email: str = "ada@example.org", name: str = "Ada Lovelace") -> Browser:
        """The browser of somebody with an account."""
        member_id = self.account(email, name)
        return self._signed_in("session", Kind.MEMBER, member_id)

    def account(self, email: str = "ada@example.org", name: str = "Ada Lovelace") -> UUID:
        """An account with a verified address and a password."""
        accounts.start_sign_up(self.parts, email, name, "en", "127.0.0.1")
        done = accounts.finish_sign_up(self.parts, self.token(email), PASSWORD)
        self.settle()
        return done.account_id

    def member(self, plan_id: UUID, email: str = "ada@example.org") -> UUID:
        """An account that joined a plan with the usual card."""
        member_id = self.account(email)
        self.join(member_id, plan_id)
        return member_id

    def join(self, member_id: UUID, plan_id: UUID) -> UUID:
        """Join a plan; answers the order."""
        collected = self.parts.collection.join(
            member_id,
            plan_id,
            method_token="pm_card_visa",
            by=Actor(kind="member", id=member_id),
            cause=cause(),
        )
        self.settle()
        return collected.order_id

    def as_member(self, member_id: UUID) -> Browser:
        """A member's browser."""
        return self._signed_in("session", Kind.MEMBER, member_id)

    def plan(self, name: str = "Gold", terms: Terms = MONTHLY) -> UUID:
        """An open plan."""
        plan_id, ledger = ids.new(), self.parts.ledger
        ledger.draft_plan(plan_id, name=name, description="About it.", by=MACHINE, cause=cause())
        ledger.set_price(plan_id, terms, by=MACHINE, cause=cause())
        ledger.open_plan(plan_id, by=MACHINE, cause=cause())
        self.settle()
        return plan_id

    def token(self, email: str) -> str:
        """The token of the link in the latest mail to an address."""
        [url] = self.parts.desk.mailbox.recent(to=email)[0].mail.links.values()
        return url.partition("token=")[2]

    def settle(self) -> None:
        """Wait until the views show everything."""
        last = self.parts.recorder.max_notification_id() or 0
        assert self.parts.views.wait_for(last, wait_seconds=30).position >= last

    def _signed_in(self, cookie: str, kind: Kind, account_id: UUID) -> Browser:
        browser = self.stranger()
        opened = self.parts.desk.sessions.open(kind, account_id)
        browser.client.set_cookie(cookie, opened.token)
        return browser


@pytest.fixture
def place(
    site_database: str,
    cheap_passwords: None,
    tmp_path: Path,
    clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    monkeypatch.setattr(accounts, "HOLD_SECONDS", 0)  # what makes answers equally slow
    with wire(usual(tmp_path), site_database, clock=clock) as parts:
        following = follower(parts, site_database)
        following.start()
        try:
            yield Place(create_app(parts, pages=all_pages()), parts, clock)
        finally:
            following.stop()
