"""The inbox: what the payment company told us, kept as it came and worked off later."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

State = Literal["received", "retrying", "processed", "ignored_foreign", "dead"]
Came = Literal["posted", "fetched"]
Mode = Literal["test", "live"]

TAKING_LOCK = 32 << 48
"""Advisory lock of who takes work, for a moment."""
NONCE_BYTES, KEY_BYTES = 12, 32
ANSWER_SECONDS = 2.0
"""How long who is posted to waits for the database before it says that it is away."""

ADD = """
INSERT INTO inbox.notices (account, notice_id, mode, kind, object_id, made_at, received_at, came,
                           headers, digest, sealed, state, next_at, tried_from)
VALUES (%(account)s, %(notice_id)s, %(mode)s, %(kind)s, %(object_id)s, %(made_at)s, %(now)s,
        %(came)s, %(headers)s, %(digest)s, %(sealed)s, 'received', %(now)s,
        %(now)s)
ON CONFLICT (account, notice_id) DO NOTHING
"""
LOCK = "SELECT pg_advisory_xact_lock(%(key)s)"
TAKE = """
WITH free AS (
    SELECT number FROM inbox.notices AS one
     WHERE state IN ('received', 'retrying') AND next_at <= %(now)s
       AND (held_until IS NULL OR held_until <= %(now)s)
       AND NOT EXISTS (SELECT FROM inbox.notices AS other
                        WHERE other.object_id = one.object_id AND other.held_until > %(now)s)
     ORDER BY next_at, number LIMIT %(limit)s)
UPDATE inbox.notices AS taken SET held_until = %(until)s, tries = tries + 1
  FROM free WHERE free.number = taken.number
RETURNING taken.number, account, notice_id, mode, kind, object_id, made_at, tried_from, tries,
          sealed
"""
SETTLE = """
UPDATE inbox.notices
   SET state = %(state)s, next_at = %(next_at)s, why = %(why)s, held_until = NULL,
       done_at = CASE WHEN %(state)s = 'retrying' THEN NULL ELSE %(now)s::timestamptz END
 WHERE number = %(number)s AND tries = %(tries)s
"""
LET_GO = """
UPDATE inbox.notices SET held_until = NULL, tries = tries - 1
 WHERE number = %(number)s AND tries = %(tries)s AND held_until IS NOT NULL
"""
COUNTS = "SELECT state, count(*) FROM inbox.notices GROUP BY state"
LISTED = """
SELECT number, notice_id, kind, object_id, made_at, received_at, came, state, tries, next_at, why
  FROM inbox.notices
 WHERE state = ANY (%(states)s) AND number > %(after)s ORDER BY number LIMIT %(limit)s
"""
RETRY = """
UPDATE inbox.notices
   SET state = 'retrying', next_at = %(now)s, tried_from = %(now)s, tries = 0, done_at = NULL
 WHERE state = 'dead' AND (%(number)s::bigint IS NULL OR number = %(number)s)
"""
DEAD = "SELECT count(*) FROM inbox.notices WHERE state = 'dead'"
UNSETTLED = """
SELECT count(*) FROM inbox.notices
 WHERE state = 'retrying' AND why = %(why)s AND tried_from <= %(since)s AND tries >= %(tries)s
"""
CAUGHT_UP = "SELECT caught_up_at FROM inbox.progress WHERE account = %(account)s"
CATCH_UP = """
INSERT INTO inbox.progress (account, caught_up_at) VALUES (%(account)s, %(at)s)
ON CONFLICT (account) DO UPDATE
   SET caught_up_at = greatest(inbox.progress.caught_up_at, excluded.caught_up_at)
