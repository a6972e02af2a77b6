"""Every mail that is written, sealed; where none leaves the house, a page shows the latest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger import ids
from ledger.clock import Clock
from ledger.errors import NotFound
from web.identity.seals import Seals
from web.sessions.addresses import address_hash
from web.sessions.outbox import Last, Outbox, Purpose, State
from web.sessions.pool import Pool

SEAL = "mail"

# In one statement: a mail that is kept is on its way, or neither is.
PUT = """
    WITH kept AS (
        INSERT INTO web.mails (mail_id, recipient_hash, sealed, put_at)
        VALUES (%(mail_id)s, %(recipient_hash)s, %(sealed)s, %(now)s)
        ON CONFLICT (mail_id) DO NOTHING
        RETURNING mail_id)
    INSERT INTO web.outbox (mail_id, purpose, queued_at, next_at, attempts)
    SELECT mail_id, %(purpose)s, %(sent_from)s, %(sent_from)s, %(tried)s
      FROM kept WHERE %(sends)s
    ON CONFLICT (mail_id) DO NOTHING
"""
RECENT = """
    SELECT mail_id, put_at, sealed FROM web.mails
    WHERE sealed IS NOT NULL ORDER BY number DESC LIMIT %(limit)s
"""
TO = """
    SELECT mail_id, put_at, sealed FROM web.mails
    WHERE recipient_hash = %(recipient_hash)s AND sealed IS NOT NULL
    ORDER BY number DESC LIMIT %(limit)s
"""
ONE = """
    SELECT mail_id, put_at, sealed FROM web.mails
    WHERE mail_id = %(mail_id)s AND sealed IS NOT NULL
"""
HELD = "SELECT mail_id FROM web.mails WHERE mail_id = ANY(%(mail_ids)s)"
STANDING = """
    SELECT mail_id, put_at, sealed, purpose, state, attempts, next_at, why, perhaps_twice
      FROM web.mails JOIN web.outbox USING (mail_id)
     WHERE (%(recipient_hash)s::bytea IS NULL OR recipient_hash = %(recipient_hash)s)
       AND (%(state)s::text IS NULL OR state = %(state)s) AND sealed IS NOT NULL
     ORDER BY number DESC LIMIT %(limit)s
"""
# What is not over, or a person has to decide about, or the books do not know of yet, stays whole.
CLEAR_OLD = """
    UPDATE web.mails SET sealed = NULL
     WHERE number IN (
        SELECT number FROM web.mails AS old
         WHERE sealed IS NOT NULL AND put_at <= %(before)s AND NOT EXISTS (
            SELECT FROM web.outbox AS own
             WHERE own.mail_id = old.mail_id
               AND NOT (state IN ('sent', 'given_up', 'bounced') AND noted
                        AND ended_at <= %(before)s))
         ORDER BY put_at LIMIT %(limit)s)
"""
CLEAR_ALL_BUT = """
    UPDATE web.mails SET sealed = NULL
     WHERE number IN (
        SELECT number FROM web.mails AS old
         WHERE sealed IS NOT NULL
           AND NOT EXISTS (SELECT FROM web.outbox AS own WHERE own.mail_id = old.mail_id)
         ORDER BY number DESC OFFSET %(latest)s LIMIT %(limit)s)
"""
CLEARED_AT_ONCE = 5_000
SHOWN_AT_MOST = 5_000
"""Mails that are kept where none leaves the house: the latest."""

TAKE_OUT = "DELETE FROM web.mails WHERE mail_id = %(mail_id)s"
FORGET = "DELETE FROM web.mails WHERE recipient_hash = %(recipient_hash)s"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One message, as its reader will see it.

    `unsubscribe` is the address by which a campaign's reader leaves it with one press (a POST); a
    mail that has one is a campaign's.
    """

    to: str
    subject: str
    text: str
    html: str
    locale: str
    links: dict[str, str] = field(default_factory=dict)
    unsubscribe: str | None = None


@dataclass(frozen=True)
class ToPut:
    """A mail to be kept under an id, and what is said of it: see `Mailbox.put`."""

    mail: Mail
    mail_id: UUID
    is_notice: bool = False
    tried: int = 0


@dataclass(frozen=True)
class Kept:
    """A mail in the box."""

    mail_id: UUID
    put_at: datetime
    mail: Mail


@dataclass(frozen=True)
class Standing:
    """A mail on its way, without what it says: that holds links for its reader alone."""

    mail_id: UUID
    put_at: datetime
    to: str
    subject: str
    locale: str
    purpose: Purpose
    state: State
    attempts: int
    next_at: datetime
    why: str | None
    perhaps_twice: bool


