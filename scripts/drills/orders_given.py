"""Commands for a site that is being drilled: each is sent until it is acknowledged."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg.rows import tuple_row
from psycopg_pool import PoolTimeout

from ledger import ids
from ledger.facts import Actor, Cause
from ledger.store.refusals import DatabaseUnreachable
from ledger.store.sandbox_sheets import BooksUnreachable
from scripts.benches.big_site import SILVER, STAFF
from web.parts import Parts

CARD = "pm_card_visa"
TAG = "drill"
LONGEST_TRY_SECONDS = 120


class StillUnknown(Exception):
    """The payment company did not answer: the same command asks again."""


TROUBLE = (
    StillUnknown,
    PersistenceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    DatabaseUnreachable,
    BooksUnreachable,
)
"""What passes: the database is gone, or comes back."""

# What came after the generated log, but for the receipts of rebuilds.
SENT: Any = """
SELECT fact -> 'cause' ->> 'id', topic, stream_id::text, count(*)
  FROM (SELECT topic, stream_id, convert_from(state, 'UTF8')::jsonb AS fact
          FROM ledger.facts WHERE position > %(after)s AND topic <> 'site.view_rebuilt') AS sent
 GROUP BY 1, 2, 3
"""
NOTES = "SELECT note_id::text FROM views.notes WHERE position > %(after)s"
PEOPLE = "SELECT member_id::text FROM views.members WHERE position > %(after)s"
TAGGED = "SELECT member_id::text FROM views.members WHERE %(tag)s = ANY (tags)"
STAYS = "SELECT membership_id::text FROM views.memberships WHERE position > %(after)s"


class Command(NamedTuple):
    """What is asked, by which id, what it should show in the views, and how to carry it out."""

    kind: str
    id: UUID
    shows: UUID
    carry_out: Callable[[], object]


@dataclass
class Acknowledged:
    """What was acknowledged: ids of commands, and by kind what the views must show."""

    ids: list[str] = field(default_factory=list)
    shown: dict[str, list[str]] = field(default_factory=dict)
    tagged: set[str] = field(default_factory=set)

    def add(self, command: Command) -> None:
        """Take one in."""
        self.ids.append(str(command.id))
        self.shown.setdefault(command.kind, []).append(str(command.shows))
        if command.kind == "tag":
            self.tagged.add(str(command.shows))
        elif command.kind == "untag":
            self.tagged.discard(str(command.shows))

    def merge(self, other: Acknowledged) -> None:
        """Take in what another sender was acknowledged, of other members."""
        self.ids += other.ids
        self.tagged |= other.tagged
        for kind, shown in other.shown.items():
            self.shown.setdefault(kind, []).extend(shown)


def orders(parts: Parts, members: Sequence[UUID], dice: random.Random) -> Iterator[Command]:
    """Tags on and off, notes, sign-ups and at times a paid membership, without end.

    Nobody else may tag these members: what comes next follows from what came before.
    """
    ledger, tagged, places = parts.ledger, set[UUID](), list(members)
    while True:
        cause = Cause(kind="request", id=ids.new())
        given: dict[str, Any] = {"by": STAFF, "cause": cause}
        kind = dice.choices(("tag", "note", "sign_up", "join"), (50, 35, 10, 5))[0]
        member_id = dice.choice(places)
        if kind == "tag":
            known = member_id in tagged
            act = partial(ledger.untag if known else ledger.tag, member_id, TAG, **given)
            tagged ^= {member_id}
            yield Command("untag" if known else "tag", cause.id, member_id, act)
        elif kind == "note":
            note_id = ids.derived(cause.id, "note")
            act = partial(ledger.write_note, member_id, note_id, "kept", **given)
            yield Command(kind, cause.id, note_id, act)
        else:
            newcomer = _signs_up(parts)
            yield newcomer
            if kind == "join":
                yield _joins(parts, newcomer.shows)


def _signs_up(parts: Parts) -> Command:
    member_id, cause = ids.new(), Cause(kind="request", id=ids.new())
    act = partial(
        parts.ledger.open_account,
        member_id,
        email=f"{member_id}@example.org",
        name="Somebody New",
        locale="en",
        by=Actor(kind="member", id=member_id),
        cause=cause,
    )
    return Command("sign_up", cause.id, member_id, act)


def _joins(parts: Parts, member_id: UUID) -> Command:
    cause = Cause(kind="request", id=ids.new())

    def join() -> None:
        by = Actor(kind="member", id=member_id)
        joined = parts.collection.join(member_id, SILVER.id, method_token=CARD, by=by, cause=cause)
        if joined.outcome == "unknown":
            raise StillUnknown

    return Command("join", cause.id, ids.derived(cause.id, "membership"), join)


def insist(command: Command) -> int:
    """Send a command until it is acknowledged; how often it was sent."""
    until, tries = time.monotonic() + LONGEST_TRY_SECONDS, 0
    while True:
        tries += 1
        try:
            command.carry_out()
        except TROUBLE:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return tries


class Sender:
    """Sends commands now and then in the background, until it is stopped."""

    def __init__(self, parts: Parts, dice: random.Random, *, pause_seconds: float) -> None:
        self.acknowledged = Acknowledged()
        self.trouble: Exception | None = None
        self._parts, self._dice, self._pause_seconds = parts, dice, pause_seconds
        self._ending, self._resting = Event(), Event()
        self._thread: Thread | None = None
        self._at_rest = Event()

    def start(self, members: Sequence[UUID]) -> None:
        """Begin; nobody else may tag these members."""
        self._thread = Thread(target=self._run, args=(members,), name="sender", daemon=True)
        self._thread.start()

    def rest(self) -> None:
        """Finish what is under way and send nothing until told to go on. Raises its trouble."""
        self._at_rest.clear()
        self._resting.set()
        while self.trouble is None and not self._at_rest.wait(0.1):
            pass
        if self.trouble is not None:
            raise self.trouble

    def go_on(self) -> None:
        """Send again."""
        self._resting.clear()

    def stop(self) -> None:
        """End."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, members: Sequence[UUID]) -> None:
        commands = orders(self._parts, members, self._dice)
        try:
            while not self._ending.is_set():
                if self._resting.is_set():
                    self._at_rest.set()
                    self._ending.wait(0.01)
                    continue
                command = next(commands)
                insist(command)
                self.acknowledged.add(command)
                self._ending.wait(self._dice.uniform(0, 2 * self._pause_seconds))
        except Exception as error:  # noqa: BLE001 -- told where it is waited for
            self.trouble = error
        finally:
            self._at_rest.set()


