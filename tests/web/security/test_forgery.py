"""Forms that another site sends in somebody's name: none is taken (CSRF)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.security.conftest import Site, form_token
from tests.web.security.things import Door, Form, doors, filled, furnish, path_of

SIGNED_ADDRESS = "/unsubscribe/<token>"
"""Its address is signed, and mail programs post to it: nothing of a browser's is used."""

ELSEWHERE: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:81"},
    {"Origin": "null"},
)
HERE: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost"},
)


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    furnish(site)
    return site


def both(site: Site) -> FlaskClient:
    """A browser that is signed in as a member and as the owner."""
    client, staff = site.as_member(site.known["member_id"]).client, site.staff("owner").client
    cookie = staff.get_cookie("team")
    assert cookie is not None
    client.set_cookie("team", cookie.value)
    return client


def forms(site: Site) -> list[tuple[Door, str, Form]]:
    """Every form of the site, with its address, filled in as well as can be."""
    known = filled(site)
    return [
        (door, path_of(site, rule), {**known.get(door.rule, {}), "command": site.command()})
        for door, rule in doors(site)
        if door.method == "POST" and door.rule != SIGNED_ADDRESS
    ]


def test_no_form_is_taken_without_a_token(furnished: Site) -> None:
    client, before = both(furnished), furnished.position()
    for door, path, form in forms(furnished):
        assert client.post(path, data=form).status_code == 400, door
    assert furnished.position() == before
    assert client.get("/account").status_code == 200
    assert client.get("/panel/security").status_code == 200


def test_no_form_is_taken_with_the_token_of_another_browser(furnished: Site) -> None:
    client, before = both(furnished), furnished.position()
    form_token(client)
    others = form_token(furnished.staff("owner").client)
    for door, path, form in forms(furnished):
        sent = {**form, "csrf_token": others}
        assert client.post(path, data=sent).status_code == 400, door
    assert furnished.position() == before


def test_no_form_is_taken_with_a_stale_or_altered_token(furnished: Site) -> None:
    client, before = both(furnished), furnished.position()
    stale = form_token(client)
    client.delete_cookie("form")
    own = form_token(client)
    for token in ("", stale, own[:-1], f"{own}x", own.swapcase()):
        sent = {"name": "Forged", "command": furnished.command(), "csrf_token": token}
        assert client.post("/panel/lists", data=sent).status_code == 400, token
    assert furnished.position() == before


def test_no_form_is_taken_from_another_site_whatever_it_holds(furnished: Site) -> None:
    client, before = both(furnished), furnished.position()
    token = form_token(client)
    for number, (door, path, form) in enumerate(forms(furnished)):
        sent, headers = {**form, "csrf_token": token}, ELSEWHERE[number % len(ELSEWHERE)]
        answer = client.post(path, data=sent, headers=headers)
        assert (answer.status_code, answer.mimetype) == (403, "text/html"), (door, headers)
    for headers in ELSEWHERE:
        sent = {"name": "Forged", "command": furnished.command(), "csrf_token": token}
        assert client.post("/panel/lists", data=sent, headers=headers).status_code == 403, headers
    assert furnished.position() == before
    assert client.get("/account").status_code == 200
    assert client.get("/panel/security").status_code == 200


def test_this_sites_own_pages_send_their_forms(furnished: Site) -> None:
    client = both(furnished)
    token = form_token(client)
    for number, headers in enumerate(HERE):
        before, name = furnished.position(), f"List {number}"
        sent = {"name": name, "command": furnished.command(), "csrf_token": token}
        assert client.post("/panel/lists", data=sent, headers=headers).status_code == 303, headers
        assert furnished.position() > before


def test_the_interface_takes_nothing_by_cookie_from_another_site(furnished: Site) -> None:
    client, before = both(furnished), furnished.position()
    form_token(client)
    others = form_token(furnished.staff("owner").client)
    asked = {
        "/api/v1/account/name": ("PUT", {"name": "Forged"}),
        "/api/v1/lists": ("POST", {"name": "Forged"}),
        f"/api/v1/members/{furnished.known['member_id']}/tags": ("PUT", {"tag": "forged"}),
        "/api/v1/session": ("DELETE", None),
    }
    for path, (method, body) in asked.items():
        for elsewhere in (*ELSEWHERE, {}, {"X-CSRF-Token": others}):
            headers = {**elsewhere, "Idempotency-Key": furnished.command()}
            answer = client.open(path, method=method, json=body, headers=headers)
            assert answer.status_code == 403, (path, headers)
            assert (answer.json or {})["code"] == "csrf_refused", (path, headers)
    assert furnished.position() == before
    assert client.get("/panel/security").status_code == 200


def test_nobody_is_signed_in_by_a_form_of_another_site(furnished: Site) -> None:
    client, sent = furnished.stranger().client, '{"email": "a@example.org", "password": "x"}'
    plain = {"Content-Type": "text/plain", "Idempotency-Key": "1"}  # all that a form can send
    for path in ("/api/v1/sessions", "/api/v1/team/sessions", "/api/v1/sign-ups"):
        answer = client.post(path, data=sent, headers=plain)
        assert answer.status_code == 415, path
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        before = client.options(path, headers=asked)
        assert "Access-Control-Allow-Origin" not in before.headers
