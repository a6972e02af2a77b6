"""A site that sends its mails to a real server, on the virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.clock import VirtualClock
from tests.web.conftest import usual
from tests.web.mails.servers import Post, mail_server
from tests.web.schedule.sites import JANUARY, Site
from web.jobs.travelling import following
from web.settings import Settings
from web.wiring import wire


@pytest.fixture
def database(site_database: str) -> str:
    """One on which a site was started before: to make its views' tables takes a while."""
    return site_database


@pytest.fixture
def post() -> Iterator[Post]:
    with mail_server(Post()) as started:
        yield started


@pytest.fixture
def settings(tmp_path: Path, post: Post) -> Settings:
    return sending(usual(tmp_path), post)


@pytest.fixture
def site(settings: Settings, database: str) -> Iterator[Site]:
    clock = VirtualClock(JANUARY)
    with wire(settings, database, clock=clock) as parts, following(parts, database) as catch_up:
        yield Site(parts, clock, database, catch_up)


def sending(settings: Settings, post: Post) -> Settings:
    """The same, with a mail server."""
    return Settings(
        data=settings.data,
        master_key=settings.master_key,
        smtp_url=f"smtp://127.0.0.1:{post.port}",
        mail_from="Our site <us@site.test>",
    )
