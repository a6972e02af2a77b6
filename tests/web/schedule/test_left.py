"""A failure that can't be told is tried again until it can, and stands in the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from ledger.application.notices import Told
from ledger.errors import NotFound
from tests.web.schedule.post import job_named
from tests.web.schedule.sites import DECLINES_LATER, Site, Stay
from web.jobs.job import LONGEST_PAUSE, AlwaysLeads
from web.jobs.runner import Runner
from web.sessions.job_runs import Left

MINUTE = timedelta(minutes=1)


def unheard(site: Site) -> Stay:
    """Somebody whose renewal failed."""
    stay = site.join(DECLINES_LATER)
    site.sleep(28)
    site.run("charges")
    return stay


def breaks(patch: pytest.MonkeyPatch, stay: Stay, fault: Exception) -> None:
    """They can't be told anything."""
    queue = stay.site.parts.ledger.queue_notices

    def queued(told: Sequence[Told], **more: Any) -> int:
        if any(one.recipient.id == stay.member_id for one in told):
            raise fault
        return queue(told, **more)

    patch.setattr(stay.site.parts.ledger, "queue_notices", queued)


def left(site: Site) -> list[Left]:
    """What the job could not tell yet."""
    return list(Runner(site.parts, AlwaysLeads()).runs.progress("news").left.values())


def tries(site: Site) -> None:
    """The job runs as the schedule lets it, and something breaks."""
    runner, job = Runner(site.parts, AlwaysLeads()), job_named("news")
    ran = runner.work(job, job.slot(site.clock.now()))
    assert len(ran.run.broken) == 1
    runner.keep([ran])


@pytest.mark.parametrize("fault", [NotFound(what="member", id="x"), ZeroDivisionError("ada")])
def test_a_failure_that_can_not_be_told_is_told_once_it_can(
    site: Site, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:  # DU2
    owner, stay = site.found(), unheard(site)
    with monkeypatch.context() as patch:
        breaks(patch, stay, fault)
        tries(site)
        [one] = left(site)
        assert (one.tries, one.code) in {(1, "not_found"), (1, "ZeroDivisionError")}
        assert site.run("news") == {}  # not before a while
        site.clock.advance(MINUTE)
        tries(site)
    site.clock.advance(2 * MINUTE)
    assert site.run("news") == {"told": 2}
    assert left(site) == []
    site.catch_up()
    assert site.told("own_payment_failed", stay.member_id) == 1
    assert site.told("payment_failed", owner) == 1
    site.sleep(1)
    assert site.run("news") == {}


def test_it_is_never_given_up_and_tried_less_and_less_often(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay = unheard(site)
    breaks(monkeypatch, stay, ZeroDivisionError())
    pauses = []
    for count in range(1, 13):
        tries(site)
        [one] = left(site)
        assert one.tries == count
        pauses.append(one.next_at - site.clock.now())
        site.clock.advance_to(one.next_at)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (MINUTE, LONGEST_PAUSE)


def test_what_was_told_in_a_step_that_is_not_saved_is_still_left(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay = unheard(site)
    with monkeypatch.context() as patch:
        breaks(patch, stay, ZeroDivisionError())
        tries(site)
    site.sleep(1)
    runner, job = Runner(site.parts, AlwaysLeads()), job_named("news")
    with suppress(KeyboardInterrupt), site.parts.ledger.batch():
        assert runner.work(job, job.slot(site.clock.now())).run.left == {}
        raise KeyboardInterrupt
    assert len(left(site)) == 1
    assert site.run("news") == {"told": 1}
    assert left(site) == []
