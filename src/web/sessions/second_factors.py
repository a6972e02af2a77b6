"""The second step of the staff's sign-in: secrets shared with a telephone, codes on paper.

Nothing of it is a fact. The secret is sealed; of the codes on paper only keyed hashes are kept. A
code of the telephone is good for its half minute and the one on either side, and once.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger.clock import Clock
from web.identity.seals import Seals
from web.sessions.pool import Pool

STEP_SECONDS = 30
DRIFT = 1
"""Steps by which a telephone's clock may be wrong, either way."""
CODES = 10
"""Codes on paper, each good once."""
LETTERS = "23456789abcdefghjkmnpqrstvwxyz"
"""None that is taken for another when it is read from paper."""
GROUP, GROUPS = 5, 3
TYPED = re.compile(r"[0-9]{6}", re.ASCII)
SPACING = re.compile(r"[\s-]")

BEGIN = """
    INSERT INTO web.second_factors AS known (contributor_id, sealed)
    VALUES (%(contributor_id)s, %(sealed)s)
    ON CONFLICT (contributor_id) DO UPDATE SET sealed = excluded.sealed, last_step = 0
     WHERE known.confirmed_at IS NULL
"""
FIND = """
    SELECT sealed, confirmed_at FROM web.second_factors WHERE contributor_id = %(contributor_id)s
"""
USE_STEP = """
    UPDATE web.second_factors
    SET last_step = %(step)s, confirmed_at = coalesce(confirmed_at, %(now)s)
    WHERE contributor_id = %(contributor_id)s AND last_step < %(step)s
      AND (confirmed_at IS NOT NULL) = %(confirmed)s
"""
USE_CODE = """
    UPDATE web.recovery_codes SET used_at = %(now)s
    WHERE contributor_id = %(contributor_id)s AND code_hash = %(code_hash)s AND used_at IS NULL
"""
LEFT = """
    SELECT count(*) FROM web.recovery_codes
    WHERE contributor_id = %(contributor_id)s AND used_at IS NULL
"""
RENEW = """
    WITH gone AS (
        DELETE FROM web.recovery_codes WHERE contributor_id = %(contributor_id)s
          AND code_hash <> ALL (%(hashes)s::bytea[])
    )
    INSERT INTO web.recovery_codes (contributor_id, code_hash)
    SELECT %(contributor_id)s, unnest(%(hashes)s::bytea[])
"""
FORGET = """
    WITH codes AS (
        DELETE FROM web.recovery_codes WHERE contributor_id = %(contributor_id)s
    )
    DELETE FROM web.second_factors WHERE contributor_id = %(contributor_id)s
"""


@dataclass(frozen=True)
class Standing:
    """How somebody's second step stands; `confirmed_at` is None where none is asked."""

    confirmed_at: datetime | None
    codes_left: int


class SecondFactors:
    """Keeps and checks them. The clock is the machine's: telephones know no other."""

    def __init__(self, pool: Pool, clock: Clock, seals: Seals) -> None:
        self._pool = pool
        self._clock = clock
        self._seals = seals

    def begin(self, contributor_id: UUID) -> str:
        """A new secret in base32, in place of one that was never confirmed.

        A confirmed one stays as it is, and the new one is then worth nothing.
        """
        import pyotp

        secret = pyotp.random_base32()
        sealed = self._seals.seal(secret, purpose=_purpose(contributor_id))
        with self._pool.connection() as connection:
            connection.execute(BEGIN, {"contributor_id": contributor_id, "sealed": sealed})
        return secret

    def waiting(self, contributor_id: UUID) -> str | None:
        """The secret that waits for its first code, if there is one."""
        secret, confirmed_at = self._find(contributor_id)
        return secret if confirmed_at is None else None

    def confirm(self, contributor_id: UUID, code: str) -> bool:
        """Ask for codes from now on, if this is one: the telephone has the secret."""
        secret = self.waiting(contributor_id)
        return secret is not None and self._use_step(contributor_id, secret, code, confirmed=False)

    def is_on(self, contributor_id: UUID) -> bool:
        """Whether somebody signs in with a code."""
        return self._find(contributor_id)[1] is not None

    def standing(self, contributor_id: UUID) -> Standing:
        """Since when, and how many codes on paper are left."""
        values = {"contributor_id": contributor_id}
        with self._pool.connection() as connection:
            row = connection.execute(LEFT, values).fetchone()
        return Standing(self._find(contributor_id)[1], row[0] if row else 0)

    def take(self, contributor_id: UUID, code: str) -> bool:
        """Use a code up, of the telephone or on paper; of two at the same time, one succeeds."""
        secret, confirmed_at = self._find(contributor_id)
        if secret is None or confirmed_at is None:
            return False
        if TYPED.fullmatch(_plain(code)):
            return self._use_step(contributor_id, secret, code, confirmed=True)
        hashed = self._hash(contributor_id, code)
        return self._changed(USE_CODE, contributor_id, code_hash=hashed, now=self._clock.now())

    def renew_codes(self, contributor_id: UUID) -> list[str]:
        """New codes on paper, told this once; the older ones end."""
        codes = [_new_code() for _ in range(CODES)]
        hashes = [self._hash(contributor_id, code) for code in codes]
        self._changed(RENEW, contributor_id, hashes=hashes)
        return codes

    def forget(self, contributor_id: UUID) -> None:
        """No code is asked any more."""
        self._changed(FORGET, contributor_id)

    def _find(self, contributor_id: UUID) -> tuple[str | None, datetime | None]:
        with self._pool.connection() as connection:
            row = connection.execute(FIND, {"contributor_id": contributor_id}).fetchone()
        if row is None:
            return None, None
        return self._seals.open(row[0], purpose=_purpose(contributor_id)), row[1]

    def _use_step(self, contributor_id: UUID, secret: str, code: str, *, confirmed: bool) -> bool:
        now = self._clock.now()
        step = next(_steps_of(secret, _plain(code), now), None)
        return step is not None and self._changed(
            USE_STEP, contributor_id, step=step, now=now, confirmed=confirmed
        )

    def _changed(self, statement: str, contributor_id: UUID, **values: object) -> bool:
        with self._pool.connection() as connection:
            done = connection.execute(statement, {"contributor_id": contributor_id, **values})
        return done.rowcount > 0

    def _hash(self, contributor_id: UUID, code: str) -> bytes:
        return self._seals.lookup("recovery code", str(contributor_id), _plain(code).lower())


def _steps_of(secret: str, code: str, now: datetime) -> Iterator[int]:
    """The steps, of those that count now, whose code it is."""
    import pyotp

    one_time, here = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(one_time.at(step * STEP_SECONDS).encode(), code.encode()):
            yield step


def _new_code() -> str:
    letters = [secrets.choice(LETTERS) for _ in range(GROUP * GROUPS)]
    return "-".join("".join(letters[at : at + GROUP]) for at in range(0, len(letters), GROUP))


def _plain(code: str) -> str:
    return SPACING.sub("", code)


def _purpose(contributor_id: UUID) -> str:
    return f"second factor {contributor_id}"
