"""Building moments in the background: claimed by one, resumed by anyone, within a bound of disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.errors import LedgerError
from ledger.store.mapper import FactMapper
from ledger.store.pool import connect
from projections.columns import teach
from projections.moment_erasure import Eraser
from projections.moments import (
    HOLD_LOCK,
    Moment,
    Moments,
    drop,
    lock_of,
    remove_free_schema,
    remove_schema,
)
from projections.parking import why
from projections.part import Part, PartStopped, Streams, Subjects, fold_part
from projections.priority import step_back
from projections.tables import SCHEMA, Table

log = logging.getLogger(__name__)

NEXT = """
SELECT id FROM views.moments WHERE state IN ('planned', 'building') ORDER BY made_at, id
"""
TRY_LOCK = "SELECT pg_try_advisory_lock(%(key)s)"
UNLOCK = "SELECT pg_advisory_unlock(%(key)s)"
BE_QUICK = "SET synchronous_commit = off"
MAKE_SCHEMA = "CREATE SCHEMA {schema}"
BEGIN = """
UPDATE views.moments SET state = 'building', changed_at = %(now)s WHERE id = %(id)s
"""
PART_DONE = """
UPDATE views.moments SET parts_done = parts_done + 1, spent_ms = spent_ms + %(spent_ms)s,
       changed_at = %(now)s
 WHERE id = %(id)s
"""
FAIL = """
UPDATE views.moments SET state = 'failed', why = %(why)s, changed_at = %(now)s WHERE id = %(id)s
"""
FINISH = """
UPDATE views.moments
   SET state = 'ready', parts_done = parts_total, bytes = %(bytes)s, forgotten = '{}',
       changed_at = %(now)s, last_read_at = greatest(last_read_at, %(now)s)
 WHERE id = %(id)s
"""
FORGOTTEN = "SELECT forgotten FROM views.moments WHERE id = %(id)s FOR UPDATE"
FORGET = """
UPDATE views.moments SET forgotten = forgotten || %(subject_id)s::uuid WHERE state <> 'ready'
"""
KEPT = "SELECT id FROM views.moments WHERE state = 'ready' ORDER BY id"
SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
 WHERE relnamespace = to_regnamespace(%(schema)s) AND relkind = 'r'
"""
# The one read last stays, however large it is: somebody waits for it.
EXCESS = """
WITH ranked AS (
    SELECT id, sum(bytes) OVER (ORDER BY last_read_at DESC, id DESC) AS total,
           row_number() OVER (ORDER BY last_read_at DESC, id DESC) AS place
      FROM views.moments WHERE state = 'ready'
)
SELECT id FROM ranked WHERE total + %(room)s > %(most)s AND place > %(spared)s ORDER BY place DESC
"""
STRAY = """
SELECT nspname FROM pg_namespace
 WHERE nspname ~ '^moment_[0-9]+$'
   AND NOT EXISTS (SELECT FROM views.moments WHERE nspname = 'moment_' || id)
"""


class MomentDropped(LedgerError):
    """This moment is wanted no more."""

    code = "moment_dropped"


