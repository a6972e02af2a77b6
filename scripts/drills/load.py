"""Rebuild every view while commands arrive and people read, and say what they felt of it.

Broken promises (a command lost or doubled, a reader who saw an empty or mixed table) end with 1;
goals of time that were not met are named.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, pairwise
from typing import Any, NamedTuple
from uuid import UUID

from scripts.drills.load_clients import (
    Read,
    Sample,
    Written,
    clients,
    follow,
    read,
    write,
)
from scripts.drills.logged import LoggedSite, logged_site, say
from scripts.drills.orders_given import Acknowledged, wrong_in_books, wrong_in_views
from scripts.drills.watching import Watch

WRITERS, THREADS = 2, 4
TARGETS_EACH = 2_000
"""So many members a thread, if there are: a command reads all facts of its member, so what few are
given for minutes on end costs ever more, with a rebuild or without."""
SETTLE_SECONDS = 3
LOOK_SECONDS = 0.01
AROUND_SECONDS = 0.5
"""So long before and after the swap a pause counts as its doing."""
LONGEST_SECONDS = 1_200
CATCH_UP_SECONDS = 600
APPENDS = frozenset({"tag", "untag", "note", "sign_up"})
"""Commands of one save each; to join takes several, and the payment company."""
TIMES_IDLE, MOST_MILLISECONDS = 2.0, 100
FEW = 100
BUSY = 2
"""A rebuild by one worker keeps two processes busy: it, and its connection's in the server."""
LOOP = (sys.executable, "-S", "-c", "import os; os.nice(19)\nwhile True: pass")
TARGETS = """
SELECT member_id FROM members WHERE closed_at IS NULL ORDER BY member_id LIMIT %(limit)s
"""


class Span(NamedTuple):
    """From when until when, and when the new tables were first seen to serve."""

    name: str
    workers: int
    began: float
    ended: float
    swapped: float | None = None
    receipt: dict[str, Any] | None = None
    stages: Sequence[tuple[str, float]] = ()
    """From when the rebuild was seen in which state."""


class Felt(NamedTuple):
    """What those who write and read felt during a span, in milliseconds."""

    span: str
    workers: int
    seconds: float
    rate: float
    append_p50: float
    append_p99: float
    answered_p99: float
    """From when a command was due, which counts the wait behind one that was slow."""
    write_longest: float
    write_longest_at_swap: float | None
    read_p99: float
    read_longest: float
    read_longest_at_swap: float | None
    blocked: int | None
    stages: dict[str, tuple[float, float]]
    """The p50 and p99 of an append in each state of the rebuild."""


def declare(parser: argparse.ArgumentParser) -> None:
    """The drill's options."""
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=200, help="Commands a second.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="A rebuild each.")
    parser.add_argument("--idle", type=float, default=20, help="Seconds before, to compare with.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--everybody", action="store_true", help="Verify everybody, not a sample.")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Rebuild under load, once for each number of workers, and count afterwards."""
    with logged_site(given.facts, seed=given.seed) as site:
        say("folding every view once")
        site.run("views", "rebuild", "--all", "--workers", "2", "--json")
        works = [(follow,), (read,), *_writers(site, given)]
        with clients(site.data, works) as working:
            spans = list(_spans(site, given))
            following, reading, *writing = working
            written: list[Written] = list(chain.from_iterable(one.stop() for one in writing))
            wrong = _caught_up(site)
            seen: Read = reading.stop()
            following.stop()
        felt = [_felt(span, written, seen) for span in spans]
        wrong += [*seen.wrong, *chain.from_iterable(one.trouble for one in written)]
        wrong += _miscounted(site, written, everybody=given.everybody)
    return _verdict(given, felt, wrong, sum(len(one.acknowledged.ids) for one in written))


def _writers(site: LoggedSite, given: argparse.Namespace) -> Iterator[tuple[Any, ...]]:
    limit = WRITERS * THREADS * TARGETS_EACH
    with site.parts.pool.connection() as connection:
        found = [row[0] for row in connection.execute(TARGETS, {"limit": limit})]
    for place in range(WRITERS):
        lists: list[list[UUID]] = [
            found[WRITERS * thread + place :: WRITERS * THREADS] for thread in range(THREADS)
        ]
        yield write, lists, given.rate / WRITERS, given.seed + 1_000 * place


def _spans(site: LoggedSite, given: argparse.Namespace) -> Iterator[Span]:
    """The idle span, one beside mere loops, one for each rebuild, and another that is idle.

    A command reads all facts of its member, and those get more: the last shows what that alone
    came to.
    """
    time.sleep(SETTLE_SECONDS)
    yield _idle("idle", given.idle)
    say(f"{given.idle:.0f} s beside mere loops at the lowest priority")
    yield _beside_loops(given.idle)
    for workers in given.workers:
        say(f"rebuilding every view, workers: {workers}")
        yield _rebuilt(site, workers)
        time.sleep(SETTLE_SECONDS)
    yield _idle("idle again", given.idle)


def _idle(name: str, seconds: float) -> Span:
    say(f"{seconds:.0f} s without a rebuild")
    began = time.monotonic()
    time.sleep(seconds)
    return Span(name, 0, began, time.monotonic())


def _beside_loops(seconds: float) -> Span:
    """What it costs on this machine that a rebuild's processes run at all, whatever they do."""
    began = time.monotonic()
    with ExitStack() as running:
        for _ in range(BUSY):
            loop = subprocess.Popen(LOOP)  # noqa: S603 -- our own loop
            running.callback(loop.wait)
            running.callback(loop.kill)
        time.sleep(seconds)
    return Span("loops", 0, began, time.monotonic())


