"""The tokens of programs in the panel: made, shown once, seen to be used, revoked (NO5)."""

from __future__ import annotations

import re

from werkzeug.test import TestResponse

from ledger import ids
from tests.web.pages.conftest import Browser, Place
from tests.web.pages.reading import Page
from web.api.catalogue import all_routes
from web.app import create_app
from web.identity.permissions import Permission, Role
from web.sessions.tokens import scopes_of
from web.wording.words import SCOPE

NEW = "/panel/team/tokens/new"


def made(browser: Browser, **given: str) -> str:
    """The text of a new token, as its page shows it."""
    page = browser.get(f"{NEW}?role=auditor")
    browser.send(page, NEW, {"name": "site", "scopes": "plans:read", **given})
    assert browser.answer is not None
    [text] = re.findall(r"lgr_[\w-]+", browser.answer.text)
    return str(text)


def ask(place: Place, token: str, path: str) -> TestResponse:
    client = create_app(place.parts, routes=all_routes()).test_client(use_cookies=False)
    return client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"})


def test_a_token_is_shown_once_works_and_is_revoked(place: Place) -> None:  # part of NO5
    browser = place.staff()
    token = made(browser)
    assert "not known to be used" in browser.get("/panel/team/tokens").words
    assert ask(place, token, "/plans").status_code == 200
    assert ask(place, token, "/orders").status_code == 403
    [kept] = place.parts.desk.tokens.page()
    assert (kept.role, kept.scopes, kept.expires_at) == ("auditor", ["plans:read"], None)
    assert kept.last_used_at == place.clock.now()
    assert kept.created_by == ids.derived(ids.SITE, "administrator")
    seen = browser.get("/panel/team/tokens")
    assert token not in seen.words
    assert all(word in seen.words for word in ("site", token[-4:], "read plans and prices"))
    assert "not known to be used" not in seen.words
    path = f"/panel/team/tokens/{kept.token_id}/revoke"
    browser.send(browser.get(path), "")
    assert ask(place, token, "/plans").status_code == 401
    page = browser.get("/panel/team/tokens", "fr")
    assert "révoqué" in page.words
    assert path not in page.links


def test_a_token_works_through_its_last_day_and_does_no_more_than_its_role(place: Place) -> None:
    browser, today = place.staff(), place.clock.now().date()
    made(browser, expires_at=today.isoformat())
    [kept] = place.parts.desk.tokens.page()
    assert kept.expires_at is not None
    assert kept.expires_at > place.clock.now()
    page = browser.get(NEW)
    given = {"name": "old", "scopes": "plans:read", "expires_at": "2001-01-01"}
    assert "This day is over." in browser.send(page, NEW, given, status=422).words
    for role, scope in (("auditor", "orders:refund"), ("operator", "members:read")):
        page = browser.get(f"{NEW}?role={role}")
        said = browser.send(page, NEW, {"name": "x", "scopes": scope}, status=422)
        assert "Tick at least one thing that this role may do." in said.words
    assert place.parts.desk.tokens.page() == [kept]


def test_only_who_may_sees_and_makes_tokens(place: Place) -> None:  # part of NO5
    made(place.staff())
    auditor = place.staff("auditor")
    page = auditor.get("/panel/team/tokens")
    assert "site" in page.words
    assert not [link for link in page.links if "/revoke" in link or link.endswith("/new")]
    assert auditor.client.get(NEW).status_code == 403
    assert place.staff("store_manager").client.get("/panel/team/tokens").status_code == 403


def test_the_tokens_are_paged_there_and_back(place: Place) -> None:
    tokens, by = place.parts.desk.tokens, ids.new()
    for number in range(101):
        scopes = {Permission.READ_PLANS}
        tokens.create(ids.new(), f"number {number}", role=Role.AUDITOR, scopes=scopes, by=by)
    browser = place.staff("auditor")
    hints = [f"…{token.hint}" for token in tokens.page(limit=200)]
    stretches = [hints[:50], hints[50:100], hints[100:]]
    assert shown(browser.get("/panel/team/tokens")) == stretches[0]
    assert turned(browser, "prev") is None
    for way, there in (("next", stretches[1:]), ("prev", stretches[1::-1])):
        for stretch in there:
            address = turned(browser, way)
            assert address is not None
            assert shown(browser.get(address)) == stretch
        assert turned(browser, way) is None


def turned(browser: Browser, way: str) -> str | None:
    """Where the list goes on, or back."""
    assert browser.answer is not None
    found = re.search(rf'rel="{way}" href="([^"]+)"', browser.answer.text)
    return found and found[1]


def shown(page: Page) -> list[str]:
    """The last letters of the tokens on a page, from the top."""
    return re.findall(r"…[\w-]{4}(?=\s)", page.words)


def test_every_scope_of_a_program_has_its_words() -> None:
    programs = frozenset().union(*(scopes_of(role) for role in Role if role is not Role.OWNER))
    in_use = {route.permission for route in all_routes()} & programs
    assert {one.value for one in in_use} == set(SCOPE)
