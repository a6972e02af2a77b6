"""What tests of the post say: a mail is put, the job runs, and what is known of it then."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import pytest

from ledger import ids
from tests.web.schedule.post import DAY, due
from tests.web.schedule.sites import Site, Stay, every
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Ran, Runner
from web.sessions.mailbox import Mail

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ADA = "ada@example.test"


class Killed(BaseException):
    """The process died: nothing catches it."""


def mail(to: str = ADA, *, unsubscribe: str | None = None) -> Mail:
    """A mail that answers something somebody asked for; or a campaign's."""
    return Mail(
        to=to,
        subject="Hello",
        text="Hello.\n",
        html="<p>Hello.</p>",
        locale="en",
        unsubscribe=unsubscribe,
    )


def campaign(to: str = ADA) -> Mail:
    """One of many that say the same."""
    return mail(to, unsubscribe="https://site.test/unsubscribe?token=abc")


def put(site: Site, one: Mail | None = None) -> UUID:
    """A mail is on its way."""
    return site.parts.desk.mailbox.put(one or mail())


def posts(site: Site) -> Ran:
    """The job that sends runs now."""
    job = next(job for job in JOBS if job.name == "posting")
    ran = Runner(site.parts, AlwaysLeads()).work(job, job.slot(site.clock.now()))
    site.catch_up()
    return ran


def did(site: Site) -> dict[str, int]:
    """What that came to; nothing broke."""
    ran = posts(site)
    assert (ran.error, ran.run.broken) == (None, [])
    return dict(ran.run.outcomes)


class State(NamedTuple):
    """A mail on its way, as it is kept."""

    state: str
    why: str | None
    attempts: int
    perhaps_twice: bool


def state(site: Site, mail_id: UUID) -> State:
    """How a mail stands."""
    with site.parts.pool.connection() as connection:
        row = connection.execute(
            "SELECT state, why, attempts, perhaps_twice FROM web.outbox WHERE mail_id = %s",
            (mail_id,),
        ).fetchone()
    assert row is not None
    return State(*row)


def told(site: Site) -> tuple[Stay, UUID]:
    """A member who is to be reminded, and the notice, whose letter waits to be sent."""
    stay = site.join(terms=every("year"))
    site.clock.advance_to(due(stay) - 6 * DAY)
    site.run("reminders")
    site.catch_up()
    assert site.run("letters") == {"written": 1}
    with site.parts.pool.connection() as connection:
        row = connection.execute(
            "SELECT notice_id FROM notices WHERE kind = 'renewal_reminder'"
        ).fetchone()
    assert row is not None
    return stay, row[0]


def facts(site: Site, notice_id: UUID) -> list[str]:
    """What the books say of a notice."""
    return [topic.removeprefix("notice.") for topic in site.topics(notice_id)]


def dies(site: Site, where: object, step: str, *, is_done: bool) -> None:
    """Whoever sends dies just before a step, or just after it `is_done`."""
    does = getattr(where, step)

    def dying(*words: object, **more: object) -> None:
        if is_done:
            does(*words, **more)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, step, dying)
        with pytest.raises(Killed):
            posts(site)


def lease_ends(site: Site) -> None:
    """Whoever had claimed a mail has it no more."""
    site.clock.advance(timedelta(minutes=16))


def new_id() -> UUID:
    """Some id."""
    return ids.new()
