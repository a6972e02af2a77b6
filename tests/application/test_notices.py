"""Notices: queued once for each cause, whoever asks how often."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from ledger import ids
from ledger.errors import Forbidden, NotFound
from ledger.facts import Cause
from ledger.notification import Recipient
from ledger.store.recorder import FactRecorder
from tests.application.races import at_once, refusals
from tests.application.sites import SCHEDULER, STAFF, Site, cause, themself

OWNER = Recipient(kind="contributor", id=UUID(int=7), role="owner")


def because(member_id: UUID) -> str:
    """The fact that somebody signed up."""
    return f"{member_id}/1"


def queue(site: Site, member_id: UUID, why: Cause | None = None) -> int:
    """A job tells the owner of it."""
    return site.ledger.queue_notice(
        OWNER,
        "member_joined",
        because_of=because(member_id),
        locale="fr",
        by=SCHEDULER,
        cause=why or cause(),
    )


def notice_id(member_id: UUID) -> UUID:
    """The notice that is queued."""
    return ids.notice(because(member_id), OWNER.id, "member_joined")


def test_one_cause_is_told_once_whatever_crashes(site: Site) -> None:  # part of NO2
    ada, job = site.person("ada"), cause()
    first = queue(site, ada, job)
    assert queue(site, ada, job) == first > 0
    assert queue(site, ada) == 0
    assert site.topics(notice_id(ada)) == ["notice.queued"]


def test_jobs_that_race_queue_one_notice(site: Site) -> None:  # part of NO2
    ada = site.person("ada")
    outcomes = at_once(*[partial(queue, site, ada) for _ in range(4)])
    assert refusals(outcomes) == []
    assert len([position for position in outcomes if position]) == 1


def test_a_notice_is_about_the_member_whom_its_cause_concerns(site: Site) -> None:  # part of NO2
    ada = site.person("ada")
    queue(site, ada)
    site.ledger.record_notice_failed(
        notice_id(ada), attempt=1, why="timeout", by=SCHEDULER, cause=cause()
    )
    site.ledger.record_notice_sent(notice_id(ada), attempt=2, by=SCHEDULER, cause=cause())
    site.ledger.record_notice_bounced(notice_id(ada), "5.1.1", by=SCHEDULER, cause=cause())
    told = [record.topic for record in FactRecorder(site.pool).of_subject(ada)]
    assert told[1:] == ["notice.queued", "notice.failed", "notice.sent", "notice.bounced"]


def test_a_member_who_is_told_of_a_price_is_whom_it_concerns(site: Site) -> None:
    ada, plan_id = site.person("ada"), site.plan()
    site.ledger.queue_notice(
        Recipient(kind="member", id=ada, role="member"),
        "price_change",
        because_of=f"{plan_id}/2",
        locale="en",
        by=SCHEDULER,
        cause=cause(),
    )
    told = [record.topic for record in FactRecorder(site.pool).of_subject(ada)]
    assert told == ["member.account_opened", "notice.queued"]


def test_a_notice_that_is_given_up_stays_so(site: Site) -> None:
    ada = site.person("ada")
    queue(site, ada)
    for _ in range(2):
        site.ledger.give_up_notice(notice_id(ada), "muted", by=SCHEDULER, cause=cause())
    assert queue(site, ada) == 0
    assert site.ledger.notice(notice_id(ada)).state == "given_up"


@pytest.mark.parametrize("fact_id", ["", "x/1", f"{UUID(int=5)}/1", f"{UUID(int=5)}", "a/b/c"])
def test_nobody_is_told_of_what_never_happened(site: Site, fact_id: str) -> None:  # part of NO2
    with pytest.raises(NotFound):
        site.ledger.queue_notice(
            OWNER, "member_joined", because_of=fact_id, locale="en", by=STAFF, cause=cause()
        )


def test_nobody_is_told_of_a_later_fact_than_there_is(site: Site) -> None:  # part of NO2
    ada = site.person("ada")
    with pytest.raises(NotFound):
        site.ledger.queue_notice(
            OWNER, "member_joined", because_of=f"{ada}/2", locale="en", by=STAFF, cause=cause()
        )


def test_a_member_queues_nothing(site: Site) -> None:
    ada = site.person("ada")
    with pytest.raises(Forbidden):
        site.ledger.queue_notice(
            OWNER,
            "member_joined",
            because_of=because(ada),
            locale="en",
            by=themself(ada),
            cause=cause(),
        )
    with pytest.raises(NotFound):
        site.ledger.notice(notice_id(ada))
