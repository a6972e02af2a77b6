"""Links in mails: single-use, short-lived, bound to one purpose; sending again ends the older.

One that pays an order is used up by the order that is paid, not by being followed: a card may be
declined, and another one tried.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from ledger.clock import Clock
from web.identity.seals import Seals, new_token, token_hash
from web.problems import Problem
from web.sessions.pool import Pool

MAX_TOKEN = 200


class Purpose(StrEnum):
    """What a link does; a link for one thing does no other."""

    VERIFY_SIGN_UP = "verify_sign_up"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, no password
    SIGN_IN = "sign_in"
    SELF_CANCEL = "self_cancel"
    PAY_ORDER = "pay_order"
    INVITE_CONTRIBUTOR = "invite_contributor"
    SECOND_STEP = "second_step"


LIFETIME = {
    Purpose.VERIFY_SIGN_UP: timedelta(hours=24),
    Purpose.CHANGE_EMAIL: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(hours=1),
    Purpose.SIGN_IN: timedelta(minutes=15),
    Purpose.SELF_CANCEL: timedelta(days=7),
    Purpose.PAY_ORDER: timedelta(days=21),  # the longest grace: who follows it only pays
    Purpose.INVITE_CONTRIBUTOR: timedelta(days=7),
    Purpose.SECOND_STEP: timedelta(minutes=10),
}

ISSUE = """
    WITH ended AS (
        DELETE FROM web.links
        WHERE subject_hash = %(subject_hash)s AND purpose = %(purpose)s AND used_at IS NULL
          AND token_hash <> %(token_hash)s
    )
    INSERT INTO web.links (token_hash, purpose, subject_hash, sealed, expires_at)
    VALUES (%(token_hash)s, %(purpose)s, %(subject_hash)s, %(sealed)s, %(expires_at)s)
    ON CONFLICT (token_hash) DO NOTHING
"""
PEEK = """
    SELECT sealed FROM web.links
    WHERE token_hash = %(token_hash)s AND purpose = %(purpose)s
      AND used_at IS NULL AND expires_at > %(now)s
"""
REDEEM = """
    UPDATE web.links SET used_at = %(now)s
    WHERE token_hash = %(token_hash)s AND purpose = %(purpose)s
      AND used_at IS NULL AND expires_at > %(now)s
    RETURNING sealed
"""
FORGET = """
    DELETE FROM web.links
    WHERE subject_hash = %(subject_hash)s AND purpose = coalesce(%(purpose)s, purpose)
"""
PURGE = "DELETE FROM web.links WHERE expires_at <= %(now)s"


class Links:
    """Issues and redeems links. What a link carries is sealed."""

    def __init__(self, pool: Pool, clock: Clock, seals: Seals) -> None:
        self._pool = pool
        self._clock = clock
        self._seals = seals

    def issue(
        self, purpose: Purpose, *, subject: object, carries: dict[str, Any], because: object = None
    ) -> str:
        """A new token for the subject (an account, an address); its unused ones end.

        What is issued again because of the same thing is the same token: a mail that is written
        again after a crash says what the first one said.
        """
        token = new_token() if because is None else self._seals.token(purpose.value, str(because))
        values = {
            "token_hash": token_hash(token),
            "purpose": purpose.value,
            "subject_hash": self._subject(subject),
            "sealed": self._seals.seal(carries, purpose=f"link {purpose.value}"),
            "expires_at": self._clock.now() + LIFETIME[purpose],
        }
        with self._pool.connection() as connection:
            connection.execute(ISSUE, values)
        return token

    def peek(self, purpose: Purpose, token: str) -> dict[str, Any]:
        """What a usable link carries, unspent: scanners open links, only people press buttons."""
        return self._read(PEEK, purpose, token)

    def redeem(self, purpose: Purpose, token: str) -> dict[str, Any]:
        """Use a link up and answer what it carries; of two at the same time, one succeeds."""
        return self._read(REDEEM, purpose, token)

    def forget(self, subject: object, *, purpose: Purpose | None = None) -> None:
        """End every link of a subject, or those for one purpose."""
        values = {"subject_hash": self._subject(subject), "purpose": purpose}
        with self._pool.connection() as connection:
            connection.execute(FORGET, values)

    def purge(self) -> int:
        """Remove what has expired; answers how many."""
        with self._pool.connection() as connection:
            return connection.execute(PURGE, {"now": self._clock.now()}).rowcount

    def _read(self, statement: str, purpose: Purpose, token: str) -> dict[str, Any]:
        values = {
            "token_hash": token_hash(token[:MAX_TOKEN]),
            "purpose": purpose.value,
            "now": self._clock.now(),
        }
        with self._pool.connection() as connection:
            row = connection.execute(statement, values).fetchone()
        if row is None:
            raise Problem(
                410, "link_unusable", "This link was used, has expired, or was sent again since."
            )
        carried: dict[str, Any] = self._seals.open(row[0], purpose=f"link {purpose.value}")
        return carried

    def _subject(self, subject: object) -> bytes:
        return self._seals.lookup("subject", str(subject))
