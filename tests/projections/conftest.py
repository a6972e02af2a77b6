"""Books with a follower for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ledger.clock import VirtualClock
from projections import moments
from projections.catalogue import all_views
from projections.engine import prepare
from tests.conftest import FreshDatabases, made_once
from tests.projections.books import EUROS, Books, opened
from tests.projections.explaining import Pasts
from tests.projections.kept import Kept
from tests.projections.stories import START


@pytest.fixture(scope="session")
def laid_out(cluster: str, template: str) -> str:
    """The name of a database in which every view has its table, made once."""

    def lay_out(dsn: str) -> None:
        prepare(dsn, all_views(EUROS), VirtualClock(START))

    return made_once(cluster, "ledger_laid_out", lay_out, source=template)


@pytest.fixture
def books(laid_out: str, fresh_databases: FreshDatabases) -> Iterator[Books]:
    """Empty books on a database of their own, whose views have their tables."""
    with fresh_databases.copy_of(laid_out) as dsn, opened(dsn) as books:
        yield books


@pytest.fixture
def new_books(database: str) -> Iterator[Books]:
    """Books in which nothing of a view was ever made."""
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
