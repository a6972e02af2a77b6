"""Notices and the team in the panel: who was told what; muted, sent again; roles (NO1, NO5)."""

from __future__ import annotations

from urllib.parse import parse_qs
from uuid import UUID

import pytest

from ledger import ids
from tests.web.pages.conftest import MACHINE, Browser, Place, cause
from tests.web.pages.reading import Page
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner
from web.pages.panel.second_step import language_of


def told(place: Place) -> None:
    """The jobs tell and write."""
    for name in ("news", "letters"):
        job = next(job for job in JOBS if job.name == name)
        runner = Runner(place.parts, AlwaysLeads())
        assert not runner.work(job, job.slot(place.clock.now())).run.broken
        place.settle()


def welcome_of(place: Place, member_id: UUID) -> UUID:
    facts = place.parts.ledger.facts_of(member_id)
    joined = next(fact for fact in facts if fact.TOPIC == "member.joined")
    return ids.notice(joined.fact_id, member_id, "welcome")


def given_up(place: Place) -> tuple[UUID, UUID]:
    """A member whose welcome was given up."""
    member_id = place.member(place.plan())
    runner = Runner(place.parts, AlwaysLeads())
    job = next(job for job in JOBS if job.name == "news")
    runner.work(job, job.slot(place.clock.now()))
    notice_id = welcome_of(place, member_id)
    place.parts.ledger.give_up_notice(notice_id, "timeout", by=MACHINE, cause=cause())
    place.settle()
    return member_id, notice_id


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", ["welcome", "Sent", "Ada Lovelace"]), ("fr", ["bienvenue", "Envoyé", "Ada Lovelace"])],
)
def test_the_list_says_who_was_told_what_and_why(place: Place, lang: str, words: list[str]) -> None:
    browser = place.staff()
    member_id = place.member(place.plan())
    told(place)
    page = browser.get("/panel/notices", lang)
    assert all(word in page.words for word in words)
    assert f"/panel/members/{member_id}" in page.links
    assert "somebody joined" in page.words or lang == "fr"


def test_the_list_shows_those_that_are_asked_for(place: Place) -> None:
    browser = place.staff()
    member_id = place.member(place.plan())
    told(place)
    assert "somebody joined" in browser.get("/panel/notices?kind=member_joined").words
    only = browser.get(f"/panel/notices?person={member_id}")
    assert "To Ada Lovelace" in only.words
    assert "No notice matches" in browser.get("/panel/notices?state=bounced").words


def test_what_was_given_up_is_sent_again_by_who_may(place: Place) -> None:  # part of NO2
    member_id, notice_id = given_up(place)
    browser, path = place.staff("store_manager"), f"/panel/notices/{notice_id}/resend"
    said = browser.send(browser.get("/panel/notices"), path)
    assert "It is sent again within a minute." in said.words
    told(place)
    assert place.parts.ledger.notice(notice_id).state == "sent"
    address = place.parts.ledger.member(member_id).email
    assert "welcome" in place.parts.desk.mailbox.recent(to=address)[0].mail.subject


def test_sending_again_leaves_the_list_as_it_was(place: Place) -> None:
    member_id, notice_id = given_up(place)
    browser, here = place.staff(), f"kind=welcome&person={member_id}&direction=asc"
    page = browser.get(f"/panel/notices?{here}")
    [action] = [form.action for form in page.forms if "/resend" in form.action]
    token = page.form(action).filled({})
    answer = browser.client.post(action, data=dict(token))
    assert answer.location is not None
    path, _, rest = answer.location.partition("?")
    query, _, anchor = rest.partition("#")
    assert (path, anchor) == ("/panel/notices", f"notice-{notice_id}")
    assert parse_qs(query) == parse_qs(here)
    assert f'id="{anchor}"' in browser.client.get(f"{path}?{query}").text


def test_an_auditor_reads_the_notices_and_sends_none(place: Place) -> None:  # part of NO5
    given_up(place)
    page = place.staff("auditor").get("/panel/notices")
    assert "Not sent" in page.words
    assert not [form for form in page.forms if "resend" in form.action]


def test_one_of_the_staff_mutes_a_kind_for_themself(place: Place) -> None:  # NO1
    browser = place.staff()
    page = _press(browser, "/panel/notices/mine", "/panel/notices/mine/mute")
    assert "You are told of it no more." in page.words
    me = place.parts.ledger.contributor(ids.derived(ids.SITE, "administrator"))
    assert me.muted == {"member_joined"}
    _press(browser, "/panel/notices/mine", "/panel/notices/mine/unmute")
    me = place.parts.ledger.contributor(me.id)
    assert me.muted == set()


def _press(browser: Browser, path: str, action: str) -> Page:
    return browser.send(browser.get(path), action)


def test_somebody_is_invited_given_other_roles_and_removed(place: Place) -> None:  # part of NO5
    browser = place.staff()
    browser.send(
        browser.get("/panel/team"), "", name="Grace", email="grace@example.org", roles=["auditor"]
    )
    place.settle()
    assert "Grace" in browser.get("/panel/team").words
    grace = place.parts.ledger.contributor_by_email("grace@example.org")
    assert grace is not None
    assert "on the team" in place.parts.desk.mailbox.recent(to="grace@example.org")[0].mail.subject
    path = f"/panel/team/{grace}"
    browser.send(browser.get(path), f"{path}/roles", roles=["store_manager"])
    assert place.parts.ledger.contributor(grace).roles == {"store_manager"}
    browser.send(browser.get(path), f"{path}/remove")
    assert place.parts.ledger.contributor(grace).removed_at is not None


def test_the_owner_gives_the_site_to_an_administrator_who_ticked_that_they_mean_it(
    place: Place,
) -> None:  # NO5
    place.parts.ledger.found_site(
        ids.derived(ids.SITE, "owner"),
        email="owner@example.org",
        name="Olive",
        locale="en",
        by=MACHINE,
        cause=cause(),
    )
    place.staff("administrator")
    owner, heir = place.staff("owner"), ids.derived(ids.SITE, "administrator")
    path = f"/panel/team/{heir}/ownership"
    said = owner.send(owner.get(path), "", status=422)
    assert "Tick the box if you mean it." in said.words
    assert not place.parts.ledger.contributor(heir).is_owner
    owner.send(owner.get(path), "", sure="true")
    assert place.parts.ledger.contributor(heir).is_owner
    assert place.staff("owner").get(path, status=403).headings


def test_the_page_of_a_member_shows_the_letters_to_them(place: Place) -> None:  # part of AC11
    member_id = place.member(place.plan())
    told(place)
    page = place.staff().get(f"/panel/members/{member_id}")
    assert "All letters to them" in page.words
    assert f"/panel/notices?person={member_id}" in page.links


def test_staff_choose_the_language_of_their_pages_and_letters(place: Place) -> None:
    browser = place.staff()
    page = browser.send(browser.get("/panel/security"), "/panel/security/locale", locale="fr")
    assert (page.lang, page.headings) == ("fr", ["Sécurité"])
    browser.client.delete_cookie("lang")
    assert "écrites en Français" in browser.get("/panel/notices/mine", "fr").words
    place.member(place.plan())
    told(place)
    letters = place.parts.desk.mailbox.recent(to="administrator@example.org")
    assert letters[0].mail.locale == "fr"
    contributor_id = ids.derived(ids.SITE, "administrator")
    with place.app.test_request_context("/team/sign-in?lang=en"):
        assert language_of(contributor_id) == "fr"
