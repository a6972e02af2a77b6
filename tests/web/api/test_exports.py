"""Every list can be taken away as CSV, whole, by whoever may read it (EX1)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.web.api.conftest import API, CARD, Client, House
from web.api import exports
from web.api.catalogue import RESOURCES, all_routes
from web.api.exports import ENDING, is_list, item_of
from web.api.framework import PATH_PARAMETER, Route
from web.api.models import PageQuery
from web.identity.permissions import HOLDERS, Role
from web.reading.csv_export import columns_of

LISTS = [route for resource in RESOURCES for route in resource.routes if is_list(route)]
PEOPLE = 5
NEEDED = {"/mailbox": {"to": "p0@example.org"}}
"""What a list must be asked with."""


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each list has several pages."""
    monkeypatch.setattr(exports, "AT_ONCE", 2)


@pytest.fixture
def known(house: House) -> dict[str, Any]:
    """A site with something in every list, by the names of paths; `owner` and `person` ask."""
    plan_id, owner = house.plan(), house.as_staff("owner")
    people = [house.sign_up(f"p{n}@example.org", f"=Person {n}") for n in range(PEOPLE)]
    joined = [
        person.post("/account/memberships", {"plan_id": str(plan_id), **CARD}) for person in people
    ]
    member_id = people[0].get("/account")["member_id"]
    owner.put(f"/members/{member_id}/tags", {"tag": "vip"})
    for code in ("TEN", "ELEVEN", "TWELVE"):
        owner.post("/discounts", {"discount_code": code, "percent": 10})
    for number in range(3):
        segment = owner.post("/segments/saved", {"name": f"Segment {number}"})
        named = owner.post("/lists", {"name": f"List {number}"})
    entries = {"member_ids": [member_id], "emails": [f"former{n}@example.org" for n in range(3)]}
    owner.post(f"/lists/{named['id']}/entries", entries)
    owner.position = max(owner.position, *(person.position for person in people))
    return {
        "owner": owner,
        "person": people[0],
        "plan_id": plan_id,
        "member_id": member_id,
        "order_id": joined[0]["order_id"],
        "segment_id": segment["id"],
        "list_id": named["id"],
    }


def path_of(route: Route, known: dict[str, Any]) -> str:
    return PATH_PARAMETER.sub(lambda found: str(known[found["name"]]), route.path)


def asker(route: Route, known: dict[str, Any]) -> Client:
    person = HOLDERS[route.permission] == {Role.MEMBER}
    client: Client = known["person" if person else "owner"]
    return client


def rows_in(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def whole(client: Client, path: str, *, paged: bool) -> list[Any]:
    """Every item of a list, page by page."""
    page = client.get(path, **NEEDED.get(path, {}), **({"limit": "2"} if paged else {}))
    items: list[Any] = page["items"]
    while page["next"]:
        page = client.get(path, limit=2, cursor=page["next"])
        items += page["items"]
    return items


def test_every_list_can_be_exported() -> None:  # EX1
    exported = {route.path for route in all_routes() if route.media_type == "text/csv"}
    assert {route.path + ENDING for route in LISTS} == exported
    assert {route.path for route in LISTS} > {"/members", "/orders", "/plans", "/discounts"}


@pytest.mark.usefixtures("few_at_once")
def test_an_export_holds_the_whole_list(house: House, known: dict[str, Any]) -> None:  # EX1
    filled = set()
    for route in LISTS:
        client, path = asker(route, known), path_of(route, known)
        paged = route.query is not None and issubclass(route.query, PageQuery)
        items = whole(client, path, paged=paged)
        answer = client.ask("GET", path + ENDING, query_string=NEEDED.get(path, {}))
        rows = rows_in(answer)
        assert len(rows) == len(items), route.path
        names = [column.name for column in columns_of(item_of(route))]
        assert answer.text.splitlines()[0].split(",") == names
        assert (
            f'filename="{route.path.rpartition("/")[2]}.csv"'
            in answer.headers["Content-Disposition"]
        )
        if rows:
            filled.add(route.path)
            same = [name for name in names if isinstance(items[0].get(name), str)]
            assert [{name: row[name].lstrip("'") for name in same} for row in rows] == [
                {name: item[name] or "" for name in same} for item in items
            ], route.path
    assert filled >= {"/members", "/orders", "/figures/movements", "/account/orders", "/lists"}
    assert filled >= {"/members/<uuid:member_id>/history", "/segments/saved", "/discounts"}


def test_an_export_has_the_filters_and_order_of_its_list(known: dict[str, Any]) -> None:  # EX1
    owner: Client = known["owner"]
    query = {"text": "person", "sort": "email", "descending": "true", "spent_from": "1200"}
    found = rows_in(owner.ask("GET", "/members.csv", query_string=query))
    assert [row["email"] for row in found] == [f"p{n}@example.org" for n in (4, 3, 2, 1, 0)]
    assert [row["net_minor"] for row in found] == ["1200"] * PEOPLE
    assert found[0]["name"] == "'=Person 4"
    none = owner.ask("GET", "/members.csv", query_string={"tag": "nobody has it"})
    assert rows_in(none) == []


def test_what_a_list_refuses_its_export_refuses(known: dict[str, Any]) -> None:
    owner: Client = known["owner"]
    for query in ({"sort": "nonsense"}, {"cursor": "x"}, {"limit": "5"}, {"separator": "tab"}):
        answer = owner.ask("GET", "/members.csv", query_string=query)
        assert answer.status_code == 422, query
        assert answer.content_type == "application/problem+json"
    nobody = owner.ask("GET", "/members/22222222-2222-4222-8222-222222222222/memberships.csv")
    assert nobody.status_code == 404


def test_an_export_is_read_as_of_a_moment(  # EX1, part of AU3
    house: House, known: dict[str, Any]
) -> None:
    then = house.clock.now().isoformat()
    house.clock.advance(timedelta(minutes=5))
    owner: Client = known["owner"]
    path = f"/members/{known['member_id']}/memberships.csv"
    (one,) = rows_in(owner.ask("GET", path, query_string={"as_of": then}))
    assert one["plan_id"] == str(known["plan_id"])
    assert owner.ask("GET", "/members.csv", query_string={"as_of": then}).status_code == 202
    house.parts.past.worker.build()
    everybody = rows_in(owner.ask("GET", "/members.csv", query_string={"as_of": then}))
    assert len(everybody) == PEOPLE


def test_excel_is_helped_where_asked(known: dict[str, Any]) -> None:  # EX1
    owner: Client = known["owner"]
    answer = owner.ask("GET", "/tags.csv", query_string={"bom": "true", "separator": "semicolon"})
    assert answer.data == b"\xef\xbb\xbftag;members\r\nvip;1\r\n"


def test_an_export_says_how_fresh_it_is_and_in_the_document_what_it_is(house: House) -> None:
    owner = house.as_staff("owner")
    assert "Ledger-Position" in owner.ask("GET", "/orders.csv").headers
    document: Any = owner.flask.get(API + "/openapi.json").json
    operation = document["paths"]["/api/v1/orders.csv"]["get"]
    assert operation["responses"]["200"]["content"] == {"text/csv": {"schema": {"type": "string"}}}
    assert {one["name"] for one in operation["parameters"]} >= {"state", "separator", "as_of"}
    assert "cursor" not in {one["name"] for one in operation["parameters"]}
