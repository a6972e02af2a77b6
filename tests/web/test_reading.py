"""Bad input is a problem that names the field, and never reaches the database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.web.asking import REFUND, REFUNDS, named, program, told
from tests.web.sample import CARRIED_OUT
from web.parts import Parts

MONEY = '{"minor": 500, "currency": "EUR"}'


@pytest.fixture
def headers(parts: Parts) -> dict[str, str]:
    return {**program(parts), "Idempotency-Key": "k1", "Content-Type": "application/json"}


def faults(answer: TestResponse) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in told(answer)["errors"]]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ("", 400, ("", "malformed_json")),
        ("{", 400, ("", "malformed_json")),
        ("[" * 100_000, 400, ("", "too_deep")),
        ('{"reason":' + '{"a":' * 40 + "1" + "}" * 41, 400, ("/reason", "too_deep")),
        (b'{"reason": "\xff"}', 400, ("", "not_utf8")),
        ('{"reason": NaN}', 422, ("/reason", "number_too_large")),
        ('{"reason": 1e999}', 422, ("/reason", "number_too_large")),
        ('{"amount": {"minor": ' + "9" * 5000 + "}}", 422, ("/amount/minor", "number_too_large")),
        ('{"amount": {"minor": 9223372036854775808}}', 422, ("/amount/minor", "number_too_large")),
        (r'{"reason": "a\u0000b"}', 422, ("/reason", "text_unfit")),
        (r'{"reason": "\ud800"}', 422, ("/reason", "text_unfit")),
        (r'{"\udfff": 1}', 422, ("", "text_unfit")),
        ('{"reason": "a", "reason": "b"}', 422, ("/reason", "repeated")),
        ('{"amount": {"minor": 1, "minor": 2}}', 422, ("/amount/minor", "repeated")),
        ("[]", 422, ("", "model_type")),
        ("null", 422, ("", "model_type")),
    ],
)
def test_an_unsound_body_is_refused(
    client: FlaskClient, headers: dict[str, str], body: str, status: int, expected: tuple[str, str]
) -> None:
    answer = client.post(REFUNDS, data=body, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert faults(answer) == [expected]
    assert CARRIED_OUT == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"amount": {"minor": "500", "currency": "EUR"}}, ("/amount/minor", "int_type")),
        ({"amount": {"minor": True, "currency": "EUR"}}, ("/amount/minor", "int_type")),
        ({"amount": {"minor": 5.0, "currency": "EUR"}}, ("/amount/minor", "int_type")),
        ({"amount": {"minor": 5, "currency": "EURO"}}, ("/amount", "unknown_currency")),
        ({"amount": 500}, ("/amount", "dataclass_type")),
        ({"reason": ""}, ("/reason", "string_too_short")),
        ({"reason": "x" * 501}, ("/reason", "string_too_long")),
        ({"kind": "whim"}, ("/kind", "enum")),
        ({"at": "yesterday"}, ("/at", "datetime_parsing")),
        ({"at": "1700000000"}, ("/at", "datetime_parsing")),
        ({"at": "2026-11-22T12:00:00"}, ("/at", "datetime_parsing")),
        ({"at": "2026-02-30T12:00:00Z"}, ("/at", "datetime_parsing")),
        ({"at": "0001-01-01T00:00:00+23:00"}, ("/at", "datetime_parsing")),
        ({"at": 1700000000}, ("/at", "datetime_type")),
        ({"asked_by": "me"}, ("/asked_by", "uuid_parsing")),
        ({"a/b~c": 1}, ("/a~1b~0c", "extra_forbidden")),
    ],
)
def test_a_field_at_fault_is_named_by_its_pointer(
    client: FlaskClient, headers: dict[str, str], change: Any, expected: tuple[str, str]
) -> None:
    answer = client.post(REFUNDS, data=json.dumps(REFUND | change), headers=headers)
    assert (answer.status_code, told(answer)["code"]) == (422, "invalid_request")
    assert faults(answer) == [expected]


def test_no_refusal_echoes_what_was_sent(client: FlaskClient, headers: dict[str, str]) -> None:
    sent = {"amount": "hunter2", "reason": ["hunter2"], "kind": "hunter2", "at": "hunter2"}
    answer = client.post(REFUNDS, data=json.dumps(sent | {"asked_by": "hunter2"}), headers=headers)
    assert len(told(answer)["errors"]) == 5
    assert "hunter2" not in answer.text


def test_a_very_long_field_name_is_cut(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(REFUNDS, data=json.dumps(REFUND | {"x" * 9000: 1}), headers=headers)
    assert len(told(answer)["errors"][0]["pointer"]) == 200


@pytest.mark.parametrize("size", [(1 << 20) + 1, 10 << 20])
def test_a_huge_body_is_too_large(client: FlaskClient, headers: dict[str, str], size: int) -> None:
    answer = client.post(REFUNDS, data=b"x" * size, headers=headers)
    assert (answer.status_code, told(answer)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Type", "application/json; charset=latin-1"),
        ("Content-Encoding", "gzip"),
    ],
)
def test_another_kind_of_body_is_415(
    client: FlaskClient, headers: dict[str, str], name: str, value: str
) -> None:
    answer = client.post(REFUNDS, data=json.dumps(REFUND), headers=headers | {name: value})
    assert answer.status_code == 415


def test_a_form_post_is_415(client: FlaskClient, parts: Parts) -> None:
    headers = {**program(parts), "Idempotency-Key": "k1"}
    assert client.post(REFUNDS, data={"reason": "x"}, headers=headers).status_code == 415


@pytest.mark.parametrize(
    ("query", "status", "parameter", "code"),
    [
        ("limit=ten", 422, "limit", "int_type"),
        ("limit=1_0", 422, "limit", "int_type"),
        ("limit=%2010", 422, "limit", "int_type"),
        ("limit=1.0", 422, "limit", "int_type"),
        ("limit=0", 422, "limit", "greater_than_equal"),
        ("limit=" + "9" * 5000, 422, "limit", "int_type"),
        ("limit=9999999999999999999", 422, "limit", "less_than_equal"),
        ("limit=", 422, "limit", "int_type"),
        ("limit=5&limit=6", 422, "limit", "repeated"),
        ("paid=yes", 422, "paid", "bool_type"),
        ("kind=moved&kind=whim", 422, "kind", "enum"),
        ("sort=name", 422, "sort", "unknown_parameter"),
        ("text=a%00b", 422, "text", "text_unfit"),
        ("text=%ff", 400, None, "malformed_query"),
        ("text=%ed%a0%80", 400, None, "malformed_query"),
        ("&".join(f"kind{n}=1" for n in range(101)), 400, None, "malformed_query"),
        ("cursor=nonsense", 422, "cursor", "cursor_invalid"),
    ],
)
def test_a_bad_query_names_its_parameter(
    client: FlaskClient, parts: Parts, query: str, status: int, parameter: str, code: str
) -> None:
    answer = client.get(f"/api/v1/orders?{query}", headers=program(parts))
    assert answer.status_code == status
    found = told(answer)["errors"][0] if parameter else told(answer)
    assert (found.get("parameter"), found["code"]) == (parameter, code)


def test_only_a_list_may_be_repeated(client: FlaskClient, parts: Parts) -> None:
    path = "/api/v1/orders?kind=moved&kind=other&paid=true&limit=3"
    answer = client.get(path, headers=program(parts))
    assert [row["number"] for row in told(answer)["items"]] == [1, 2, 3]


def test_parameters_are_refused_where_none_is_read(client: FlaskClient) -> None:
    answer = client.get("/api/v1/members/x?a=1")
    assert told(answer)["errors"] == [
        {"parameter": "a", "code": "unknown_parameter", "detail": "There is no such parameter."}
    ]


def test_a_missing_parameter_is_named(client: FlaskClient, parts: Parts) -> None:
    answer = client.get("/api/v1/access", headers=program(parts))
    assert told(answer)["errors"][0]["parameter"] == "plan"


def test_a_body_where_none_is_read_is_refused(client: FlaskClient) -> None:
    answer = client.get("/api/v1/members/x", data=b'{"a": 1}')
    assert (answer.status_code, told(answer)["code"]) == (400, "body_unexpected")


def test_a_nul_in_the_path_is_refused(client: FlaskClient) -> None:
    assert told(client.get("/api/v1/members/a%00b"))["code"] == "text_unfit"


@pytest.mark.parametrize("path", ["/api/v1/orders/12/refunds", "/api/v1/nothing"])
def test_an_unknown_address_is_a_problem(
    client: FlaskClient, headers: dict[str, str], path: str
) -> None:
    answer = client.post(path, data="{}", headers=headers)
    assert (answer.status_code, told(answer)["code"]) == (404, "not_found")


def test_another_method_is_a_problem_that_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.patch("/api/v1/orders")
    assert (answer.status_code, told(answer)["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_refusal_of_the_books_has_its_status_code_and_pointer(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.post(REFUNDS, data=json.dumps(REFUND | {"reason": "too much"}), headers=headers)
    assert (answer.status_code, told(answer)["code"]) == (422, "refund_too_large")
    assert told(answer)["errors"][0]["pointer"] == "/amount"
    assert told(answer)["type"] == "/api/v1/docs#problem-refund_too_large"


def test_a_failure_of_ours_tells_a_reference_and_no_more(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = json.dumps(REFUND | {"reason": "broken"})
    with capture_logs() as logged:
        answer = client.post(REFUNDS, data=body, headers=headers)
    assert (answer.status_code, told(answer)["code"]) == (500, "internal_error")
    assert told(answer)["reference"] in told(answer)["detail"]
    assert "broken" not in answer.text
    # Neither what the error says, nor what any name held when it was raised.
    [said] = [one for one in logged if one["event"] == "unexpected"]
    assert said["reference"] == told(answer)["reference"]
    assert "sample.py" in json.dumps(said)
    assert "broken" not in json.dumps(said)
    assert "exc_info" not in said


def test_a_payment_company_that_is_silent_is_asked_again(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = json.dumps(REFUND | {"reason": "silent"})
    with capture_logs() as logged:
        answer = client.post(REFUNDS, data=body, headers=headers)
    assert (answer.status_code, told(answer)["code"]) == (503, "payment_company_silent")
    assert answer.headers["Retry-After"] == "30"
    assert "sk_test_secret" not in json.dumps(logged) + answer.text


def test_what_is_sound_arrives_as_sent(client: FlaskClient, headers: dict[str, str]) -> None:
    fine = {"reason": "☕ مرحبا 𝄞", "at": "2026-11-22T13:00:00+01:00", "asked_by": str(named("a"))}
    answer = client.post(REFUNDS, data=json.dumps(REFUND | fine), headers=headers)
    assert (answer.status_code, told(answer)["reason"]) == (201, "☕ مرحبا 𝄞")
