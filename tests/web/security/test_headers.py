"""What every answer tells the browser: no frame, no cache, no script but ours, no referrer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.security.conftest import FORM_TOKEN, Site
from tests.web.security.things import doors, furnish, path_of
from web.app import create_app
from web.pages import all_pages

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
STRICT = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OTHER_PATHS = (
    "/nowhere",
    "/api/v1/nowhere",
    "/api/v1/docs",
    "/api/v1/session",
    "/healthz",
    "/static/site.js",
)
WITH_TOKENS = (
    "/sign-up/verify?token=x",
    "/password/reset?token=x",
    "/account/email/confirm?token=x",
    "/team/welcome?token=x",
    "/pay?token=x",
    "/pay/confirm?token=x",
    "/unsubscribe/test",
    "/unsubscribe/x",
    "/to/x",
    "/mailbox",
)
"""Their addresses let somebody in, or they show what was mailed to others."""

IMPERSONAL = ("/embed/", "/static/", "/healthz", "/nowhere")
ALLIES = "https://ally.example https://friend.example"


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    furnish(site)
    return site


def known_browser(site: Site) -> FlaskClient:
    """Signed in as a member and as the owner."""
    client, staff = site.as_member(site.known["member_id"]).client, site.staff("owner").client
    cookie = staff.get_cookie("team")
    assert cookie is not None
    client.set_cookie("team", cookie.value)
    return client


def pages(site: Site, client: FlaskClient) -> Iterator[tuple[str, TestResponse]]:
    """Every page that is there to be read, as a browser gets it."""
    for door, rule in doors(site):
        if door.method == "GET":
            path = path_of(site, rule)
            yield path, client.get(path)


def test_every_answer_is_strict_and_what_is_personal_is_kept_nowhere(furnished: Site) -> None:
    stranger, known = furnished.stranger().client, known_browser(furnished)
    for client in (stranger, known):
        others = [(path, client.get(path)) for path in OTHER_PATHS]
        for path, answer in (*pages(furnished, client), *others):
            told = {name: answer.headers.get(name) for name in STRICT}
            assert told == STRICT, path
            is_personal = client is known and not path.startswith(IMPERSONAL)
            if is_personal or FORM_TOKEN.search(answer.text):
                assert answer.headers.get("Cache-Control") == "no-store", path
            answer.close()


def test_what_a_mailed_link_opens_is_kept_nowhere(furnished: Site) -> None:
    client = furnished.stranger().client
    for path in WITH_TOKENS:
        assert client.get(path).headers.get("Cache-Control") == "no-store", path


def test_only_the_block_may_be_framed_and_by_the_named_sites_alone(furnished: Site) -> None:
    settings = furnished.parts.settings.model_copy(update={"embed_origins": ALLIES})
    app = create_app(replace(furnished.parts, settings=settings), pages=all_pages())
    client, plan_id = app.test_client(), furnished.known["plan_id"]
    for path in ("/embed/plans", f"/embed/plans/{plan_id}"):
        answer = client.get(path)
        allowed = POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {ALLIES}")
        assert answer.headers["Content-Security-Policy"] == allowed
        assert answer.headers["X-Frame-Options"] != "DENY"
    for path in ("/", f"/plans/{plan_id}", "/sign-in", "/team/sign-in", "/embed/nothing"):
        answer = client.get(path)
        assert answer.headers["Content-Security-Policy"] == POLICY, path
        assert answer.headers["X-Frame-Options"] == "DENY", path


class Clickable(HTMLParser):
    """What a page has to click at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.controls: list[str] = []
        self.links: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"form", "button", "input", "select", "textarea", "iframe"}:
            self.controls.append(tag)
        if tag == "a":
            self.links.append(dict(attrs))


def test_whoever_clicks_blindly_at_the_block_does_nothing_but_leave_it(furnished: Site) -> None:
    stranger, known = furnished.stranger().client, known_browser(furnished)
    for path in ("/embed/plans", f"/embed/plans/{furnished.known['plan_id']}"):
        plain, answer = stranger.get(path), known.get(path)
        assert answer.text == plain.text, path
        assert "Set-Cookie" not in answer.headers
        seen = Clickable(plain.text)
        assert seen.controls == []
        ways = [link for link in seen.links if not (link["href"] or "").startswith(("#", path))]
        assert ways
        assert {link.get("target") for link in ways} <= {"_top", "_blank"}


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example"]
)
def test_no_other_host_name_is_answered_or_believed(site: Site, host: str) -> None:
    client = site.stranger().client
    assert client.get("/sign-in", headers={"Host": host}).status_code == 400
    told = {"X-Forwarded-Host": host, "X-Host": host, "Forwarded": f"host={host}"}
    answer = client.get("/account", headers=told)
    assert answer.location == "/sign-in?next=%2Faccount"
    token = FORM_TOKEN.search(client.get("/sign-up", headers=told).text)
    assert token is not None
    sent = {"name": "Ada", "email": f"a{abs(hash(host))}@example.org", "csrf_token": token[1]}
    assert client.post("/sign-up", data=sent, headers=told).status_code == 200
    [kept] = site.parts.desk.mailbox.recent(to=sent["email"])
    assert "evil" not in kept.mail.text + kept.mail.html
    assert all(url.startswith(site.parts.settings.address) for url in kept.mail.links.values())
