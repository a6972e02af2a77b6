"""`ledger reconcile` and `ledger gateway`, as typed at a terminal."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import web.cli.gateway as gateway_commands
from ledger.clock import SystemClock
from ledger.money import Money
from ledger.payments.balance import Movement
from ledger.payments.gateway import Identity
from ledger.payments.sandbox import Sandbox
from tests.projections.books import MASTER_KEY
from web.cli.context import opened
from web.cli.main import main
from web.cli.reconcile import DRIFT
from web.running.first_start import fill_demo
from web.running.following import follower
from web.settings import load

LONG_AGO = "2001-01-01"


@pytest.fixture
def home(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty site; where its database is."""
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    return database


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Movement:
    """Money that moved and that nobody here asked for."""
    at = SystemClock().now()
    found = Movement("m_1", "payment", "pay_x", "pay_x", Money(700, "EUR"), at, "test")
    monkeypatch.setattr(Sandbox, "list_movements", lambda *_, **__: [found])
    return found


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, [*words], catch_exceptions=False)


def test_the_demonstration_site_agrees_with_its_sandbox_to_the_cent(home: str) -> None:
    fill_demo(load(), home, members=40, months=2, seed=3, progress=lambda _: None)
    first = typed("reconcile", "--since", LONG_AGO, "--json")
    assert first.exit_code == 0, first.output
    again = typed("reconcile", "--since", LONG_AGO, "--json")
    told = json.loads(again.stdout)
    assert told["clean"]
    assert (told["open"], told["found"], told["mended"]) == ([], [], 0)
    assert all(one["theirs"] == one["ours"] for one in told["sums"])
    assert sum(one["movements"] for one in told["sums"]) > 50
    assert "Nothing differs." in typed("reconcile").stdout


def test_what_differs_ends_with_a_code_of_its_own(home: str, stranger: Movement) -> None:
    told = typed("reconcile")
    assert told.exit_code == DRIFT
    assert "foreign: payment pay_x" in told.stdout
    assert "theirs 7.00 EUR" in told.stdout
    assert "1 movement of others on the same account: 7.00 EUR" in told.stdout


def test_the_drifts_are_written_as_csv(home: str, stranger: Movement, tmp_path: Path) -> None:
    target = tmp_path / "drifts.csv"
    assert typed("reconcile", "--csv", str(target)).exit_code == DRIFT
    (row,) = csv.DictReader(io.StringIO(target.read_text(encoding="utf-8")))
    assert (row["drift"], row["theirs_minor"]) == ("foreign", "700")
    assert typed("reconcile", "--csv", "-").stdout == target.read_text(encoding="utf-8")


def test_what_somebody_accepted_is_told_no_more(home: str, stranger: Movement) -> None:
    (drift,) = json.loads(typed("reconcile", "--json").stdout)["open"]
    assert typed("reconcile", "--accept", drift["id"]).exit_code == 1
    assert typed("reconcile", "--accept", drift["id"], "--reason", "known").exit_code == 0
    assert typed("reconcile").exit_code == 0


@pytest.mark.parametrize("word", ["yesterday", "2026-11-01T12:00:00", "2026-13-01"])
def test_an_instant_that_is_none_is_refused(home: str, word: str) -> None:
    refused = typed("reconcile", "--since", word)
    assert refused.exit_code == 2
    assert f"'{word}'" in refused.stderr


def test_the_account_is_shown_and_moved_on_purpose(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No account is pinned yet." in typed("gateway", "show").stdout
    assert typed("gateway", "repin", "--reason", "why", "--yes").exit_code == 1
    typed("reconcile")
    monkeypatch.setattr(gateway_commands, "VIEWS_SECONDS", 0.1)
    assert "sandbox (test mode)" in typed("gateway", "show").stdout
    assert "already" in typed("gateway", "repin", "--reason", "why", "--yes").stdout
    monkeypatch.setattr(Sandbox, "identify", lambda _: Identity("acct_2", "test"))
    assert typed("reconcile").exit_code == 1
    assert typed("gateway", "repin", "--reason", "why").exit_code == 1, "nobody said yes"
    behind = typed("gateway", "repin", "--reason", "why", "--yes")
    assert "start `ledger worker`" in behind.output
    with opened() as (_settings, dsn, parts):
        follower(parts, dsn).catch_up()
    assert typed("gateway", "repin", "--reason", "why", "--yes").exit_code == 0
    assert "acct_2 (test mode)" in typed("gateway", "show").stdout
