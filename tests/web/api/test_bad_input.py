"""Bad input for every endpoint, made from the declared routes: refused by name, and no fact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.web.api.conftest import API, Client, House
from tests.web.api.endpoints import NOWHERE, nowhere
from tests.web.api.samples import HALF_A_PAIR, fit, spoilt, spoilt_queries
from web.api.catalogue import all_routes
from web.api.framework import Route
from web.identity.permissions import HOLDERS, Permission, Role

LARGE = b'{"name": "' + b"x" * 10_000_000 + b'"}'
BROKEN = {
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "half of JSON": b'{"name": ',
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"name"',
    "too deep": b"[" * 50_000,
    "a field sent twice": b'{"name": "a", "name": "b"}',
    "no number": b'{"name": NaN}',
}


class Askers:
    """The right one for each route."""

    def __init__(self, house: House) -> None:
        self.person, self.owner = house.sign_up(), house.as_staff("owner")
        self.stranger = house.stranger()

    def client(self, route: Route) -> Client:
        """Whoever may ask this."""
        if route.permission is Permission.PUBLIC:
            return self.stranger
        return self.person if HOLDERS[route.permission] == {Role.MEMBER} else self.owner

    def send(self, route: Route, **said: Any) -> TestResponse:
        """To nothing that exists."""
        path = nowhere(route)
        return self.client(route).ask(route.method, path, **said)


@pytest.fixture
def askers(house: House) -> Askers:
    return Askers(house)


def routes_with_bodies() -> Iterator[Route]:
    return (route for route in all_routes() if route.body is not None)


def faults(answer: TestResponse, field: str | None = None) -> str | None:
    """What is wrong with a refusal; None if it is a problem document that names the field."""
    if not 400 <= answer.status_code < 500:
        return f"{answer.status_code}"
    told = answer.json
    if answer.content_type != "application/problem+json" or not told or not told["detail"]:
        return "no problem document"
    if field is None:
        return None
    names = {error.get("pointer", "") for error in told.get("errors", [])}
    parameters = {error.get("parameter") for error in told.get("errors", [])}
    named = any(name.split("/")[1:2] == [field] for name in names) or field in parameters
    return None if named else f"{told['code']} names {names | parameters}"


def test_every_spoilt_field_is_refused_by_name(house: House, askers: Askers) -> None:
    before, wrong = house.facts(), []
    for route in routes_with_bodies():
        assert route.body is not None
        for field, value, what in spoilt(route.body):
            body = json.dumps({**fit(route.body), field: value})
            answer = askers.send(route, data=body, content_type="application/json")
            if fault := faults(answer, field):
                wrong.append(f"{route.name} {field}, {what}: {fault}")
    assert not wrong
    assert house.facts() == before


def test_missing_and_unknown_fields_are_refused_by_name(askers: Askers) -> None:
    wrong = []
    for route in routes_with_bodies():
        body = fit(route.body)
        for field in body:
            rest = {name: value for name, value in body.items() if name != field}
            if fault := faults(askers.send(route, json=rest), field):
                wrong.append(f"{route.name} without {field}: {fault}")
        if fault := faults(askers.send(route, json={**body, "surplus": 1}), "surplus"):
            wrong.append(f"{route.name} with a surplus field: {fault}")
    assert not wrong


def test_a_body_that_is_no_json_object_is_refused(house: House, askers: Askers) -> None:
    before, wrong = house.facts(), []
    for route in routes_with_bodies():
        for what, sent in BROKEN.items():
            answer = askers.send(route, data=sent, content_type="application/json")
            if fault := faults(answer):
                wrong.append(f"{route.name}, {what}: {fault}")
    assert not wrong
    assert house.facts() == before


def test_ten_megabytes_are_refused(house: House, askers: Askers) -> None:
    before = house.facts()
    for route in all_routes():
        if not route.is_read:
            answer = askers.send(
                route,
                data=LARGE,
                content_type="application/json",
                query_string=fit(route.query) if route.query else None,
            )
            assert answer.status_code == 413, route.name
            assert faults(answer) is None, route.name
    assert house.facts() == before


def test_unknown_ids_are_refused(house: House, askers: Askers) -> None:
    before, wrong = house.facts(), []
    for route in all_routes():
        if route.path_parameters:
            query = {name: str(NOWHERE) for name in fit(route.query)} if route.query else None
            said: dict[str, Any] = {"query_string": query} if query else {}
            if route.body:
                said["json"] = fit(route.body)
            if fault := faults(askers.send(route, **said)):
                wrong.append(f"{route.name}: {fault}")
    assert not wrong
    assert house.facts() == before


def test_spoilt_queries_are_refused_by_name(askers: Askers) -> None:
    wrong = []
    for route in all_routes():
        for name, value in spoilt_queries(route):
            answer = askers.send(route, query_string=f"{name}={value}")
            readable = value != HALF_A_PAIR  # which isn't UTF-8 at all
            if fault := faults(answer, name if readable else None):
                wrong.append(f"{route.name} {name}={value[:20]}: {fault}")
        if fault := faults(askers.send(route, query_string="surplus=1"), "surplus"):
            wrong.append(f"{route.name} surplus: {fault}")
    assert not wrong


def test_strange_paths_are_refused(house: House, askers: Askers) -> None:
    for text in ("%00", "%ff%fe", "nonsense", "9" * 5_000, "%2e%2e%2f"):
        for path in ("/members/", "/orders/", "/plans/", "/nothing/"):
            answer = askers.owner.ask("GET", path + text)
            assert faults(answer) is None, path + text
    assert faults(askers.owner.ask("PATCH", "/members")) is None


def test_keys_and_positions_are_read_strictly(house: House, askers: Askers) -> None:
    before = house.facts()
    for key in ("", " ", "x" * 300, "é", "a b"):
        headers = {"Idempotency-Key": key}
        answer = askers.owner.ask("POST", "/plans", json={"name": "Gold"}, headers=headers)
        assert faults(answer) is None, key
    for position in ("-1", "x", "9" * 30, "1.5", ""):
        answer = askers.owner.ask("GET", "/plans", headers={"Ledger-Position": position})
        assert faults(answer) is None, position
    without = askers.owner.flask.post(API + "/plans", json={"name": "Gold"})
    assert without.status_code in {400, 403}
    assert house.facts() == before


def test_amounts_that_can_t_go_back_are_refused_by_name(house: House) -> None:  # OR2, PL2
    plan_id, person, owner = house.plan(), house.sign_up(), house.as_staff("owner")
    card = {"card_number": "4242424242424242", "exp_month": 1, "exp_year": 2030, "cvc": "123"}
    joined = person.post("/account/memberships", {"plan_id": str(plan_id), **card})
    before = house.facts()
    for minor, currency, code in (
        (0, "EUR", "amount_not_positive"),
        (-500, "EUR", "amount_not_positive"),
        (1201, "EUR", "refund_too_large"),
        (2**53 - 1, "EUR", "amount_too_large"),
        (500, "USD", "currency_mismatch"),
    ):
        refund = {"amount": {"minor": minor, "currency": currency}, "reason": "no"}
        answer = owner.ask("POST", f"/orders/{joined['order_id']}/refunds", json=refund)
        assert answer.json is not None
        assert answer.json["code"] == code
        assert faults(answer, "amount") is None
    assert house.facts() == before


def test_terms_that_are_none_are_refused_by_name(house: House) -> None:  # PL1, PL2
    owner = house.as_staff("owner")
    plan_id = owner.post("/plans", {"name": "Gold"})["id"]
    before = house.facts()
    for terms in (
        {"model": "free", "amount": {"minor": 5, "currency": "EUR"}},
        {"model": "one_time", "amount": {"minor": -5, "currency": "EUR"}},
        {"model": "one_time", "amount": {"minor": 2**53 - 1, "currency": "EUR"}},
        {"model": "recurring", "amount": {"minor": 500, "currency": "EUR"}},
        {"model": "instalments", "amount": {"minor": 5, "currency": "EUR"}, "payments": 3},
    ):
        answer = owner.ask("POST", f"/plans/{plan_id}/prices", json={"terms": terms})
        assert answer.status_code == 422, terms
        assert faults(answer) is None
        assert answer.json is not None
        assert answer.json["errors"], terms
    assert house.facts() == before
