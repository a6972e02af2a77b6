"""Who folds the parts of a rebuild: this process, others on this machine, or other machines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Protocol
from uuid import UUID

from ledger.errors import LedgerError
from ledger.store.mapper import FactMapper
from ledger.store.pool import connect
from projections.part import fold_part
from projections.priority import GOES_LAST, begin_lowest, step_back
from projections.rebuild_rows import finish_part, one, take_part
from projections.tables import Table
from projections.view import View
from projections.written import Written

Work = Callable[[UUID, int], None]
"""Folds one part of a rebuild, wherever it runs; done twice, it is done once."""


class CrewLost(LedgerError):
    """The processes that fold were lost ({why}); the parts under way are to be done again."""

    code = "crew_lost"


class Crew(Protocol):
    """Folds parts, several at a time."""

    def fold(self, rebuild_id: UUID, numbers: Sequence[int]) -> Iterator[int]:
        """Each part's number as it is done. Raises PartStopped, or CrewLost."""
        ...


class Here:
    """One part after the other in this process."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def fold(self, rebuild_id: UUID, numbers: Sequence[int]) -> Iterator[int]:
        """Each part's number as it is done."""
        for number in numbers:
            self._work(rebuild_id, number)
            yield number


class Processes:
    """Processes of their own on this machine, at the lowest priority."""

    def __init__(self, work: Work, workers: int, *, begin: Callable[[int], None]) -> None:
        """`begin` is called first in each, with the id of the process that it belongs to."""
        self._work, self._workers, self._begin = work, workers, begin

    def fold(self, rebuild_id: UUID, numbers: Sequence[int]) -> Iterator[int]:
        """Each part's number as it is done."""
        pool = ProcessPoolExecutor(
            self._workers,
            mp_context=get_context("spawn"),
            initializer=_begin,
            initargs=(self._begin, os.getpid(), self._workers == GOES_LAST),
        )
        try:
            waiting = {pool.submit(self._work, rebuild_id, number): number for number in numbers}
            for done in as_completed(waiting):
                done.result()
                yield waiting[done]
        except BrokenProcessPool as error:
            raise CrewLost(why="a worker died") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class Cluster:
    """The workers of a Dask scheduler, on as many machines as it has."""

    def __init__(self, work: Work, address: str) -> None:
        self._work, self._address = work, address

    def fold(self, rebuild_id: UUID, numbers: Sequence[int]) -> Iterator[int]:
        """Each part's number as it is done."""
        import distributed

        lost = (OSError, TimeoutError, distributed.KilledWorker, distributed.CancelledError)
        try:
            with distributed.Client(self._address, timeout=5, set_as_default=False) as client:
                yield from self._fold(client, distributed.as_completed, rebuild_id, numbers)
        except lost as error:
            raise CrewLost(why=f"the cluster at {self._address}: {type(error).__name__}") from error

    def _fold(
        self, client: Any, completed: Any, rebuild_id: UUID, numbers: Sequence[int]
    ) -> Iterator[int]:
        waiting = {
            client.submit(self._work, rebuild_id, number, pure=False, retries=5): number
            for number in numbers
        }
        try:
            for done in completed(waiting, loop=client.loop):
                done.result()
                yield waiting[done]
        finally:
            client.cancel(list(waiting))


def carry_out(
    dsn: str, mapper: FactMapper, views: Sequence[View[Any]], rebuild_id: UUID, number: int
) -> None:
    """Fold one part and mark it done, in one transaction. Raises PartStopped, or CrewLost by a
    program that would fold it otherwise than the one that planned it.

    A part that is done is left alone, and so is one whose rebuild is no longer building.
    """
    begun = time.monotonic()
    with connect(dsn) as connection, connection.transaction():
        if os.nice(0) > 0:
            step_back(connection)
        part = take_part(connection, rebuild_id, number)
        rebuild = one(connection, rebuild_id)
        if part is None or rebuild is None or rebuild.state != "building":
            return
        if not rebuild.can_go_on(map(Table, views)):
            raise CrewLost(why="a worker is of another program")
        report = fold_part(
            connection,
            mapper,
            [view for view in views if view.name in rebuild.names],
            part,
            schema=rebuild.schema,
            position=rebuild.target,
            skipped=frozenset(rebuild.aside),
            written=Written(rebuild.schema),
        )
        finish_part(
            connection,
            rebuild_id,
            number,
            facts=report.facts,
            milliseconds=int((time.monotonic() - begun) * 1000),
            digests={name: dict(buckets) for name, buckets in report.digests.items()},
        )


def _begin(begin: Callable[[int], None], parent_id: int, goes_last: bool) -> None:
    if goes_last:
        begin_lowest()
    begin(parent_id)
