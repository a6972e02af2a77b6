"""A site that lives through time by its own jobs, on the virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.clock import VirtualClock
from tests.web.schedule.processes import Processes
from tests.web.schedule.sites import JANUARY, Site
from web.jobs.travelling import following
from web.settings import Settings
from web.wiring import wire


@pytest.fixture
def database(site_database: str) -> str:
    """One on which a site was started before: to make its views' tables takes a while."""
    return site_database


@pytest.fixture
def site(settings: Settings, database: str) -> Iterator[Site]:
    clock = VirtualClock(JANUARY)
    with wire(settings, database, clock=clock) as parts, following(parts, database) as catch_up:
        yield Site(parts, clock, database, catch_up)


@pytest.fixture
def processes(database: str, tmp_path: Path) -> Iterator[Processes]:
    started = Processes(database, tmp_path)
    yield started
    started.stop()
