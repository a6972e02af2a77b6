"""Rate limits: fixed windows, counted in the database so that workers share them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ledger.clock import Clock
from web.identity.seals import Seals
from web.problems import Problem
from web.sessions.pool import Pool

SPEND = """
    INSERT INTO web.limits (bucket, opened_at, closes_at, uses)
    VALUES (%(bucket)s, %(opened_at)s, %(closes_at)s, 1)
    ON CONFLICT (bucket, opened_at) DO UPDATE SET uses = web.limits.uses + 1
    RETURNING uses
"""
COUNT = """
    SELECT uses FROM web.limits WHERE bucket = %(bucket)s AND opened_at = %(opened_at)s
"""
PURGE = "DELETE FROM web.limits WHERE closes_at <= %(now)s"


@dataclass(frozen=True)
class Limit:
    """So many uses in each window, for each key."""

    name: str
    uses: int
    window_seconds: int


SIGN_IN = Limit("sign_in", uses=10, window_seconds=900)
"""Tries for one account, right or wrong."""
SIGN_IN_FROM = Limit("sign_in_from", uses=100, window_seconds=900)
"""Tries from one client address, over all accounts."""
SECOND_STEP = Limit("second_step", uses=10, window_seconds=900)
"""Codes tried for one contributor, right or wrong."""
SIGN_UP_FROM = Limit("sign_up_from", uses=30, window_seconds=3600)
LINK_TO = Limit("link_to", uses=5, window_seconds=3600)
"""Mails with a link, to one address."""
TEST_MAIL_TO = Limit("test_mail_to", uses=60, window_seconds=3600)
"""Mails by which staff try a message on themselves."""
LINK_FROM = Limit("link_from", uses=30, window_seconds=3600)
BAD_TOKEN_FROM = Limit("bad_token_from", uses=60, window_seconds=60)
"""Wrong tokens from one client address."""
JOIN_BY = Limit("join_by", uses=30, window_seconds=3600)
QUOTE_FROM = Limit("quote_from", uses=60, window_seconds=900)
"""Prices asked with a discount code, from one client address: codes are not to be guessed."""
DATA_BY = Limit("data_by", uses=10, window_seconds=3600)
"""Files with all that is known of somebody, made for themself."""
REFUND_BY = Limit("refund_by", uses=300, window_seconds=3600)
RECONCILE_BY = Limit("reconcile_by", uses=30, window_seconds=3600)


@dataclass(frozen=True)
class Window:
    """The stretch of time in which one key's uses are counted."""

    bucket: bytes
    opened_at: datetime
    closes_at: datetime


class Limits:
    """Counts uses; who may be named by a key is hashed before it is stored."""

    def __init__(self, pool: Pool, clock: Clock, seals: Seals) -> None:
        self._pool = pool
        self._clock = clock
        self._seals = seals

    def spend(self, limit: Limit, key: object) -> None:
        """Count one use; the one too many is a 429 that says when to come back."""
        window = self._window(limit, key)
        with self._pool.connection() as connection:
            row = connection.execute(SPEND, asdict(window)).fetchone()
        if row and row[0] > limit.uses:
            raise self._too_many(limit, window)

    def require(self, limit: Limit, key: object) -> None:
        """Refuse when the uses are spent, without counting this one."""
        window = self._window(limit, key)
        with self._pool.connection() as connection:
            row = connection.execute(COUNT, asdict(window)).fetchone()
        if row and row[0] >= limit.uses:
            raise self._too_many(limit, window)

    def purge(self) -> int:
        """Remove the windows that have closed; answers how many."""
        with self._pool.connection() as connection:
            return connection.execute(PURGE, {"now": self._clock.now()}).rowcount

    def _window(self, limit: Limit, key: object) -> Window:
        seconds = limit.window_seconds
        opened = int(self._clock.now().timestamp()) // seconds * seconds
        return Window(
            bucket=self._seals.lookup("limit", limit.name, str(key)),
            opened_at=datetime.fromtimestamp(opened, UTC),
            closes_at=datetime.fromtimestamp(opened + seconds, UTC),
        )

    def _too_many(self, limit: Limit, window: Window) -> Problem:
        wait = (window.closes_at - self._clock.now()).total_seconds()
        seconds = max(1, math.ceil(wait))
        return Problem(
            429,
            "too_many_requests",
            f"Too many tries; please try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
            more={"limit": limit.name, "retry_after_seconds": seconds},
        )
