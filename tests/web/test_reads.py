"""Lists come in pages, and every read says how fresh it is."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.asking import REFUND, REFUNDS, program, told
from tests.web.conftest import StillViews
from web.parts import Parts


@pytest.fixture
def headers(parts: Parts) -> dict[str, str]:
    return program(parts)


def test_the_pages_of_a_list_are_the_whole_list(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    numbers: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"/api/v1/orders?limit=4{cursor and '&cursor=' + cursor}"
        page = told(client.get(path, headers=headers))
        numbers += [row["number"] for row in page["items"]]
        cursor = page["next"]
    assert numbers == list(range(1, 11))


def test_a_cursor_belongs_to_its_list_and_filters(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    first = told(client.get("/api/v1/orders?limit=4&paid=true", headers=headers))
    cursor = first["next"]
    same = client.get(f"/api/v1/orders?limit=2&paid=true&cursor={cursor}", headers=headers)
    other = client.get(f"/api/v1/orders?limit=4&paid=false&cursor={cursor}", headers=headers)
    assert same.status_code == 200
    assert (other.status_code, told(other)["code"]) == (422, "cursor_invalid")


def test_an_altered_cursor_is_refused_at_every_letter(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    first = told(client.get("/api/v1/orders?limit=4", headers=headers))
    cursor = first["next"]
    for at in range(0, len(cursor) - 1, 7):
        altered = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        answer = client.get(f"/api/v1/orders?cursor={altered}", headers=headers)
        assert answer.status_code == 422


def test_a_cursor_tells_nothing(client: FlaskClient, headers: dict[str, str]) -> None:
    pages = [told(client.get("/api/v1/orders?limit=4", headers=headers)) for _ in range(2)]
    assert pages[0]["next"] != pages[1]["next"]


def test_a_read_says_how_fresh_it_is(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get("/api/v1/orders", headers=headers)
    headers_told = [
        answer.headers[name] for name in ("Ledger-Position", "Ledger-Lag", "Ledger-Age")
    ]
    assert headers_told == ["7", "0", "0"]


def test_a_read_does_not_wait_for_what_has_been_read_or_was_never_written(
    client: FlaskClient, headers: dict[str, str], views: StillViews
) -> None:
    answer = client.get("/api/v1/orders", headers=headers | {"Ledger-Position": "7"})
    assert (answer.status_code, views.waited_for) == (200, [])


def test_a_view_that_is_behind_says_how_far(
    client: FlaskClient, headers: dict[str, str], views: StillViews
) -> None:
    answer = client.get("/api/v1/orders", headers=headers | {"Ledger-Position": "12"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    problem = {name: told(answer)[name] for name in ("code", "position", "lag")}
    assert problem == {"code": "view_behind", "position": 7, "lag": 5}
    assert views.waited_for == []


@pytest.mark.parametrize("position", ["", "-1", "1.0", "seven", "9" * 19, "1, 2"])
def test_a_malformed_position_is_refused(
    client: FlaskClient, headers: dict[str, str], position: str
) -> None:
    answer = client.get("/api/v1/orders", headers=headers | {"Ledger-Position": position})
    assert answer.status_code == 400
    assert told(answer)["errors"][0]["header"] == "Ledger-Position"


def test_a_command_answers_with_its_position(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(REFUNDS, json=REFUND, headers=headers | {"Idempotency-Key": "k1"})
    assert answer.headers["Ledger-Position"] == "42"
    assert "Ledger-Lag" not in answer.headers