"""
WAITING_FROM = """
SELECT min(made_at) FROM inbox.notices WHERE state IN ('received', 'retrying')
"""
BODY = "SELECT sealed, digest FROM inbox.notices WHERE number = %(number)s"
FORGET = """
UPDATE inbox.notices SET sealed = NULL, headers = '{}'
 WHERE sealed IS NOT NULL AND state IN ('processed', 'ignored_foreign') AND done_at < %(before)s
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A notice as it came in; `headers` are those that help to believe it."""

    account: str
    notice_id: str
    mode: Mode
    kind: str
    object_id: str
    made_at: datetime
    body: bytes
    came: Came
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Taken:
    """A notice that is worked on, for the `tries`th time; nobody else works on its object."""

    number: int
    account: str
    notice_id: str
    mode: Mode
    kind: str
    object_id: str
    made_at: datetime
    tried_from: datetime
    tries: int
    body: bytes


class Settled(NamedTuple):
    """What came of the `tries`th try of a notice; tried again at `next_at` where it waits."""

    number: int
    tries: int
    state: State
    next_at: datetime
    why: str | None
    now: datetime


class Listed(NamedTuple):
    """A notice as people see it: without what it says."""

    number: int
    notice_id: str
    kind: str
    object_id: str
    made_at: datetime
    received_at: datetime
    came: str
    state: State
    tries: int
    next_at: datetime
    why: str | None


class InboxTable:
    """Notices in PostgreSQL, with their bodies sealed under a key of their own."""

    def __init__(self, pool: ConnectionPool[Any], key: bytes) -> None:
        self._pool, self._seal = pool, AESGCM(key)

    def add(self, arrivals: Sequence[Arrival], *, now: datetime) -> int:
        """Keep what is not here yet; how many were new. A notice is known by its id."""
        with self._pool.connection(ANSWER_SECONDS) as connection, connection.transaction():
            cursor = connection.cursor()
            cursor.executemany(ADD, [self._row(each, now) for each in arrivals])
            return max(0, int(cursor.rowcount))  # of none it says -1

    def take(self, limit: int, *, now: datetime, until: datetime) -> list[Taken]:
        """Work for whoever asks, until an instant; after it others may take it."""
        asked = {"now": now, "until": until, "limit": limit}
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(LOCK, {"key": TAKING_LOCK})
            rows = _rows(connection, TAKE, asked)
        return sorted(
            map(self._taken, rows),
            key=lambda taken: (taken.made_at, taken.number),
        )

    def let_go(self, taken: Sequence[Taken]) -> None:
        """Leave what was taken and not tried as it was, unless somebody else has taken it since."""
        untried = [{"number": one.number, "tries": one.tries} for one in taken]
        with self._pool.connection() as connection, connection.transaction():
            connection.cursor().executemany(LET_GO, untried)

    def settle(
        self, taken: Taken, state: State, *, next_at: datetime, why: str | None, now: datetime
    ) -> None:
        """Write down what came of it, unless somebody else has taken it since."""
        self.settle_all([Settled(taken.number, taken.tries, state, next_at, why, now)])

    def settle_all(self, settled: Sequence[Settled]) -> None:
        """Write down what came of some, all at once."""
        with self._pool.connection() as connection, connection.transaction():
            connection.cursor().executemany(SETTLE, [each._asdict() for each in settled])

    def counts(self) -> dict[str, int]:
        """How many notices are in each state."""
        with self._pool.connection() as connection:
            return dict(_rows(connection, COUNTS, {}))

    def listed(self, states: Sequence[State], *, after: int = 0, limit: int = 100) -> list[Listed]:
        """Notices in some states, by number."""
        asked = {"states": list(states), "after": after, "limit": limit}
        with self._pool.connection() as connection:
            return [Listed(*row) for row in _rows(connection, LISTED, asked)]

    def dead(self) -> int:
        """How many were given up."""
        with self._pool.connection() as connection:
            [(count,)] = _rows(connection, DEAD, {})
        return int(count)

    def unsettled(self, why: str, *, since: datetime, tries: int) -> int:
        """How many have been tried since an instant and so many times, the last time to no end."""
        asked = {"why": why, "since": since, "tries": tries}
        with self._pool.connection() as connection:
            [(count,)] = _rows(connection, UNSETTLED, asked)
        return int(count)

    def retry(self, number: int | None, *, now: datetime) -> int:
        """Work again on one that was given up, or on all of them; how many."""
        with self._pool.connection() as connection:
            again = connection.execute(RETRY, {"number": number, "now": now})
            return int(again.rowcount)

    def body(self, number: int) -> bytes | None:
        """What was sent, byte for byte; None once it is forgotten, or never was."""
        with self._pool.connection() as connection:
            rows = _rows(connection, BODY, {"number": number})
        return self._open(rows[0][0]) if rows and rows[0][0] is not None else None

    def caught_up_at(self, account: str) -> datetime | None:
        """Up to when everything that the company tells is here; None before the first time."""
        with self._pool.connection() as connection:
            rows = _rows(connection, CAUGHT_UP, {"account": account})
        return rows[0][0] if rows else None

    def catch_up(self, account: str, at: datetime) -> None:
        """Everything up to this instant is here."""
        with self._pool.connection() as connection:
            connection.execute(CATCH_UP, {"account": account, "at": at})

    def waiting_from(self) -> datetime | None:
        """When the oldest notice was made that is not worked off; None where none waits."""
        with self._pool.connection() as connection:
            [(oldest,)] = _rows(connection, WAITING_FROM, {})
        return oldest  # type: ignore[no-any-return]

    def forget(self, before: datetime) -> int:
        """Let go of the bodies of what was done by then; how many."""
        with self._pool.connection() as connection:
            return int(connection.execute(FORGET, {"before": before}).rowcount)

    # --- within -----------------------------------------------------------------------

    def _row(self, arrival: Arrival, now: datetime) -> dict[str, Any]:
        nonce = os.urandom(NONCE_BYTES)
        return {
            "account": arrival.account,
            "notice_id": arrival.notice_id,
            "mode": arrival.mode,
            "kind": arrival.kind,
            "object_id": arrival.object_id,
            "made_at": arrival.made_at,
            "came": arrival.came,
            "headers": Jsonb(dict(arrival.headers)),
            "digest": hashlib.sha256(arrival.body).digest(),
            "sealed": nonce + self._seal.encrypt(nonce, arrival.body, None),
            "now": now,
        }

    def _taken(self, row: Any) -> Taken:
        return Taken(*(*row[:-1], self._open(row[-1])))

    def _open(self, sealed: bytes) -> bytes:
        return self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)


class SettledLater(InboxTable):
    """The same notices; what came of them is written down when told to, all at once.

    For facts that are saved at once: until they are, the notices that led to them wait.
    """

    def __init__(self, table: InboxTable) -> None:
        super().__init__(table._pool, bytes(KEY_BYTES))
        self._seal, self._later = table._seal, list[Settled]()

    def settle_all(self, settled: Sequence[Settled]) -> None:
        """Keep it in mind."""
        self._later.extend(settled)

    def write(self) -> None:
        """The facts are saved: so are the notices."""
        later, self._later = self._later, []
        if later:
            super().settle_all(later)

    def drop(self) -> None:
        """The facts were not saved: the notices are taken up again once they are let go of."""
        self._later = []


def _rows(
    connection: Connection[Any], query: str, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    cursor = connection.cursor(row_factory=tuple_row)
    return cursor.execute(query.encode(), parameters).fetchall()
