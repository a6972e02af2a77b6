"""One site for all the attacks of a module, and the people who try them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from ledger.clock import VirtualClock
from tests.conftest import FreshDatabases
from tests.web.conftest import NOON, usual
from tests.web.pages.conftest import Place
from web.api.catalogue import all_routes
from web.app import create_app
from web.identity import accounts, passwords
from web.pages import all_pages
from web.running.following import follower
from web.wiring import wire

FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Site(Place):
    """The site under attack: one for all the tests of a module."""

    known: dict[str, UUID] = field(default_factory=dict)
    """The things that were made for the module, by name."""

    def position(self) -> int:
        """Of the last fact in the books."""
        return self.parts.recorder.max_notification_id() or 0

    def command(self) -> str:
        """What makes a form one command."""
        return str(uuid4())


def form_token(client: FlaskClient, path: str = "/team/sign-in") -> str:
    """What a form of this browser must carry."""
    found = FORM_TOKEN.search(client.get(path).text)
    assert found is not None, path
    return found[1]


@pytest.fixture(scope="module")
def site(
    started: str, fresh_databases: FreshDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    clock, folder = VirtualClock(NOON), tmp_path_factory.mktemp("site")
    with fresh_databases.copy_of(started) as dsn, pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "PasswordHasher", lambda **_: cheap)
        patch.setattr(accounts, "HOLD_SECONDS", 0)  # what makes answers equally slow
        with wire(usual(folder), dsn, clock=clock) as parts:
            following = follower(parts, dsn)
            following.start()
            try:
                app = create_app(parts, routes=all_routes(), pages=all_pages())
                yield Site(app, parts, clock)
            finally:
                following.stop()
