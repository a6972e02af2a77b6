"""Sessions that an attacker planted, copied or kept: none is worth anything afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from http.cookies import SimpleCookie
from uuid import UUID

import pyotp
import pytest
from flask.testing import FlaskClient
from pydantic import AnyHttpUrl
from werkzeug.test import TestResponse

from ledger import ids
from tests.web.pages.conftest import MACHINE, PASSWORD, Browser, cause
from tests.web.security.conftest import Site, form_token
from web.api.catalogue import all_routes
from web.app import create_app
from web.pages import all_pages
from web.sessions.sessions import Kind

HOME = {"session": "/account", "team": "/panel/security"}
NEW = "another horse battery"
PUBLIC_ADDRESS = "https://members.example"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Known:
    """Somebody with a password, on one side of the house."""

    site: Site
    cookie: str
    email: str
    account_id: UUID

    @property
    def kind(self) -> Kind:
        return Kind.MEMBER if self.cookie == "session" else Kind.CONTRIBUTOR

    @property
    def way_in(self) -> str:
        return "/sign-in" if self.cookie == "session" else "/team/sign-in"

    def sign_in(self, client: FlaskClient, password: str = PASSWORD) -> TestResponse:
        sent = {"email": self.email, "password": password}
        return post(client, self.way_in, page=self.way_in, **sent)

    def elsewhere(self) -> str:
        """The token of another browser of theirs."""
        return self.site.parts.desk.sessions.open(self.kind, self.account_id).token

    def lets_in(self, token: str) -> bool:
        """Whether a copy of a cookie opens anything."""
        client = self.site.app.test_client()
        client.set_cookie(self.cookie, token)
        return client.get(HOME[self.cookie]).status_code == 200

    def held(self, client: FlaskClient) -> str:
        """The session that a browser has."""
        found = client.get_cookie(self.cookie)
        return found.value if found else ""


def post(client: FlaskClient, path: str, *, page: str, **sent: str) -> TestResponse:
    """Send a form as its page would."""
    given = {"csrf_token": form_token(client, page), "command": str(ids.new()), **sent}
    return client.post(path, data=given)


def member(site: Site) -> Known:
    email = f"{ids.new()}@example.org"
    return Known(site, "session", email, site.account(email))


def contributor(site: Site, role: str = "administrator") -> Known:
    contributor_id, email = ids.new(), f"{ids.new()}@example.org"
    site.parts.ledger.add_contributor(
        contributor_id,
        email=email,
        name="Sam",
        roles=frozenset({role}),  # type: ignore[arg-type]
        locale="en",
        by=MACHINE,
        cause=cause(),
    )
    hashed = site.parts.desk.passwords.hash(PASSWORD)
    site.parts.desk.credentials.put(Kind.CONTRIBUTOR, contributor_id, email, password_hash=hashed)
    return Known(site, "team", email, contributor_id)


@pytest.fixture(params=[member, contributor])
def known(site: Site, request: pytest.FixtureRequest) -> Known:
    found: Known = request.param(site)
    return found


def test_a_planted_cookie_never_becomes_somebodys_session(known: Known) -> None:
    client = known.site.app.test_client()
    client.set_cookie(known.cookie, "planted")
    known.sign_in(client)
    assert known.held(client) != "planted"
    assert known.lets_in(known.held(client))
    assert not known.lets_in("planted")


def test_signing_in_ends_the_session_that_the_browser_had(known: Known) -> None:
    client, attackers = known.site.app.test_client(), known.elsewhere()
    client.set_cookie(known.cookie, attackers)
    known.sign_in(client)
    assert known.lets_in(known.held(client))
    assert not known.lets_in(attackers)


def test_a_form_token_of_before_the_sign_in_is_worth_nothing_after(known: Known) -> None:
    client = known.site.app.test_client()
    before = form_token(client)
    known.sign_in(client)
    answer = client.post(f"{known.way_in.replace('in', 'out')}", data={"csrf_token": before})
    assert answer.status_code == 400
    assert known.lets_in(known.held(client))
    held = form_token(client)
    post(client, known.way_in.replace("in", "out"), page="/team/sign-in")
    assert client.post("/sign-in", data={"csrf_token": held}).status_code == 400


def test_signing_out_ends_the_session_here(known: Known) -> None:
    client = known.site.app.test_client()
    known.sign_in(client)
    copied = known.held(client)
    post(client, known.way_in.replace("in", "out"), page="/team/sign-in")
    assert known.held(client) == ""
    assert not known.lets_in(copied)


def test_another_password_ends_every_session_and_hands_out_a_new_one(known: Known) -> None:
    client, elsewhere = known.site.app.test_client(), known.elsewhere()
    known.sign_in(client)
    before = known.held(client)
    path = "/account/password" if known.cookie == "session" else "/panel/security/password"
    wrong = {"current_password": "not the password", "password": NEW}
    assert post(client, path, page="/team/sign-in", **wrong).status_code == 422
    assert known.lets_in(elsewhere)
    sent = {"current_password": PASSWORD, "password": NEW}
    assert post(client, path, page="/team/sign-in", **sent).status_code == 303
    assert known.lets_in(known.held(client))
    assert not known.lets_in(before)
    assert not known.lets_in(elsewhere)
    assert known.sign_in(known.site.app.test_client()).status_code == 401


def test_the_interface_rotates_the_session_with_the_password(site: Site) -> None:
    ada, client = member(site), site.app.test_client()
    ada.sign_in(client)
    before, sent = ada.held(client), {"current_password": PASSWORD, "password": NEW}
    answer = client.put("/api/v1/account/password", json=sent, headers=SAME_ORIGIN)
    assert answer.status_code == 204
    assert ada.lets_in(ada.held(client))
    assert not ada.lets_in(before)


def enrol(sam: Known, client: FlaskClient) -> pyotp.TOTP:
    """Set up the second step; answers the telephone."""
    begin = "/panel/security/second-step"
    page = Browser(client).send(Browser(client).get("/panel/security"), begin)
    [address] = [link for link in page.links if link.startswith("otpauth:")]
    telephone = pyotp.TOTP(pyotp.parse_uri(address).secret)
    sent = {"password": PASSWORD, "code": telephone.at(sam.site.clock.now())}
    answer = post(client, f"{begin}/confirm", page="/panel/security", **sent)
    assert answer.status_code == 200
    token = form_token_of(answer)
    end = client.post("/panel/security/sessions/end", data={"csrf_token": token})
    assert end.status_code == 303
    return telephone


def form_token_of(answer: TestResponse) -> str:
    return answer.text.partition('name="csrf_token" value="')[2].partition('"')[0]


def test_setting_up_the_second_step_ends_what_was_opened_without(site: Site) -> None:
    sam, client = contributor(site), site.app.test_client()
    attackers = sam.elsewhere()
    sam.sign_in(client)
    before = sam.held(client)
    enrol(sam, client)
    assert sam.lets_in(sam.held(client))
    assert not sam.lets_in(before)
    assert not sam.lets_in(attackers)


def test_the_second_step_hands_out_a_session_that_the_first_did_not_know(site: Site) -> None:
    sam, client = contributor(site), site.app.test_client()
    sam.sign_in(client)
    telephone = enrol(sam, client)
    fresh = site.app.test_client()
    fresh.set_cookie("team", "planted")
    sam.sign_in(fresh)
    step = fresh.get_cookie("step")
    assert step is not None
    assert sam.held(fresh) == "planted"
    assert not sam.lets_in(step.value)
    code = telephone.at(site.clock.now() + timedelta(seconds=30))
    page = "/team/sign-in/code"
    assert post(fresh, page, page=page, code=code).status_code == 303
    assert sam.lets_in(sam.held(fresh))
    assert not sam.lets_in("planted")
    again = site.app.test_client()
    again.set_cookie("step", step.value)  # it was for one use
    assert again.get(page).location == "/team/sign-in"


def test_whoever_is_removed_or_closed_is_signed_in_nowhere(site: Site) -> None:
    sam, ada, boss = contributor(site), member(site), site.staff()
    of_sam, of_ada = sam.elsewhere(), ada.elsewhere()
    assert sam.lets_in(of_sam)
    assert ada.lets_in(of_ada)
    post(boss.client, f"/panel/team/{sam.account_id}/remove", page="/panel/security")
    close = f"/panel/members/{ada.account_id}/close"
    post(boss.client, close, page="/panel/security", reason="asked")
    assert not sam.lets_in(of_sam)
    assert not ada.lets_in(of_ada)


def test_a_role_that_is_taken_away_counts_for_sessions_that_run(site: Site) -> None:
    sam, client = contributor(site), site.app.test_client()
    sam.sign_in(client)
    assert client.get("/panel/members").status_code == 200
    site.parts.ledger.change_roles(
        sam.account_id, frozenset({"operator"}), by=MACHINE, cause=cause()
    )
    assert client.get("/panel/members").status_code == 403


def test_a_password_by_mail_ends_every_session_and_works_once(site: Site) -> None:
    ada, client = member(site), site.app.test_client()
    copied = ada.elsewhere()
    post(client, "/password/forgotten", page="/password/forgotten", email=ada.email)
    page, token = "/password/reset", site.token(ada.email)
    sent = {"token": token, "password": NEW}
    assert post(client, page, page="/sign-in", **sent).status_code == 303
    assert not ada.lets_in(copied)
    assert ada.lets_in(ada.held(client))
    assert post(site.app.test_client(), page, page="/sign-in", **sent).status_code == 410


@pytest.fixture(params=["http", "https"])
def secure_app(site: Site, request: pytest.FixtureRequest) -> Iterator[tuple[FlaskClient, str]]:
    if request.param == "http":
        yield site.app.test_client(), ""
        return
    settings = site.parts.settings.model_copy(
        update={"base_url": AnyHttpUrl(PUBLIC_ADDRESS), "trusted_proxies": 1}
    )
    parts = replace(site.parts, settings=settings)
    app = create_app(parts, routes=all_routes(), pages=all_pages())
    yield app.test_client(), PUBLIC_ADDRESS


def test_every_cookie_is_for_this_host_and_no_script(
    site: Site, secure_app: tuple[FlaskClient, str]
) -> None:
    (client, address), sam = secure_app, contributor(site)
    ada, cookies = member(site), SimpleCookie()
    base = {"base_url": address} if address else {}
    for known in (ada, sam):
        page = client.get(f"{known.way_in}?lang=fr", **base)
        sent = {"csrf_token": form_token_of(page), "email": known.email, "password": PASSWORD}
        headers = {"Referer": f"{address}{known.way_in}"}
        entered = client.post(known.way_in, data=sent, headers=headers, **base)
        assert entered.status_code == 303
        for header in (*page.headers.getlist("Set-Cookie"), *entered.headers.getlist("Set-Cookie")):
            cookies.load(header)
    prefix = "__Host-" if address else ""
    guarded = {f"{prefix}{name}" for name in ("session", "team", "form")}
    assert set(cookies) == {*guarded, "lang"}
    for cookie in cookies.values():
        assert cookie["httponly"], cookie
        assert cookie["samesite"] == "Lax", cookie
        assert bool(cookie["secure"]) == bool(address), cookie
        assert (cookie["domain"], cookie["path"]) == ("", "/"), cookie
