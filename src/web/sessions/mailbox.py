"""Outgoing mails, sealed until they are sent; in test mode, a page shows the latest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from ledger import ids
from ledger.clock import Clock
from ledger.errors import NotFound
from web.identity.seals import Seals
from web.sessions.addresses import address_hash
from web.sessions.pool import Pool

SEAL = "mail"

INSERT = """
    INSERT INTO web.mails (mail_id, recipient_hash, sealed, put_at)
    VALUES (%(mail_id)s, %(recipient_hash)s, %(sealed)s, %(now)s)
    ON CONFLICT (mail_id) DO NOTHING
"""
RECENT = "SELECT mail_id, put_at, sealed FROM web.mails ORDER BY number DESC LIMIT %(limit)s"
TO = """
    SELECT mail_id, put_at, sealed FROM web.mails
    WHERE recipient_hash = %(recipient_hash)s ORDER BY number DESC LIMIT %(limit)s
"""
ONE = "SELECT mail_id, put_at, sealed FROM web.mails WHERE mail_id = %(mail_id)s"
HOLDS = "SELECT 1 FROM web.mails WHERE mail_id = %(mail_id)s"
FORGET = "DELETE FROM web.mails WHERE recipient_hash = %(recipient_hash)s"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One message, as its reader will see it."""

    to: str
    subject: str
    text: str
    html: str
    locale: str
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """A mail in the box."""

    mail_id: UUID
    put_at: datetime
    mail: Mail


class Mailbox:
    """Keeps mails for whoever sends them; `shown` is true in test mode only."""

    def __init__(self, pool: Pool, clock: Clock, seals: Seals, *, shown: bool) -> None:
        self._pool = pool
        self._clock = clock
        self._seals = seals
        self._shown = shown

    def put(self, mail: Mail, *, mail_id: UUID | None = None) -> UUID:
        """Keep a mail. With an id of the caller's own, said twice it is kept once."""
        mail_id = mail_id or ids.new()
        values = {
            "mail_id": mail_id,
            "recipient_hash": address_hash(self._seals, mail.to),
            "sealed": self._seals.seal(asdict(mail), purpose=SEAL),
            "now": self._clock.now(),
        }
        with self._pool.connection() as connection:
            connection.execute(INSERT, values)
        return mail_id

    def holds(self, mail_id: UUID) -> bool:
        """Whether a mail was kept under an id."""
        with self._pool.connection() as connection:
            return connection.execute(HOLDS, {"mail_id": mail_id}).fetchone() is not None

    def recent(self, *, to: str | None = None, limit: int = 50) -> list[Kept]:
        """The latest mails, the newest first; in live mode there is no such list."""
        self._require_shown()
        hashed = address_hash(self._seals, to) if to else None
        values = {"recipient_hash": hashed, "limit": limit}
        with self._pool.connection() as connection:
            rows = connection.execute(TO if to else RECENT, values).fetchall()
        return [self._kept(*row) for row in rows]

    def one(self, mail_id: UUID) -> Kept:
        """One mail, in test mode."""
        self._require_shown()
        with self._pool.connection() as connection:
            row = connection.execute(ONE, {"mail_id": mail_id}).fetchone()
        if row is None:
            raise NotFound(what="mail", id=mail_id)
        return self._kept(*row)

    def forget(self, to: str) -> None:
        """Remove every mail to an address."""
        with self._pool.connection() as connection:
            connection.execute(FORGET, {"recipient_hash": address_hash(self._seals, to)})

    def _require_shown(self) -> None:
        if not self._shown:
            raise NotFound(what="page", id="mailbox")

    def _kept(self, mail_id: UUID, put_at: datetime, sealed: bytes) -> Kept:
        return Kept(mail_id, put_at, Mail(**self._seals.open(sealed, purpose=SEAL)))
