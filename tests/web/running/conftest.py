"""Two real servers: one that waits for bodies as long as it takes, and one that hardly waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import FreshDatabases
from tests.web.running.site_process import SiteProcess, site_process


@pytest.fixture(scope="module")
def patient(
    started: str, fresh_databases: FreshDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SiteProcess]:
    """A site whose deadline for a body is beyond every test."""
    with fresh_databases.copy_of(started) as database:
        folder = tmp_path_factory.mktemp("patient")
        with site_process(database, folder, body_seconds=3_600) as site:
            yield site


@pytest.fixture(scope="module")
def hasty(
    started: str, fresh_databases: FreshDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SiteProcess]:
    """A site whose deadline for a body is over at once."""
    with fresh_databases.copy_of(started) as database:
        folder = tmp_path_factory.mktemp("hasty")
        with site_process(database, folder, body_seconds=0.2) as site:
            yield site