def _rebuilt(site: LoggedSite, workers: int) -> Span:
    watch, swapped, told = Watch(site.dsn), None, ""
    stages: list[tuple[str, float]] = []
    last = watch.seen()
    began = time.monotonic()
    process = site.start("views", "rebuild", "--all", "--workers", str(workers), "--json")
    while process.poll() is None and time.monotonic() - began < LONGEST_SECONDS:
        seen = watch.seen()
        if seen is not None and last is not None and seen.number > last.number:
            if seen.stage != told:
                told = seen.stage
                stages.append((told, time.monotonic()))
                say(f"  {told.replace('_', ' ')} after {time.monotonic() - began:.1f} s")
            if swapped is None and seen.stage in {"receipt", "live"}:
                swapped = time.monotonic()
        time.sleep(LOOK_SECONDS)
    watch.close()
    if process.poll() is None:
        message = f"the rebuild was still {told} after {LONGEST_SECONDS} s"
        raise RuntimeError(message)
    printed, _ = process.communicate()
    if process.returncode != 0:
        message = f"the rebuild failed: {printed}\n{site.said()}"
        raise RuntimeError(message)
    receipt = json.loads(printed.splitlines()[-1])
    return Span("rebuild", workers, began, time.monotonic(), swapped, receipt, stages)


# --- afterwards -----------------------------------------------------------------------


def _caught_up(site: LoggedSite) -> list[str]:
    horizon = site.parts.recorder.horizon()
    reached = site.parts.views.wait_for(horizon, wait_seconds=CATCH_UP_SECONDS)
    if reached.position < horizon:
        return [f"the views stand at {reached.position}, the books at {horizon}"]
    return []


def _miscounted(site: LoggedSite, written: Sequence[Written], *, everybody: bool) -> list[str]:
    acknowledged = Acknowledged()
    for one in written:
        acknowledged.merge(one.acknowledged)
    say(f"{len(acknowledged.ids)} commands were acknowledged; counting them")
    wrong = wrong_in_books(site.parts, site.facts, acknowledged)
    wrong += wrong_in_views(site.parts, site.facts, acknowledged)
    say("verifying")
    verify = site.start("views", "verify", *(["--everybody"] if everybody else []))
    printed, _ = verify.communicate()
    return wrong if verify.returncode == 0 else [*wrong, *printed.splitlines(), site.said()]


def _felt(span: Span, written: Sequence[Written], seen: Read) -> Felt:
    everything = _within(chain.from_iterable(one.samples for one in written), span)
    appends = [one for one in everything if one.kind in APPENDS]
    reads = _within(seen.samples, span)
    return Felt(
        span=span.name,
        workers=span.workers,
        seconds=round(span.ended - span.began, 1),
        rate=round(len(everything) / (span.ended - span.began), 1),
        append_p50=_share([one.seconds for one in appends], 50),
        append_p99=_share([one.seconds for one in appends], 99),
        answered_p99=_share([one.done - one.due for one in appends], 99),
        write_longest=_share([one.seconds for one in appends], 100),
        write_longest_at_swap=_at_swap(appends, span),
        read_p99=_share([one.seconds for one in reads], 99),
        read_longest=_share([one.seconds for one in reads], 100),
        read_longest_at_swap=_at_swap(reads, span),
        blocked=span.receipt["blocked_ms"] if span.receipt else None,
        stages=_by_stage(appends, span),
    )


