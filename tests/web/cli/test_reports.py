"""`ledger report`, as typed at a terminal."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from projections.site import Site
from tests.projections.books import MASTER_KEY, Books, opened
from tests.projections.oracle import Oracle
from tests.projections.stories import told as told_story
from web.cli.main import main
from web.settings import load

RANGE = ("--from", "2025-01", "--to", "2026-12")
THEN = "2026-06-15T12:00:00Z"


@pytest.fixture
def books(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    with opened(database) as books:
        settings = load()
        for save in told_story(5, 250, settings.mode):
            books.save(*save)
        books.follower(Site(settings.currency, settings.mode, settings.time_zone)).catch_up()
        yield books


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["report", *words], catch_exceptions=False)


def told(*words: str) -> list[Any]:
    """The lines of its JSON."""
    result = typed(*words, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_report_is_told_in_three_ways(books: Books) -> None:
    for name, *words in (
        ("revenue", "--from", "2025-01-01", "--to", "2025-12-31"),
        ("mrr", "--at", THEN),
        ("movements", *RANGE),
        ("members", *RANGE),
        ("cohorts", *RANGE),
        ("lifetime", "--by", "plan", *RANGE),
    ):
        lines = told(name, *words)
        assert lines, name
        rows = list(csv.DictReader(io.StringIO(typed(name, *words, "--csv").stdout)))
        assert len(rows) == len(lines), name
        table = typed(name, *words).stdout.splitlines()
        assert len(table) == 1 + len(lines) + 2, name
        assert table[-1].startswith(lines[0]["definition"] + ": "), name


def test_revenue_is_that_of_the_facts(books: Books) -> None:  # part of NU1
    lines = told("revenue", "--from", "2025-02-01", "--to", "2026-02-28", "--currency", "EUR")
    gross = sum(
        fact["amount"]["minor"]
        for fact in Oracle(books.exported()).facts
        if fact["topic"] == "order.paid" and fact["amount"]["currency"] == "EUR"
        if "2025-01-31T23" <= fact["occurred_at"] < "2026-02-28T23"
    )
    assert sum(line["gross"]["minor"] for line in lines) == gross > 0
    assert {line["currency"] for line in lines} == {"EUR"}


def test_a_report_can_be_read_as_of_a_moment(books: Books) -> None:  # part of AU3
    words = ("movements", "--from", "2025-01", "--to", "2026-05")
    past, present = told(*words, "--as-of", THEN), told(*words)
    assert past == present != []
    assert told("mrr", "--as-of", THEN) == told("mrr", "--at", THEN) != []


def test_a_mistake_is_answered_with_a_sentence(books: Books) -> None:
    for words, sentence in (
        (("movements", "--from", "yesterday"), "first_month: Input should be a month"),
        (("revenue", "--from", "2025-01-01", "--to", "2029-01-01"), "at most 400"),
        (("mrr", "--at", "9000-01-01T00:00:00Z"), "Nobody knows yet"),
        (("mrr", "--as-of", "9000-01-01T00:00:00Z"), "future"),
    ):
        result = typed(*words)
        assert (result.exit_code, result.stdout) == (1, ""), words
        assert sentence in result.stderr
    assert typed("revenue", "--from", "2001-01-01", "--to", "2001-01-02").stdout == (
        "Nothing in this range.\n"
    )


def test_a_definition_is_said_in_french(books: Books) -> None:
    said = typed("members", *RANGE, "--lang", "fr").stdout.splitlines()[-1]
    assert said.startswith("members-1: Personnes ayant au moins une adhésion en cours")