def wrong_in_books(parts: Parts, after: int, acknowledged: Acknowledged) -> list[str]:
    """What is not in the books exactly once, of all that was acknowledged, and what else is."""
    with parts.pool.connection() as connection:
        cursor = connection.cursor(row_factory=tuple_row).execute(SENT, {"after": after})
        rows: list[tuple[str, str, str, int]] = cursor.fetchall()
    found, sent = Counter(row[0] for row in rows), set(acknowledged.ids)
    wrong = [f"command {one} was acknowledged and is lost" for one in sent - found.keys()]
    wrong += [f"a fact of command {one}, which nobody sent" for one in found.keys() - sent]
    wrong += [
        f"{topic} of command {one} {times} times" for one, topic, _, times in rows if times > 1
    ]
    return wrong


def wrong_in_views(parts: Parts, after: int, acknowledged: Acknowledged) -> list[str]:
    """What was acknowledged and is not in the views exactly once."""
    expected = {
        NOTES: ("notes", acknowledged.shown.get("note", [])),
        PEOPLE: ("members", acknowledged.shown.get("sign_up", [])),
        STAYS: ("memberships", acknowledged.shown.get("join", [])),
    }
    wrong: list[str] = []
    with parts.pool.connection() as connection:
        cursor = connection.cursor(row_factory=tuple_row)
        for query, (view, shown) in expected.items():
            found = Counter(one for (one,) in cursor.execute(query, {"after": after}))
            wrong += [f"{view} {one} {found[one]} times" for one in shown if found[one] != 1]
        tagged = {one for (one,) in cursor.execute(TAGGED, {"tag": TAG})}
    wrong += [f"tags of {one} are wrong" for one in tagged ^ acknowledged.tagged]
    return wrong
