"""The drill's months in small: members of every kind, and books that balance to the cent."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.balance import Movement
from projections.queries.due import DueQueries
from scripts.drills import year
from scripts.drills.year import Lived, live
from tests.web.conftest import MASTER_KEY
from web.parts import Parts
from web.sessions.job_runs import JobRun, JobRuns
from web.settings import Settings
from web.wiring import wire

BEGAN = datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.fixture
def parts(database: str, tmp_path: Path) -> Iterator[Parts]:
    key = base64.b64encode(MASTER_KEY).decode()
    settings = Settings(data=tmp_path, master_key=key)
    with wire(settings, database, clock=VirtualClock(BEGAN)) as parts:
        yield parts


def lived(parts: Parts, database: str, *, members: int, days: int) -> Lived:
    """A few months of a few people."""
    clock = parts.clock
    assert isinstance(clock, VirtualClock)
    return live(
        parts,
        database,
        clock,
        members=members,
        until=BEGAN + timedelta(days=days),
        step=timedelta(hours=20),
        seed=3,
    )


def test_the_books_balance_and_nothing_is_left_over(parts: Parts, database: str) -> None:
    found = lived(parts, database, members=30, days=75)
    assert found.wrong == []
    assert found.outcomes["charges: settled"] > 10
    assert found.outcomes["reconciliation: mended"] == 0
    assert found.sums["payment"] > 0
    assert DueQueries(parts.pool).missed(BEGAN, 10) == []


def test_a_cent_too_few_is_seen(
    parts: Parts, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = year._all_movements

    def short(of: Parts) -> list[Movement]:
        first, *rest = honest(of)
        return [replace(first, amount=first.amount - Money(1, "EUR")), *rest]

    monkeypatch.setattr(year, "_all_movements", short)
    found = lived(parts, database, members=3, days=40)
    assert [sentence for sentence in found.wrong if "the books say" in sentence]


@pytest.mark.parametrize(("failures", "wrong"), [(2, 0), (3, 1)])
def test_a_run_that_ends_at_a_lost_answer_is_no_failure(
    parts: Parts, database: str, monkeypatch: pytest.MonkeyPatch, failures: int, wrong: int
) -> None:
    run = JobRun(
        name="charges",
        slot=BEGAN,
        done_up_to=BEGAN,
        holder=UUID(int=1),
        began_at=BEGAN,
        ended_at=BEGAN,
        milliseconds=1,
        outcomes={"unknown": 2},
        error="outcome_unknown",
    )
    JobRuns(parts.pool).record([run])
    [state] = JobRuns(parts.pool).all()
    monkeypatch.setattr(JobRuns, "all", lambda _: [replace(state, failures=failures)])
    assert len(lived(parts, database, members=0, days=1).wrong) == wrong
