"""The follower: one process leads, reads facts as they settle, and keeps every view up to date."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg import Connection

from ledger.clock import Clock
from ledger.store.mapper import FactMapper
from ledger.store.pool import connect
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from ledger.store.refusals import DatabaseUnreachable
from projections.batch import Batches
from projections.catching_up import CatchingUp, CatchUpStopped
from projections.columns import teach
from projections.crew import Here, carry_out
from projections.layout import lay_out
from projections.leaders import FOLLOWER, leads
from projections.parking import answer, asked_again, parked, parked_subjects
from projections.positions import (
    ViewNewer,
    ViewsTaken,
    current,
    hold_own,
    move,
    spoil_others,
    standings,
)
from projections.quiet import uncollected
from projections.rebuild import Rebuilder
from projections.rebuild_rows import active
from projections.tables import Table
from projections.view import View

BATCH = 5_000
"""Most facts in one transaction, more or less: saves are not cut."""

POLL_SECONDS = 0.05
STANDBY_SECONDS = 1.0
PAUSE_SECONDS = 60.0
"""Until a view that could not be brought up to the others is tried again."""
LOOK_SECONDS = 0.2
"""How often the one who leads looks for rebuilt views, and for parked facts to try again."""

# Losing the last moments with the machine does no harm: rows and position go together, and the
# facts are safe. So no commit here waits for the disk.
BE_QUICK = "SET synchronous_commit = off"

log = logging.getLogger(__name__)


class Follower:
    """Keeps views up to date. Any number may be started; one leads, the others stand by."""

    def __init__(
        self,
        dsn: str,
        *,
        recorder: FactRecorder,
        mapper: FactMapper,
        views: Sequence[View[Any]],
        clock: Clock,
    ) -> None:
        self._dsn = dsn
        self._recorder = recorder
        self._mapper = mapper
        self._tables = [Table(view) for view in views]
        self._clock = clock
        self._woken, self._stopping = Event(), Event()
        self._thread: Thread | None = None
        self.position = 0
        """The last fact read by this process while it led."""

    # --- in the background ------------------------------------------------------------

    def start(self) -> None:
        """Follow in a thread of its own, and wake up with each save of our recorder."""
        self._recorder.on_append.append(self.wake)
        self._thread = Thread(target=self._run, name="views", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch under way and leave."""
        self._stopping.set()
        self.wake()
        if self._thread is not None:
            self._recorder.on_append.remove(self.wake)
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """There may be something to read."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self.leading() as leader:
                    self._follow(leader)
            except ViewsTaken:
                continue  # they were swapped: look again who is current
            except ViewNewer as error:
                log.error("views: %s", error)  # noqa: TRY400 -- a trace may quote what is personal
                self._stopping.wait(STANDBY_SECONDS)
            except (psycopg.Error, PersistenceError, DatabaseUnreachable) as error:
                log.warning("views: %s; trying again", type(error).__name__)
                self._stopping.wait(STANDBY_SECONDS)

    def _follow(self, leader: Leader) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            leader.look()
            if not leader.step():
                self._woken.wait(POLL_SECONDS)

    # --- in the foreground ------------------------------------------------------------

    @contextmanager
    def leading(self) -> Iterator[Leader]:
        """Wait until nobody else leads, and lead; for `leader.step()`.

        Views that another version made are left alone: a rebuild folds them anew. Raises ViewNewer
        where that version is a later one: then nothing is followed.
        """
        with connect(self._dsn) as connection:
            connection.execute(BE_QUICK)
            teach(connection)
            while not leads(connection, FOLLOWER):
                if self._stopping.wait(STANDBY_SECONDS):
                    message = "stopped while another follower led"
                    raise psycopg.OperationalError(message)
            lay_out(connection, self._tables, self._clock.now())
            leader = Leader(self, connection)
            leader.take_in()
            leader.retry_parked()
            yield leader

    def catch_up(self) -> int:
        """Read all there is and leave; answers the last position read.

        Views that are outdated are folded anew first, by this process alone.
        """
        self._rebuild()
        with self.leading() as leader:
            while leader.step():
                pass
        return self.position

    def _rebuild(self) -> None:
        """In the foreground, so that whoever asked for all there is gets it."""
        rebuilder = Rebuilder(
            self._dsn,
            recorder=self._recorder,
            mapper=self._mapper,
            views=[table.view for table in self._tables],
            clock=self._clock,
            crew=Here(
                partial(carry_out, self._dsn, self._mapper, [table.view for table in self._tables])
            ),
        )
        names = rebuilder.outdated()
        if names:
            rebuilder.run(names)


class Leader:
    """The follower that leads, on the connection whose lock says so: lost together."""

    def __init__(self, follower: Follower, connection: Connection[Any]) -> None:
        self._follower = follower
        self._connection = connection
        self._batches = Batches(follower._mapper, (), parked_subjects(connection))
        self._looked_at = time.monotonic()
        self._left: dict[str, float] = {}

    def take_in(self) -> None:
        """Follow every view that is current, once those that stand further back have caught up.

        Raises ViewNewer.
        """
        follower, connection = self._follower, self._connection
        tables = current(follower._tables, standings(connection))
        found = {one.name: one.position for one in standings(connection)}
        position = max((found[table.view.name] for table in tables), default=0)
        followed = self._brought_up(tables, found, position)
        self._batches = replace(self._batches, tables=followed)
        follower.position = position

    def _brought_up(
        self, tables: Sequence[Table], found: Mapping[str, int], position: int
    ) -> list[Table]:
        """Those that could be; one that can't be waits, so that the others can go on."""
        self._left = {}
        followed = []
        for table in tables:
            try:
                self._bring_up(table, found[table.view.name], position)
                followed.append(table)
            except CatchUpStopped as error:
                log.error("views: %s", error)  # noqa: TRY400 -- a trace may quote what is personal
                self._left[table.view.name] = time.monotonic()
        return followed

    @property
    def _ahead(self) -> CatchingUp:
        follower = self._follower
        return CatchingUp(follower._recorder, follower._mapper, follower._clock)

    def _bring_up(self, table: Table, after: int, bound: int) -> None:
        follower, connection = self._follower, self._connection
        shapes = {table.view.name: table.shape}
        while after < bound:
            with connection.transaction():
                upto = self._ahead.fold(connection, [table], after=after, bound=bound).position
                now = follower._clock.now()
                move(connection, shapes, before=after, position=upto, now=now)
            after = upto

    def step(self) -> int:
        """Fold one batch; how many facts it held, 0 when there is none."""
        with uncollected():
            return self._step(self._follower)

    def _step(self, follower: Follower) -> int:
        if not self._batches.tables:
            return 0
        before = follower.position
        records = follower._recorder.read(before, BATCH)
        if records:
            now = follower._clock.now()
            self._batches.advance(self._connection, records, before=before, now=now)
            follower.position = records[-1].position
        return len(records)

    def look(self) -> None:
        """Once in a while: take in views that were rebuilt, and fold what was parked if asked."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        ours = {table.view.name for table in self._batches.tables}
        tables = current(self._follower._tables, standings(self._connection))
        left = {name for name, since in self._left.items() if now - since < PAUSE_SECONDS}
        if {table.view.name for table in tables} - left != ours:
            self.take_in()
            self.retry_parked()
        if asked_again(self._connection):
            self.retry_parked()

    def retry_parked(self) -> int:
        """Fold what was parked again, as far as it can be now; how many persons are well again.

        Not while views are rebuilt, which left it out: it waits until they serve.
        """
        healed, connection = 0, self._connection
        skipped = self._ahead.skipped()
        asked, waiting = asked_again(connection), parked(connection)
        shapes = {table.view.name: table.shape for table in self._batches.tables}
        positions: dict[UUID, set[int]] = {}
        for one in waiting:
            positions.setdefault(one.subject_id, set()).add(one.position)
        for subject_id, own in positions.items():
            again = self._records(subject_id, own - skipped)
            with connection.transaction():
                hold_own(connection, shapes)  # or these rows might be another version's by now
                if active(connection) is not None:
                    return healed
                if self._batches.retry(connection, subject_id, again):
                    healed += 1
                    spoil_others(connection, shapes, min(own))
        if active(connection) is None:
            answer(connection, asked)
        return healed

    def _records(self, subject_id: UUID, positions: Collection[int]) -> list[FactRecord]:
        """Someone's facts at these positions, by position; of a stream that concerns nobody too."""
        recorder = self._follower._recorder
        found = {
            record.position: record
            for record in (*recorder.of_subject(subject_id), *recorder.of_stream(subject_id))
            if record.position in positions
        }
        return [record for _, record in sorted(found.items())]


def prepare(dsn: str, views: Sequence[View[Any]], clock: Clock) -> None:
    """Make the tables of views that have none, so that queries find them, empty, at once."""
    with connect(dsn) as connection:
        lay_out(connection, [Table(view) for view in views], clock.now())