def _by_stage(appends: Sequence[Sample], span: Span) -> dict[str, tuple[float, float]]:
    """By state, without those that were over too soon to be felt."""
    felt: dict[str, tuple[float, float]] = {}
    for (stage, began), (_, ended) in pairwise([*span.stages, ("", span.ended)]):
        took = [one.seconds for one in appends if began <= one.began < ended]
        if len(took) > FEW:
            felt[stage] = (_share(took, 50), _share(took, 99))
    return felt


def _within(samples: Any, span: Span) -> list[Sample]:
    return [one for one in samples if one.done >= span.began and one.began <= span.ended]


def _at_swap(samples: Sequence[Sample], span: Span) -> float | None:
    if span.swapped is None:
        return None
    low, high = span.swapped - AROUND_SECONDS, span.swapped + AROUND_SECONDS
    return _share([one.seconds for one in samples if one.done >= low and one.began <= high], 100)


def _share(seconds: Sequence[float], percent: int) -> float:
    """The time within which so many in a hundred were done, in milliseconds; 0 of none."""
    if not seconds:
        return 0.0
    place = -(-len(seconds) * percent // 100) - 1
    return round(sorted(seconds)[place] * 1000, 1)


# --- what it came to ------------------------------------------------------------------


def _verdict(
    given: argparse.Namespace, felt: Sequence[Felt], wrong: Sequence[str], commands: int
) -> int:
    idle, loops, *rebuilds, again = felt
    for one in felt:
        print(_told(one, idle, loops, again))
    missed = [sentence for one in rebuilds for sentence in _missed(one, idle)]
    for sentence in missed:
        print(f"goal not met: {sentence}")
    for sentence in wrong[:20]:
        print(f"WRONG: {sentence}")
    print(f"{commands} commands acknowledged; {len(wrong)} promises broken")
    told = {
        "drill": "load",
        "facts": given.facts,
        "rate": given.rate,
        "commands": commands,
        "spans": [one._asdict() for one in felt],
        "goals_not_met": missed,
        "wrong": len(wrong),
    }
    print(json.dumps(told))
    return 1 if wrong or not commands else 0


def _told(one: Felt, idle: Felt, loops: Felt, again: Felt) -> str:
    head = f"rebuild, workers: {one.workers}" if one.workers else one.span
    told = (
        f"{head}: {one.seconds:.0f} s, {one.rate:.0f} commands/s; an append took"
        f" {one.append_p50} ms (p50), {one.append_p99} ms (p99), {one.write_longest} ms at most;"
        f" {one.answered_p99} ms (p99) from when it was due;"
        f" a reading {one.read_p99} ms (p99), {one.read_longest} ms at most"
    )
    if one is idle:
        return told
    told += f"\n    append p99 {one.append_p99 / (idle.append_p99 or 1):.1f} x idle"
    if not one.workers:
        return told
    told += f", {one.append_p99 / (again.append_p99 or 1):.1f} x idle again"
    stages = (
        f"{name.replace('_', ' ')} {half} and {most} ms"
        for name, (half, most) in one.stages.items()
    )
    return (
        f"{told}, {one.append_p99 / (loops.append_p99 or 1):.1f} x beside loops; around the swap"
        f" at most {one.write_longest_at_swap} ms for a writer and"
        f" {one.read_longest_at_swap} ms for a reader; its receipt says {one.blocked} ms"
        f"\n    p50 and p99 by state: {', '.join(stages)}"
    )


def _missed(one: Felt, idle: Felt) -> Iterator[str]:
    """Goals that a rebuild did not meet."""
    if one.workers == 1 and one.append_p99 > TIMES_IDLE * idle.append_p99:
        yield (
            f"append p99 is {one.append_p99 / (idle.append_p99 or 1):.1f} x idle with 1 worker,"
            f" at most {TIMES_IDLE} x was the goal"
        )
    longer = (one.write_longest_at_swap or 0) - idle.write_longest
    if longer > MOST_MILLISECONDS:
        yield (
            f"a writer waited {longer:.1f} ms longer around the swap than ever without a rebuild"
            f" (workers: {one.workers}), at most {MOST_MILLISECONDS} ms was the goal"
        )
    if (one.blocked or 0) > MOST_MILLISECONDS:
        yield f"the swap took {one.blocked} ms (workers: {one.workers})"
