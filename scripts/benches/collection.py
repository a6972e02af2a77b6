"""Collecting what is due on the sandbox: how much a pair of workers settles, and what size costs.

The pair are two workers as they are run in production, on the system's clock: one leads and
charges, the other stands by; whoever gets there first follows the books with every view. So the
rate is that of charges beside all else that workers do: views, notices, fees.

What a charge costs is measured by itself, in one process, by turns on a small site and a large one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import islice
from multiprocessing import get_context
from statistics import median
from threading import Event

from ledger import ids
from ledger.billing.sweep import Sweep
from ledger.clock import SystemClock
from ledger.facts import Cause
from projections.queries.due import DueMembership, DueQueries
from scripts.benches.big_books import say
from scripts.benches.collection_site import Sites, paid_since, settings_of, sites
from scripts.benches.rows import Options, Row
from web.parts import Parts
from web.wiring import wire

SIZES = (1_000, 100_000)
DUE = 3_000
"""Members of each site whose charge is due, as far as it has so many."""
CHARGED = 1_000
"""Of these are charged to know what one costs."""
TURNS, FIRST_TURN = 10, 1
PROMISED_AN_HOUR, PROMISED_RATIO = 100_000, 1.3
PATIENCE_SECONDS = 600
LOOK_SECONDS = 0.5
MICROSECONDS = 1_000_000
SECONDS_AN_HOUR = 3_600


def measure(options: Options) -> Iterator[Row]:
    """What a charge costs by size, then the pair on the largest site."""
    sizes = options.sizes or SIZES
    with sites(options.keep) as server:
        yield _cost(server, min(sizes), max(sizes))
        yield _pair(server, max(sizes))


# --- what a charge costs ----------------------------------------------------------------


def _cost(server: Sites, small: int, large: int) -> Row:
    """By turns, so that whatever else the machine does falls on both."""
    charged = min(CHARGED, small)
    with ExitStack() as open_things:
        runs = []
        for members in (small, large):
            dsn = open_things.enter_context(server.site(members, min(DUE, members)))
            parts = open_things.enter_context(wire(settings_of(dsn), dsn, clock=SystemClock()))
            runs.append((parts, iter(DueQueries(parts.pool).charges(parts.clock.now(), charged))))
        took: list[list[float]] = [[], []]
        for _ in range(TURNS):
            for place, (parts, waiting) in enumerate(runs):
                took[place].append(_turn(parts, list(islice(waiting, charged // TURNS))))
    ours, peer = (round(median(each[FIRST_TURN:]) * MICROSECONDS) for each in reversed(took))
    name = f"collection, a charge with {large:,} members, beside {small:,}"
    return Row(name, "µs", ours, peer, most=PROMISED_RATIO)


def _turn(parts: Parts, stays: list[DueMembership]) -> float:
    """Seconds a charge."""
    sweep = Sweep(parts.collection, Cause(kind="job", id=ids.new()))
    began = time.perf_counter()
    sweep.charge(stays)
    took = time.perf_counter() - began
    if sweep.report.outcomes["settled"] != len(stays):
        message = f"not all were settled: {sweep.report}"
        raise RuntimeError(message)
    return took / len(stays)


# --- the pair ---------------------------------------------------------------------------


def _pair(server: Sites, members: int) -> Row:
    due = min(DUE, members)
    with server.site(members, due) as dsn:
        position = _last_position(dsn)
        with _workers(dsn, count=2):
            paid = _wait(dsn, position, due)
    seconds = (paid[-1] - paid[0]).total_seconds()
    rate = round((len(paid) - 1) / seconds * SECONDS_AN_HOUR)
    say(f"{len(paid):,} charges in {seconds:.1f} s")
    name = f"collection, two workers, {members:,} members, beside the promise"
    return Row(name, "charges/h", rate, PROMISED_AN_HOUR, limit=1.0)


def _last_position(dsn: str) -> int:
    with wire(settings_of(dsn), dsn) as parts:
        return parts.recorder.max_notification_id() or 0


def _wait(dsn: str, position: int, due: int) -> list[datetime]:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        paid = paid_since(dsn, position)
        if len(paid) >= due:
            return paid
        time.sleep(LOOK_SECONDS)
    message = f"{len(paid)} of {due} charges were settled in {PATIENCE_SECONDS} s"
    raise RuntimeError(message)


@contextmanager
def _workers(dsn: str, *, count: int) -> Iterator[None]:
    context = get_context("spawn")
    stopping = context.Event()
    processes = [context.Process(target=_work, args=(dsn, stopping)) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        stopping.set()
        for process in processes:
            process.join()


def _work(dsn: str, stopping: Event) -> None:
    from web.running.worker import run

    with wire(settings_of(dsn), dsn) as parts:
        run(parts, dsn, stopping)
