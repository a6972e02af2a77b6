"""Whatever breaks, the schedule goes on: nobody else charges what is due."""

from __future__ import annotations

import logging
from datetime import timedelta
from threading import Event
from typing import Any

import psycopg
import pytest

from ledger.payments.gateway import OutcomeUnknown
from tests.web.schedule.sites import Site
from web import schedule
from web.jobs.every import JOBS
from web.jobs.job import Job, Run
from web.jobs.runner import Runner
from web.jobs.travelling import Traveller
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


def test_a_run_that_could_not_be_kept_is_run_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    charges = next(job for job in JOBS if job.name == "charges")
    runner = Runner(site.parts, Holding())

    def away(*_: Any) -> None:
        raise psycopg.OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(runner.runs, "record", away)
        with pytest.raises(psycopg.OperationalError):
            runner.tick(charges)
    assert runner.tick(charges)
    assert not runner.tick(charges)


def silent(*_: Any, **__: Any) -> Any:
    """A payment company that does not answer."""
    raise OutcomeUnknown(key="anything")


def test_a_nightly_job_to_which_the_company_was_silent_is_done_again_soon(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly = next(job for job in JOBS if job.name == "reconciliation")
    gateway, runner = site.parts.collection.gateway, Runner(site.parts, Holding())
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "list_movements", silent)
        assert [runner.tick(nightly) for _ in range(2)] == [True, True]
        assert Runner(site.parts, Holding()).tick(nightly)  # whoever leads then
    [state] = site.states()
    assert (state.error, state.failures) == ("outcome_unknown", 3)
    assert runner.tick(nightly)
    assert not runner.tick(nightly)
    assert not Runner(site.parts, Holding()).tick(nightly)


def test_on_the_way_through_time_it_is_done_again_at_the_next_step(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly = next(job for job in JOBS if job.name == "reconciliation")
    traveller = Traveller(site.parts, site.clock, Holding(), site.catch_up, jobs=[nightly])
    with monkeypatch.context() as patch:
        patch.setattr(site.parts.collection.gateway, "list_movements", silent)
        traveller.live()
    traveller.live()
    traveller.live()
    [state] = site.states()
    assert (state.runs, state.failures) == (2, 1)


def test_one_order_of_which_nothing_is_ever_heard_holds_up_no_other(site: Site) -> None:
    attempts = next(job for job in JOBS if job.name == "attempts")
    plan_id = site.plan()
    for card in ("pm_card_unreachable", "pm_card_outcomeLost", "pm_card_outcomeLost"):
        site.try_to_join(site.person(), plan_id, card)
        site.clock.advance(timedelta(seconds=1))
    runner, outcomes = Runner(site.parts, Holding()), []
    for _tick in range(3):
        site.catch_up()
        ran = runner.work(attempts, attempts.slot(site.clock.now()))
        outcomes.append(dict(ran.run.outcomes))
        assert (ran.is_done, ran.error) == (False, "outcome_unknown")
    assert outcomes == [{"unknown": 1}, {"settled": 2, "unknown": 1}, {"unknown": 1}]


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


def test_a_tick_that_finds_its_job_at_work_is_no_news(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    ran = Event()

    def work(_: Run) -> None:
        ran.set()

    jobs = Schedule(site.parts, site.dsn, jobs=(Job("work", timedelta(seconds=1), work),))
    jobs.start()
    try:
        assert ran.wait(30)
        logging.getLogger("apscheduler.scheduler").warning("skipped: still at work")
    finally:
        jobs.stop()
    assert "skipped" not in caplog.text
