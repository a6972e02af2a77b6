"""The post of a site: its jobs tell and write, and what lies in the mailbox then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.member.facts import Locale
from ledger.terms import Terms
from tests.web.schedule.sites import MACHINE, Site, Stay, cause
from web.jobs.every import JOBS
from web.jobs.job import Job
from web.sessions.mailbox import Mail

DAY = timedelta(days=1)
FOLLOWING = ("welcome", "receipt", "cancellation_confirmed", "refund_issued")
"""Kinds of notices that follow what a member, or staff, did."""


class Killed(BaseException):
    """The process died: nothing catches it."""


def dies_sending(site: Site, where: object, step: str, *, is_done: bool) -> None:
    """The process that sends letters dies just before a step, or just after it `is_done`."""
    with pytest.MonkeyPatch.context() as patch:
        _dies_at(patch, where, step, is_done=is_done)
        with pytest.raises(Killed):
            site.run("letters")


def _dies_at(patch: pytest.MonkeyPatch, where: object, step: str, *, is_done: bool) -> None:
    does = getattr(where, step)

    def dies(*words: Any, **more: Any) -> None:
        if is_done:
            does(*words, **more)
        raise Killed

    patch.setattr(where, step, dies)


def dies_travelling(site: Site) -> None:
    """The process dies on its way through time, once it put a letter, with all of that step."""
    with pytest.MonkeyPatch.context() as patch:
        _dies_at(patch, site.parts.desk.mailbox, "put_all", is_done=True)
        with pytest.raises(Killed):
            site.live(1)


def job_named(name: str) -> Job:
    """A job of the schedule."""
    return next(job for job in JOBS if job.name == name)


def due(stay: Stay) -> datetime:
    """When they are charged next."""
    assert stay.now.period_end is not None
    return stay.now.period_end


def reads(stay: Stay, locale: Locale) -> None:
    """The member reads a language."""
    stay.site.parts.ledger.choose_locale(stay.member_id, locale, by=stay.person, cause=cause())


def dearer(stay: Stay, effective: datetime, terms: Terms) -> None:
    """The plan costs another price from an instant on, also for its members."""
    stay.site.parts.ledger.set_price(
        stay.plan_id, terms, effective_for_existing_from=effective, by=MACHINE, cause=cause()
    )


def letters(stay: Stay) -> list[Mail]:
    """All that was written to a member, the oldest first, but what follows what they do.

    Welcomes, receipts and the like have tests of their own.
    """
    address, site = f"{stay.member_id.hex}@example.org", stay.site
    site.catch_up()
    with site.parts.pool.connection() as connection:
        rows = connection.execute(
            "SELECT notice_id FROM notices WHERE recipient_id = %s AND kind = ANY (%s)",
            (stay.member_id, list(FOLLOWING)),
        ).fetchall()
    following = {notice_id for (notice_id,) in rows}
    kept = site.parts.desk.mailbox.recent(to=address)
    return [one.mail for one in reversed(kept) if one.mail_id not in following]


def letter(stay: Stay) -> Mail:
    """The only letter that was written to a member."""
    (only,) = letters(stay)
    return only


def said(stay: Stay) -> list[str]:
    """The paragraphs of that letter between the greeting and the link."""
    return letter(stay).text.split("\n\n")[1:-2]


def told_as(stay: Stay, kind: str) -> list[tuple[str, str | None]]:
    """What became of the notices of a kind to a member: the state, and why."""
    stay.site.catch_up()
    with stay.site.parts.pool.connection() as connection:
        rows = connection.execute(
            "SELECT state, why FROM notices WHERE kind = %s AND recipient_id = %s"
            " ORDER BY queued_at",
            (kind, stay.member_id),
        )
        return [(state, why) for state, why in rows]


def facts_of_notices(stay: Stay, kind: str) -> list[list[str]]:
    """Of each notice of a kind to a member, the facts in the books."""
    with stay.site.parts.pool.connection() as connection:
        rows = connection.execute(
            "SELECT notice_id FROM notices WHERE kind = %s AND recipient_id = %s",
            (kind, stay.member_id),
        ).fetchall()
    return [stay.site.topics(notice_id) for (notice_id,) in rows]
