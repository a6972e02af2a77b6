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
from web.cli.context import opened
from web.cli.main import main
from web.jobs.every import JOBS
from web.sessions.job_runs import JobRun, JobRuns, Left

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


def test_what_a_job_could_not_work_on_stands_in_the_schedule(home: str) -> None:
    with opened() as (_settings, _dsn, parts):
        run = JobRun(
            name="news",
            slot=JANUARY,
            done_up_to=JANUARY,
            holder=ids.new(),
            began_at=JANUARY,
            ended_at=JANUARY,
            milliseconds=5,
            left={12: Left(3, MARCH, "not_found")},
        )
        JobRuns(parts.pool).record([run])
    [failures] = [line for line in typed("schedule").stdout.splitlines() if "news" in line]
    assert failures.endswith("-; 1 fact left to try again")
    told = [json.loads(line) for line in typed("schedule", "--json").stdout.splitlines()]
    [kept] = [job["state"]["left_facts"] for job in told if job["state"]]
    assert kept == {"12": [3, MARCH.isoformat(), "not_found"]}


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
