"""What holds for every page: a permission, a form token, a language, no other host."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.routing import Rule

from ledger import ids
from tests.web.pages.conftest import FREE, MACHINE, Browser, Place, cause
from tests.web.pages.reading import Page
from web.identity.auth import declared
from web.identity.permissions import Permission, Role, granted

SOME = UUID(int=7)
STAFF_ROLES = [role for role in Role if role not in {Role.MEMBER, Role.OWNER}]


def rules(app: Flask, method: str) -> Iterator[Rule]:
    """The routes of the pages that take a method."""
    for rule in app.url_map.iter_rules():
        is_page = not rule.rule.startswith(("/api/", "/static/", "/notices/"))
        if is_page and method in (rule.methods or ()):
            yield rule


def path_of(app: Flask, rule: Rule) -> str:
    """An address of the route, of things that are not there."""
    values = {name: "cancel" if name == "act" else SOME for name in rule.arguments}
    with app.test_request_context():
        path = app.url_map.bind("localhost").build(rule.endpoint, values)
    return str(path)


def test_every_page_says_who_may_see_it(place: Place) -> None:
    for rule in rules(place.app, "GET"):
        assert declared(place.app, rule.endpoint) is not None, rule


def test_every_form_needs_its_token(place: Place) -> None:
    client = place.staff().client
    for rule in rules(place.app, "POST"):
        if rule.endpoint == "unsubscribing.leave":
            continue  # its address is signed, and mail programs post to it (test_panel_lists.py)
        answer = client.post(path_of(place.app, rule), data={"command": str(ids.new())})
        assert answer.status_code == 400, rule
        assert "form has expired" in answer.text


@pytest.mark.parametrize("role", STAFF_ROLES)
def test_a_role_sees_the_pages_that_it_may(place: Place, role: Role) -> None:  # part of NO5
    browser = place.staff(role.value)
    may = granted(frozenset({role}))
    for rule in rules(place.app, "GET"):
        permission = declared(place.app, rule.endpoint)
        if permission in {Permission.PUBLIC, None}:
            continue
        answer = browser.client.get(path_of(place.app, rule))
        assert (answer.status_code == 403) == (permission not in may), (rule, answer.status_code)


def test_strangers_are_sent_to_the_sign_in_of_their_side(place: Place) -> None:
    browser = place.stranger()
    assert browser.get("/account").headings == ["Sign in"]
    assert browser.get("/panel").headings == ["Team sign-in"]
    member = place.person()
    assert member.get("/panel").headings == ["Team sign-in"]
    assert "/team/sign-in" in member.get("/panel/members", status=403).links
    assert "/sign-in" in place.staff().get("/account", status=403).links


def test_a_reader_is_shown_no_form_that_would_be_refused(place: Place) -> None:
    order_id = place.join(member_id := place.account(), place.plan())
    browser = place.staff("auditor")
    for path in (f"/panel/members/{member_id}", f"/panel/orders/{order_id}"):
        page = browser.get(path)
        assert {form.action for form in page.forms if form.method == "post"} == {"/team/sign-out"}
        assert not [link for link in page.links if "/remove" in link or "/refund" in link]


def everywhere(place: Place) -> Browser:
    """A browser that is signed in as a member and as the owner, on a site where things happened."""
    member_id = place.member(place.plan())
    letter = place.plan("Letter", FREE)
    place.join(member_id, letter)
    place.account("bob@example.org", "Bob")
    place.parts.ledger.tag(member_id, "press", by=MACHINE, cause=cause())
    place.parts.ledger.write_note(member_id, ids.new(), "A note.", by=MACHINE, cause=cause())
    place.settle()
    browser, staff = place.as_member(member_id), place.staff()
    cookie = staff.client.get_cookie("team")
    assert cookie is not None
    browser.client.set_cookie("team", cookie.value)
    return browser


def _is_apart(link: str) -> bool:
    """Whether it leads to the interface, to its reference or a list as CSV, or to a moment of the
    past, which is put together first (test_panel_past.py).
    """
    path, _, query = link.partition("?")
    return path.startswith("/api/") or "as_of=" in query


def walk(browser: Browser, lang: str) -> Iterator[tuple[str, Page]]:
    """Every kind of page that is reached by links: one of each address without its ids."""
    waiting, seen = ["/", "/panel", "/account", "/embed/plans", "/sign-in", "/team/sign-in"], set()
    while waiting:
        path = waiting.pop()
        shape = "/".join(
            "*" if part.count("-") == 4 else part for part in path.split("?")[0].split("/")
        )
        if shape in seen or urlsplit(path).scheme:
            continue
        seen.add(shape)
        page = browser.get(path) if lang == "en" else browser.get(path, lang)
        own = [link for link in page.links if link.startswith("/") and not _is_apart(link)]
        waiting += [link.split("#")[0] for link in own]
        yield path, page
    assert len(seen) > 20


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_page_is_whole_and_asks_no_other_host(place: Place, lang: str) -> None:
    browser = everywhere(place)
    for path, page in walk(browser, lang):
        assert page.lang == lang, path
        assert len("".join(page.headings).strip()) > 0, path
        assert page.unnamed() == [], path
        assert page.styled == [], path
        assert all(one.startswith("/static/") for one in page.loaded), path
        strange = [x for x in page.links if urlsplit(x).scheme not in {"", "mailto"}]
        assert strange == [] or path.startswith("/mailbox/"), path


def test_each_page_has_one_heading_of_the_first_rank(place: Place) -> None:
    browser = everywhere(place)
    for path, _ in walk(browser, "en"):
        assert browser.answer is not None
        assert browser.answer.text.count("<h1") == 1, path


def test_a_failure_is_a_page_in_the_readers_language(place: Place) -> None:
    browser = place.staff()
    assert browser.get(f"/panel/members/{SOME}", "fr", status=404).headings == ["Il n’y a rien ici"]
    assert browser.get("/nowhere", "fr", status=404).lang == "fr"
    operator = place.staff("operator")
    assert operator.get("/panel/members", status=403).headings == ["You may not do this"]
    assert operator.get("/panel").headings[0].startswith("Operations")


def test_broken_filters_do_no_harm(place: Place) -> None:
    browser = place.staff()
    for query in (
        "status=xx",
        "plan=1",
        "joined_from=never",
        "cursor=xx",
        "sort=xx",
        "spent_from=a",
    ):
        browser.client.get(f"/panel/members?{query}")
        answer = browser.client.get(f"/panel/members?{query}")
        assert answer.status_code in {200, 422}, query
        assert "Something went wrong" not in answer.text
