"""Audit: facts of the books, filtered, turned, each one whole, as of a moment (AU2, AU3)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import pytest

from projections.queries import books
from tests.web.conftest import NOON
from tests.web.pages.conftest import MACHINE, Place, cause
from web.identity import permissions
from web.identity.permissions import Permission
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner

DAY = timedelta(days=1)
PATH = "/panel/audit"


@pytest.fixture
def member_id(place: Place) -> UUID:
    """Somebody who joined."""
    return place.member(place.plan())


def test_facts_are_told_newest_first_with_who_and_why(place: Place, member_id: UUID) -> None:  # AU2
    page = place.staff("auditor").get(PATH)
    told = page.words.split("Position", 1)[1]
    joined, opened = told.index("member.joined"), told.index("member.account_opened")
    assert joined < opened
    assert "Joined Gold" in page.words
    assert "the server’s command line" in page.words
    assert "plan.opened" in page.words


def test_a_fact_of_a_notice_is_told_without_those_before_it(place: Place, member_id: UUID) -> None:
    runner = Runner(place.parts, AlwaysLeads())
    for _ in range(2):
        for job in JOBS:
            runner.tick(job)
        place.clock.advance(DAY)
    place.settle()
    staff = place.staff()
    sent = staff.get(f"{PATH}?topic=notice.sent").words
    assert "A letter to" in sent.split("Position", 1)[1]
    for link in staff.get(PATH).links:
        if link.removeprefix(f"{PATH}/").isdecimal():
            assert staff.get(link).headings[0].startswith("Fact ")


def test_facts_are_filtered_by_stream_topic_actor_and_member(place: Place, member_id: UUID) -> None:
    staff = place.staff()
    other = place.account("bob@example.org", "Bob")

    def topics(query: str) -> set[str]:
        shown = staff.get(f"{PATH}?{query}").words.split("Position", 1)[1]
        return {
            word
            for word in shown.split()
            if word.count(".") == 1 and "@" not in word and word[0].islower()
        }

    assert all(topic.startswith("plan.") for topic in topics("kind=plan"))
    assert topics("topic=member.joined") == {"member.joined"}
    assert "order.placed" in topics("actor=member")
    assert "order.placed" not in topics("actor=machine")
    assert "plan.created" in topics("actor=machine")
    assert "member.joined" not in topics(f"member={other}")
    assert "order.paid" in topics(f"member={member_id}")
    assert "This filter can’t be read." in staff.get(f"{PATH}?kind=horse").words


def test_a_long_log_is_looked_through_a_stretch_at_a_time(
    place: Place, member_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "STRETCH", 4)
    staff = place.staff()
    page, seen = staff.get(f"{PATH}?topic=plan.created"), 0
    while "No such fact since position" in page.words:
        [further] = [link for link in page.links if "newest=" in link and "lang=" not in link]
        page, seen = staff.get(further), seen + 1
    assert seen > 0
    assert "plan.created" in page.words.split("Position", 1)[1]


def test_one_fact_is_shown_whole(place: Place, member_id: UUID) -> None:  # AU2
    staff = place.staff("auditor")
    listing = staff.get(f"{PATH}?topic=member.account_opened")
    [link] = [one for one in listing.links if one.removeprefix(f"{PATH}/").isdecimal()]
    page = staff.get(link)
    assert "member.account_opened" in page.words
    assert "Ada Lovelace" in page.words
    assert "email personal ada@example.org" in page.words
    assert f"{member_id}/1" in page.words
    assert [one for one in page.links if one.startswith("/panel/overview?as_of=")]
    staff.get(f"{PATH}/999999", status=404)


def test_what_is_personal_is_hidden_from_who_may_not_read_of_members(
    place: Place, member_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:  # part of NO5
    readers = permissions.HOLDERS[Permission.READ_MEMBERS] - {permissions.Role.AUDITOR}
    monkeypatch.setitem(permissions.HOLDERS, Permission.READ_MEMBERS, readers)
    staff = place.staff("auditor")
    listing = staff.get(f"{PATH}?topic=member.account_opened")
    [link] = [one for one in listing.links if one.removeprefix(f"{PATH}/").isdecimal()]
    page = staff.get(link)
    assert "email personal hidden" in page.words
    assert "Lovelace" not in page.words + listing.words
    assert "ada@" not in page.words + listing.words
    place.staff("operator").get(PATH, status=403)


def test_facts_are_read_as_of_a_moment(place: Place, member_id: UUID) -> None:  # part of AU3
    place.clock.advance_to(NOON + 10 * DAY)
    place.parts.ledger.tag(member_id, "press", by=MACHINE, cause=cause())
    place.settle()
    place.clock.advance_to(NOON + 20 * DAY)
    staff = place.staff()
    assert "member.tagged" in staff.get(f"{PATH}?topic=member.tagged").words.split("Position")[1]
    for name in ("as_of", "known_at"):
        moment = quote((NOON + DAY).isoformat())
        page = staff.get(f"{PATH}?topic=member.tagged&{name}={moment}")
        assert "No such fact" in page.words, name
        assert "As of 23 Nov 2026" in page.words
    position = place.parts.recorder.horizon()
    staff.get(f"{PATH}/{position}?as_of={quote((NOON + DAY).isoformat())}", status=404)