class Mailbox:
    """Keeps every mail.

    `shown`: anyone may read the latest, since none leaves the house. `sends`: each is put on its
    way out; where no server is named yet it waits for one. What one said is kept for `kept_days`
    after it was sent or given up; where none is sent, the latest are.
    """

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        seals: Seals,
        *,
        shown: bool,
        outbox: Outbox,
        sends: bool,
        kept_days: int = 30,
    ) -> None:
        self._keeps = timedelta(days=kept_days)
        self._pool = pool
        self._clock = clock
        self._seals = seals
        self._outbox = outbox
        self.is_shown = shown
        self.sends = sends

    def put(
        self, mail: Mail, *, mail_id: UUID | None = None, is_notice: bool = False, tried: int = 0
    ) -> UUID:
        """Keep a mail, and let it be sent. With an id of the caller's own, said twice it is once.

        The mail of a notice has the notice's id, and says `is_notice`, and how often it was tried
        before: attempts are counted on.
        """
        mail_id = mail_id or ids.new()
        self.put_all([ToPut(mail, mail_id, is_notice, tried)])
        return mail_id

    def put_all(self, mails: Iterable[ToPut]) -> None:
        """Keep several mails, as `put` does each: all of them, or none."""
        rows = [self._row(one) for one in mails]
        if not rows:
            return
        with self._pool.connection() as connection, connection.transaction():
            connection.cursor().executemany(PUT, rows)

    def _row(self, one: ToPut) -> dict[str, Any]:
        return {
            "mail_id": one.mail_id,
            "recipient_hash": address_hash(self._seals, one.mail.to),
            "sealed": self._seals.seal(asdict(one.mail), purpose=SEAL),
            "now": self._clock.now(),
            "tried": one.tried,
            "purpose": _purpose(one.mail, is_notice=one.is_notice),
            "sent_from": self._outbox.clock.now(),
            "sends": self.sends,
        }

    def take_out(self, mail_id: UUID) -> None:
        """Keep a mail no more, so that another may be put under its id."""
        with self._pool.connection() as connection:
            connection.execute(TAKE_OUT, {"mail_id": mail_id})

    def holds(self, mail_id: UUID) -> bool:
        """Whether a mail was kept under an id."""
        return mail_id in self.held([mail_id])

    def held(self, mail_ids: Collection[UUID]) -> set[UUID]:
        """The ids among these under which a mail was kept."""
        with self._pool.connection() as connection:
            rows = connection.execute(HELD, {"mail_ids": [*mail_ids]}).fetchall()
        return {mail_id for (mail_id,) in rows}

    def recent(self, *, to: str | None = None, limit: int = 50) -> list[Kept]:
        """The latest mails, the newest first; where mails are sent there is no such list."""
        self._require_shown()
        hashed = address_hash(self._seals, to) if to else None
        values = {"recipient_hash": hashed, "limit": limit}
        with self._pool.connection() as connection:
            rows = connection.execute(TO if to else RECENT, values).fetchall()
        return [self._kept(*row) for row in rows]

    def standing(
        self, *, to: str | None = None, state: State | None = None, limit: int = 50
    ) -> list[Standing]:
        """The latest mails that are or were to be sent, the newest first."""
        hashed = address_hash(self._seals, to) if to else None
        values = {"recipient_hash": hashed, "state": state, "limit": limit}
        with self._pool.connection() as connection:
            rows = connection.execute(STANDING, values).fetchall()
        return [self._standing(*row) for row in rows]

    def one(self, mail_id: UUID) -> Kept:
        """One mail, where they are shown."""
        self._require_shown()
        return self.to_send(mail_id)

    def to_send(self, mail_id: UUID) -> Kept:
        """One mail, for whoever sends it. Raises NotFound."""
        with self._pool.connection() as connection:
            row = connection.execute(ONE, {"mail_id": mail_id}).fetchone()
        if row is None:
            raise NotFound(what="mail", id=mail_id)
        return self._kept(*row)

    def last_to(self, address: str) -> Last | None:
        """What went to an address last, and whether it came back."""
        return self._outbox.last_to(address_hash(self._seals, address))

    def forget(self, to: str) -> None:
        """Remove every mail to an address."""
        with self._pool.connection() as connection:
            connection.execute(FORGET, {"recipient_hash": address_hash(self._seals, to)})

    def is_cleared(self, mail_id: UUID) -> bool:
        """Whether there was a mail under an id whose words are kept no longer."""
        with self._pool.connection() as connection:
            row = connection.execute(ONE, {"mail_id": mail_id}).fetchone()
        return row is None and self.holds(mail_id)

    def purge(self) -> int:
        """Keep no longer what old mails said; that they were is kept. Answers how many."""
        if not self.sends:
            return self._clear(CLEAR_ALL_BUT, {"latest": SHOWN_AT_MOST})
        return self._clear(CLEAR_OLD, {"before": self._outbox.clock.now() - self._keeps})

    def _clear(self, statement: str, values: dict[str, Any]) -> int:
        cleared = 0
        while True:
            with self._pool.connection() as connection:
                now = connection.execute(statement, {**values, "limit": CLEARED_AT_ONCE}).rowcount
            cleared += now
            if now < CLEARED_AT_ONCE:
                return cleared

    def _require_shown(self) -> None:
        if not self.is_shown:
            raise NotFound(what="page", id="mailbox")

    def _kept(self, mail_id: UUID, put_at: datetime, sealed: bytes) -> Kept:
        return Kept(mail_id, put_at, Mail(**self._seals.open(sealed, purpose=SEAL)))

    def _standing(
        self, mail_id: UUID, put_at: datetime, sealed: bytes, purpose: Purpose, *rest: Any
    ) -> Standing:
        mail = self._kept(mail_id, put_at, sealed).mail
        return Standing(mail_id, put_at, mail.to, mail.subject, mail.locale, purpose, *rest)


def _purpose(mail: Mail, *, is_notice: bool) -> Purpose:
    if is_notice:
        return "notice"
    return "account" if mail.unsubscribe is None else "campaign"
