"""What is done with many members at once: to its end, each once, whoever dies in between."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Thread
from uuid import UUID

import pytest

from ledger import ids
from ledger.clock import VirtualClock
from ledger.facts import Cause
from tests.web.conftest import usual
from tests.web.schedule.sites import JANUARY, MACHINE, Site, cause
from web.jobs.acting import carry_on_acts
from web.jobs.job import AlwaysLeads, Run
from web.running import bulk_acts
from web.sessions.bulk_acts import BulkAct, Kind
from web.settings import Settings
from web.wiring import wire

PEOPLE = 5
TAGGED = "member.tagged"


def begun(site: Site, kind: Kind = "tag", what: str = "press", count: int = PEOPLE) -> BulkAct:
    """An act of the owner, on so many people."""
    act_id, people = ids.new(), [site.person() for _ in range(count)]
    acts, owner = site.parts.desk.bulk_acts, site.found()
    acts.begin(act_id, kind, what, people, by_id=owner, back="/panel/members")
    return acts.one(act_id)


def worked(site: Site) -> Run:
    run = Run(parts=site.parts, cause=Cause(kind="job", id=ids.new()), lead=AlwaysLeads())
    carry_on_acts(run)
    return run


def tagged(site: Site) -> list[UUID]:
    """Whom the books have tagged, each as often as they have."""
    return [one.stream_id for one in site.parts.recorder.read(0, 10_000) if one.topic == TAGGED]


def concerned(site: Site, act: BulkAct) -> list[UUID]:
    return site.parts.desk.bulk_acts.part(act.act_id, most=PEOPLE)


def dies_on_the_fourth(database: str, folder: str, act_id: UUID) -> None:
    """Another process, killed when one member of a part is tagged and nothing of it is noted."""
    settings = usual(Path(folder))
    with wire(settings, database, clock=VirtualClock(JANUARY)) as parts:
        tag = parts.ledger.tag
        done: list[UUID] = []

        def tag_or_die(member_id: UUID, tag_: str, **told: object) -> object:
            if len(done) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(member_id)
            return tag(member_id, tag_, **told)  # type: ignore[arg-type]

        parts.ledger.tag = tag_or_die  # type: ignore[method-assign,assignment]
        bulk_acts.PART = 2
        bulk_acts.carry_on(parts, act_id)


def test_an_act_whose_process_is_killed_goes_on_and_sees_to_each_once(
    site: Site, database: str, settings: Settings
) -> None:
    act = begun(site)
    people = concerned(site, act)
    other = multiprocessing.get_context("spawn").Process(
        target=dies_on_the_fourth, args=(database, str(settings.data), act.act_id)
    )
    other.start()
    other.join()
    assert other.exitcode == -signal.SIGKILL
    assert tagged(site) == people[:3]
    assert site.parts.desk.bulk_acts.one(act.act_id).done == 2
    assert worked(site).outcomes == {"seen to": 3}
    assert tagged(site) == people
    over = site.parts.desk.bulk_acts.one(act.act_id)
    assert (over.done, over.changes, over.refused) == (PEOPLE, PEOPLE, 0)
    assert over.ended_at is not None
    assert worked(site).outcomes == {}


def test_while_one_is_at_an_act_no_other_is(site: Site) -> None:
    act = begun(site)
    seen = []

    def look() -> None:
        seen.append(bulk_acts.carry_on(site.parts, act.act_id).done)

    bulk_acts.carry_on(site.parts, act.act_id, before_each=look)
    assert seen == [0]
    assert len(tagged(site)) == PEOPLE


def test_two_who_believe_to_be_alone_see_to_each_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def at_once(*_: object) -> Iterator[bool]:
        barrier.wait()
        yield True

    barrier = Barrier(2)
    monkeypatch.setattr(bulk_acts, "_alone", at_once)
    monkeypatch.setattr(bulk_acts, "PART", 2)
    act = begun(site)
    people = concerned(site, act)
    workers = [Thread(target=bulk_acts.carry_on, args=(site.parts, act.act_id)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(tagged(site)) == sorted(people)
    over = site.parts.desk.bulk_acts.one(act.act_id)
    assert (over.done, sorted(site.parts.desk.bulk_acts.changed(act.act_id))) == (
        PEOPLE,
        sorted(people),
    )


def test_who_is_staff_no_more_sees_to_nobody_more(site: Site) -> None:
    act_id, people, colleague = ids.new(), [site.person()], ids.new()
    site.found()
    site.parts.ledger.add_contributor(
        colleague,
        email="sam@example.org",
        name="Sam",
        roles=frozenset({"store_manager"}),
        locale="en",
        by=MACHINE,
        cause=cause(),
    )
    acts = site.parts.desk.bulk_acts
    acts.begin(act_id, "tag", "press", people, by_id=colleague, back="/panel/members")
    site.parts.ledger.remove_contributor(colleague, by=MACHINE, cause=cause())
    worked(site)
    assert tagged(site) == []
    assert acts.one(act_id).is_stopped


def test_a_list_that_ends_meanwhile_stops_the_act_alone(site: Site) -> None:
    list_id = ids.new()
    site.parts.ledger.create_list(list_id, name="News", by=MACHINE, cause=cause())
    stopped, going_on = begun(site, "list", str(list_id), 1), begun(site, count=1)
    site.parts.ledger.end_list(list_id, by=MACHINE, cause=cause())
    assert worked(site).broken == []
    acts = site.parts.desk.bulk_acts
    assert acts.one(stopped.act_id).is_stopped
    assert acts.one(going_on.act_id).changes == 1


def test_an_act_that_is_not_over_is_never_cleared_away(site: Site) -> None:
    act = begun(site, count=1)
    site.clock.advance_to(JANUARY.replace(year=2027))
    acts = site.parts.desk.bulk_acts
    assert acts.purge() == 0
    worked(site)
    site.clock.advance_to(JANUARY.replace(year=2028))
    assert acts.purge() == 1
    assert act.act_id not in acts.unfinished()
