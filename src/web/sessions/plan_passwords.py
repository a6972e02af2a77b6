"""The passwords that plans ask for in early access: hashes, beside the facts (PL6)."""

from __future__ import annotations

from uuid import UUID

from ledger.clock import Clock
from web.identity.passwords import Passwords
from web.sessions.pool import Pool

PUT = """
    INSERT INTO web.plan_passwords (plan_id, password_hash, changed_at)
    VALUES (%(plan_id)s, %(password_hash)s, %(now)s)
    ON CONFLICT (plan_id) DO UPDATE
    SET password_hash = excluded.password_hash, changed_at = excluded.changed_at
"""
FIND = "SELECT password_hash FROM web.plan_passwords WHERE plan_id = %(plan_id)s"


class PlanPasswords:
    """Keeps and checks them."""

    def __init__(self, pool: Pool, clock: Clock, passwords: Passwords) -> None:
        self._pool = pool
        self._clock = clock
        self._passwords = passwords

    def put(self, plan_id: UUID, password: str) -> None:
        """Set a plan's password; a Problem naming `/password` when it is unfit."""
        values = {
            "plan_id": plan_id,
            "password_hash": self._passwords.hash(password),
            "now": self._clock.now(),
        }
        with self._pool.connection() as connection:
            connection.execute(PUT, values)

    def known(self, plan_id: UUID) -> bool:
        """Whether the plan has one."""
        return self._hash_of(plan_id) is not None

    def matches(self, plan_id: UUID, password: str | None) -> bool:
        """Whether this is the plan's password; never where none is given."""
        return password is not None and self._passwords.verify(password, self._hash_of(plan_id))

    def _hash_of(self, plan_id: UUID) -> str | None:
        with self._pool.connection() as connection:
            row = connection.execute(FIND, {"plan_id": plan_id}).fetchone()
        return row[0] if row else None
