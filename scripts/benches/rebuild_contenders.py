"""Our ways of keeping views: followed live, and rebuilt by one process or several."""

from __future__ import annotations

import atexit
import time
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import UUID

from ledger.clock import SystemClock
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.pool import connect, open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from projections.catalogue import all_views
from projections.crew import Processes, carry_out
from projections.engine import Follower, prepare
from projections.rebuild import Rebuilder, Report, Tell
from projections.view import View
from scripts.benches.big_books import MASTER_KEY, say
from scripts.benches.big_site import SITE
from scripts.benches.copies import Copied
from scripts.benches.own_process import note_peak, noted_peaks

TWO_VIEWS = ("members", "spending")
"""What the library's runner keeps up to date, too."""
ALL_VIEWS = tuple(view.name for view in all_views(SITE))


SPENT = "SELECT sum(milliseconds) FROM views.rebuild_parts WHERE rebuild_id = %(id)s"


class Rebuilt(NamedTuple):
    """Facts, seconds from the plan to the swap, and seconds that workers spent on their parts.

    `peaks` are the most that each worker held, in MiB, the greatest first.
    """

    facts: int
    seconds: float
    worker_seconds: float
    state: str
    peaks: list[int]

    @property
    def rate(self) -> float:
        """Facts a second, from the plan to the swap."""
        return self.facts / self.seconds

    @property
    def worker_rate(self) -> float:
        """Facts a second of one worker, while it folds a part."""
        return self.facts / self.worker_seconds


def chosen(names: Sequence[str]) -> list[View[Any]]:
    """The views of these names."""
    return [view for view in all_views(SITE) if view.name in names]


def make_ready(names: Sequence[str], dsn: str) -> None:
    """Give empty books the tables of some views, to be followed from the first fact on."""
    prepare(dsn, chosen(names), SystemClock())


def followed(dsn: str, names: Sequence[str]) -> Copied:
    """Every fact through our follower, batch by batch as it does live."""
    with open_pool(dsn, max_size=4) as pool:
        follower = Follower(
            dsn,
            recorder=FactRecorder(pool),
            mapper=FactMapper(Vault(MASTER_KEY, KeyTable(pool))),
            views=chosen(names),
            clock=SystemClock(),
        )
        with follower.leading() as leader:
            began, facts = time.perf_counter(), 0
            while step := leader.step():
                facts += step
            return Copied(facts, time.perf_counter() - began)


def rebuilt(dsn: str, names: Sequence[str], workers: int) -> Rebuilt:
    """Views folded anew from the first fact on, verified and swapped in, as an operator asks."""
    with open_pool(dsn, max_size=4) as pool, TemporaryDirectory() as notes:
        rebuilder = Rebuilder(
            dsn,
            recorder=FactRecorder(pool),
            mapper=FactMapper(Vault(MASTER_KEY, KeyTable(pool))),
            views=all_views(SITE),
            clock=SystemClock(),
            crew=Processes(partial(_fold, dsn, notes), workers, begin=_begin),
            tell=_teller(),
        )
        began = time.perf_counter()
        done = rebuilder.run(names, workers=workers)
        return Rebuilt(
            facts=done.facts,
            seconds=time.perf_counter() - began,
            worker_seconds=_worker_seconds(dsn, done.id),
            state=done.state,
            peaks=noted_peaks(Path(notes)),
        )


def _worker_seconds(dsn: str, rebuild_id: UUID) -> float:
    with connect(dsn) as connection:
        [(spent,)] = connection.execute(SPENT, {"id": rebuild_id}).fetchall()
        return int(spent) / 1000


def _teller() -> Tell:
    """Says each state that a rebuild comes to."""
    told: list[str] = []

    def tell(report: Report) -> None:
        if report.rebuild.state not in told:
            told.append(report.rebuild.state)
            say(f"  {report.rebuild.state.replace('_', ' ')}")

    return tell


def _fold(dsn: str, notes: str, rebuild_id: UUID, number: int) -> None:
    mapper, views = _tools(dsn)
    carry_out(dsn, mapper, views, rebuild_id, number)
    note_peak(Path(notes))


@cache
def _tools(dsn: str) -> tuple[FactMapper, tuple[View[Any], ...]]:
    """What a worker folds with, kept for its next part, as the site's workers keep it."""
    pool = open_pool(dsn, max_size=1)
    atexit.register(pool.close)
    return FactMapper(Vault(MASTER_KEY, KeyTable(pool))), all_views(SITE)


def _begin(_: int) -> None:
    """A worker of a bench ends with it in any case: whoever runs the bench sees it."""
