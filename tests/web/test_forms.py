"""Forms as browsers send them."""

from __future__ import annotations

from enum import StrEnum

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from pydantic import Field
from werkzeug.datastructures import MultiDict

from tests.web.asking import named, sign_in
from web.api.models import Query
from web.app import create_app
from web.identity.auth import requires
from web.identity.permissions import Permission
from web.pages.forms import actor, cause, command_field, read
from web.parts import Parts
from web.sessions.sessions import Kind

ADA = named("ada")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wish(Query):
    name: str = Field(min_length=2)
    count: int = 1
    colours: list[Colour] = []
    hurry: bool = False


def test_a_filled_form_is_its_model() -> None:
    sent = MultiDict(
        [
            ("name", "Ada"),
            ("count", "3"),
            ("colours", "red"),
            ("colours", "blue"),
            ("hurry", "true"),
        ]
    )
    assert read(Wish, sent).value == Wish(
        name="Ada", count=3, colours=[Colour.RED, Colour.BLUE], hurry=True
    )


def test_what_is_left_empty_is_not_there() -> None:
    sent = MultiDict([("name", "Ada"), ("count", " "), ("colours", ""), ("csrf_token", "x")])
    assert read(Wish, sent).value == Wish(name="Ada")


def test_each_fault_stands_at_its_field_and_nothing_given_is_lost() -> None:
    filled = read(Wish, MultiDict([("name", "A"), ("count", "many"), ("colours", "green")]))
    assert filled.value is None
    assert {name: fault.code for name, fault in filled.faults.items()} == {
        "name": "string_too_short",
        "count": "int_type",
        "colours": "enum",
    }
    assert filled.given["count"] == ["many"]


@pytest.fixture
def form_client(parts: Parts) -> FlaskClient:
    pages = Blueprint("forms", __name__)

    @pages.get("/form")
    @requires(Permission.OWN_ACCOUNT)
    def form() -> str:
        return str(command_field())

    @pages.post("/form")
    @requires(Permission.OWN_ACCOUNT)
    def posted() -> str:
        return f"{actor().id} {cause().id}"

    app = create_app(parts, pages=(pages,))
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    sign_in(client, parts, Kind.MEMBER, ADA)
    return client


def test_a_form_sent_twice_is_one_command(form_client: FlaskClient) -> None:
    commands = [form_client.get("/form").text.split('value="')[1][:36] for _ in range(2)]
    first, again, other = (
        form_client.post("/form", data={"command": command}).text
        for command in (commands[0], commands[0], commands[1])
    )
    assert first.startswith(str(ADA))
    assert first == again != other


def test_a_form_without_its_command_is_refused(form_client: FlaskClient) -> None:
    assert form_client.post("/form").status_code == 400
    assert form_client.post("/form", data={"command": "x"}).status_code == 400


@pytest.mark.parametrize("path", ["/?q=a%00b", "/?a%00=1", "/a%00b"])
def test_no_page_takes_a_nul(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code in {400, 404}


def test_no_form_takes_a_nul(form_client: FlaskClient) -> None:
    assert form_client.post("/form", data={"name": "a\x00b"}).status_code == 400
