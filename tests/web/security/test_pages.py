"""Everybody at every door: role by page by action, against a table that was written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask, templating
from flask.testing import FlaskClient
from jinja2 import Template
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from ledger import ids
from tests.web.asking import program
from tests.web.pages.conftest import MACHINE, cause
from tests.web.security.conftest import Site, form_token
from tests.web.security.things import STAFF, Door, Form, doors, filled, furnish, path_of, table
from web.identity.permissions import Role
from web.sessions.sessions import Kind

THINGS_OF_ADA = {"membership_id", "order_id"}
"""What a member's door may name that another member has."""

ENDING_SESSIONS = {"/sign-out", "/team/sign-out", "/panel/security/sessions/end"}
FORBIDDEN = "You may not do this"


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    furnish(site)
    return site


@dataclass
class Somebody:
    """Who tries a door, and what they are to the site."""

    name: str
    client: FlaskClient
    roles: frozenset[str] = frozenset()
    headers: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def __post_init__(self) -> None:
        self.token = form_token(self.client)

    @property
    def is_stranger(self) -> bool:
        return not self.roles

    def goes(self, site: Site, door: Door, rule: Rule, form: Form | None = None) -> TestResponse:
        """Open the page, or send a form with the token of this browser."""
        data: Form = {}
        if door.method == "POST":
            data = {**(form or {}), "csrf_token": self.token}
        return self.client.open(
            path_of(site, rule), method=door.method, data=data, headers=self.headers
        )

    def may(self, who: frozenset[str]) -> bool:
        """Whether the table lets them through."""
        is_barred = bool(self.headers) and "themselves" in who
        return "everybody" in who or (bool(who & self.roles) and not is_barred)


def of_team(site: Site, role: str) -> Somebody:
    return Somebody(role, site.staff(role).client, frozenset({role}))


def former_staff(site: Site) -> Somebody:
    """An administrator who was removed in the books; the browser still has its cookie."""
    contributor_id = ids.new()
    site.parts.ledger.add_contributor(
        contributor_id,
        email="former@example.org",
        name="Former",
        roles=frozenset({"administrator"}),
        locale="en",
        by=MACHINE,
        cause=cause(),
    )
    client = site.stranger().client
    client.set_cookie("team", site.parts.desk.sessions.open(Kind.CONTRIBUTOR, contributor_id).token)
    assert client.get("/panel/security").status_code == 200
    site.parts.ledger.remove_contributor(contributor_id, by=MACHINE, cause=cause())
    return Somebody("former administrator", client)


def everybody(site: Site) -> list[Somebody]:
    """One of each kind of caller: people, staff, programs, and some who are nobody any more."""
    member, known = frozenset({"member"}), site.known
    return [
        Somebody("nobody", site.stranger().client),
        former_staff(site),
        Somebody("ada", site.as_member(known["member_id"]).client, member),
        Somebody("bob", site.as_member(known["bob"]).client, member),
        *(of_team(site, role) for role in STAFF),
        *(
            Somebody(
                f"program of {role}",
                site.stranger().client,
                frozenset({role}),
                program(site.parts, Role(role)),
            )
            for role in ("administrator", "operator")
        ),
    ]


def is_refused(answer: TestResponse) -> bool:
    sent_away = answer.status_code == 302 and "/sign-in?next=" in (answer.location or "")
    forbidden = answer.status_code == 403 and FORBIDDEN in answer.text
    return answer.status_code == 401 or sent_away or forbidden


def refusal(somebody: Somebody, door: Door, who: frozenset[str]) -> tuple[int, str | None]:
    """How whoever may not is told: with a status, and perhaps the way to their sign-in."""
    if not somebody.is_stranger:
        return 403, None
    if door.method == "POST":
        return 401, None
    return 302, "/sign-in" if "member" in who else "/team/sign-in"


def attempts(site: Site) -> Iterator[tuple[Door, Rule, frozenset[str], Somebody]]:
    people, written = everybody(site), table()
    for door, rule in doors(site):
        for somebody in people:
            if door.rule not in ENDING_SESSIONS:
                yield door, rule, written[door], somebody
            elif not somebody.roles:  # with a browser that is needed for nothing after
                yield door, rule, written[door], Somebody(somebody.name, site.stranger().client)


def test_every_door_is_in_the_table(site: Site) -> None:  # NO5
    assert sorted(table()) == sorted(door for door, _ in doors(site))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only refusals are drawn: who may see a page is decided before, and drawing takes long."""
    draw = templating._render

    def drawn(app: Flask, template: Template, said: dict[str, Any]) -> str:
        return str(draw(app, template, said)) if template.name == "problem.html" else "page"

    monkeypatch.setattr(templating, "_render", drawn)


def test_each_door_opens_to_whom_the_table_names(  # NO5, AC1, AC6, OR3
    furnished: Site, request: pytest.FixtureRequest
) -> None:
    site, forms = furnished, filled(furnished)
    wrong: list[tuple[Door, str, object]] = []
    tried, before = list(attempts(site)), site.position()
    request.getfixturevalue("undrawn")
    for door, rule, who, somebody in tried:
        may = somebody.may(who)
        # Whoever may is not to do it now; whoever may not sends all that it would take.
        form = None if may else {**forms.get(door.rule, {}), "command": site.command()}
        answer = somebody.goes(site, door, rule, form)
        assert answer.status_code < 500, (door, somebody.name, answer.text)
        if is_refused(answer) == may and answer.location != "/team/sign-in":
            wrong.append((door, somebody.name, answer.status_code))
        if not may:
            status, way = refusal(somebody, door, who)
            assert answer.status_code == status, (door, somebody.name)
            assert way is None or (answer.location or "").startswith(f"{way}?next=")
            if site.position() != before:
                wrong.append((door, somebody.name, "was written"))
                before = site.position()
    assert wrong == []
    assert site.position() == before


def test_what_is_another_members_is_not_there(furnished: Site) -> None:
    bob = Somebody("bob", furnished.as_member(furnished.known["bob"]).client)
    before, forms, tried = furnished.position(), filled(furnished), 0
    for door, rule in doors(furnished):
        if door.rule.startswith(("/account", "/orders")) and rule.arguments & THINGS_OF_ADA:
            form = {**forms.get(door.rule, {}), "command": furnished.command()}
            assert bob.goes(furnished, door, rule, form).status_code == 404, door
            tried += 1
    assert tried > 7
    assert furnished.position() == before


def test_no_door_takes_another_method(furnished: Site) -> None:
    owner, before = furnished.staff("owner").client, furnished.position()
    for rule in {rule.rule: rule for _, rule in doors(furnished)}.values():
        for method in ("PUT", "PATCH", "DELETE"):
            answer = owner.open(path_of(furnished, rule), method=method)
            assert answer.status_code == 405, (method, rule.rule)
    assert furnished.position() == before
