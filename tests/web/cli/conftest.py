"""Commands find a site that was started."""

from __future__ import annotations

import pytest


@pytest.fixture
def database(site_database: str) -> str:
    """One on which a site was started before: to make its views' tables takes a while."""
    return site_database
