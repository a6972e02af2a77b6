"""The document is generated from the declarations, and valid; the page can be read."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from tests.web import sample


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/api/v1/openapi.json").json


def test_the_document_is_valid(document: Any) -> None:
    validate(document, cls=OpenAPIV31SpecValidator)
    assert document["openapi"] == "3.1.0"


def test_every_route_is_in_it_once(document: Any) -> None:
    found = [op["operationId"] for path in document["paths"].values() for op in path.values()]
    assert sorted(found) == sorted(route.name for route in sample.routes)


def test_an_operation_tells_its_body_answers_refusals_and_permission(document: Any) -> None:
    refund = document["paths"]["/api/v1/orders/{order_id}/refunds"]["post"]
    assert refund["x-permission"] == "orders:refund"
    assert refund["x-roles"] == ["administrator", "owner", "store_manager"]
    body = refund["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/RefundRequest"}
    assert "`refund_too_large`" in refund["responses"]["422"]["description"]
    assert set(refund["responses"]) >= {"201", "400", "401", "403", "404", "409", "413", "415"}
    by_name = {parameter["name"]: parameter for parameter in refund["parameters"]}
    assert by_name["order_id"]["schema"] == {"type": "string", "format": "uuid"}
    assert by_name["Idempotency-Key"]["required"] is True


def test_a_list_parameter_is_a_list_without_references(document: Any) -> None:
    orders = document["paths"]["/api/v1/orders"]["get"]
    kind = next(each for each in orders["parameters"] if each["name"] == "kind")
    assert kind["schema"]["type"] == "array"
    assert kind["schema"]["items"]["enum"] == ["moved", "other"]


def test_what_is_public_needs_nobody_and_the_rest_somebody(document: Any) -> None:
    assert {} in document["paths"]["/api/v1/members/{text}"]["get"]["security"]
    assert {} not in document["paths"]["/api/v1/orders"]["get"]["security"]


def test_the_page_shows_every_operation_and_asks_no_other_host(client: FlaskClient) -> None:
    page = client.get("/api/v1/docs").text
    for route in sample.routes:
        assert f'id="{route.name}"' in page
    assert "//" not in page.replace("http://127.0.0.1:8000/api/v1", "")
    assert "<script" not in page
