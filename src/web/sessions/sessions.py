"""Signed-in browsers: opaque tokens, kept as hashes, that end when we say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from ledger import ids
from ledger.clock import Clock
from web.identity.seals import new_token, token_hash
from web.sessions.pool import Pool

MAX_TOKEN = 200


class Kind(StrEnum):
    """The two sides of the house; one browser may be signed in on both."""

    MEMBER = "member"
    CONTRIBUTOR = "contributor"


LIFETIME = {Kind.MEMBER: timedelta(days=30), Kind.CONTRIBUTOR: timedelta(hours=12)}

INSERT = """
    WITH seen AS (
        INSERT INTO web.engagement (member_id, signed_in_at)
        SELECT %(account_id)s, %(now)s WHERE %(kind)s::text = 'member'
        ON CONFLICT (member_id) DO UPDATE SET signed_in_at = excluded.signed_in_at
    )
    INSERT INTO web.sessions (token_hash, session_id, kind, account_id, created_at, expires_at)
    VALUES (%(token_hash)s, %(session_id)s, %(kind)s, %(account_id)s, %(now)s, %(expires_at)s)
"""
FIND = """
    SELECT session_id, account_id, created_at FROM web.sessions
    WHERE token_hash = %(token_hash)s AND kind = %(kind)s
      AND revoked_at IS NULL AND expires_at > %(now)s
"""
REVOKE = """
    UPDATE web.sessions SET revoked_at = %(now)s
    WHERE token_hash = %(token_hash)s AND revoked_at IS NULL
"""
REVOKE_ALL = """
    UPDATE web.sessions SET revoked_at = %(now)s
    WHERE kind = %(kind)s AND account_id = %(account_id)s AND revoked_at IS NULL
      AND session_id IS DISTINCT FROM %(but)s
"""
ALL = """
    SELECT session_id, created_at, expires_at FROM web.sessions
    WHERE kind = %(kind)s AND account_id = %(account_id)s
      AND revoked_at IS NULL AND expires_at > %(now)s
    ORDER BY created_at DESC, session_id
"""
PURGE = "DELETE FROM web.sessions WHERE expires_at <= %(now)s"


@dataclass(frozen=True)
class Session:
    """One signed-in browser."""

    session_id: UUID
    kind: Kind
    account_id: UUID
    created_at: datetime


@dataclass(frozen=True)
class Running:
    """A session as its owner sees it among their others."""

    session_id: UUID
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Opened:
    """A session just opened: the token is shown once, to its browser."""

    token: str
    expires_at: datetime
    lifetime: timedelta


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def open(self, kind: Kind, account_id: UUID) -> Opened:
        """Sign in: a new token, never one the browser brought along."""
        token, now, lifetime = new_token(), self._clock.now(), LIFETIME[kind]
        values = {
            "token_hash": token_hash(token),
            "session_id": ids.new(),
            "kind": kind.value,
            "account_id": account_id,
            "now": now,
            "expires_at": now + lifetime,
        }
        with self._pool.connection() as connection:
            connection.execute(INSERT, values)
        return Opened(token=token, expires_at=now + lifetime, lifetime=lifetime)

    def find(self, kind: Kind, token: str) -> Session | None:
        """The running session of this token."""
        if not token or len(token) > MAX_TOKEN:
            return None
        values = {"token_hash": token_hash(token), "kind": kind.value, "now": self._clock.now()}
        with self._pool.connection() as connection:
            row = connection.execute(FIND, values).fetchone()
        return Session(row[0], kind, row[1], row[2]) if row else None

    def running(self, kind: Kind, account_id: UUID) -> list[Running]:
        """Every session of an account, the latest first."""
        values = {"kind": kind.value, "account_id": account_id, "now": self._clock.now()}
        with self._pool.connection() as connection:
            rows = connection.execute(ALL, values).fetchall()
        return [Running(*row) for row in rows]

    def revoke(self, token: str) -> None:
        """Sign out: the token is worthless from now on, wherever a copy is."""
        with self._pool.connection() as connection:
            connection.execute(REVOKE, {"token_hash": token_hash(token), "now": self._clock.now()})

    def revoke_all(self, kind: Kind, account_id: UUID, *, but: UUID | None = None) -> int:
        """End every session of an account, but perhaps the one that asks; answers how many."""
        values = {"kind": kind.value, "account_id": account_id, "but": but}
        with self._pool.connection() as connection:
            done = connection.execute(REVOKE_ALL, {**values, "now": self._clock.now()})
        return done.rowcount

    def purge(self) -> int:
        """Remove what has expired; answers how many."""
        with self._pool.connection() as connection:
            return connection.execute(PURGE, {"now": self._clock.now()}).rowcount
