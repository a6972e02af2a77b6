"""Who builds moments: a worker that looks for them, or whoever asks where no worker runs."""

from __future__ import annotations

import logging
from threading import Event, Lock, Thread
from uuid import UUID

import psycopg
from eventsourcing.persistence import PersistenceError

from ledger.store.refusals import DatabaseUnreachable
from projections.moment_building import Builder

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 1.0
"""How long whoever asks waits for a worker before they build a moment themselves."""

log = logging.getLogger(__name__)


class MomentWorker:
    """Builds moments in a thread: at once in a worker, after some patience in who asks."""

    def __init__(self, builder: Builder, *, patience_seconds: float = 0.0) -> None:
        self._builder = builder
        self._patience = patience_seconds
        self._stopping = Event()
        self._thread: Thread | None = None
        self._starting = Lock()

    def build(self) -> int:
        """Build what waits here and now; how many were finished."""
        return self._builder.build_waiting()

    def forget(self, subject_id: UUID) -> None:
        """Fold somebody anew wherever the past is kept, after their key was destroyed."""
        self._builder.forget(subject_id)

    def start(self) -> None:
        """Look for planned moments until told to stop."""
        self._thread = Thread(target=self._run, name="moments", daemon=True)
        self._thread.start()

    def stand_in(self) -> None:
        """See that what is planned gets built, even if no worker runs; returns at once."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._once, name="moments", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Finish the part under way and leave."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            self._try()

    def _once(self) -> None:
        while not self._stopping.wait(self._patience) and self._try():
            pass

    def _try(self) -> int:
        try:
            if not self._builder.moments.is_waited_for():
                return 0
            return self._builder.build_waiting(stopping=self._stopping.is_set)
        except (psycopg.Error, PersistenceError, DatabaseUnreachable) as error:
            log.warning("moments: %s; trying again", type(error).__name__)
            return 0
