"""Answers kept under an Idempotency-Key: a request that is sent again is answered again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from ledger import ids
from ledger.clock import Clock
from web.identity.seals import Seals
from web.sessions.pool import Pool

SEAL = "replay"
HOLD = timedelta(seconds=60)
"""A holder that is silent for so long has died; the next sender takes over."""
KEPT = timedelta(days=7)

# Insert, or take over from a holder that died or a row that has expired. A row that is answered,
# or held by someone alive, is left as it is, and this returns nothing.
TAKE = """
    INSERT INTO web.replays (command_id, request_hash, holder, held_until, expires_at)
    VALUES (%(command_id)s, %(request_hash)s, %(holder)s, %(held_until)s, %(expires_at)s)
    ON CONFLICT (command_id) DO UPDATE
    SET request_hash = excluded.request_hash, holder = excluded.holder, sealed = NULL,
        held_until = excluded.held_until, expires_at = excluded.expires_at
    WHERE web.replays.expires_at <= %(now)s
       OR (web.replays.sealed IS NULL AND web.replays.held_until <= %(now)s
           AND web.replays.request_hash = excluded.request_hash)
    RETURNING holder
"""
READ = "SELECT request_hash, sealed FROM web.replays WHERE command_id = %(command_id)s"
KEEP = """
    UPDATE web.replays SET sealed = %(sealed)s
    WHERE command_id = %(command_id)s AND holder = %(holder)s
"""
DROP = """
    DELETE FROM web.replays
    WHERE command_id = %(command_id)s AND holder = %(holder)s AND sealed IS NULL
"""
PURGE = "DELETE FROM web.replays WHERE expires_at <= %(now)s"


@dataclass(frozen=True, kw_only=True)
class KeptAnswer:
    """An answer as it was sent."""

    status: int
    content_type: str
    body: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Mine:
    """The command is ours to carry out."""

    holder: UUID


@dataclass(frozen=True)
class Answered:
    """It was carried out before."""

    answer: KeptAnswer


class Busy:
    """Another request with the same key is being carried out."""


class Reused:
    """The key belongs to another request."""


class Replays:
    """Who carries a command out, and what it was answered."""

    def __init__(self, pool: Pool, clock: Clock, seals: Seals) -> None:
        self._pool = pool
        self._clock = clock
        self._seals = seals

    def take(self, command_id: UUID, request: str) -> Mine | Answered | Busy | Reused:
        """Claim a command, or learn what became of it."""
        now, holder = self._clock.now(), ids.new()
        values: dict[str, Any] = {
            "command_id": command_id,
            "request_hash": self._seals.lookup("request", request),
            "holder": holder,
            "now": now,
            "held_until": now + HOLD,
            "expires_at": now + KEPT,
        }
        with self._pool.connection() as connection:
            if connection.execute(TAKE, values).fetchone():
                return Mine(holder)
            row = connection.execute(READ, values).fetchone()
        if row is None:
            return Busy()
        return self._found(row[0] == values["request_hash"], row[1])

    def keep(self, command_id: UUID, mine: Mine, answer: KeptAnswer) -> None:
        """Keep the answer for whoever asks again."""
        sealed = self._seals.seal(vars(answer), purpose=SEAL)
        values = {"command_id": command_id, "holder": mine.holder, "sealed": sealed}
        with self._pool.connection() as connection:
            connection.execute(KEEP, values)

    def drop(self, command_id: UUID, mine: Mine) -> None:
        """Nothing was decided: the next request with this key is the first again."""
        with self._pool.connection() as connection:
            connection.execute(DROP, {"command_id": command_id, "holder": mine.holder})

    def purge(self) -> int:
        """Remove what has expired; answers how many."""
        with self._pool.connection() as connection:
            return connection.execute(PURGE, {"now": self._clock.now()}).rowcount

    def _found(self, same: bool, sealed: bytes | None) -> Answered | Busy | Reused:
        if not same:
            return Reused()
        if sealed is None:
            return Busy()
        return Answered(KeptAnswer(**self._seals.open(sealed, purpose=SEAL)))
