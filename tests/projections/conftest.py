"""Books with a follower for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from projections import moments
from tests.conftest import FreshDatabases
from tests.projections.books import Books, opened
from tests.projections.explaining import Pasts
from tests.projections.kept import Kept


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    """Empty books on a database of their own."""
    with opened(database) as books:
        yield books


@pytest.fixture(scope="session")
def pasts(template: str, fresh_databases: FreshDatabases) -> Iterator[Pasts]:
    """Sites with a past, told once a run."""
    with ExitStack() as kept:
        yield Pasts(template, fresh_databases, kept)


@pytest.fixture
def kept(books: Books) -> Kept:
    return Kept(books)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "LARGEST_PART", 60)
