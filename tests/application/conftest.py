"""The site that tests of use cases are about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.application.sites import Site, opened


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    with opened(database) as site:
        yield site
