"""A site whose members pay each month, some of them due: real books, made through the use cases.

It is filled once into a database that is only ever copied, so that every run finds the same charges
due.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from ledger import ids
from ledger.application import Known
from ledger.clock import SystemClock, VirtualClock
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.order import Order
from ledger.store.pool import connect
from ledger.store.upgrade import upgrade
from ledger.terms import Terms
from scripts.benches.big_books import say
from scripts.benches.kept import Databases, databases
from web.parts import Parts
from web.running.following import follower
from web.settings import Settings
from web.wiring import wire

MONTHLY = Terms(model="recurring", amount=Money(1_200, "EUR"), unit="month", every=1)
STAFF = Actor(kind="machine")
JOINED_DUE, JOINED_LATELY = timedelta(days=32), timedelta(days=5)
"""How long ago those joined whose charge is due, and all others."""
AT_ONCE = 500
CARD = "pm_card_visa"

VACUUM = "VACUUM (ANALYZE)"


class Sites:
    """A server with sites of several sizes."""

    def __init__(self, own: Databases) -> None:
        self._own = own

    @contextmanager
    def site(self, members: int, due: int) -> Iterator[str]:
        """A copy of a site with so many members, so many of them due; gone again afterwards."""
        filled, copy = f"renewing_{members}_{due}", f"run_{members}_{due}"
        self._own.made(filled, partial(_fill, members=members, due=due))
        try:
            yield self._own.make_copy(copy, of=filled)
        finally:
            self._own.drop(copy)


@contextmanager
def sites(keep: Path | None) -> Iterator[Sites]:
    """A server of its own, in a folder that is kept if named."""
    with databases(keep) as own:
        yield Sites(own)


def _fill(dsn: str, members: int, due: int) -> None:
    fill(dsn, members, due)
    with connect(dsn) as connection:
        connection.execute(VACUUM)


def settings_of(dsn: str) -> Settings:
    """A test site over a database, with a key that everybody knows."""
    key = base64.b64encode(bytes(32)).decode()
    return Settings.model_validate({"database_url": dsn, "master_key": key})


def fill(dsn: str, members: int, due: int) -> None:
    """Let so many people join a monthly plan, the first of them so early that they are due."""
    upgrade(dsn)
    settings, now = settings_of(dsn), SystemClock().now()
    began = time.monotonic()
    clock = VirtualClock(now - JOINED_DUE)
    with wire(settings, dsn, clock=clock) as parts:
        plan_id = _plan(parts)
        _join_all(parts, plan_id, range(due))
        clock.advance_to(now - JOINED_LATELY)
        _join_all(parts, plan_id, range(due, members))
        # What was told of their joining was worked off long ago.
        account = parts.collection.gateway.identify().account
        parts.inbox.table.catch_up(account, now)
        say(f"{members:,} members joined in {time.monotonic() - began:.0f} s")
        follower(parts, dsn).catch_up()
    say(f"  and are in every view after {time.monotonic() - began:.0f} s")


def _plan(parts: Parts) -> UUID:
    plan_id, ledger = ids.new(), parts.ledger
    ledger.draft_plan(plan_id, name="Monthly", description="", by=STAFF, cause=_cause())
    ledger.set_price(plan_id, MONTHLY, by=STAFF, cause=_cause())
    ledger.open_plan(plan_id, by=STAFF, cause=_cause())
    return plan_id


def _join_all(parts: Parts, plan_id: UUID, numbers: range) -> None:
    known = Known()
    with parts.sandbox.batch() as shelf:
        for first in range(numbers.start, numbers.stop, AT_ONCE):
            some = range(first, min(first + AT_ONCE, numbers.stop))
            with parts.ledger.batch(known=known):
                for number in some:
                    _join(parts, plan_id, number)
                shelf.flush()  # the books never say more than the sandbox knows
            known.forget()


def _join(parts: Parts, plan_id: UUID, number: int) -> None:
    member_id = ids.new()
    by = Actor(kind="member", id=member_id)
    parts.ledger.open_account(
        member_id,
        email=f"member{number}@example.org",
        name=f"Member {number}",
        locale="en",
        by=by,
        cause=_cause(),
    )
    parts.collection.join(member_id, plan_id, method_token=CARD, by=by, cause=_cause())


def paid_since(dsn: str, position: int) -> list[datetime]:
    """When each payment after a position was recorded, in order."""
    query = """
        SELECT recorded_at FROM ledger.facts
         WHERE topic = %(topic)s AND position > %(position)s ORDER BY recorded_at
    """
    asked = {"topic": Order.Paid.TOPIC, "position": position}
    with connect(dsn) as connection:
        return [row[0] for row in connection.execute(query, asked)]


def _cause() -> Cause:
    return Cause(kind="request", id=ids.new())
