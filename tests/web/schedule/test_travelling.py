"""A test site's clock is moved through months by the same jobs, and goes on where it broke off."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from ledger.clock import SystemClock, VirtualClock
from ledger.store.pool import open_pool
from tests.projections.test_engine import wait_until
from tests.web.conftest import MASTER_KEY
from tests.web.schedule.processes import Processes
from tests.web.schedule.sites import DECLINES_LATER, Site
from web.cli.main import main
from web.jobs.spans import SpanMalformed, after
from web.jobs.travelling import following
from web.running.following import follower
from web.sessions.site_time import SiteClock, TravelUnderWay
from web.settings import Settings
from web.wiring import wire

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def moved(database: str) -> Iterator[Callable[[], SiteClock]]:
    """Clocks of one site, each as another process has it."""
    with open_pool(database, max_size=4) as pool:
        yield lambda: SiteClock(pool, VirtualClock(NOON))


@pytest.fixture
def real(settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site on its own clock, as the command line finds it."""
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    with wire(settings, database) as parts:

        def catch_up() -> None:
            with following(parts, database) as own:  # other processes follow as well
                own()

        yield Site(parts, VirtualClock(SystemClock().now()), database, catch_up)


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize(
    ("span", "reached"),
    [
        ("36h", datetime(2026, 2, 2, 0, tzinfo=UTC)),
        ("3d", datetime(2026, 2, 3, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 2, 14, 12, tzinfo=UTC)),
        ("1mo", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("18mo", datetime(2027, 7, 31, 11, tzinfo=UTC)),
        ("1y", datetime(2027, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_spans_are_counted_as_charges_are(span: str, reached: datetime) -> None:  # part of DU11
    assert after(NOON, span, PARIS) == reached


@pytest.mark.parametrize("span", ["", "0d", "-3d", "3", "d", "1.5y", "11y", "3D", "9999w", "1 d"])
def test_what_is_no_span_is_refused(span: str) -> None:
    with pytest.raises(SpanMalformed):
        after(NOON, span, PARIS)


def test_every_process_tells_the_same_time(moved: Callable[[], SiteClock]) -> None:
    mine, theirs = moved(), moved()
    assert mine.now() == NOON
    mine.advance_to(NOON + timedelta(days=3))
    assert mine.now() == theirs.now() == NOON + timedelta(days=3)


def test_a_clock_never_goes_back(moved: Callable[[], SiteClock]) -> None:
    clock, other = moved(), moved()
    clock.advance_to(NOON + timedelta(days=3))
    for one in (clock, other):
        with pytest.raises(ValueError, match="can't go back"):
            one.advance_to(NOON + timedelta(days=2))
    assert other.now() == NOON + timedelta(days=3)


def test_a_way_that_was_broken_off_is_gone_on_and_no_other_is_begun(
    moved: Callable[[], SiteClock],
) -> None:
    clock, later = moved(), moved()
    travel = clock.set_out("3d", NOON + timedelta(days=3))
    clock.advance_to(NOON + timedelta(days=1))
    assert later.set_out("3d", NOON + timedelta(days=4)) == travel
    with pytest.raises(TravelUnderWay):
        later.set_out("1y", NOON + timedelta(days=365))
    later.arrive()
    assert clock.travel() is None


def test_the_same_jobs_run_on_the_way(real: Site) -> None:
    stay = real.join()
    before = real.parts.clock.now()
    told = typed("clock", "advance", "2mo")
    assert told.exit_code == 0, told.output
    shown = json.loads(typed("clock", "show", "--json").stdout)
    assert datetime.fromisoformat(shown["now"]) >= after(before, "2mo", PARIS)
    assert shown["on_its_way_to"] is None
    assert stay.now.charge_index == 2
    jobs = {job["name"]: job for job in map(json.loads, _lines("schedule", "--json"))}
    assert jobs["charges"]["state"]["total"] == {"settled": 2}
    assert jobs["reconciliation"]["state"]["failures"] == 0
    assert "reconciliation" in typed("schedule").output


def test_who_failed_to_pay_at_the_end_of_the_way_has_their_letter_at_its_end(  # part of DU2
    real: Site,
) -> None:
    stay = real.join(DECLINES_LATER)
    clock = real.parts.clock
    assert isinstance(clock, SiteClock)
    clock.advance_to(clock.now() + timedelta(minutes=10))
    told = typed("clock", "advance", "1mo")
    assert told.exit_code == 0, told.output
    assert stay.now.billing == "past_due"
    email = real.parts.ledger.member(stay.member_id).email
    kept = real.parts.desk.mailbox.recent(to=email)[0]
    assert "failed" in kept.mail.subject


def test_a_way_that_was_killed_goes_on_when_it_is_asked_for_again(
    real: Site, processes: Processes
) -> None:
    stay = real.join()
    first = processes.start("clock", "advance", "2mo")
    wait_until(lambda: stay.now.charge_index >= 1, 90)
    first.kill()
    first.wait()
    clock = real.parts.clock
    assert isinstance(clock, SiteClock)
    travel = clock.travel()
    assert travel is not None
    assert clock.now() < travel.target
    again = typed("clock", "advance", "2mo")
    assert again.exit_code == 0, again.output
    assert clock.travel() is None
    assert stay.now.charge_index == 2
    assert _charged(real, stay.member_id) == 3


def test_a_worker_that_leads_goes_the_way_that_was_asked_for(
    real: Site, processes: Processes
) -> None:
    stay = real.join()
    clock = real.parts.clock
    assert isinstance(clock, SiteClock)
    processes.start("worker")
    clock.set_out("1mo", after(clock.now(), "1mo", PARIS) + timedelta(days=1))
    wait_until(lambda: clock.travel() is None, 90)
    assert stay.now.charge_index == 1


def test_the_books_are_followed_from_when_nobody_else_does(real: Site) -> None:
    others = follower(real.parts, real.dsn)
    others.start()
    with following(real.parts, real.dsn) as catch_up:
        real.person()
        catch_up()
        others.stop()
        real.person()
        catch_up()
        assert real.parts.views.freshness().lag == 0


def test_the_clock_of_a_live_site_is_never_moved(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    monkeypatch.setenv("LEDGER_MODE", "live")
    with wire(settings.model_copy(update={"mode": "live"}), database) as parts:
        assert not isinstance(parts.clock, SiteClock)
    refused = typed("clock", "advance", "3d")
    assert refused.exit_code == 1
    assert "test mode" in refused.output


def test_missed_periods_are_listed_at_the_terminal(real: Site) -> None:
    assert "No period was passed over." in typed("due", "missed").output
    stay = real.join()
    clock = real.parts.clock
    assert isinstance(clock, SiteClock)
    clock.advance_to(clock.now() + timedelta(days=100))
    real.run("charges")
    real.catch_up()
    (missed,) = map(json.loads, _lines("due", "missed", "--json"))
    assert (missed["membership_id"], missed["periods"]) == (str(stay.membership_id), 2)
    assert str(stay.member_id) in typed("due", "missed").output


def _lines(*words: str) -> list[str]:
    told = typed(*words)
    assert told.exit_code == 0, told.output
    return told.stdout.splitlines()


def _charged(site: Site, member_id: UUID) -> int:
    """How often the payment company took money from somebody."""
    listed = site.parts.sandbox.list_movements(
        since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC)
    )
    assert site.parts.ledger.member(member_id)
    return sum(one.kind == "payment" for one in listed)
