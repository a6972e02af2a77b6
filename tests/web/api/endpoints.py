"""Every endpoint of an app, and a request to each."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from flask import Flask
from werkzeug.routing import Rule

from web.api.framework import PATH_PARAMETER, Route

NOWHERE = UUID("22222222-2222-4222-8222-222222222222")
ASKING = {"GET", "POST", "PUT", "DELETE", "PATCH"}


class Endpoint(NamedTuple):
    """A method and a path with its parameters, as the URL map has them."""

    method: str
    rule: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule}"


def endpoints(app: Flask) -> list[Endpoint]:
    """Everything the app answers, but for static files."""
    return sorted(
        (
            Endpoint(method, rule.rule)
            for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) & ASKING
            if rule.endpoint != "static"
        ),
        key=lambda found: (found.rule, found.method),
    )


def address(app: Flask, endpoint: Endpoint) -> str:
    """A path that leads to the endpoint and to nothing that exists."""
    rule = next(rule for rule in app.url_map.iter_rules() if rule.rule == endpoint.rule)
    built = rule.build(_values(rule))
    assert built is not None
    return built[1]


def _values(rule: Rule) -> dict[str, object]:
    nothing: dict[str, object] = {"UUIDConverter": NOWHERE, "IntegerConverter": 0}
    return {
        name: nothing.get(type(converter).__name__, "x")
        for name, converter in rule._converters.items()
    }


def nowhere(route: Route) -> str:
    """A path of the interface that leads to a route and to nothing that exists."""
    values = {"uuid": str(NOWHERE), "int": "0", "string": "x"}
    return PATH_PARAMETER.sub(lambda found: values[found["kind"] or "string"], route.path)
