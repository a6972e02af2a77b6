"""Books with a follower for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.projections.books import Books, opened


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    """Empty books on a database of their own."""
    with opened(database) as books:
        yield books
