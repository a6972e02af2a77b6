"""Mails on their way out: claimed one by one, and what became of each.

Every instant here is the machine's: a test site's clock that is moved on moves no mail server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from ledger import ids
from ledger.clock import Clock
from ledger.errors import Conflict, NotFound
from web.sessions.pool import Pool

Purpose = Literal["account", "notice", "campaign"]
State = Literal["waiting", "failed", "sent", "unknown", "given_up", "bounced"]

LEASE = timedelta(minutes=15)
"""How long whoever claimed a mail may take: longer than a server may take to answer."""
PATIENCE = timedelta(days=5)
"""How long a mail is tried."""
LATELY = timedelta(days=1)
LATE = timedelta(minutes=15)
"""How long a mail may be due before somebody is told that it does not go out."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
"""How long a server that does not answer is left alone: twice as long each time."""

CLAIM = """
    UPDATE web.outbox AS own
       SET holder = %(holder)s, claimed_until = %(until)s, attempts = attempts + 1
     WHERE mail_id = (
        SELECT mail_id FROM web.outbox
         WHERE state IN ('waiting', 'failed') AND next_at <= %(now)s AND noted
           AND (claimed_until IS NULL OR claimed_until <= %(now)s)
         ORDER BY urgency, next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING mail_id, purpose, attempts, handing_over AS broke_off, perhaps_twice, holder
"""
# Only for the holder whose time is not up: another may be at it by now.
BEGIN_ALL = """
    UPDATE web.outbox SET handing_over = true, claimed_until = %(until)s, perhaps_twice = %(twice)s
     WHERE mail_id = %(mail_id)s AND holder = %(holder)s AND claimed_until > %(now)s
    RETURNING mail_id
"""
# That a mail was taken is so whoever holds the claim by now.
SETTLE = """
    UPDATE web.outbox
       SET state = %(state)s, why = %(why)s, next_at = %(next_at)s, ended_at = %(ended_at)s,
           holder = NULL, claimed_until = NULL, handing_over = false, noted = purpose <> 'notice',
           perhaps_twice = perhaps_twice OR %(perhaps_taken)s
     WHERE mail_id = %(mail_id)s
       AND (holder = %(holder)s OR (%(state)s = 'sent' AND state <> 'bounced'))
"""
GIVE_UP_OLD = """
    UPDATE web.outbox
       SET state = 'given_up', why = coalesce(why, 'never_tried'), ended_at = %(now)s,
           noted = purpose <> 'notice'
     WHERE state IN ('waiting', 'failed') AND queued_at <= %(before)s AND NOT handing_over AND noted
       AND (claimed_until IS NULL OR claimed_until <= %(now)s)
"""
UNNOTED = """
    SELECT mail_id, state, attempts, why, next_at FROM web.outbox
     WHERE NOT noted AND (%(mail_id)s::uuid IS NULL OR mail_id = %(mail_id)s)
     ORDER BY mail_id LIMIT %(limit)s
"""
NOTED = """
    UPDATE web.outbox SET noted = true
     WHERE mail_id = %(mail_id)s AND state = %(state)s AND attempts = %(attempts)s
"""
# What may have gone already may go twice when a person asks for it.
RETRY = """
    UPDATE web.outbox
       SET state = 'waiting', next_at = %(now)s, queued_at = %(now)s, ended_at = NULL, noted = true,
           perhaps_twice = perhaps_twice OR state = 'unknown'
     WHERE state = ANY(%(states)s) AND (%(mail_id)s::uuid IS NULL OR mail_id = %(mail_id)s)
       AND EXISTS (SELECT FROM web.mails AS said
                    WHERE said.mail_id = outbox.mail_id AND said.sealed IS NOT NULL)
    RETURNING mail_id
"""
BOUNCE = """
    UPDATE web.outbox
       SET state = 'bounced', why = %(why)s, ended_at = %(now)s, noted = purpose <> 'notice'
     WHERE mail_id = %(mail_id)s AND state IN ('sent', 'unknown') RETURNING mail_id
"""
ONE = "SELECT state FROM web.outbox WHERE mail_id = %(mail_id)s"
LAST_TO = """
    SELECT mail_id, state, why, ended_at FROM web.outbox JOIN web.mails USING (mail_id)
     WHERE recipient_hash = %(recipient_hash)s AND state IN ('sent', 'unknown', 'bounced')
     ORDER BY number DESC LIMIT 1
"""
FIGURES = """
    SELECT count(*) FILTER (WHERE state IN ('waiting', 'failed')) AS waiting,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           min(queued_at) FILTER (WHERE state IN ('waiting', 'failed')) AS oldest_at,
           count(*) FILTER (WHERE state = 'unknown') AS unknown,
           count(*) FILTER (WHERE state = 'given_up' AND ended_at > %(since)s) AS given_up,
           count(*) FILTER (WHERE state = 'bounced' AND ended_at > %(since)s) AS bounced,
           (SELECT silent_from FROM web.mail_server) AS silent_from,
           (SELECT why FROM web.mail_server) AS silent_why
      FROM web.outbox
     WHERE state IN ('waiting', 'failed', 'unknown')
        OR (state IN ('given_up', 'bounced') AND ended_at > %(since)s)
"""
# By the index of what is due: each urgency's first.
STUCK = """
    SELECT (SELECT min(first.next_at)
              FROM unnest(ARRAY[0, 1, 2]::smallint[]) AS each (urgency),
                   LATERAL (SELECT next_at FROM web.outbox AS own
                             WHERE own.urgency = each.urgency AND state IN ('waiting', 'failed')
                             ORDER BY next_at LIMIT 1) AS first
             WHERE first.next_at <= %(before)s) AS due_from,
           silent_from, why AS silent_why
      FROM web.mail_server
"""
PAUSE = "SELECT pause_until FROM web.mail_server"
SILENT = """
    UPDATE web.mail_server
       SET failures = failures + 1, why = %(why)s, silent_from = coalesce(silent_from, %(now)s),
           pause_until = %(now)s + least(%(first)s * power(2, least(failures, 20)), %(longest)s)
"""
ANSWERS = """
    UPDATE web.mail_server
       SET failures = 0, why = NULL, silent_from = NULL, pause_until = NULL
     WHERE failures > 0
"""


