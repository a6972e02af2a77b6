"""The past at the terminal: options of reading commands, and what is kept of moments."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ledger.clock import SystemClock
from tests.projections.books import MASTER_KEY, Books, opened
from tests.projections.stories import START
from web.cli.main import main


@pytest.fixture
def books(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    with opened(database) as books:
        books.tell(1, 40)
        yield books


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def busiest(books: Books) -> list[Any]:
    """The facts of whoever has the most."""
    facts = [one for one in books.facts() if one.fact.member_id]
    members = [one.fact.member_id for one in facts]
    member_id = max(members, key=members.count)
    return [one for one in facts if one.fact.member_id == member_id]


def test_a_history_ends_where_its_moment_does(books: Books) -> None:  # part of AU3
    facts = busiest(books)
    member, middle = str(facts[0].fact.member_id), facts[len(facts) // 2].fact
    whole = lines(typed("history", member, "--json"))
    assert len(whole) == len(facts)
    for option, instant in (("--as-of", middle.occurred_at), ("--known-at", middle.recorded_at)):
        told = lines(typed("history", member, option, instant.isoformat(), "--json"))
        assert 0 < len(told) < len(whole)
        assert told == whole[: len(told)]
        assert all(datetime.fromisoformat(one["occurred_at"]) <= instant for one in told)


def test_the_team_of_the_past_is_made_and_told(books: Books) -> None:  # part of AU3
    [owner] = lines(
        typed("team", "list", "--as-of", (START + timedelta(days=1)).isoformat(), "--json")
    )
    assert (owner["email"], owner["roles"]) == ("owner@example.org", ["owner"])
    before = typed("team", "list", "--as-of", (START - timedelta(days=1)).isoformat(), "--json")
    assert lines(before) == []


def test_moments_are_listed_and_dropped(books: Books) -> None:
    for days in (1, 2):
        typed("team", "list", "--as-of", (START + timedelta(days=days)).isoformat())
    kept = lines(typed("moments", "list", "--json"))
    assert [one["state"] for one in kept] == ["ready", "ready"]
    table = typed("moments", "list").stdout
    assert "MB are in use" in table
    assert str(kept[0]["known_position"]) in table
    assert "1 dropped." in typed("moments", "drop", str(kept[0]["id"])).stdout
    assert len(lines(typed("moments", "list", "--json"))) == 1
    assert "1 dropped." in typed("moments", "drop", "--all").stdout
    assert "0 of 1024 MB" in typed("moments", "list").stdout
    missing = typed("moments", "drop", str(kept[0]["id"]))
    assert (missing.exit_code, "no moment" in missing.output) == (1, True)


@pytest.mark.parametrize("words", [(), ("1", "--all")])
def test_drop_wants_one_or_all(books: Books, words: tuple[str, ...]) -> None:
    refused = typed("moments", "drop", *words)
    assert (refused.exit_code, "Name one moment" in refused.output) == (1, True)


def test_the_future_and_what_is_no_instant_are_refused(books: Books) -> None:  # part of AU3
    member = str(busiest(books)[0].fact.member_id)
    later = (SystemClock().now() + timedelta(hours=1)).isoformat()
    for words in (("history", member), ("team", "list")):
        future = typed(*words, "--as-of", later)
        assert (future.exit_code, "lies in the future" in future.output) == (1, True)
        for wrong in (
            "yesterday",
            "2026-11-01",
            "2026-11-01T12:00:00",
            "0001-01-01T00:00:00+05:00",
        ):
            assert typed(*words, "--known-at", wrong).exit_code == 2
