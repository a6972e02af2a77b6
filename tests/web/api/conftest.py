"""A whole site: real books, views that follow, staff of every role, and clients of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import ids
from ledger.clock import VirtualClock
from ledger.facts import Actor, Cause
from projections.catalogue import all_views
from projections.engine import Follower
from tests.web.asking import named, program
from tests.web.conftest import usual
from web.api.catalogue import all_routes
from web.app import create_app
from web.identity import accounts
from web.parts import Parts
from web.sessions.sessions import Kind
from web.wiring import wire

API = "/api/v1"
PASSWORD = "correct horse battery"
CARD: dict[str, Any] = {
    "card_number": "4242 4242 4242 4242",
    "exp_month": 12,
    "exp_year": 2030,
    "cvc": "123",
}
MONTHLY: dict[str, Any] = {
    "model": "recurring",
    "amount": {"minor": 1200, "currency": "EUR"},
    "unit": "month",
    "every": 1,
}
STAFF = ("owner", "administrator", "store_manager", "auditor", "operator")
BROWSER = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Client:
    """Somebody who asks; keeps the position of their last command."""

    flask: FlaskClient
    headers: dict[str, str] = field(default_factory=dict)
    position: int = 0

    def ask(self, method: str, path: str, **said: Any) -> TestResponse:
        """Ask, with a new Idempotency-Key where one is needed, and after one's own commands."""
        headers = {**self.headers, **said.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(ids.new()))
        if method == "GET" and self.position:
            headers.setdefault("Ledger-Position", str(self.position))
        answer = self.flask.open(API + path, method=method, headers=headers, **said)
        if method != "GET":
            self.position = max(self.position, int(answer.headers.get("Ledger-Position", 0)))
        return answer

    def get(self, path: str, **query: Any) -> Any:
        """What an answer tells; it must be a good one."""
        return self._told(self.ask("GET", path, query_string=query))

    def post(self, path: str, body: Any = None) -> Any:
        """What a command answers; it must succeed."""
        return self._told(self.ask("POST", path, json=body) if body else self.ask("POST", path))

    def put(self, path: str, body: Any) -> Any:
        """The same for one that sets."""
        return self._told(self.ask("PUT", path, json=body))

    def delete(self, path: str, **query: Any) -> Any:
        """The same for one that takes away."""
        return self._told(self.ask("DELETE", path, query_string=query))

    def _told(self, answer: TestResponse) -> Any:
        assert answer.status_code < 300, answer.text
        return answer.json if answer.is_json else None


@dataclass
class House:
    """The site under test."""

    app: Flask
    parts: Parts
    clock: VirtualClock
    staff: dict[str, UUID]

    def stranger(self) -> Client:
        """A browser that is signed in as nobody."""
        return Client(self.app.test_client(), dict(BROWSER))

    def as_staff(self, role: str) -> Client:
        """A contributor's browser."""
        client = self.stranger()
        opened = self.parts.desk.sessions.open(Kind.CONTRIBUTOR, self.staff[role])
        client.flask.set_cookie("team", opened.token)
        return client

    def as_program(self, **said: Any) -> Client:
        """A program with a token."""
        return Client(self.app.test_client(use_cookies=False), program(self.parts, **said))

    def sign_up(self, email: str = "ada@example.org", name: str = "Ada Lovelace") -> Client:
        """A person who signed up and verified their address, in their browser."""
        client = self.stranger()
        client.post("/sign-ups", {"email": email, "name": name})
        client.post("/sign-ups/finish", {"token": self.token_for(email), "password": PASSWORD})
        return client

    def signed_in(self, name: str = "member") -> Client:
        """A person's browser, whether or not there is an account: for asking who may."""
        client = self.stranger()
        client.flask.set_cookie(
            "session", self.parts.desk.sessions.open(Kind.MEMBER, named(name)).token
        )
        return client

    def member_cookies(self, member_id: str) -> dict[str, str]:
        """A new session of a person."""
        return {"session": self.parts.desk.sessions.open(Kind.MEMBER, UUID(member_id)).token}

    def staff_cookies(self, role: str) -> dict[str, str]:
        """A new session of a contributor."""
        opened = self.parts.desk.sessions.open(Kind.CONTRIBUTOR, self.staff[role])
        return {"team": opened.token}

    def token_for(self, email: str) -> str:
        """The token of the link in the latest mail to an address."""
        [url] = self.parts.desk.mailbox.recent(to=email)[0].mail.links.values()
        return url.partition("token=")[2]

    def plan(self, name: str = "Gold", terms: dict[str, Any] | None = None) -> UUID:
        """An open plan."""
        owner = self.as_staff("owner")
        plan_id = owner.post("/plans", {"name": name})["id"]
        owner.post(f"/plans/{plan_id}/prices", {"terms": terms or MONTHLY})
        owner.post(f"/plans/{plan_id}/open", {"closes_at": None})
        return UUID(plan_id)

    def facts(self) -> int:
        """How many facts the books hold."""
        with self.parts.pool.connection() as connection:
            row = connection.execute("SELECT count(*) FROM ledger.facts").fetchone()
        return int(row[0]) if row else 0


@pytest.fixture
def house(
    site_database: str,
    cheap_passwords: None,
    tmp_path: Path,
    clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    monkeypatch.setattr(accounts, "HOLD_SECONDS", 0)  # what makes answers equally slow
    with wire(usual(tmp_path), site_database, clock=clock) as parts:
        follower = Follower(
            site_database,
            recorder=parts.recorder,
            mapper=parts.queries.history.mapper,
            views=all_views(parts.site),
            clock=clock,
        )
        follower.start()
        try:
            app = create_app(parts, routes=all_routes())
            yield House(app, parts, clock, add_staff(parts))
        finally:
            follower.stop()


def add_staff(parts: Parts) -> dict[str, UUID]:
    """One contributor of each role."""
    staff = {role: named(role) for role in STAFF}
    by = Actor(kind="machine")
    for role, contributor_id in staff.items():
        cause = Cause(kind="command_line", id=named(f"adding {role}"))
        who: dict[str, Any] = {"email": f"{role}@example.org", "name": role, "locale": "en"}
        if role == "owner":
            parts.ledger.found_site(contributor_id, **who, by=by, cause=cause)
        else:
            roles: Any = frozenset({role})
            parts.ledger.add_contributor(contributor_id, **who, roles=roles, by=by, cause=cause)
    return staff
