"""Folding views anew while everything runs: planned, built, caught up, verified, live.

Every step is written down in the database before the next begins, so that whoever comes after a
crash goes on where it stood. One coordinator at a time holds the lock; parts are folded by a crew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection, errors, sql
from pydantic_core import to_json

from ledger import ids
from ledger.clock import Clock
from ledger.errors import Conflict, NotFound, Refused
from ledger.store.mapper import FactMapper
from ledger.store.pool import connect
from ledger.store.recorder import FactRecorder
from projections import rebuild_rows
from projections.catching_up import CatchingUp, CatchUpStopped
from projections.columns import teach
from projections.crew import Crew, CrewLost
from projections.digest import Digest
from projections.last_stretch import AsideMoved, FarBehind, LastStretch, Overtaken, is_cancelled
from projections.layout import lay_out
from projections.leaders import COORDINATOR, leads
from projections.outdated import outdated, require_known
from projections.parking import why
from projections.part import PartStopped
from projections.positions import current, standings
from projections.priority import GOES_LAST, paced, step_back
from projections.rebuild_rows import Mismatch, Progress, Rebuild, State
from projections.swap import drop_shadow, roll_back
from projections.tables import Table
from projections.verify import PROVED_AGAIN, SAMPLE, RefoldStopped, Verifier
from projections.view import View
from projections.written import Written

MOST_APPROACHES = 100
"""How often it catches up anew with what arrived while the swap waited."""
MOST_CREWS = 30
"""How often a crew that was lost is replaced before the rebuild is left to the next start."""
STANDBY_SECONDS = 0.5
BEGUN_BY_ANOTHER = "another program began it"

MAKE_SCHEMA = "CREATE SCHEMA IF NOT EXISTS {schema}"

log = logging.getLogger(__name__)


class RebuildBusy(Conflict):
    """A rebuild of {names} is under way; wait for it, or cancel it."""

    code = "rebuild_busy"


class RebuildFailed(Refused):
    """The rebuild of {names} was refused, and the old rows go on serving: {why}."""

    code = "rebuild_failed"


class Report(NamedTuple):
    """How a rebuild is going: its parts, and how many positions it has still to catch up."""

    rebuild: Rebuild
    progress: Progress
    behind: int


Tell = Callable[[Report], None]
Receipt = Callable[[Rebuild, dict[str, Digest]], int]


def tell_nobody(_: Report) -> None:
    """Nobody looks on."""


def no_receipt(_: Rebuild, __: dict[str, Digest]) -> int:
    """Nothing is written into the books."""
    return 0


@dataclass(frozen=True)
class Rebuilder:
    """Folds views anew. `receipt` writes what was done into the books, and answers where."""

    dsn: str
    recorder: FactRecorder
    mapper: FactMapper
    views: Sequence[View[Any]]
    clock: Clock
    crew: Crew
    receipt: Receipt = no_receipt
    tell: Tell = tell_nobody
    sample: int = SAMPLE

    # --- what there is to do ----------------------------------------------------------

    def outdated(self) -> list[str]:
        """Views that this program's version did not make; see `outdated`. Raises ViewNewer."""
        with self._connected() as connection:
            return outdated(connection, self.views)

    def plan(
        self, names: Collection[str], *, workers: int = 1, replaces_damaged: bool = False
    ) -> Rebuild:
        """Write down what is to be folded anew. Raises NotFound, RebuildBusy or ViewNewer."""
        tables = self._named(names)
        how = {"workers": workers, "replaces_damaged": replaces_damaged}
        with self._connected() as connection:
            current(tables, standings(connection))
            self._require_idle(connection)
            try:
                with connection.transaction():
                    return self._planned(connection, tables, **how)
            except errors.UniqueViolation as error:
                raise RebuildBusy(names="other views") from error

    def _planned(self, connection: Connection[Any], tables: Sequence[Table], **how: Any) -> Rebuild:
        target = self._ahead.bound(connection, {table.view.name for table in tables})
        now = self.clock.now()
        planned = rebuild_rows.plan(connection, ids.new(), tables, target=target, now=now, **how)
        return rebuild_rows.begin_aside(connection, planned, self._ahead.skipped())

    def carry_on(self) -> Rebuild | None:
        """Take the rebuild under way to its end; None where there is none.

        Waits while another process coordinates, and takes over when it is gone. Raises
        RebuildFailed when it ended badly (nothing has changed for readers then), ViewNewer where a
        newer program planned it, or CrewLost when nobody is left to fold: called again, it goes on
        where it stands.
        """
        with self._coordinating() as connection:
            for done in rebuild_rows.unreceipted(connection):
                self._write_receipt(connection, done)
            rebuild = rebuild_rows.active(connection)
            if rebuild is None:
                return None
            if rebuild.workers == GOES_LAST:
                step_back(connection)
            while rebuild.is_under_way:
                rebuild = self._step(connection, rebuild)
            self.tell(self._report(connection, rebuild))
            if rebuild.state == "failed":
                names = ", ".join(rebuild.names)
                raise RebuildFailed(names=names, why=rebuild.why)
            return self._write_receipt(connection, rebuild) if rebuild.state == "live" else rebuild

    def run(
        self, names: Collection[str], *, workers: int = 1, replaces_damaged: bool = False
    ) -> Rebuild:
        """Fold views anew and see it through."""
        rebuild = self.plan(names, workers=workers, replaces_damaged=replaces_damaged)
        return self.carry_on() or rebuild

    def cancel(self) -> Rebuild:
        """Give up the rebuild under way; the old rows go on serving. Raises NotFound."""
        with self._connected() as connection:
            rebuild = rebuild_rows.active(connection)
            if rebuild is None:
                raise NotFound(what="rebuild", id="under way")
            rebuild_rows.cancel(connection, rebuild)
            if leads(connection, COORDINATOR):  # nobody carries it out, or nobody does any more
                return self._end(connection, rebuild, "cancelled", why="cancelled")
            return rebuild_rows.one(connection, rebuild.id) or rebuild  # it may be over by now

    def roll_back(self, name: str) -> Rebuild:
        """Put back what the last rebuild of a view replaced, with all views of that rebuild.

        Raises NotFound, RebuildBusy or NothingToRollBack.
        """
        self._named([name])
        with self._coordinating() as connection:
            self._require_idle(connection)
            last = rebuild_rows.last_of(connection, name)
            if last is None or last.state != "live":
                raise NotFound(what="rebuild to roll back of the view", id=name)
            return roll_back(
                connection,
                last,
                self._named(last.names),
                skipped=self._ahead.skipped(),
                now=self.clock.now(),
            )

    def latest(self, limit: int = 20) -> list[Report]:
        """The last rebuilds and how they are, the latest first; the views are laid out."""
        with connect(self.dsn) as connection:
            found = rebuild_rows.latest(connection, limit)
            return [self._report(connection, rebuild) for rebuild in found]

    # --- steps ------------------------------------------------------------------------

    def _step(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        fresh = rebuild_rows.one(connection, rebuild.id)
        if fresh is None or fresh.cancelled:
            return self._end(connection, rebuild, "cancelled", why="cancelled")
        require_known(self.views, fresh)
        if not fresh.can_go_on(self._tables()):
            return self._begin_anew(connection, fresh)
        self.tell(self._report(connection, fresh))
        steps: dict[str, Callable[[Connection[Any], Rebuild], Rebuild]] = {
            "planned": self._prepare,
            "building": self._build,
            "catching_up": self._catch_up,
            "verifying": self._verify,
        }
        try:
            return steps[fresh.state](connection, fresh)
        except (PartStopped, CatchUpStopped, RefoldStopped, AsideMoved) as error:
            return self._end(connection, fresh, "failed", why=str(error).rstrip("."))
        except (errors.IntegrityError, errors.DataError, errors.ProgrammingError) as error:
            # Tried again, it would only come out the same.
            told = f"{', '.join(fresh.names)} while {fresh.state.replace('_', ' ')}: {why(error)}"
            return self._end(connection, fresh, "failed", why=told)

    def _begin_anew(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        """End what a program began that makes these views or their proof otherwise, and plan it
        again, at once: those views were to be folded anew, and nobody else would see to it.
        """
        log.warning("rebuild: another program began that of %s", ", ".join(rebuild.names))
        tables = [table for table in self._tables() if table.view.name in rebuild.names]
        with connection.transaction():
            ended = self._end(connection, rebuild, "failed", why=BEGUN_BY_ANOTHER)
            if ended.why != BEGUN_BY_ANOTHER or not tables:
                return ended
            how = {"workers": rebuild.workers, "replaces_damaged": rebuild.replaces_damaged}
            return self._planned(connection, tables, **how)

    def _prepare(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        schema = sql.Identifier(rebuild.schema)
        with connection.transaction():
            connection.execute(sql.SQL(MAKE_SCHEMA).format(schema=schema))
            Written(rebuild.schema).create(connection)
            for table in self._shadows(rebuild):
                table.create(connection, indexed=False)
            return self._set(connection, rebuild, "building")

    def _build(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        begun = time.monotonic()
        if not self._fold_parts(connection, rebuild):
            return rebuild
        spent = rebuild.folding_ms + round((time.monotonic() - begun) * 1000)
        for table in self._shadows(rebuild):
            # One at a time: an open transaction keeps every row that the live views replace.
            with connection.transaction():
                if not table.is_indexed(connection):
                    table.add_indexes(connection)
                table.analyze(connection)
        with connection.transaction():
            rebuild = rebuild_rows.set_fields(connection, rebuild, folding_ms=spent)
            return self._set(connection, rebuild, "catching_up")

    def _fold_parts(self, connection: Connection[Any], rebuild: Rebuild) -> bool:
        """Whether all parts are done; otherwise it was cancelled."""
        crews = 0
        while numbers := rebuild_rows.waiting(connection, rebuild):
            try:
                for _ in self.crew.fold(rebuild.id, numbers):
                    self.tell(self._report(connection, rebuild))
                    if is_cancelled(connection, rebuild):
                        return False
            except CrewLost as error:
                crews += 1
                if crews > MOST_CREWS:
                    raise
                log.warning("rebuild: %s", error)
        return True

    def _catch_up(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        stretch = self._stretch(rebuild)
        rebuild = paced(partial(stretch.catch_up, connection, rebuild), rebuild.workers)
        if is_cancelled(connection, rebuild) or not stretch.is_near(connection, rebuild):
            return rebuild
        return self._set(connection, rebuild, "verifying")

    def _verify(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        tables, verify = self._shadows(rebuild), self._verifier(rebuild).rebuilt
        proved = partial(verify, connection, rebuild, tables, sample=self.sample)
        found = paced(proved, rebuild.workers)
        return self._refuse(connection, rebuild, found) or self._put_in_place(connection, rebuild)

    def _put_in_place(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        """Swap what was proved, with those folded again to whom something came meanwhile.

        Half as many of them each time: what is written while it proves has to become less.
        """
        stretch = self._stretch(rebuild)
        for approach in range(MOST_APPROACHES):
            before, most = rebuild.position, PROVED_AGAIN >> approach
            rebuild = stretch.catch_up(connection, rebuild)
            found = self._verifier(rebuild).since(connection, rebuild, stretch.tables, before, most)
            if refused := self._refuse(connection, rebuild, found):
                return refused
            try:
                # On a connection that was not told to step back: while it holds locks, all wait.
                with connect(self.dsn) as quick:
                    teach(quick)
                    return stretch.swap(quick, rebuild)
            except Overtaken:
                return rebuild
            except FarBehind:
                continue
        return self._set(connection, rebuild, "catching_up")

    # --- endings ----------------------------------------------------------------------

    def _end(
        self, connection: Connection[Any], rebuild: Rebuild, state: State, *, why: str
    ) -> Rebuild:
        with connection.transaction():  # or the next to come would look for tables that are gone
            still = rebuild_rows.one_still(connection, rebuild.id)
            if still is None or not still.is_under_way:
                return still or rebuild
            drop_shadow(connection, rebuild)
            return self._set(connection, rebuild, state, why=why)

    def _refuse(
        self, connection: Connection[Any], rebuild: Rebuild, found: Sequence[Mismatch]
    ) -> Rebuild | None:
        """It failed, where anything was found."""
        if not found:
            return None
        rebuild = rebuild_rows.set_fields(connection, rebuild, mismatches=to_json(found).decode())
        told = f"{len(found)} differences, the first in {found[0].view} ({found[0].check})"
        return self._end(connection, rebuild, "failed", why=told)

    def _write_receipt(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        drop_shadow(connection, rebuild)  # not within the swap: readers wait for that
        whole = {name: rebuild_rows.digest(connection, rebuild, name) for name in rebuild.names}
        position = self.receipt(rebuild, whole)
        return rebuild_rows.set_fields(connection, rebuild, receipt=position)

    def _set(
        self, connection: Connection[Any], rebuild: Rebuild, state: State, why: str | None = None
    ) -> Rebuild:
        return rebuild_rows.set_state(connection, rebuild, state, now=self.clock.now(), why=why)

    # --- within -----------------------------------------------------------------------

    @property
    def _ahead(self) -> CatchingUp:
        return CatchingUp(self.recorder, self.mapper, self.clock)

    def _verifier(self, rebuild: Rebuild) -> Verifier:
        return Verifier(self.recorder, self.mapper, frozenset(rebuild.aside))

    def _stretch(self, rebuild: Rebuild) -> LastStretch:
        def tell(connection: Connection[Any], how: Rebuild) -> None:
            self.tell(self._report(connection, how))

        return LastStretch(self._ahead, self._shadows(rebuild), tell)

    def _tables(self) -> list[Table]:
        return [Table(view) for view in self.views]

    def _named(self, names: Collection[str]) -> list[Table]:
        known = {view.name: view for view in self.views}
        for name in names:
            if name not in known:
                raise NotFound(what="view", id=name)
        return [Table(view) for view in self.views if view.name in names]

    def _shadows(self, rebuild: Rebuild) -> list[Table]:
        return [Table(one.view, rebuild.schema) for one in self._named(rebuild.names)]

    def _require_idle(self, connection: Connection[Any]) -> None:
        busy = rebuild_rows.active(connection)
        if busy is not None:
            raise RebuildBusy(names=", ".join(busy.names))

    def _report(self, connection: Connection[Any], rebuild: Rebuild) -> Report:
        progress = rebuild_rows.progress(connection, rebuild)
        behind = max(0, self._ahead.bound(connection, rebuild.names) - rebuild.position)
        return Report(rebuild, progress, behind if rebuild.is_under_way else 0)

    @contextmanager
    def _connected(self) -> Iterator[Connection[Any]]:
        with connect(self.dsn) as connection:
            lay_out(connection, self._tables(), self.clock.now())
            yield connection

    @contextmanager
    def _coordinating(self) -> Iterator[Connection[Any]]:
        with self._connected() as connection:
            while not leads(connection, COORDINATOR):
                time.sleep(STANDBY_SECONDS)
            teach(connection)
            yield connection
