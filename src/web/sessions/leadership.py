"""Who leads the schedule: one process at a time, for as long as its session at the database lives.

The session ends by itself when its process dies, when the network between them breaks, and when
the process hangs: it has to be heard of every few seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from ledger.store.pool import connect
from projections.leaders import SCHEDULE, leads

BEAT_SECONDS = 1.0
STANDBY_SECONDS = 0.5
UNHEARD_MILLISECONDS = 4_000
"""How long a leader waits for the server to acknowledge what it sent, before it gives up."""

# After so long the server takes a leader that says nothing for gone, and lets another lead.
BE_HEARD = "SET idle_session_timeout = '5s'"
BEAT = "SELECT 1"


class LeadershipLost(Exception):
    """Another process may lead by now: whoever sees this stops at once."""


class Lead:
    """The lead, while it is held. May be asked by any number of threads."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._over = Event()

    def is_held(self) -> bool:
        """Whether this process leads at this moment: the server is asked, not remembered."""
        if self._over.is_set():
            return False
        try:
            self._connection.execute(BEAT)
        except psycopg.Error:
            self._over.set()
            return False
        return True

    def require(self) -> None:
        """Raise LeadershipLost unless this process still leads."""
        if not self.is_held():
            raise LeadershipLost

    def give_up(self) -> None:
        """Lead no more."""
        self._over.set()

    def beat(self) -> None:
        """Be heard every second until it is over."""
        while not self._over.wait(BEAT_SECONDS):
            self.is_held()


@contextmanager
def leading(
    dsn: str, stopping: Event, *, patience_seconds: float | None = None
) -> Iterator[Lead | None]:
    """Wait until nobody else leads, and lead; None when told to stop, or out of patience.

    Raises DatabaseUnreachable and psycopg's errors.
    """
    patient = make_conninfo(
        dsn,
        keepalives_idle=2,
        keepalives_interval=1,
        keepalives_count=3,
        tcp_user_timeout=UNHEARD_MILLISECONDS,
        application_name="ledger schedule",
    )
    with connect(patient) as connection:
        if not _elected(connection, stopping, patience_seconds):
            yield None
            return
        connection.execute(BE_HEARD)
        lead = Lead(connection)
        heart = Thread(target=lead.beat, name="lead", daemon=True)
        heart.start()
        try:
            yield lead
        finally:
            lead.give_up()
            heart.join()


def _elected(connection: Connection[Any], stopping: Event, patience_seconds: float | None) -> bool:
    waited = 0.0
    while not leads(connection, SCHEDULE):
        if patience_seconds is not None and waited >= patience_seconds:
            return False
        if stopping.wait(STANDBY_SECONDS):
            return False
        waited += STANDBY_SECONDS
    return True
