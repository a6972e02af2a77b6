"""Whatever a page does, the interface does too, with the same permission; and the other way."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from flask import Flask

from web.api.catalogue import all_routes
from web.api.framework import Route
from web.identity.auth import declared
from web.identity.permissions import Permission
from web.pages import all_pages

TABLE = Path(__file__).with_name("parity.txt")
LONGEST_REASON = 80


class Line(NamedTuple):
    """An act, the endpoints that do the same, or why there are none."""

    act: str
    endpoints: list[str]
    reason: str


def table() -> list[Line]:
    """The table, line by line."""
    return [_line(text) for text in TABLE.read_text(encoding="utf-8").splitlines() if _says(text)]


def acts() -> dict[str, Permission | None]:
    """Every form of the pages, by its address, with what it takes to send it."""
    app = Flask("pages")
    for group in all_pages():
        app.register_blueprint(group)
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    return {rule.rule: declared(app, rule.endpoint) for rule in rules}


def commands() -> dict[str, Route]:
    """Every endpoint, by method and path."""
    return {f"{route.method} {route.path}": route for route in all_routes()}


def test_every_act_of_a_page_has_its_endpoint_or_a_reason() -> None:
    told = [line.act for line in table() if line.act.startswith("/")]
    assert sorted(told) == sorted(acts())
    for line in table():
        assert bool(line.endpoints) != bool(line.reason), line.act
        assert len(line.reason) <= LONGEST_REASON, line.act


def test_every_command_has_its_page_or_a_reason() -> None:
    there = commands()
    named = [one for line in table() for one in line.endpoints]
    assert [one for one in named if one not in there] == []
    known = {*named, *(line.act for line in table())}
    assert [one for one, route in there.items() if not route.is_read and one not in known] == []


def test_an_act_takes_the_same_permission_on_its_page_and_by_http() -> None:
    pages, there = acts(), commands()
    for line in table():
        permissions = {there[one].permission for one in line.endpoints}
        if line.act.startswith("/panel"):
            assert permissions <= {pages[line.act]}, line.act
    assert any(line.endpoints for line in table())


def _says(text: str) -> bool:
    return bool(text.strip()) and not text.startswith("#")


def _line(text: str) -> Line:
    act, _, said = text.partition("  ")
    if said.strip().startswith(":"):
        return Line(act, [], said.strip()[1:].strip())
    return Line(act, [one.strip() for one in said.split(" + ")], "")
