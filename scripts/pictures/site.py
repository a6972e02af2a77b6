"""A made-up site to take pictures of: a year and more of members, and a few who come today."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from uuid import UUID

from werkzeug.serving import make_server

from ledger import ids
from ledger.clock import SystemClock
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.store.upgrade import upgrade
from scripts.drills.grounds import data_folder, free_port
from web.cli.start import tell_with_progress
from web.demo.people import Person, person
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner
from web.parts import Parts
from web.running.database import database
from web.running.first_start import make_owner
from web.running.following import follower
from web.sessions.sessions import Kind
from web.settings import Settings
from web.site import create_site
from web.wiring import wire

MEMBERS, MONTHS, SEED = 250, 13, 7
CARD = "pm_card_visa"
NAME = "The Bindery"
MACHINE = Actor(kind="machine")


@dataclass(frozen=True)
class Pictured:
    """The site while it listens."""

    parts: Parts

    @property
    def address(self) -> str:
        """Where it answers."""
        return self.parts.settings.address

    def owner(self) -> dict[str, str]:
        """The cookies of the owner's browser."""
        owner_id = ids.derived(ids.SITE, "owner")
        return {"team": self.parts.desk.sessions.open(Kind.CONTRIBUTOR, owner_id).token}

    def member(self, member_id: UUID) -> dict[str, str]:
        """The cookies of a member's browser."""
        return {"session": self.parts.desk.sessions.open(Kind.MEMBER, member_id).token}


@contextmanager
def pictured() -> Iterator[Pictured]:
    """The site, listening; gone afterwards."""
    with data_folder() as data:
        settings = Settings(data=data, port=free_port(), site_name=NAME)
        with database(settings) as dsn:
            upgrade(dsn)
            tell_with_progress(settings, dsn, members=MEMBERS, months=MONTHS, seed=SEED)
            with wire(settings, dsn, clock=SystemClock()) as parts:
                make_owner(parts)
                follower(parts, dsn).catch_up()
                yield from _served(parts, dsn)


def _served(parts: Parts, dsn: str) -> Iterator[Pictured]:
    following = follower(parts, dsn)
    following.start()
    settings = parts.settings
    server = make_server(settings.host, settings.port, create_site(parts), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        _live_today(parts)
        yield Pictured(parts)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        following.stop()


def _live_today(parts: Parts) -> None:
    """A few people join, one has something back, and the schedule runs once."""
    circle = next(row.plan_id for row in parts.queries.plans.all() if row.name == "Circle")
    for number in range(5):
        joined = _join(parts, person(Random(number), ids.SITE, number), circle)  # noqa: S311 -- a story
    parts.collection.refund(joined, Money(600, "EUR"), "Half a month.", by=MACHINE, cause=_cause())
    for job in JOBS:
        Runner(parts, AlwaysLeads()).tick(job)
    last = parts.recorder.max_notification_id() or 0
    parts.views.wait_for(last, wait_seconds=60)


def _join(parts: Parts, who: Person, plan_id: UUID) -> UUID:
    """Somebody opens an account and joins; the order."""
    by = Actor(kind="member", id=who.member_id)
    parts.ledger.open_account(
        who.member_id, email=who.email, name=who.name, locale=who.locale, by=by, cause=_cause()
    )
    joined = parts.collection.join(who.member_id, plan_id, method_token=CARD, by=by, cause=_cause())
    return joined.order_id


def _cause() -> Cause:
    return Cause(kind="command_line", id=ids.new())
