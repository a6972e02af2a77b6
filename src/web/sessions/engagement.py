"""When members were last here: signed in, opened what they pay for (AC11).

A sign-in is noted with its session, in sessions.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ledger.clock import Clock
from web.sessions.pool import Pool

EXACT_TO = timedelta(minutes=5)
"""Content is opened often; writing each time would make every page a write."""

OPENED = """
    INSERT INTO web.engagement AS known (member_id, content_opened_at)
    VALUES (%(member_id)s, %(now)s)
    ON CONFLICT (member_id) DO UPDATE SET content_opened_at = excluded.content_opened_at
     WHERE known.content_opened_at IS NULL OR known.content_opened_at < %(before)s
"""
FIND = """
    SELECT signed_in_at, content_opened_at FROM web.engagement WHERE member_id = %(member_id)s
"""
FORGET = "DELETE FROM web.engagement WHERE member_id = %(member_id)s"


@dataclass(frozen=True)
class Seen:
    """When a member was last here; None where never."""

    signed_in_at: datetime | None = None
    content_opened_at: datetime | None = None


class Engagement:
    """Notes and tells when members were here."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def opened_content(self, member_id: UUID) -> None:
        """They opened protected content; exact to a few minutes."""
        now = self._clock.now()
        values = {"member_id": member_id, "now": now, "before": now - EXACT_TO}
        with self._pool.connection() as connection:
            connection.execute(OPENED, values)

    def of(self, member_id: UUID) -> Seen:
        """When they were last here."""
        with self._pool.connection() as connection:
            row = connection.execute(FIND, {"member_id": member_id}).fetchone()
        return Seen(*row) if row else Seen()

    def forget(self, member_id: UUID) -> None:
        """Nothing is known any more."""
        with self._pool.connection() as connection:
            connection.execute(FORGET, {"member_id": member_id})
