"""Books with a follower for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from projections import moments
from tests.projections.books import Books, opened
from tests.projections.kept import Kept


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    """Empty books on a database of their own."""
    with opened(database) as books:
        yield books


@pytest.fixture
def kept(books: Books) -> Kept:
    return Kept(books)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "LARGEST_PART", 60)
