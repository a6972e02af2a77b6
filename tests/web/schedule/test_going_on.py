"""Whatever breaks, the schedule goes on: nobody else charges what is due."""

from __future__ import annotations

from threading import Event
from typing import Any

import psycopg
import pytest

from tests.web.schedule.sites import Site
from web import schedule
from web.jobs.every import JOBS
from web.jobs.runner import Runner
from web.schedule import Schedule


class Holding:
    """A lead that is never lost."""

    def require(self) -> None:
        """Held."""


def test_a_slot_that_could_not_be_claimed_is_claimed_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    charges = next(job for job in JOBS if job.name == "charges")
    runner = Runner(site.parts, Holding())
    claim = runner.runs.claim

    def away(*_: Any, **__: Any) -> bool:
        monkeypatch.setattr(runner.runs, "claim", claim)
        raise psycopg.OperationalError

    monkeypatch.setattr(runner.runs, "claim", away)
    with pytest.raises(psycopg.OperationalError):
        runner.tick(charges)
    assert runner.tick(charges)
    assert not runner.tick(charges)


def test_an_error_that_nobody_foresaw_does_not_end_the_schedule(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schedule, "PAUSE_SECONDS", 0)
    led, again, person = list[int](), Event(), "ada@example.org"

    def lead(*_: object) -> None:
        led.append(1)
        if len(led) == 1:
            raise RuntimeError(person)
        again.set()

    monkeypatch.setattr(Schedule, "_lead", lead)
    jobs = Schedule(site.parts, site.dsn)
    jobs.start()
    try:
        assert again.wait(30)
    finally:
        jobs.stop()
    assert "RuntimeError" in caplog.text
    assert "ada@" not in caplog.text
