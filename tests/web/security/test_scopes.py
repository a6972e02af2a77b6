"""Every scope of a token at every door: page and endpoint, against a hand-written table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import templating
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.web.api.endpoints import Endpoint, address
from tests.web.api.test_matrix import REFUSALS, read_matrix
from tests.web.asking import program
from tests.web.security.conftest import FORM_TOKEN, Site
from tests.web.security.things import NOT_PAGES, Door, furnish, path_of
from tests.web.security.things import table as pages
from web.api.catalogue import all_routes
from web.api.exports import ENDING, is_list
from web.api.framework import BASE
from web.identity.permissions import PERSONAL_ONLY, Permission, Role, granted

SCOPES = Path(__file__).with_name("scopes.txt")
OF_PROGRAMS = sorted(granted(frozenset({Role.ADMINISTRATOR})) - PERSONAL_ONLY - {Permission.PUBLIC})
ASKED = {"GET", "POST", "PUT", "DELETE", "PATCH"}
TELL_OF_PEOPLE = {"members:read", "orders:read"}
PEOPLE = ("ada@example.org", "bob@example.org", "Ada Lovelace")


Scopes = frozenset[str]


def written() -> dict[Scopes, frozenset[Door]]:
    """By scopes: what their holder is let through, beside what each alone opens."""
    found: dict[Scopes, set[Door]] = defaultdict(set)
    scopes: Scopes = frozenset()
    for line in SCOPES.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            method, rule = line.split(maxsplit=1)
            assert Door(method, rule) not in found[scopes], line
            found[scopes].add(Door(method, rule))
        elif line and not line.startswith("#"):
            scopes = frozenset(line.removesuffix(":").split(" + "))
            assert scopes not in found, line
            found[scopes] = set()
    return {scopes: frozenset(_with_exports(doors)) for scopes, doors in found.items()}


def opened_by(held: Scopes) -> frozenset[Door]:
    """After the table: what whoever holds all of these is let through."""
    return frozenset().union(*(doors for scopes, doors in written().items() if scopes <= held))


def _with_exports(doors: set[Door]) -> set[Door]:
    lists = {f"{BASE}{route.path}" for route in all_routes() if is_list(route)}
    exported = {door for door in doors if door.method == "GET" and door.rule in lists}
    return doors | {Door("GET", door.rule + ENDING) for door in exported}


def open_to_everybody() -> frozenset[Door]:
    """After the two other tables."""
    of_pages = {door for door, who in pages().items() if "everybody" in who}
    of_api = {_door(name) for name, row in read_matrix().items() if row["anonymous"] == "yes"}
    return frozenset(of_pages | of_api)


def _door(name: str) -> Door:
    method, rule = name.split(maxsplit=1)
    return Door(method, rule)


def every_door(site: Site) -> Iterator[tuple[Door, Rule]]:
    """Pages and endpoints alike."""
    for rule in site.app.url_map.iter_rules():
        if rule.endpoint != "static":
            for method in (rule.methods or set()) & ASKED:
                yield Door(method, rule.rule), rule


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    furnish(site)
    return site


class Bearer(NamedTuple):
    """A program whose token has few scopes."""

    client: FlaskClient
    headers: dict[str, str]
    form_token: str

    def goes(self, site: Site, door: Door, rule: Rule) -> TestResponse:
        """Ask, with nothing to be carried out: forms are empty, and endpoints lead nowhere."""
        is_page = not rule.rule.startswith(NOT_PAGES)
        is_about_something = is_page or door.method == "GET"
        path = path_of(site, rule) if is_about_something else address(site.app, Endpoint(*door))
        data = {"csrf_token": self.form_token} if is_page and door.method == "POST" else None
        return self.client.open(path, method=door.method, data=data, headers=self.headers)


def bearer(site: Site, scopes: Scopes) -> Bearer:
    client = site.app.test_client()
    token = FORM_TOKEN.search(client.get("/team/sign-in").text)
    assert token is not None
    headers = program(site.parts, scopes=set(map(Permission, scopes)))
    return Bearer(client, headers, token[1])


def is_let_through(answer: TestResponse) -> bool:
    if answer.is_json:
        return (answer.json or {}).get("code") not in REFUSALS
    return answer.status_code not in {401, 403}


def test_every_scope_is_in_the_table_and_every_guarded_door_below_one(site: Site) -> None:  # NO5
    table, public = written(), open_to_everybody()
    alone = [scope for scopes in table if len(scopes) == 1 for scope in scopes]
    assert sorted(alone) == sorted(scope.value for scope in OF_PROGRAMS)
    assert {scope for scopes in table for scope in scopes} == set(alone)
    below = [door for doors in table.values() for door in doors]
    assert len(below) == len(set(below))
    assert not set(below) & public
    of_programs = {_door(name) for name, row in read_matrix().items() if row["program"] == "yes"}
    of_programs |= {
        door for door, who in pages().items() if who & {"administrator"} and "themselves" not in who
    }
    assert set(below) == of_programs - public
    assert {door for door, _ in every_door(site)} >= set(below)


@pytest.mark.parametrize("scopes", written(), ids=lambda scopes: " + ".join(sorted(scopes)))
def test_scopes_open_their_own_doors_and_no_others(  # NO5
    furnished: Site, scopes: Scopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks, public = bearer(furnished, scopes), open_to_everybody()
    theirs, before, wrong = opened_by(scopes), furnished.position(), []
    # Who may see a page is decided before it is drawn, and drawing takes long.
    monkeypatch.setattr(templating, "_render", lambda *_: "page")
    for door, rule in every_door(furnished):
        if door in public:
            continue
        answer = asks.goes(furnished, door, rule)
        assert answer.status_code < 500, (door, answer.text)
        if is_let_through(answer) != (door in theirs):
            wrong.append((door, answer.status_code))
    assert wrong == []
    assert furnished.position() == before


@pytest.mark.parametrize("scope", [scope.value for scope in OF_PROGRAMS])
def test_a_scope_that_reads_of_nobody_is_shown_nobody(furnished: Site, scope: str) -> None:
    alone = frozenset({scope})
    asks, theirs = bearer(furnished, alone), opened_by(alone)
    named = []
    for door, rule in every_door(furnished):
        if door in theirs:
            text = asks.goes(furnished, door, rule).text
            named += [door.rule for person in PEOPLE if person in text]
    assert bool(named) == (scope in TELL_OF_PEOPLE), named
