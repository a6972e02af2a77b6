"""Where no mail server is named a test site shows its mails, and a live one lets them wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.clock import VirtualClock
from tests.web.conftest import usual
from tests.web.mails.office import ADA, did, posts, put, state
from tests.web.schedule.sites import JANUARY, Site
from web.jobs.travelling import following
from web.settings import Settings
from web.site import create_site
from web.wiring import wire


@pytest.fixture
def settings(tmp_path: Path, mode: str) -> Settings:
    own = usual(tmp_path)
    return Settings(data=own.data, master_key=own.master_key, mode=mode)


@pytest.fixture
def site(settings: Settings, database: str) -> Iterator[Site]:
    clock = VirtualClock(JANUARY)
    with wire(settings, database, clock=clock) as parts, following(parts, database) as catch_up:
        yield Site(parts, clock, database, catch_up)


@pytest.mark.parametrize("mode", ["test"])
def test_a_test_site_shows_its_mails_plainly_marked_as_not_sent(site: Site, mode: str) -> None:
    mail_id = put(site)
    assert did(site) == {}
    client = create_site(site.parts).test_client()
    for language, said in (("en", "Not sent."), ("fr", "Non envoyé.")):
        read = {"Accept-Language": language}
        assert said in client.get("/mailbox", headers=read).text
        assert said in client.get(f"/mailbox/{mail_id}", headers=read).text
    assert site.parts.desk.outbox.figures().waiting == 0


@pytest.mark.parametrize("mode", ["live"])
def test_a_live_sites_mails_wait_and_somebody_hears_of_it(site: Site, mode: str) -> None:
    mail_id = put(site)
    assert [one.code for one in posts(site).run.broken] == ["no_mail_server"]
    assert state(site, mail_id).state == "waiting"
    client = create_site(site.parts).test_client()
    assert client.get("/mailbox").status_code == 404
    assert client.get("/api/v1/mailbox", query_string={"to": ADA}).status_code == 404
    assert client.get(f"/mailbox/{mail_id}").status_code == 404
