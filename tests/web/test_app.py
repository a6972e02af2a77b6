"""What every answer says to browsers, and what happens when something fails."""

from __future__ import annotations

import base64
from collections.abc import Callable

import psycopg
import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from pydantic import AnyHttpUrl
from structlog.testing import capture_logs

from ledger.errors import LedgerError
from tests.web.asking import named, program, sign_in
from tests.web.conftest import MASTER_KEY
from web.app import create_app
from web.identity.auth import requires
from web.identity.permissions import Permission
from web.parts import Parts
from web.sessions.sessions import Kind


@pytest.fixture
def secure_client(parts: Parts) -> FlaskClient:
    settings = parts.settings.model_copy(
        update={"base_url": AnyHttpUrl("https://members.example"), "trusted_proxies": 1}
    )
    from dataclasses import replace

    from tests.web import sample

    app = create_app(replace(parts, settings=settings), pages=(sample.pages(),))
    return app.test_client()


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1/nothing", "/api/v1/docs"])
def test_every_answer_is_strict(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_private_pages_are_not_stored(client: FlaskClient, parts: Parts) -> None:
    sign_in(client, parts, Kind.MEMBER, named("ada"))
    assert client.get("/account").headers["Cache-Control"] == "no-store"
    assert client.get("/api/v1/orders", headers=program(parts)).headers["Cache-Control"] == (
        "no-store"
    )


def test_over_https_cookies_are_bound_to_the_host(secure_client: FlaskClient) -> None:
    answer = secure_client.get("/", base_url="https://members.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-form=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert "Strict-Transport-Security" in answer.headers


def test_another_host_name_is_refused(client: FlaskClient) -> None:
    assert client.get("/", base_url="http://evil.example").status_code == 400


def test_static_files_are_served(client: FlaskClient) -> None:
    answer = client.get("/static/api-docs.css")
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    answer.close()


def failing(raising: Callable[[], Exception]) -> Blueprint:
    blueprint = Blueprint("failing", __name__)

    @blueprint.get("/fails")
    @requires(Permission.PUBLIC)
    def fails() -> str:
        raise raising()

    @blueprint.get("/undeclared")
    def undeclared() -> str:
        return "secret"

    return blueprint


@pytest.mark.parametrize(
    ("raising", "status"),
    [
        (lambda: psycopg.OperationalError("hunter2"), 503),
        (lambda: RuntimeError("hunter2"), 500),
        (lambda: LedgerError(hunter2="hunter2"), 500),
    ],
)
def test_a_failure_tells_nothing_of_the_inside(
    parts: Parts, raising: Callable[[], Exception], status: int
) -> None:
    client = create_app(parts, pages=(failing(raising),)).test_client()
    with capture_logs() as logs:
        answer = client.get("/fails")
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "hunter2" not in answer.text
    assert len(logs) == 1


def test_a_page_that_forgot_its_permission_is_seen_by_nobody(parts: Parts) -> None:
    client = create_app(parts, pages=(failing(RuntimeError),)).test_client()
    answer = client.get("/undeclared")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_the_key_of_the_form_cookie_is_not_the_master_key(app: Flask) -> None:
    secret = app.config["SECRET_KEY"]
    assert secret != MASTER_KEY
    assert base64.b64encode(secret) != base64.b64encode(MASTER_KEY)
