"""Sign-ups that wait for their address to be verified: sealed, and no fact yet (AC10)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from ledger import ids
from ledger.clock import Clock
from web.seals import Seals
from web.sessions.addresses import address_hash
from web.sessions.pool import Pool

SEAL = "registration"
LIFETIME = timedelta(hours=24)

INSERT = """
    INSERT INTO web.registrations (registration_id, email_hash, sealed, expires_at)
    VALUES (%(registration_id)s, %(email_hash)s, %(sealed)s, %(expires_at)s)
"""
FIND = """
    SELECT sealed FROM web.registrations
    WHERE registration_id = %(registration_id)s AND expires_at > %(now)s
"""
FORGET = "DELETE FROM web.registrations WHERE email_hash = %(email_hash)s"
PURGE = "DELETE FROM web.registrations WHERE expires_at <= %(now)s"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a person typed to sign up."""

    email: str
    name: str
    password_hash: str
    locale: str
    destination: str
    """The page they were on their way to: a path of this site."""


class Registrations:
    """Keeps sign-ups until they are verified or a day has passed."""

    def __init__(self, pool: Pool, clock: Clock, seals: Seals) -> None:
        self._pool = pool
        self._clock = clock
        self._seals = seals

    def put(self, registration: Registration) -> UUID:
        """Keep a sign-up. Several may wait for one address; each has a link of its own."""
        registration_id = ids.new()
        values = {
            "registration_id": registration_id,
            "email_hash": address_hash(self._seals, registration.email),
            "sealed": self._seals.seal(asdict(registration), purpose=SEAL),
            "expires_at": self._clock.now() + LIFETIME,
        }
        with self._pool.connection() as connection:
            connection.execute(INSERT, values)
        return registration_id

    def find(self, registration_id: UUID) -> Registration | None:
        """A waiting sign-up."""
        values = {"registration_id": registration_id, "now": self._clock.now()}
        with self._pool.connection() as connection:
            row = connection.execute(FIND, values).fetchone()
        return Registration(**self._seals.open(row[0], purpose=SEAL)) if row else None

    def forget(self, email: str) -> None:
        """The address has its account, or is erased: nothing waits for it any more."""
        with self._pool.connection() as connection:
            connection.execute(FORGET, {"email_hash": address_hash(self._seals, email)})

    def purge(self) -> int:
        """Remove what has expired; answers how many."""
        with self._pool.connection() as connection:
            return connection.execute(PURGE, {"now": self._clock.now()}).rowcount
