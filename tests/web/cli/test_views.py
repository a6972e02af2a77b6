"""The commands on the views, as typed at a terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from projections.engine import Follower
from projections.members import Members
from projections.site import Site
from tests.projections.books import EUROS, MASTER_KEY, Books, opened
from tests.projections.test_engine import spoil, stored
from web.cli.main import main
from web.settings import load


@pytest.fixture
def books(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    with opened(database) as books:
        books.tell(1, 40)
        follow(books).catch_up()
        yield books


def follow(books: Books) -> Follower:
    settings = load()
    return books.follower(Site(settings.currency, settings.mode, settings.time_zone))


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["views", *words], catch_exceptions=False)


def test_status_says_where_each_view_stands(books: Books) -> None:
    lines = [json.loads(line) for line in typed("status", "--json").stdout.splitlines()]
    members = next(line for line in lines if line["name"] == "members")
    assert members["rows"] == len(stored(books, Members(EUROS)))
    assert members["position"] == books.facts()[-1].position
    assert (members["version"], members["lag"], members["parked"]) == (Members.version, 0, 0)
    table = typed("status").stdout
    assert len(table.splitlines()) == 1 + len(lines)
    assert f"{members['position']:>13}" in table


def test_retry_says_what_was_taken_in_and_what_is_left(books: Books) -> None:
    assert "0 of 0 facts were taken in again" in typed("retry").stdout
    spoil(books, next(iter(stored(books, Members(EUROS))))[0])
    follow(books).catch_up()
    said = typed("retry").stdout
    assert "0 of 2 facts were taken in again" in said
    assert "fact_unreadable" in said
    follower = follow(books)
    follower.start()
    try:
        assert "0 of 2 facts were taken in again" in typed("retry").stdout
    finally:
        follower.stop()
