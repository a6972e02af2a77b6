"""Mails that do not go out: told of on every page, and counted for operators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.clock import VirtualClock
from tests.web.conftest import usual
from tests.web.mails.office import mail
from tests.web.pages.conftest import Place
from web.app import create_app
from web.pages import all_pages
from web.running.following import follower
from web.settings import Settings
from web.wiring import wire

LATE = "Mails do not go out."


@pytest.fixture
def post(site_database: str, tmp_path: Path, clock: VirtualClock) -> Iterator[Place]:
    """A live site, whose mail server nobody has reached yet."""
    own = usual(tmp_path)
    settings = Settings(
        data=own.data,
        master_key=own.master_key,
        smtp_url="smtp://127.0.0.1:1",
        mail_from="us@site.test",
    )
    with wire(settings, site_database, clock=clock) as parts:
        following = follower(parts, site_database)
        following.start()
        try:
            yield Place(create_app(parts, pages=all_pages()), parts, clock)
        finally:
            following.stop()


def test_mails_that_nobody_sends_are_told_of_on_every_page(post: Place) -> None:
    manager, operator = post.staff("store_manager"), post.staff("operator")
    post.parts.desk.mailbox.put(mail())
    assert LATE not in manager.get("/panel/members").words
    post.clock.advance(timedelta(minutes=16))
    page = manager.get("/panel/members")
    assert f"{LATE} Some have been due since" in page.words
    assert "/panel/mails" in page.links
    assert LATE in operator.get("/panel/operations").words
    assert LATE not in post.stranger().get("/").words


def test_a_server_that_cant_be_used_is_told_of_until_it_answers(post: Place) -> None:
    staff, outbox = post.staff(), post.parts.desk.outbox
    outbox.server_is_silent("refused")
    said = staff.get("/panel/orders").words
    assert f"{LATE} The mail server can’t be used since" in said
    assert "(refused)" in said
    outbox.server_answers()
    assert LATE not in staff.get("/panel/orders").words


def test_operations_count_the_post_and_lead_to_the_mails(post: Place) -> None:
    box, outbox = post.parts.desk.mailbox, post.parts.desk.outbox
    now = outbox.clock.now()
    for state in ("unknown", "bounced", "failed"):
        box.put(mail())
        claimed = outbox.claim()
        assert claimed is not None
        later = now + timedelta(hours=1) if state == "failed" else None
        outbox.settle(claimed, state, "421", next_at=later)
    box.put(mail())
    page = post.staff().get("/panel/operations")
    for counted in (
        "waits to be sent 1",
        "failed, to be tried again 1",
        "perhaps sent: the server did not answer 1",
        "given up 0",
        "came back 1",
        "The first of those to be sent has waited since",
    ):
        assert counted in page.words
    assert "/panel/mails?state=unknown" in page.links
    found = post.staff().get("/panel/mails?state=bounced").words
    assert "came back 421" in found
    operator = post.staff("operator").get("/panel/operations")
    assert "came back 1" in operator.words
    assert "/panel/mails?state=unknown" not in operator.links


def test_a_site_whose_mails_stay_says_so_and_warns_of_nothing(place: Place) -> None:
    place.clock.advance(timedelta(days=1))
    said = place.staff().get("/panel/operations").words
    assert "No mail server is set: mails stay on this machine." in said
    assert LATE not in said
