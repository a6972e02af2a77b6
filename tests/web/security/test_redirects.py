"""Wherever a link says to go on to: people stay on this site."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import ids
from tests.web.pages.conftest import PASSWORD
from tests.web.pages.reading import Page
from tests.web.security.conftest import Site, form_token
from tests.web.security.corpora import ADDRESSES_ELSEWHERE
from web.mails.campaign_links import Reader, own_way
from web.sessions.sessions import Kind

HERE = "http://localhost/sign-in"
READ = str.maketrans("\\", "/", "\t\n\r")


def as_browsers_read(destination: str) -> tuple[str, str]:
    """Scheme and host of where a browser goes from here (WHATWG: tabs and newlines are dropped,
    a backslash is a slash).
    """
    text = destination.strip(" ").translate(READ)
    address = urlsplit(urljoin(HERE, text))
    return address.scheme, address.netloc


def require_here(answer: TestResponse, tried: str) -> None:
    for name in ("Location", "Refresh", "HX-Redirect", "HX-Location", "Content-Location"):
        told = answer.headers.get(name)
        assert told is None or as_browsers_read(told) == ("http", "localhost"), (tried, name, told)
    assert all("planted" not in cookie for cookie in answer.headers.getlist("Set-Cookie")), tried


def require_links_here(answer: TestResponse, tried: str) -> None:
    page = Page(answer.text)
    ways = [*page.links, *(form.action for form in page.forms), *page.loaded]
    ways += [
        value for form in page.forms for name, value in form.fields if name == "next" and value
    ]
    for way in ways:
        assert as_browsers_read(way) == ("http", "localhost"), (tried, way)


@pytest.fixture(scope="module")
def account(site: Site) -> str:
    site.account()
    hashed = site.parts.desk.passwords.hash(PASSWORD)
    site.staff()
    boss = ids.derived(ids.SITE, "administrator")
    email = "administrator@example.org"
    site.parts.desk.credentials.put(Kind.CONTRIBUTOR, boss, email, password_hash=hashed)
    return "ada@example.org"


def entered(client: FlaskClient, way_in: str, email: str, next_path: str) -> TestResponse:
    sent = {"email": email, "password": PASSWORD, "next": next_path}
    return client.post(way_in, data={**sent, "csrf_token": form_token(client, way_in)})


@pytest.mark.parametrize("way_in", ["/sign-in", "/team/sign-in"])
def test_whoever_signs_in_stays_here(
    site: Site, account: str, way_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(site.parts.desk.limits), "spend", lambda *_: None)
    email = account if way_in == "/sign-in" else "administrator@example.org"
    for tried in ADDRESSES_ELSEWHERE:
        client = site.stranger().client
        answer = entered(client, way_in, email, tried)
        assert answer.status_code == 303 or not tried.isprintable(), tried
        require_here(answer, tried)
    kept = entered(site.stranger().client, way_in, email, "/plans?a=1#b")
    assert kept.location == "/plans?a=1#b"


@pytest.mark.parametrize("page", ["/sign-in", "/sign-up"])
def test_no_page_on_the_way_in_holds_a_way_out(site: Site, page: str) -> None:
    client = site.stranger().client
    token = form_token(client, page)
    for tried in ADDRESSES_ELSEWHERE:
        shown = client.get(page, query_string={"next": tried})
        require_here(shown, tried)
        require_links_here(shown, tried)
        again = client.post(page, data={"next": tried, "email": "", "csrf_token": token})
        assert again.status_code in {400, 422}
        require_links_here(again, tried)


def test_whoever_signs_up_stays_here(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(site.parts.desk.limits), "spend", lambda *_: None)
    client = site.stranger().client
    token = form_token(client, "/sign-up")
    for number, tried in enumerate(ADDRESSES_ELSEWHERE[::4]):
        email = f"new{number}@example.org"
        sent = {"name": "New", "email": email, "next": tried, "csrf_token": token}
        if client.post("/sign-up", data=sent).status_code != 200:
            continue  # characters that can't be stored
        fresh = site.stranger().client
        sent = {"token": site.token(email), "password": PASSWORD, "csrf_token": form_token(fresh)}
        answer = fresh.post("/sign-up/verify", data=sent)
        assert answer.status_code == 303
        require_here(answer, tried)


def test_an_address_that_a_stranger_asks_for_leads_to_nowhere_else(site: Site) -> None:
    client = site.stranger().client
    for tried in ADDRESSES_ELSEWHERE:
        for path in (tried, f"/account{tried}"):
            answer = client.open(
                "/", environ_overrides={"PATH_INFO": path.encode().decode("latin-1")}
            )
            require_here(answer, path)
            if answer.mimetype == "text/html":
                require_links_here(answer, path)


def test_a_link_in_a_letter_goes_on_within_this_site_alone(site: Site) -> None:
    reader, home = Reader(*(ids.new() for _ in range(3))), site.parts.settings.address
    client = site.stranger().client
    for tried in ADDRESSES_ELSEWHERE:
        token = reader.going(site.parts, tried)  # as if we had signed it
        answer = client.get(f"/to/{token}")
        require_here(answer, tried)
        assert answer.status_code in {303, 410}
        for address in (f"{home}{tried}", tried):
            way = own_way(site.parts, reader, address)
            if way.startswith(f"{home}/to/"):
                require_here(client.get(way.removeprefix(home)), address)
