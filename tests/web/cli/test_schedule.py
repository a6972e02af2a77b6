"""`ledger schedule` and `ledger due`, as typed at a terminal."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from ledger import ids
from projections.queries.due import DueQueries, MissedPeriods
from tests.projections.books import MASTER_KEY
from web.cli.main import main
from web.jobs.every import JOBS

JANUARY, MARCH = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture
def home(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty site; where its database is."""
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    return database


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, [*words], catch_exceptions=False)


def test_every_job_stands_in_the_schedule_with_how_often_it_runs(home: str) -> None:
    said = typed("schedule").stdout
    assert said.startswith("No worker leads: nothing runs.\n")
    assert all(job.name in said for job in JOBS)
    [charges] = [line for line in said.splitlines() if line.startswith("charges")]
    assert charges.split() == ["charges", "1", "minute", "never"]
    assert "15 minutes" in said
    assert "1 day" in said


def test_missed_periods_are_told_with_their_price_as_people_read_it(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = MissedPeriods(
        member_id=ids.new(),
        membership_id=ids.new(),
        plan_id=ids.new(),
        plan_name="Circle",
        order_id=ids.new(),
        missed_from=JANUARY,
        missed_until=MARCH,
        periods=2,
        list_price=1250,
        currency="EUR",
        charged_at=MARCH,
    )
    monkeypatch.setattr(DueQueries, "missed", lambda *_: [one])
    assert "2026-01-05 to 2026-03-05  2 periods of 12.50 EUR" in typed("due", "missed").stdout
    assert json.loads(typed("due", "missed", "--json").stdout)["list_price"] == 1250


def test_no_missed_period_is_said_as_well(home: str) -> None:
    assert typed("due", "missed").stdout == "No period was passed over.\n"