@dataclass(frozen=True)
class Builder:
    """Builds moments that are planned, and drops those that are too many."""

    dsn: str
    moments: Moments
    mapper: FactMapper
    most_bytes: int

    @property
    def _eraser(self) -> Eraser:
        return Eraser(self.moments.recorder, self.mapper, self.moments.views)

    def build_waiting(self, *, stopping: Callable[[], bool] = lambda: False) -> int:
        """Build whatever waits and nobody else builds; how many were finished, well or not.

        May be killed at any time: the part under way is done again by whoever takes it up.
        """
        built = 0
        with connect(self.dsn) as connection:
            connection.execute(BE_QUICK)
            step_back(connection)
            teach(connection)
            for (moment_id,) in connection.execute(NEXT).fetchall():
                with _claimed(connection, moment_id) as mine:
                    if mine and not stopping():
                        built += self._build(connection, moment_id, stopping)
        return built

    def _build(
        self, connection: Connection[Any], moment_id: int, stopping: Callable[[], bool]
    ) -> bool:
        moment = self._begun(connection, moment_id)
        if moment is None:
            return False
        try:
            for part in parts(moment)[moment.parts_done :]:
                if stopping():
                    return False
                self._fold(connection, moment, part)
            self._finish(connection, moment)
        except MomentDropped:
            remove_schema(connection, moment_id)
        except Exception as error:
            if connection.closed:
                raise
            self._fail(connection, moment, error)
        self.drop_excess(connection, spared=1)
        return True

    def _fail(self, connection: Connection[Any], moment: Moment, error: Exception) -> None:
        # Any other error may quote what was being folded, and that may be personal.
        reason = str(error) if isinstance(error, PartStopped) else why(error)
        now = self.moments.clock.now()
        connection.execute(FAIL, {"id": moment.id, "why": reason, "now": now})
        log.error("moment %d: %s", moment.id, reason)

    def _begun(self, connection: Connection[Any], moment_id: int) -> Moment | None:
        """The moment as it stands now, with its tables; None if somebody was quicker."""
        try:
            moment = self.moments.one(moment_id)
        except LedgerError:
            return None
        if moment.state not in {"planned", "building"}:
            return None
        now = self.moments.clock.now()
        if moment.parts_done == 0:
            self._make_room(connection, moment)
            with connection.transaction():
                remove_schema(connection, moment_id)
                name = sql.Identifier(moment.schema)
                connection.execute(sql.SQL(MAKE_SCHEMA).format(schema=name))
                for view in self.moments.views:
                    Table(view, moment.schema).create(connection, indexed=False)
                connection.execute(BEGIN, {"id": moment_id, "now": now})
        return moment

    def _fold(self, connection: Connection[Any], moment: Moment, part: Part) -> None:
        started = time.monotonic_ns()
        with connection.transaction():
            fold_part(
                connection,
                self.mapper,
                self.moments.views,
                part,
                schema=moment.schema,
                position=moment.known_position,
                as_of=moment.as_of,
                skipped=frozenset(moment.left_out),
            )
            spent = (time.monotonic_ns() - started) // 1_000_000
            now = self.moments.clock.now()
            done = connection.execute(PART_DONE, {"id": moment.id, "spent_ms": spent, "now": now})
            if not done.rowcount:
                raise MomentDropped

    def _finish(self, connection: Connection[Any], moment: Moment) -> None:
        with connection.transaction():
            for view in self.moments.views:
                table = Table(view, moment.schema)
                table.add_indexes(connection)
                table.analyze(connection)
            row = connection.execute(FORGOTTEN, {"id": moment.id}).fetchone()
            for subject_id in row[0] if row else ():
                self._eraser.erase(connection, moment, subject_id)
            now = self.moments.clock.now()
            size = _size(connection, moment.schema)
            done = connection.execute(FINISH, {"id": moment.id, "bytes": size, "now": now})
            if not done.rowcount:
                raise MomentDropped

    # --- the bound ----------------------------------------------------------------------------

    def drop_excess(
        self, connection: Connection[Any], *, room: int = 0, spared: int = 0
    ) -> list[int]:
        """Drop the least recently read until the others and `room` bytes fit; answers which.

        `spared` of those read last stay, whatever their size.
        """
        asked = {"most": self.most_bytes, "room": room, "spared": spared}
        excess = [moment_id for (moment_id,) in connection.execute(EXCESS, asked).fetchall()]
        for moment_id in excess:
            log.info("moment %d makes room", moment_id)
            drop(connection, moment_id)
        for (stray,) in connection.execute(STRAY).fetchall():
            remove_free_schema(connection, int(stray.removeprefix("moment_")))
        return excess

    def _make_room(self, connection: Connection[Any], moment: Moment) -> None:
        """For about as much as the live views take for as many facts."""
        horizon = max(1, self.moments.recorder.horizon())
        room = _size(connection, SCHEMA) * moment.known_position // horizon
        self.drop_excess(connection, room=min(room, self.most_bytes))

    # --- erasure ------------------------------------------------------------------------------

    def forget(self, subject_id: UUID) -> None:
        """Fold somebody anew in every moment, after their key was destroyed (AU5)."""
        with connect(self.dsn) as connection:
            teach(connection)
            connection.execute(FORGET, {"subject_id": subject_id})
            for (moment_id,) in connection.execute(KEPT).fetchall():
                with connection.transaction():
                    connection.execute(HOLD_LOCK, {"key": lock_of(moment_id)})
                    moment = next((m for m in self.moments.all() if m.id == moment_id), None)
                    if moment is not None:
                        self._eraser.erase(connection, moment, subject_id)


def parts(moment: Moment) -> list[Part]:
    """What a moment is folded from: equal ranges of streams and of persons; ids are random."""
    count = moment.parts_total // 2
    bounds = [None, *(UUID(int=(place << 128) // count) for place in range(1, count)), None]
    return [kind(*ends) for kind in (Streams, Subjects) for ends in pairwise(bounds)]


@contextmanager
def _claimed(connection: Connection[Any], moment_id: int) -> Iterator[bool]:
    key = {"key": lock_of(moment_id)}
    row = connection.cursor(row_factory=tuple_row).execute(TRY_LOCK, key).fetchone()
    if row != (True,):
        yield False
        return
    try:
        yield True
    finally:
        if not connection.closed:
            connection.execute(UNLOCK, key)


def _size(connection: Connection[Any], schema: str) -> int:
    row = connection.execute(SIZE, {"schema": schema}).fetchone()
    return int(row[0]) if row else 0
