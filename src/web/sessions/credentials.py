"""Who signs in with which address and password. Addresses are keyed hashes; nothing is readable."""

from __future__ import annotations

from uuid import UUID

from psycopg.errors import UniqueViolation

from ledger.clock import Clock
from ledger.errors import EmailTaken
from web.identity.passwords import Passwords
from web.identity.seals import Seals
from web.sessions.addresses import address_hash
from web.sessions.pool import Pool
from web.sessions.sessions import Kind

PUT = """
    INSERT INTO web.credentials (kind, account_id, email_hash, password_hash, changed_at)
    VALUES (%(kind)s, %(account_id)s, %(email_hash)s, %(password_hash)s, %(now)s)
    ON CONFLICT (kind, account_id) DO UPDATE
    SET email_hash = excluded.email_hash, password_hash = excluded.password_hash,
        changed_at = excluded.changed_at
"""
FIND = """
    SELECT account_id, password_hash FROM web.credentials
    WHERE kind = %(kind)s AND email_hash = %(email_hash)s
"""
HASH_OF = """
    SELECT password_hash FROM web.credentials
    WHERE kind = %(kind)s AND account_id = %(account_id)s
"""
RENEW = """
    UPDATE web.credentials SET password_hash = %(password_hash)s, changed_at = %(now)s
    WHERE kind = %(kind)s AND account_id = %(account_id)s
"""
MOVE = """
    UPDATE web.credentials SET email_hash = %(email_hash)s, changed_at = %(now)s
    WHERE kind = %(kind)s AND account_id = %(account_id)s
"""
FORGET = "DELETE FROM web.credentials WHERE kind = %(kind)s AND account_id = %(account_id)s"


class Credentials:
    """Keeps and checks what people sign in with."""

    def __init__(self, pool: Pool, clock: Clock, seals: Seals, passwords: Passwords) -> None:
        self._pool = pool
        self._clock = clock
        self._seals = seals
        self._passwords = passwords

    def put(self, kind: Kind, account_id: UUID, email: str, *, password_hash: str) -> None:
        """Let an account sign in; said again, it replaces. EmailTaken by another open account."""
        values: dict[str, object] = {
            "password_hash": password_hash,
            "email_hash": self._hash(email),
        }
        self._write(PUT, kind, account_id, values)

    def account_of(self, kind: Kind, email: str) -> UUID | None:
        """The account of an address. Never let an answer, or its delay, depend on it."""
        values = {"kind": kind.value, "email_hash": self._hash(email)}
        with self._pool.connection() as connection:
            row = connection.execute(FIND, values).fetchone()
        return row[0] if row else None

    def check(self, kind: Kind, email: str, password: str) -> UUID | None:
        """The account that signs in; as much work for an unknown address as for a known one."""
        values = {"kind": kind.value, "email_hash": self._hash(email)}
        with self._pool.connection() as connection:
            row = connection.execute(FIND, values).fetchone()
        account_id, stored = row or (None, None)
        return account_id if self._passwords.verify(password, stored) else None

    def confirm(self, kind: Kind, account_id: UUID, password: str) -> bool:
        """Whether someone signed in still knows the password, before something grave."""
        values = {"kind": kind.value, "account_id": account_id}
        with self._pool.connection() as connection:
            row = connection.execute(HASH_OF, values).fetchone()
        return self._passwords.verify(password, row[0] if row else None)

    def set_password(self, kind: Kind, account_id: UUID, password: str) -> None:
        """A new password, if it is fit. End the account's other sessions after it."""
        self._write(RENEW, kind, account_id, {"password_hash": self._passwords.hash(password)})

    def set_email(self, kind: Kind, account_id: UUID, email: str) -> None:
        """A new, verified address."""
        self._write(MOVE, kind, account_id, {"email_hash": self._hash(email)})

    def forget(self, kind: Kind, account_id: UUID) -> None:
        """The account signs in no more: it was closed, erased or removed."""
        self._write(FORGET, kind, account_id, {})

    def _hash(self, email: str) -> bytes:
        return address_hash(self._seals, email)

    def _write(
        self, statement: str, kind: Kind, account_id: UUID, values: dict[str, object]
    ) -> None:
        common = {"kind": kind.value, "account_id": account_id, "now": self._clock.now()}
        try:
            with self._pool.connection() as connection:
                connection.execute(statement, {**common, **values})
        except UniqueViolation as taken:
            raise EmailTaken from taken
