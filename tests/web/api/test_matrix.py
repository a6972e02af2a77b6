"""Who may ask what: every endpoint by every role, performed against the app (NO5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.api.conftest import STAFF, Client, House
from tests.web.api.endpoints import NOWHERE, address, endpoints
from web.api.catalogue import all_routes
from web.api.exports import ENDING, is_list
from web.api.framework import BASE
from web.identity.permissions import Role

MATRIX = Path(__file__).with_name("matrix.txt")
COLUMNS = (*STAFF, "member", "program", "anonymous")
REFUSALS = {"unauthenticated", "forbidden"}


def read_matrix() -> dict[str, dict[str, str]]:
    """By endpoint and role: yes or no. Who may read a list may export it, and nobody else."""
    lines = MATRIX.read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    assert len({(method, rule) for method, rule, *_ in rows}) == len(rows)
    named = {
        f"{method} {rule}": dict(zip(COLUMNS, cells, strict=True)) for method, rule, *cells in rows
    }
    lists = [f"GET {BASE}{route.path}" for route in all_routes() if is_list(route)]
    return named | {name + ENDING: named[name] for name in lists}


def somebody(house: House, column: str) -> Client:
    """A new client of this kind."""
    if column in STAFF:
        return house.as_staff(column)
    if column == "program":
        return house.as_program(role=Role.ADMINISTRATOR)
    return house.signed_in() if column == "member" else house.stranger()


def test_every_endpoint_is_in_the_matrix(house: House) -> None:  # NO5
    assert sorted(read_matrix()) == sorted(found.name for found in endpoints(house.app))


@pytest.mark.parametrize("column", COLUMNS)
def test_each_role_may_do_what_the_matrix_says(  # NO5, OR3, DI6, AC1, AC6
    house: House, column: str
) -> None:
    matrix, wrong = read_matrix(), []
    for endpoint in endpoints(house.app):
        client = somebody(house, column)
        answer = client.flask.open(
            address(house.app, endpoint), method=endpoint.method, headers=client.headers
        )
        assert answer.status_code < 500, endpoint
        told = answer.get_json(silent=True) or {}
        given = "no" if told.get("code") in REFUSALS else "yes"
        if given != matrix[endpoint.name][column]:
            wrong.append(f"{endpoint.name}: {given}")
    assert not wrong


def test_operators_see_nobody(house: House) -> None:  # part of NO5
    person = house.sign_up("ada@example.org", "Ada Lovelace")
    operator = house.as_staff("operator")
    operator.position = person.position
    member_id = person.get("/account")["member_id"]
    for endpoint in endpoints(house.app):
        if endpoint.method == "GET" and "mailbox" not in endpoint.rule:
            path = address(house.app, endpoint).replace(str(NOWHERE), member_id)
            text = operator.flask.get(path, headers=operator.headers).text
            assert "ada@" not in text.lower(), endpoint
            assert "lovelace" not in text.lower(), endpoint


def test_no_endpoint_makes_or_subscribes_a_member_for_staff(house: House) -> None:  # AC1, AC6
    matrix = read_matrix()
    for name, row in matrix.items():
        theirs = any(word in name for word in ("/account/", "/account "))
        if theirs or name.endswith("/account"):
            assert {row[column] for column in (*STAFF, "program")} == {"no"}, name
    changing = [name for name in matrix if name.startswith(("POST", "PUT"))]
    assert not [
        name
        for name in changing
        if name.endswith(("/members", "/memberships")) and "/account/" not in name
    ]
    assert not [name for name in matrix if "method" in name and "/account/method" not in name]
