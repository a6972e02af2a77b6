"""The site's time: the machine's, or ahead of it where a test site's clock was moved.

How far ahead is kept in the database, so that every process tells the same time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import psycopg

from ledger.clock import Clock, SystemClock
from ledger.errors import Conflict
from web.sessions.pool import Pool

LOOK_SECONDS = 0.1
"""How long one process may tell another time than the one that moves it."""

MICROSECOND = timedelta(microseconds=1)
AHEAD = "SELECT ahead_microseconds FROM web.clock"
MOVE = """
    UPDATE web.clock SET ahead_microseconds = %(ahead)s
     WHERE ahead_microseconds <= %(ahead)s RETURNING one
"""
TRAVEL = "SELECT began_at, target, span FROM web.clock WHERE target IS NOT NULL"
SET_OUT = """
    UPDATE web.clock SET began_at = %(began_at)s, target = %(target)s, span = %(span)s
     WHERE target IS NULL RETURNING one
"""
ARRIVE = "UPDATE web.clock SET began_at = NULL, target = NULL, span = NULL"


class TravelUnderWay(Conflict):
    """The clock is on its way to {target} ({span}); let it arrive, or ask for the same again."""

    code = "travel_under_way"


@dataclass(frozen=True, slots=True)
class Travel:
    """A way through time that was asked for and has not been gone to its end."""

    began_at: datetime
    target: datetime
    span: str


def machine_clock(clock: Clock) -> Clock:
    """What a clock is ahead of, for what waits for the world outside; else the clock itself."""
    return clock.base if isinstance(clock, SiteClock) else clock


class SiteClock:
    """Tells the machine's time, plus what the database says.

    While the database is away it goes on as before.
    """

    def __init__(self, pool: Pool, base: Clock | None = None) -> None:
        self._pool, self.base = pool, base or SystemClock()
        self._lock = Lock()
        self._ahead = timedelta()
        self._looked_at: float | None = None

    def now(self) -> datetime:
        """The site's present instant."""
        return self.base.now() + self.ahead()

    def ahead(self) -> timedelta:
        """How far it is ahead of the machine's clock."""
        looked_at = self._looked_at
        if looked_at is None or time.monotonic() - looked_at >= LOOK_SECONDS:
            self._look()
        return self._ahead

    def advance_to(self, instant: datetime) -> None:
        """Move forward, for every process. An earlier instant than the present is a ValueError."""
        ahead = instant - self.base.now()
        with self._lock, self._pool.connection() as connection:
            moved = connection.execute(MOVE, {"ahead": ahead // MICROSECOND}).fetchone()
            if moved is None:
                message = f"the clock can't go back to {instant}"
                raise ValueError(message)
            self._ahead, self._looked_at = ahead, time.monotonic()

    # --- a way to go ------------------------------------------------------------------

    def travel(self) -> Travel | None:
        """Where it is on its way to, if it is."""
        with self._pool.connection() as connection:
            row = connection.execute(TRAVEL).fetchone()
        return Travel(*row) if row else None

    def set_out(self, span: str, target: datetime) -> Travel:
        """Go to an instant; or go on, where the same span was broken off. Raises TravelUnderWay."""
        asked = Travel(self.now(), target, span)
        values = {"began_at": asked.began_at, "target": target, "span": span}
        with self._pool.connection() as connection:
            connection.execute(SET_OUT, values)
        travel = self.travel() or asked
        if travel.span != span:
            raise TravelUnderWay(target=travel.target, span=travel.span)
        return travel

    def arrive(self) -> None:
        """There is no way left to go."""
        with self._pool.connection() as connection:
            connection.execute(ARRIVE)

    def _look(self) -> None:
        if not self._lock.acquire(blocking=self._looked_at is None):
            return  # somebody looks already: what was known a moment ago will do
        try:
            with self._pool.connection() as connection:
                row = connection.execute(AHEAD).fetchone()
            self._ahead = (row[0] if row else 0) * MICROSECOND
        except psycopg.Error:
            return
        finally:
            self._looked_at = time.monotonic()
            self._lock.release()
