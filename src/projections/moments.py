"""Moments: all views as they were, kept under the pair of what was true and what was known (AU3).

A moment is a schema of its own, with tables named as the live ones, filled by the machinery of a
rebuild. It never changes, so it is a cache; how much of it is kept has a bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString, NamedTuple

from psycopg import Connection, errors, sql
from psycopg.rows import class_row, tuple_row
from psycopg_pool import ConnectionPool

from ledger.clock import Clock
from ledger.errors import Conflict, LedgerError, NotFound, Refused
from ledger.store.recorder import FactRecorder
from projections import marks
from projections.layout import LAYOUT_LOCK, LOCK
from projections.parking import parked
from projections.tables import Table
from projections.view import View

State = Literal["planned", "building", "ready", "failed"]

TOUCH = timedelta(minutes=1)
"""How often it is written down that a moment was read."""

AGAIN = timedelta(minutes=1)
"""After so long a moment that could not be built is tried again, if somebody asks for it."""

MOST_WAITING = 16
"""Moments that may wait to be built: each is a copy of all views."""

LARGEST_PART = 50_000
"""Facts of a part, more or less: what a crash costs, and a step of the progress that is shown."""

MOMENT_LOCK = 30 << 48
"""Advisory lock of one moment, with its id: shared by who reads it; alone who builds or drops."""

LAY_OUT = """
CREATE SCHEMA IF NOT EXISTS views;
CREATE TABLE IF NOT EXISTS views.moments (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of          timestamptz NOT NULL,
    known_position bigint NOT NULL,
    checked_to     bigint NOT NULL,
    shape          text COLLATE "C" NOT NULL,
    left_out       bigint[] NOT NULL,
    state          text COLLATE "C" NOT NULL,
    parts_done     integer NOT NULL DEFAULT 0,
    parts_total    integer NOT NULL,
    spent_ms       bigint NOT NULL DEFAULT 0,
    bytes          bigint NOT NULL DEFAULT 0,
    why            text,
    forgotten      uuid[] NOT NULL DEFAULT '{}',
    made_at        timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    last_read_at   timestamptz NOT NULL,
    UNIQUE (as_of, known_position, shape, left_out)
);
"""
COLUMNS: LiteralString = """
    id, as_of, known_position, checked_to, shape, left_out, state, parts_done, parts_total,
    spent_ms, bytes, why, made_at, changed_at, last_read_at
"""
ALL: LiteralString = "SELECT {columns} FROM views.moments ORDER BY last_read_at DESC, id DESC"
ONE: LiteralString = "SELECT {columns} FROM views.moments WHERE id = %(id)s"
# What was left out when it was made must be what is left out now, of all that it could know.
NEAREST: LiteralString = """
SELECT {columns} FROM views.moments
 WHERE as_of = %(as_of)s AND shape = %(shape)s AND known_position <= %(position)s
   AND left_out = ARRAY(SELECT one FROM unnest(%(left_out)s::bigint[]) AS one
                         WHERE one <= known_position ORDER BY one)
 ORDER BY known_position DESC LIMIT 1
"""
# `json`, not `jsonb`: it holds whatever the books hold, and is read without being turned about.
LATE = """
SELECT EXISTS (
    SELECT FROM ledger.facts WHERE position > %(checked_to)s AND position <= %(position)s
       AND (convert_from(state, 'UTF8')::json ->> 'occurred_at')::timestamptz <= %(as_of)s)
"""
CHECKED = """
UPDATE views.moments SET checked_to = greatest(checked_to, %(position)s) WHERE id = %(id)s
"""
PLAN: LiteralString = """
INSERT INTO views.moments (as_of, known_position, checked_to, shape, left_out, state, parts_total,
                           made_at, changed_at, last_read_at)
VALUES (%(as_of)s, %(position)s, %(position)s, %(shape)s, %(left_out)s, 'planned', %(parts)s,
        %(now)s, %(now)s, %(now)s)
RETURNING {columns}
"""
WAITING = "SELECT count(*) FROM views.moments WHERE state IN ('planned', 'building')"
REPLAN = """
UPDATE views.moments SET state = 'planned', parts_done = 0, spent_ms = 0, why = NULL,
       changed_at = %(now)s
 WHERE id = %(id)s AND state = 'failed'
"""
READ = """
UPDATE views.moments SET last_read_at = %(now)s WHERE id = %(id)s AND last_read_at < %(since)s
"""
ENTER = """
SELECT set_config('search_path', %(schema)s, true) FROM views.moments
 WHERE id = %(id)s AND state = 'ready'
