"""One leader at a time: others stand by, and take over when it dies, hangs or is cut off."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import psycopg
import pytest

from projections.leaders import SCHEDULE
from tests.projections.test_engine import wait_until
from tests.web.schedule.processes import Processes
from tests.web.schedule.sites import Site
from web.jobs.every import JOBS
from web.jobs.runner import Runner
from web.sessions import leadership
from web.sessions.leadership import LeadershipLost, leading

LEADER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
   AND classid::bigint << 32 | objid::bigint = %(key)s
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
SESSIONS = """
SELECT count(*) FROM pg_stat_activity
 WHERE application_name = 'ledger schedule' AND datname = current_database()
"""


@pytest.fixture
def watcher(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def leader(watcher: psycopg.Connection[Any]) -> int | None:
    """The server's process that serves whoever leads."""
    row = watcher.execute(LEADER, {"key": SCHEDULE}).fetchone()
    return row[0] if row else None


@contextmanager
def standby(dsn: str) -> Iterator[bool]:
    """Whether somebody who is not very patient may lead."""
    with leading(dsn, Event(), patience_seconds=0) as lead:
        yield lead is not None


def test_while_one_leads_no_other_does(database: str) -> None:
    with leading(database, Event()) as first:
        assert first is not None
        assert first.is_held()
        with standby(database) as leads:
            assert not leads
    assert not first.is_held()
    with standby(database) as leads:
        assert leads


def test_one_who_is_told_to_stop_leads_nothing(database: str) -> None:
    stopping = Event()
    stopping.set()
    with leading(database, Event()), leading(database, stopping) as second:
        assert second is None


def test_a_leader_that_is_cut_off_knows_it_at_the_next_item(
    database: str, watcher: psycopg.Connection[Any]
) -> None:
    with leading(database, Event()) as lead:
        assert lead is not None
        watcher.execute("SELECT pg_terminate_backend(%(pid)s)", {"pid": leader(watcher)})
        with pytest.raises(LeadershipLost):
            lead.require()
        with standby(database) as leads:
            assert leads


def test_a_leader_that_is_not_heard_of_leads_no_more(
    database: str, watcher: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "BEAT_SECONDS", 3600)
    monkeypatch.setattr(leadership, "BE_HEARD", "SET idle_session_timeout = '100ms'")
    with leading(database, Event()) as lead:
        assert lead is not None
        wait_until(lambda: leader(watcher) is None)
        assert not lead.is_held()


class Falling:
    """A lead that is lost after so many items."""

    def __init__(self, items: int) -> None:
        self.left = items

    def require(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise LeadershipLost


def test_a_run_stops_at_once_when_the_lead_is_lost_and_the_next_leader_does_the_rest(
    site: Site,
) -> None:
    stays = [site.join() for _ in range(3)]
    site.sleep(28)
    site.catch_up()
    charges = next(job for job in JOBS if job.name == "charges")
    with pytest.raises(LeadershipLost):
        Runner(site.parts, Falling(2)).tick(charges)
    assert sorted(stay.now.charge_index for stay in stays) == [0, 0, 1]
    site.catch_up()
    second = Runner(site.parts, Falling(100))
    assert second.tick(charges)
    assert [stay.now.charge_index for stay in stays] == [1, 1, 1]
    assert not second.tick(charges)


def test_a_slot_is_run_once_whoever_leads(site: Site) -> None:
    charges = next(job for job in JOBS if job.name == "charges")
    first, second = (Runner(site.parts, Falling(100)) for _ in range(2))
    assert first.tick(charges)
    assert not second.tick(charges)
    site.sleep(1)
    assert second.tick(charges)
    (state,) = [state for state in second.runs.all() if state.name == "charges"]
    assert (state.runs, state.failures) == (2, 0)


def holder(watcher: psycopg.Connection[Any]) -> Any:
    """Whose the latest run of a job was."""
    row = watcher.execute("SELECT holder FROM web.jobs WHERE ended_at IS NOT NULL").fetchone()
    return row and row[0]


def test_a_standby_takes_over_from_a_worker_that_hangs_and_from_one_that_is_killed(
    processes: Processes, watcher: psycopg.Connection[Any]
) -> None:
    first = processes.start("worker")
    wait_until(lambda: leader(watcher) is not None and holder(watcher), 60)
    second, hung = processes.start("worker"), leader(watcher)
    wait_until(lambda: watcher.execute(SESSIONS).fetchone() == (2,), 60)
    assert leader(watcher) == hung

    first.send_signal(signal.SIGSTOP)
    wait_until(lambda: leader(watcher) not in {None, hung}, 60)
    first.send_signal(signal.SIGCONT)
    wait_until(lambda: watcher.execute(SESSIONS).fetchone() == (2,), 60)
    now_leads = leader(watcher)

    second.kill()
    wait_until(lambda: leader(watcher) not in {None, now_leads}, 60)
    assert first.poll() is None
    led = watcher.execute("SELECT count(*) FROM web.jobs WHERE failures > 0").fetchone()
    assert led == (0,)
