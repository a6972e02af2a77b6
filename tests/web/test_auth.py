"""Who asks, and whether they may."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.asking import REFUND, REFUNDS, named, program, sign_in, told
from tests.web.conftest import SmallTeam
from tests.web.sample import CARRIED_OUT
from web.identity.auth import declared, sign_out
from web.identity.auth import sign_in as hand_out
from web.identity.permissions import HOLDERS, Permission, Role
from web.origins import own_path
from web.parts import Parts
from web.sessions.limits import BAD_TOKEN_FROM
from web.sessions.sessions import Kind

ADA, SAM = named("ada"), named("sam")
KEY = {"Idempotency-Key": "k1"}
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
ACCESS = f"/api/v1/access?plan={ADA}"


def staff(client: FlaskClient, parts: Parts, team: SmallTeam, role: Role) -> str:
    team.roles[SAM] = {role.value}
    return sign_in(client, parts, Kind.CONTRIBUTOR, SAM)


def refund(client: FlaskClient, **headers: str) -> TestResponse:
    return client.post(REFUNDS, json=REFUND, headers=KEY | headers)


def test_a_stranger_is_asked_who_they_are(client: FlaskClient) -> None:
    answer = client.get(ACCESS)
    assert (answer.status_code, told(answer)["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.MEMBER])
def test_a_contributor_may_what_their_role_may(
    client: FlaskClient, parts: Parts, team: SmallTeam, role: Role
) -> None:  # NO5, OR3
    staff(client, parts, team, role)
    expected = 201 if role in HOLDERS[Permission.REFUND_ORDERS] else 403
    assert refund(client, **SAME_ORIGIN).status_code == expected
    readers = 200 if role in HOLDERS[Permission.READ_ACCESS] else 403
    assert client.get(ACCESS).status_code == readers


def test_a_refusal_names_the_permission(client: FlaskClient, parts: Parts, team: SmallTeam) -> None:
    staff(client, parts, team, Role.AUDITOR)
    answer = refund(client, **SAME_ORIGIN)
    assert (told(answer)["code"], told(answer)["permission"]) == ("forbidden", "orders:refund")


def test_a_removed_contributor_is_a_stranger_at_once(
    client: FlaskClient, parts: Parts, team: SmallTeam
) -> None:
    staff(client, parts, team, Role.OWNER)
    assert client.get(ACCESS).status_code == 200
    team.roles.clear()
    assert client.get(ACCESS).status_code == 401


def test_staff_never_touch_a_payment_method(
    client: FlaskClient, parts: Parts, team: SmallTeam
) -> None:  # AC6
    for role in (Role.OWNER, Role.ADMINISTRATOR, Role.STORE_MANAGER):
        staff(client, parts, team, role)
        answer = client.delete("/api/v1/account/method", headers=SAME_ORIGIN)
        assert answer.status_code == 403
    headers = program(parts, Role.ADMINISTRATOR)
    assert client.delete("/api/v1/account/method", headers=headers).status_code == 403
    assert CARRIED_OUT == []


def test_the_person_does(client: FlaskClient, parts: Parts) -> None:
    sign_in(client, parts, Kind.MEMBER, ADA)
    answer = client.delete("/api/v1/account/method", headers=SAME_ORIGIN)
    assert (answer.status_code, answer.headers["Ledger-Position"]) == (204, "9")
    assert CARRIED_OUT == [ADA]


def test_one_browser_may_be_a_person_and_staff(
    client: FlaskClient, parts: Parts, team: SmallTeam
) -> None:
    sign_in(client, parts, Kind.MEMBER, ADA)
    staff(client, parts, team, Role.OWNER)
    assert client.get("/account").text == f"member:{ADA}"
    assert client.get("/panel").text == f"contributor:{SAM}"


def test_a_program_may_its_scopes_alone(client: FlaskClient, parts: Parts) -> None:
    headers = program(parts, Role.ADMINISTRATOR, {Permission.READ_ACCESS})
    assert client.get(ACCESS, headers=headers).status_code == 200
    assert client.get("/api/v1/orders", headers=headers).status_code == 403


@pytest.mark.parametrize("header", ["Bearer lgr_wrong", "Bearer ", "Basic abc", "lgr_x", "\x80"])
def test_a_wrong_token_is_refused_whatever_cookies_come_along(
    client: FlaskClient, parts: Parts, team: SmallTeam, header: str
) -> None:
    staff(client, parts, team, Role.OWNER)
    assert client.get(ACCESS, headers={"Authorization": header}).status_code == 401


def test_who_guesses_tokens_is_slowed_down(client: FlaskClient) -> None:
    for _ in range(BAD_TOKEN_FROM.uses):
        client.get(ACCESS, headers={"Authorization": "Bearer lgr_wrong"})
    answer = client.get(ACCESS, headers={"Authorization": "Bearer lgr_wrong"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"X-CSRF-Token": "made up"},
    ],
)
def test_another_site_can_not_act_for_staff(
    client: FlaskClient, parts: Parts, team: SmallTeam, headers: dict[str, str]
) -> None:
    staff(client, parts, team, Role.OWNER)
    answer = refund(client, **headers)
    assert answer.status_code == 403
    assert CARRIED_OUT == []


@pytest.mark.parametrize("headers", [SAME_ORIGIN, {"Origin": "http://localhost"}])
def test_our_own_pages_can(
    client: FlaskClient, parts: Parts, team: SmallTeam, headers: dict[str, str]
) -> None:
    staff(client, parts, team, Role.OWNER)
    assert refund(client, **headers).status_code == 201


def test_the_form_token_is_enough(client: FlaskClient, parts: Parts, team: SmallTeam) -> None:
    staff(client, parts, team, Role.OWNER)
    token = client.get("/").text
    assert refund(client, **{"X-CSRF-Token": token}).status_code == 201


def test_a_program_needs_no_form_token(client: FlaskClient, parts: Parts) -> None:
    assert refund(client, **program(parts), **{"Sec-Fetch-Site": "cross-site"}).status_code == 201


def test_a_stranger_is_sent_to_the_right_sign_in(client: FlaskClient) -> None:
    own, team = client.get("/account?tab=2"), client.get("/panel")
    assert (own.status_code, own.location) == (302, "/sign-in?next=%2Faccount%3Ftab%3D2")
    assert (team.status_code, team.location) == (302, "/team/sign-in?next=%2Fpanel")


def test_the_wrong_side_of_the_house_is_a_page_that_says_so(
    client: FlaskClient, parts: Parts
) -> None:
    sign_in(client, parts, Kind.MEMBER, ADA)
    answer = client.get("/panel")
    assert (answer.status_code, answer.mimetype) == (403, "text/html")


def test_a_form_needs_its_token(client: FlaskClient, parts: Parts, team: SmallTeam) -> None:
    staff(client, parts, team, Role.OWNER)
    assert client.post("/panel/refund").status_code == 400
    token = client.get("/").text
    assert client.post("/panel/refund", data={"csrf_token": token}).text == "refunded"


def test_signing_in_and_out(app: Flask, parts: Parts) -> None:
    client = app.test_client()
    with app.test_request_context():
        answer = app.make_response("")
        hand_out(answer, Kind.MEMBER, parts.desk.sessions.open(Kind.MEMBER, ADA))
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    token = cookie.split("=", 1)[1].split(";")[0]
    client.set_cookie("session", token)
    assert client.get("/account").status_code == 200
    with app.test_request_context(headers={"Cookie": f"session={token}"}):
        sign_out(app.make_response(""), Kind.MEMBER)
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("/join?plan=1#x", "/join?plan=1#x"),
        (None, "/"),
        ("", "/"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("///evil.example", "/"),
    ],
)
def test_after_sign_in_people_stay_here(destination: str | None, expected: str) -> None:
    assert own_path(destination) == expected


def test_every_route_declares_its_permission(app: Flask) -> None:
    undeclared = [
        rule.rule for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None
    ]
    assert undeclared == []
