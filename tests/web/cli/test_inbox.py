"""`ledger inbox`, as typed at a terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from ledger.billing.inbox import FEWEST_TRIES, PATIENCE
from ledger.clock import SystemClock
from ledger.store.inbox import Arrival, InboxTable
from ledger.store.key_rows import KeyTable
from ledger.store.pool import open_pool
from ledger.store.vault import Vault
from tests.projections.books import MASTER_KEY
from web.cli.main import main

ARRIVAL = Arrival(
    account="sandbox",
    notice_id="n_2",
    mode="test",
    kind="weather.changed",
    object_id="cloud_1",
    made_at=datetime(2026, 1, 1, tzinfo=UTC),
    body=b"{}",
    came="posted",
    headers={},
)


@pytest.fixture
def table(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[InboxTable]:
    """The inbox of a site, with one notice that nobody has understood for a day."""
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    with open_pool(database, max_size=2) as pool:
        table = InboxTable(pool, Vault(MASTER_KEY, KeyTable(pool)).derive("inbox"))
        then = SystemClock().now() - PATIENCE
        table.add([replace(ARRIVAL, notice_id="n_1", made_at=then)], now=then)
        [taken] = table.take(1, now=then, until=then + timedelta(minutes=1))
        table.settle(taken, "dead", next_at=then, why="not_known_yet", now=then)
        yield table


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["inbox", *words], catch_exceptions=False)


def test_what_waits_for_a_person_is_listed_and_counted(table: InboxTable) -> None:
    found = typed("list")
    assert found.exit_code == 3
    assert "not_known_yet" in found.output
    assert "0 received, 0 retrying, 0 processed, 0 ignored_foreign, 1 dead" in found.output
    [line] = typed("list", "--json").stdout.splitlines()
    assert (json.loads(line)["notice_id"], json.loads(line)["state"]) == ("n_1", "dead")
    assert typed("list", "--state", "processed").output.count("\n") == 1


def test_what_nobody_has_answered_for_a_day_is_counted(table: InboxTable) -> None:
    typed("retry", "--all")
    then = SystemClock().now() - PATIENCE
    table.add([replace(ARRIVAL, made_at=then)], now=then)
    for _try in range(FEWEST_TRIES):
        [taken] = table.take(1, now=then, until=then + timedelta(minutes=1))
        table.settle(taken, "retrying", next_at=then, why="outcome_unknown", now=then)
    found = typed("list")
    assert found.exit_code == 3
    assert "1 retrying" in found.output
    assert "About 1 notice nobody has answered for a day." in found.output


def test_what_was_given_up_is_tried_again(table: InboxTable) -> None:
    [listed] = table.listed(["dead"])
    found = typed("retry", str(listed.number))
    assert (found.exit_code, found.output) == (
        0,
        "1 notice tried again: 1 ignored_foreign\n",
    )
    assert typed("list").exit_code == 0
    assert typed("retry", str(listed.number)).exit_code == 1


def test_a_number_or_all_is_named(table: InboxTable) -> None:
    assert typed("retry").exit_code == 2
    assert typed("retry", "1", "--all").exit_code == 2
    assert table.counts() == {"dead": 1}
    assert typed("retry", "--all").exit_code == 0
    assert table.counts() == {"ignored_foreign": 1}


def test_missed_notices_are_fetched_when_asked(table: InboxTable) -> None:
    found = typed("catch-up")
    assert (found.exit_code, found.output[:2]) == (0, "0 ")