class MailNotSent(Conflict):
    """Mail {mail_id} was not handed over, so it can't have come back."""

    code = "mail_not_sent"


class MailOnItsWay(Conflict):
    """Mail {mail_id} waits to be sent or was sent: there is nothing to try again."""

    code = "mail_on_its_way"


class MailCleared(Conflict):
    """What mail {mail_id} said is no longer kept, so it can't be sent again."""

    code = "mail_cleared"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is the holder's to send. `broke_off`: who had it before died handing it over."""

    mail_id: UUID
    purpose: Purpose
    attempts: int
    broke_off: bool
    perhaps_twice: bool
    holder: UUID


@dataclass(frozen=True, slots=True)
class Unnoted:
    """What became of a notice's mail, and is to be noted in the books."""

    mail_id: UUID
    state: State
    attempts: int
    why: str | None
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Last:
    """The mail that went to an address last."""

    mail_id: UUID
    state: State
    why: str | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class MailFigures:
    """How the post stands.

    `waiting` are all that are to be sent, with those among them that `failed` before; `unknown`
    are those that may have gone or not, until a person decides. `given_up` and `bounced` are those
    of the last 24 hours. `silent_from` is set while the server can't be used, with a word for why.
    """

    waiting: int
    failed: int
    oldest_at: datetime | None
    unknown: int
    given_up: int
    bounced: int
    silent_from: datetime | None
    silent_why: str | None


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why mails do not go out: the server can't be used since `silent_from`, or nobody has tried
    what is due since `due_from`.
    """

    due_from: datetime | None
    silent_from: datetime | None
    silent_why: str | None


class Outbox:
    """Keeps where each mail is on its way; `clock` is the machine's."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self.clock = clock

    def claim(self) -> Claimed | None:
        """The most urgent mail that is due, for as long as a lease runs; None where none is."""
        now = self.clock.now()
        values = {"holder": ids.new(), "now": now, "until": now + LEASE}
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Claimed))
            return cursor.execute(CLAIM, values).fetchone()

    def begin_all(self, claimed: Claimed) -> bool:
        """Note that the whole mail is about to be said; false where the claim is over."""
        now = self.clock.now()
        values = {
            "mail_id": claimed.mail_id,
            "holder": claimed.holder,
            "now": now,
            "until": now + LEASE,
            "twice": claimed.perhaps_twice or claimed.broke_off,
        }
        with self._pool.connection() as connection:
            return connection.execute(BEGIN_ALL, values).fetchone() is not None

    def settle(
        self,
        claimed: Claimed,
        state: State,
        why: str | None = None,
        *,
        next_at: datetime | None = None,
        perhaps_taken: bool = False,
    ) -> None:
        """Keep what became of a mail; with `next_at` it is tried again then.

        `perhaps_taken`: the server may have it already. So it may after a holder who broke off.
        """
        now = self.clock.now()
        values = {
            "mail_id": claimed.mail_id,
            "holder": claimed.holder,
            "state": state,
            "why": why,
            "next_at": next_at or now,
            "ended_at": None if next_at else now,
            "perhaps_taken": perhaps_taken or (claimed.broke_off and state != "unknown"),
        }
        with self._pool.connection() as connection:
            connection.execute(SETTLE, values)

    def give_up_old(self) -> int:
        """Try no more what was tried for days; how many."""
        now = self.clock.now()
        with self._pool.connection() as connection:
            return connection.execute(GIVE_UP_OLD, {"now": now, "before": now - PATIENCE}).rowcount

    # --- what the books are to know ---------------------------------------------------

    def unnoted(self, mail_id: UUID | None = None, *, limit: int = 500) -> Sequence[Unnoted]:
        """Mails of notices whose state is not in the books yet."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Unnoted))
            return cursor.execute(UNNOTED, {"mail_id": mail_id, "limit": limit}).fetchall()

    def note(self, one: Unnoted) -> None:
        """The books know it, unless it changed since."""
        values = {"mail_id": one.mail_id, "state": one.state, "attempts": one.attempts}
        with self._pool.connection() as connection:
            connection.execute(NOTED, values)

    # --- what people do ---------------------------------------------------------------

    def retry(self, mail_id: UUID | None, states: Iterable[State]) -> int:
        """Try mails again that are in one of these states, or one of them; how many."""
        values = {"mail_id": mail_id, "states": [*states], "now": self.clock.now()}
        with self._pool.connection() as connection:
            return len(connection.execute(RETRY, values).fetchall())

    def bounce(self, mail_id: UUID, why: str) -> None:
        """A mail came back after it was handed over; twice is no news. NotFound, MailNotSent."""
        values = {"mail_id": mail_id, "why": why, "now": self.clock.now()}
        with self._pool.connection() as connection:
            if connection.execute(BOUNCE, values).fetchone() is not None:
                return
            row = connection.execute(ONE, values).fetchone()
        if row is None:
            raise NotFound(what="mail", id=mail_id)
        if row[0] != "bounced":
            raise MailNotSent(mail_id=mail_id)

    def last_to(self, recipient_hash: bytes) -> Last | None:
        """What went to an address last, and whether it came back."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Last))
            return cursor.execute(LAST_TO, {"recipient_hash": recipient_hash}).fetchone()

    def figures(self) -> MailFigures:
        """How the post stands now."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(MailFigures))
            found = cursor.execute(FIGURES, {"since": self.clock.now() - LATELY}).fetchone()
        if found is None:
            raise NotFound(what="figures", id="outbox")
        return found

    def stuck(self) -> Stuck | None:
        """What is wrong with the post; None where mails go out. Cheap: for every page."""
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Stuck))
            found = cursor.execute(STUCK, {"before": self.clock.now() - LATE}).fetchone()
        return found if found and (found.due_from or found.silent_from) else None

    # --- the server -------------------------------------------------------------------

    def is_paused(self) -> bool:
        """Whether the server is left alone for now, because it did not answer."""
        with self._pool.connection() as connection:
            row = connection.execute(PAUSE).fetchone()
        return row is not None and row[0] is not None and row[0] > self.clock.now()

    def server_is_silent(self, why: str) -> None:
        """The server can't be used: leave it alone for a while."""
        values = {
            "why": why,
            "now": self.clock.now(),
            "first": FIRST_PAUSE,
            "longest": LONGEST_PAUSE,
        }
        with self._pool.connection() as connection:
            connection.execute(SILENT, values)

    def server_answers(self) -> None:
        """The server can be used."""
        with self._pool.connection() as connection:
            connection.execute(ANSWERS)
