"""The panel as of a moment: the same pages, which say so and offer nothing else (AU3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

import pytest

from ledger.facts import Actor
from tests.web.conftest import NOON
from tests.web.pages.conftest import MACHINE, Browser, Place, cause
from tests.web.pages.reading import Page
from tests.web.pages.test_every_page import path_of, rules
from web.pages.past_pages import MARK, PANEL

DAY = timedelta(days=1)
BEFORE, AFTER = NOON + DAY, NOON + 20 * DAY


@dataclass
class Then:
    """Ada joined and paid on the tenth day; the pages are opened on the thirtieth."""

    place: Place
    browser: Browser
    member_id: UUID
    order_id: UUID
    plan_id: UUID

    def get(self, path: str, instant: datetime, lang: str = "", **more: str) -> Page:
        """A page as of a moment, as soon as it is ready."""
        named = "&".join(f"{name}={quote(text)}" for name, text in more.items())
        address = f"{path}?as_of={quote(instant.isoformat())}" + (f"&{named}" if named else "")
        args = (address, lang) if lang else (address,)
        answer = self.browser.client.get(address)
        if answer.status_code == 202:
            self.place.parts.past.worker.build()
        return self.browser.get(*args)


@pytest.fixture
def then(place: Place) -> Then:
    plan_id, member_id = place.plan(), place.account()
    place.clock.advance_to(NOON + 10 * DAY)
    order_id = place.join(member_id, plan_id)
    place.clock.advance_to(NOON + 30 * DAY)
    place.parts.ledger.tag(member_id, "new", by=MACHINE, cause=cause())
    place.settle()
    return Then(place, place.staff(), member_id, order_id, plan_id)


def test_a_list_shows_how_far_it_is_and_then_itself(then: Then) -> None:  # part of AU3
    path = f"/panel/members?as_of={quote(AFTER.isoformat())}"
    page = then.browser.get(path, status=202)
    assert page.headings == ["The past is being put together"]
    assert then.browser.answer is not None
    assert then.browser.answer.headers["Refresh"] == "1"
    assert "0 %" in page.words
    then.place.parts.past.worker.build()
    assert "Ada Lovelace" in then.browser.get(path).words


def test_who_is_a_member_is_told_as_of_the_moment(then: Then) -> None:  # part of AU3
    [stay] = then.place.parts.ledger.member(then.member_id).memberships
    themself = Actor(kind="member", id=then.member_id)
    then.place.parts.ledger.self_cancel(then.member_id, stay, by=themself, cause=cause())
    then.place.clock.advance_to(NOON + 60 * DAY)
    then.place.settle()
    then = replace(then, browser=then.place.staff())
    assert "Former members 1" in then.browser.get("/panel/members").words
    listed = then.get("/panel/members", NOON + 35 * DAY).words
    assert "Members 1" in listed
    assert "Former members" not in listed.partition("Status Plans")[0].partition("Everybody")[2]


def test_pages_show_what_was_true_then(then: Then) -> None:  # part of AU3
    member = f"/panel/members/{then.member_id}"
    assert "No membership yet." in then.get(member, BEFORE).words
    after = then.get(member, AFTER).words
    assert "Gold" in after
    assert "new" not in after.split()
    assert "No order yet." in then.get("/panel/orders", BEFORE).words
    assert "Gold" in then.get("/panel/orders", AFTER).words
    assert "12.00" in then.get(f"/panel/orders/{then.order_id}", AFTER).words
    then.browser.get(f"/panel/orders/{then.order_id}?as_of={quote(BEFORE.isoformat())}", status=404)


def test_every_page_says_its_moment_and_leads_back_to_now(then: Then) -> None:
    for path in (
        "/panel/members",
        "/panel/orders",
        "/panel/plans",
        f"/panel/members/{then.member_id}",
        f"/panel/orders/{then.order_id}",
        f"/panel/members/{then.member_id}/status/why",
    ):
        page = then.get(path, AFTER)
        assert "As of 12 Dec 2026, 13:00" in page.words, path
        assert "from all that is known today" in page.words, path
        assert path in page.links, path
        known = then.get(path, AFTER, known_at=AFTER.isoformat())
        assert "from what was known on 12 Dec 2026, 13:00" in known.words, path
        french = then.get(path, AFTER, "fr")
        assert "Revenir au présent" in french.words, path


def test_links_keep_the_moment_where_there_is_one(then: Then) -> None:
    seen, waiting = set(), ["/panel/members"]
    while waiting:
        path = waiting.pop()
        page = then.get(path, AFTER)
        for link in page.links:
            parts = urlsplit(link)
            if not parts.path.startswith(PANEL) or link == path or parts.path in seen:
                continue
            if "as_of" in parse_qs(parts.query):
                assert parse_qs(parts.query)["as_of"] == [AFTER.isoformat()]
                seen.add(parts.path)
                waiting.append(parts.path)
            else:
                endpoint, _ = then.place.app.url_map.bind("localhost").match(parts.path)
                knows = hasattr(then.place.app.view_functions[endpoint], MARK)
                assert parts.path == path or not knows, (path, link)
    assert len(seen) > 8


def test_nothing_is_offered_but_reading(then: Then) -> None:
    for path in (f"/panel/members/{then.member_id}", f"/panel/orders/{then.order_id}"):
        page = then.get(path, AFTER)
        assert {form.action for form in page.forms if form.method == "post"} == {"/team/sign-out"}
        assert not [link for link in page.links if link.endswith(("/remove", "/refund"))]


def test_every_page_of_the_panel_knows_the_past_or_refuses(then: Then) -> None:  # part of AU3
    app, asked = then.place.app, f"?as_of={quote(AFTER.isoformat())}"
    for rule in rules(app, "GET"):
        path = path_of(app, rule)
        if not path.startswith(PANEL):
            continue
        answer = then.browser.client.get(path + asked)
        knows = hasattr(app.view_functions[rule.endpoint], MARK)
        refused = "This page shows the present alone" in answer.text
        assert refused == (not knows), (path, answer.status_code)
        assert answer.status_code < 500, path


@pytest.mark.parametrize("wrong", ["yesterday", "0001-01-01T00:00", "2026-13-01"])
def test_what_is_no_moment_is_refused(then: Then, wrong: str) -> None:
    answer = then.browser.client.get(f"/panel/members?as_of={wrong}")
    assert answer.status_code == 422
    assert "This is not an instant" in answer.text


def test_the_future_is_refused_in_the_readers_language(then: Then) -> None:  # part of AU3
    later = quote((then.place.clock.now() + DAY).isoformat())
    page = then.browser.get(f"/panel/members?as_of={later}", "fr", status=422)
    assert "Ce moment est à venir" in page.words


def test_a_moment_is_chosen_in_the_site_s_time(then: Then) -> None:
    page = then.browser.get("/panel/members?q=ada")
    assert {form.action for form in page.forms if "as_of" in dict(form.filled({}))}
    shown = then.get("/panel/members", datetime.fromisoformat("2026-12-12T13:00"), q="ada")
    assert "As of 12 Dec 2026, 13:00" in shown.words
    assert "“ada”" in shown.words


def test_a_search_stays_in_its_moment(then: Then) -> None:
    asked = quote(AFTER.isoformat())
    then.get("/panel/members", AFTER)
    page = then.browser.get(f"/panel/search?q=lovelace&as_of={asked}")
    assert "Ada Lovelace" in page.words
    assert "As of 12 Dec 2026" in page.words
    order = then.browser.get(f"/panel/search?q={then.order_id}&as_of={asked}")
    assert order.headings[0].startswith("Order of")