"""
SHARE_LOCK = "SELECT pg_advisory_xact_lock_shared(%(key)s)"
HOLD_LOCK = "SELECT pg_advisory_xact_lock(%(key)s)"
# Two who ask for one instant at once are to find one moment. 31 is this lock's class.
ONE_AT_A_TIME = """
SELECT pg_advisory_xact_lock(
    31::bigint << 48 | hashtextextended(%(as_of)s::timestamptz::text, 0) & 281474976710655)
"""
REMOVE = "DELETE FROM views.moments WHERE id = %(id)s"
BE_PATIENT = "SET LOCAL lock_timeout = '2s'"
IS_WAITING = "SELECT EXISTS (SELECT FROM views.moments WHERE state IN ('planned', 'building'))"
DROP_SCHEMA = "DROP SCHEMA IF EXISTS {schema} CASCADE"


class MomentInFuture(Refused):
    """{name} lies in the future: nothing is known of it yet."""

    code = "moment_in_future"


class MomentGone(Conflict):
    """What was kept of this moment has just been dropped; ask again and it is made anew."""

    code = "moment_gone"


class MomentsBusy(Conflict):
    """So many moments are being made that no other can be; ask again in a few minutes."""

    code = "moments_busy"


class MomentFailed(LedgerError):
    """The views could not be folded as of this moment: {why}."""

    code = "moment_failed"


class Moment(NamedTuple):
    """A pair of what was true (`as_of`) and what was known (`known_position`), and its tables.

    It stands for every position from `known_position` to `checked_to`: no fact between them was
    true by then. `left_out` are the positions of facts that no view can hold.
    """

    id: int
    as_of: datetime
    known_position: int
    checked_to: int
    shape: str
    left_out: list[int]
    state: State
    parts_done: int
    parts_total: int
    spent_ms: int
    bytes: int
    why: str | None
    made_at: datetime
    changed_at: datetime
    last_read_at: datetime

    @property
    def schema(self) -> str:
        """Where its tables stand."""
        return schema_of(self.id)

    @property
    def per_cent(self) -> int:
        """How much of it is made."""
        return 100 if self.state == "ready" else 100 * self.parts_done // self.parts_total

    @property
    def seconds_left(self) -> int | None:
        """How long it may still take; None where nothing is known of it."""
        if not self.parts_done:
            return None
        left = self.parts_total - self.parts_done
        return -(-self.spent_ms * left // (1000 * self.parts_done))


def schema_of(moment_id: int) -> str:
    """The schema of a moment's tables."""
    return f"moment_{moment_id}"


def lock_of(moment_id: int) -> int:
    """The advisory lock of a moment."""
    return MOMENT_LOCK | moment_id


def nothing_skipped() -> Collection[int]:
    """Where no fact was ever skipped."""
    return ()


class Moments:
    """Finds moments, plans those that are missing, and says how each is."""

    def __init__(
        self,
        pool: ConnectionPool[Any],
        recorder: FactRecorder,
        views: Sequence[View[Any]],
        clock: Clock,
        *,
        skipped: Callable[[], Collection[int]] = nothing_skipped,
    ) -> None:
        self.pool = pool
        self.recorder = recorder
        self.views = views
        self.clock = clock
        self._skipped = skipped
        self.shape = _shape(views)

    def lay_out(self) -> None:
        """Make the tables that keep moments; any number of processes may ask at once."""
        with self.pool.connection() as connection, connection.transaction():
            connection.execute(LOCK, {"key": LAYOUT_LOCK})
            connection.execute(LAY_OUT)
            marks.lay_out(connection)

    # --- from instants to what is kept ------------------------------------------------------

    def require_past(self, **instants: datetime | None) -> None:
        """Raise MomentInFuture for an instant that is still to come."""
        now = self.clock.now()
        for name, instant in instants.items():
            if instant is not None and instant > now:
                raise MomentInFuture(name=name)

    def known_position(self, known_at: datetime | None) -> int:
        """What the ledger knew at an instant, or knows by now."""
        horizon = self.recorder.horizon()
        if known_at is None:
            return horizon
        with self.pool.connection() as connection:
            return marks.known_position(connection, known_at, horizon)

    def left_out(self, connection: Connection[Any]) -> list[int]:
        """Positions of the facts that no view holds: set aside, or skipped for good."""
        return sorted({*self._skipped(), *(one.position for one in parked(connection))})

    def at(self, as_of: datetime, position: int) -> Moment:
        """The moment that is right for a pair, planned if there is none. Raises MomentsBusy."""
        with self.pool.connection() as connection, connection.transaction():
            connection.execute(ONE_AT_A_TIME, {"as_of": as_of})
            asked = {
                "as_of": as_of,
                "position": position,
                "shape": self.shape,
                "left_out": self.left_out(connection),
            }
            found = self._found(connection, asked) or self._planned(connection, asked)
            return self._asked_for(connection, found)

    def _found(self, connection: Connection[Any], asked: Mapping[str, Any]) -> Moment | None:
        near = _moments(connection, NEAREST, asked)
        if not near:
            return None
        [moment], position = near, asked["position"]
        if moment.checked_to < position:
            late = connection.cursor(row_factory=tuple_row).execute(
                LATE, {**asked, "checked_to": moment.checked_to}
            )
            if late.fetchone() == (True,):
                return None
            connection.execute(CHECKED, {"id": moment.id, "position": position})
        return moment

    def _planned(self, connection: Connection[Any], asked: Mapping[str, Any]) -> Moment:
        waiting = connection.cursor(row_factory=tuple_row).execute(WAITING).fetchone()
        if waiting and waiting[0] >= MOST_WAITING:
            raise MomentsBusy
        known = [one for one in asked["left_out"] if one <= asked["position"]]
        more = {"left_out": known, "parts": steps_of(asked["position"])}
        planned = _moments(connection, PLAN, {**asked, **more, "now": self.clock.now()})
        return planned[0]

    def _asked_for(self, connection: Connection[Any], moment: Moment) -> Moment:
        now = self.clock.now()
        if moment.state == "failed" and now - moment.changed_at >= AGAIN:
            connection.execute(REPLAN, {"id": moment.id, "now": now})
            return moment._replace(state="planned", parts_done=0, why=None)
        connection.execute(READ, {"id": moment.id, "now": now, "since": now - TOUCH})
        return moment

    # --- what is kept -----------------------------------------------------------------------

    def all(self) -> list[Moment]:
        """Every moment, the one read last first."""
        with self.pool.connection() as connection:
            return _moments(connection, ALL, {})

    def one(self, moment_id: int) -> Moment:
        """One of them. Raises NotFound."""
        with self.pool.connection() as connection:
            found = _moments(connection, ONE, {"id": moment_id})
        if not found:
            raise NotFound(what="moment", id=moment_id)
        return found[0]

    def is_waited_for(self) -> bool:
        """Whether a moment is to be built, or is being built."""
        with self.pool.connection() as connection:
            row = connection.execute(IS_WAITING).fetchone()
        return bool(row and row[0])

    def drop(self, moment_id: int) -> None:
        """Let go of what is kept; whoever builds it stops. Raises NotFound."""
        self.one(moment_id)
        with self.pool.connection() as connection:
            drop(connection, moment_id)


def drop(connection: Connection[Any], moment_id: int) -> None:
    """Remove a moment and its tables.

    Tables that somebody is at just now are left to whoever builds the next moment.
    """
    connection.execute(REMOVE, {"id": moment_id})
    remove_free_schema(connection, moment_id)


def remove_free_schema(connection: Connection[Any], moment_id: int) -> None:
    """Remove a moment's tables unless somebody builds or reads them."""
    with suppress(errors.LockNotAvailable), connection.transaction():
        connection.execute(BE_PATIENT)
        connection.execute(HOLD_LOCK, {"key": lock_of(moment_id)})
        remove_schema(connection, moment_id)


def remove_schema(connection: Connection[Any], moment_id: int) -> None:
    """Remove a moment's tables."""
    name = sql.Identifier(schema_of(moment_id))
    connection.execute(sql.SQL(DROP_SCHEMA).format(schema=name))


class MomentSource:
    """Reads the views of a moment that is ready."""

    def __init__(self, pool: ConnectionPool[Any], moment: Moment) -> None:
        self._pool = pool
        self._asked = {"id": moment.id, "schema": moment.schema, "key": lock_of(moment.id)}

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """A connection on which a view's name stands for the moment's table. Raises MomentGone."""
        with self._pool.connection() as connection, connection.transaction():
            # Whoever drops it waits until we have read; we look after they are done.
            connection.execute(SHARE_LOCK, self._asked)
            if connection.execute(ENTER, self._asked).fetchone() is None:
                raise MomentGone
            yield connection


def steps_of(position: int) -> int:
    """In how many steps the log up to a position is folded: by streams, by persons, the indexes."""
    return 2 * max(1, -(-position // LARGEST_PART)) + 1


def _shape(views: Sequence[View[Any]]) -> str:
    """Says by which versions of all views a moment was made."""
    shapes = [(view.name, Table(view).shape) for view in views]
    return hashlib.sha256(repr(shapes).encode()).hexdigest()


def _moments(
    connection: Connection[Any], query: LiteralString, parameters: Mapping[str, object]
) -> list[Moment]:
    text = sql.SQL(query).format(columns=sql.SQL(COLUMNS))
    return connection.cursor(row_factory=class_row(Moment)).execute(text, parameters).fetchall()
