"""Processes that write, read and follow beside a rebuild, and what each of them saw.

Instants are those of time.monotonic(), which is the same for every process of a machine.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import tuple_row

from projections.catalogue import all_views
from projections.live import LiveViews
from projections.queries.members import MemberFilter, MemberQueries
from projections.queries.paging import Turn
from scripts.drills.orders_given import Acknowledged, insist, orders
from web.parts import Parts
from web.running.database import database
from web.running.following import follower
from web.running.serving import die_with_parent
from web.settings import Settings
from web.wiring import wire

READ_EVERY_SECONDS = 0.05
ON_A_PAGE = 50
START_SECONDS = 120

# One statement: one snapshot of all tables. Money is counted twice over, in two views.
TOGETHER: Any = """
SELECT (SELECT count(*) FROM members), (SELECT sum(gross)::bigint FROM members),
       (SELECT sum(gross)::bigint FROM spending
         WHERE currency = %(currency)s AND mode = %(mode)s),
       (SELECT count(DISTINCT position) FROM views.positions),
       (SELECT min(position) FROM views.positions)
"""


class Sample(NamedTuple):
    """When something was due, begun and done."""

    kind: str
    due: float
    began: float
    done: float

    @property
    def seconds(self) -> float:
        """How long it took once begun."""
        return self.done - self.began


@dataclass
class Written:
    """What a writer was acknowledged, and how long each command took."""

    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    samples: list[Sample] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


@dataclass
class Read:
    """How long each reading took, and what was wrong with what it showed."""

    samples: list[Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Client:
    """A process that works until it is told to stop, and then answers."""

    def __init__(self, work: Callable[..., None], data: Path, *arguments: Any) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_work, args=(theirs, work, data, arguments, os.getpid()), daemon=True
        )
        self._process.start()
        theirs.close()

    def wait(self) -> None:
        """Return once it is at work. Raises RuntimeError where it never was."""
        if not self._pipe.poll(START_SECONDS) or self._pipe.recv() != "ready":
            message = "a client of the drill did not start; its process says why"
            raise RuntimeError(message)

    def stop(self) -> Any:
        """What it has to say. Raises EOFError where it died."""
        self._pipe.send("stop")
        answer = self._pipe.recv()
        self._process.join()
        return answer

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _work(
    pipe: Connection,
    work: Callable[..., None],
    data: Path,
    arguments: Sequence[Any],
    parent_id: int,
) -> None:
    die_with_parent(parent_id)
    settings = Settings(data=data)
    with database(settings) as dsn, wire(settings, dsn) as parts:
        work(pipe, parts, dsn, *arguments)


# --- writing --------------------------------------------------------------------------


def write(
    pipe: Connection, parts: Parts, _dsn: str, members: list[list[UUID]], rate: float, seed: int
) -> None:
    """So many commands a second by threads, one for each list of members."""
    ending = Event()
    written = [Written() for _ in members]
    threads = [
        Thread(
            target=_write,
            args=(parts, own, written[place], ending),
            kwargs={"pause_seconds": len(members) / rate, "seed": seed + place},
        )
        for place, own in enumerate(members)
    ]
    pipe.send("ready")
    for thread in threads:
        thread.start()
    pipe.recv()
    ending.set()
    for thread in threads:
        thread.join()
    pipe.send(written)


def _write(
    parts: Parts,
    members: list[UUID],
    written: Written,
    ending: Event,
    *,
    pause_seconds: float,
    seed: int,
) -> None:
    dice = random.Random(seed)  # noqa: S311 -- what to write, no secret
    due = time.monotonic() + dice.uniform(0, pause_seconds)
    try:
        for command in orders(parts, members, dice):
            if ending.wait(max(0.0, due - time.monotonic())):
                return
            began = time.monotonic()
            insist(command)
            written.samples.append(Sample(command.kind, due, began, time.monotonic()))
            written.acknowledged.add(command)
            due += pause_seconds
    except Exception as error:  # noqa: BLE001 -- told by whoever counts
        written.trouble.append(f"{type(error).__name__}: {error}")


# --- reading --------------------------------------------------------------------------


def read(pipe: Connection, parts: Parts, _dsn: str) -> None:
    """The first page of the list and sums over two views, by turns, as pages read them."""
    source = LiveViews(parts.pool, all_views(parts.site))
    queries, seen, ever = MemberQueries(source), Read(), Growing()
    turns: Iterator[tuple[str, Callable[[], list[str]]]] = _by_turns(
        ("page", lambda: _page(queries, parts)),
        ("sums", lambda: ever.wrong(_sums(source, parts))),
    )
    pipe.send("ready")
    while not pipe.poll():
        kind, look = next(turns)
        began = time.monotonic()
        try:
            seen.wrong += look()
        except Exception as error:  # noqa: BLE001 -- whatever a reader is told instead of rows
            seen.wrong.append(f"{kind}: {type(error).__name__}: {error}")
        done = time.monotonic()
        seen.samples.append(Sample(kind, began, began, done))
        time.sleep(max(0.0, READ_EVERY_SECONDS - (done - began)))
    pipe.recv()
    pipe.send(seen)


def _by_turns(*looks: Any) -> Iterator[Any]:
    while True:
        yield from looks


def _page(queries: MemberQueries, parts: Parts) -> list[str]:
    page = queries.page(MemberFilter(), Turn("name", limit=ON_A_PAGE), parts.clock.now())
    return [] if len(page.rows) == ON_A_PAGE else [f"a page of {len(page.rows)} members"]


def _sums(source: LiveViews, parts: Parts) -> tuple[int, ...]:
    asked = {"currency": parts.site.currency, "mode": parts.site.mode}
    with source.connection() as connection:
        cursor = connection.cursor(row_factory=tuple_row)
        [row] = cursor.execute(TOGETHER, asked, prepare=True).fetchall()
    return tuple(one or 0 for one in row)


class Growing:
    """What only grows while nobody takes anything back: people, money paid, the position."""

    def __init__(self) -> None:
        self._before = (0, 0, 0)

    def wrong(self, sums: tuple[int, ...]) -> list[str]:
        """What is wrong with the sums that were read."""
        people, gross, spent, positions, position = sums
        wrong = []
        if gross != spent:
            wrong.append(f"members paid {gross}, by the list, and {spent}, by what they spent")
        if positions != 1:
            wrong.append(f"views stand at {positions} positions at once")
        now = (people, gross, position)
        if any(a < b for a, b in zip(now, self._before, strict=True)):
            wrong.append(f"(people, gross, position) was {self._before} and is {now}")
        self._before = now
        return wrong


# --- following ------------------------------------------------------------------------


def follow(pipe: Connection, parts: Parts, dsn: str) -> None:
    """Every view, as the site's worker keeps them."""
    own = follower(parts, dsn)
    own.start()
    pipe.send("ready")
    pipe.recv()
    own.stop()
    pipe.send(None)


@contextmanager
def clients(data: Path, works: Sequence[tuple[Any, ...]]) -> Iterator[list[Client]]:
    """Processes at work: each a function of this module and what it is given."""
    with ExitStack() as open_things:
        started = []
        for work, *arguments in works:
            started.append(Client(work, data, *arguments))
            open_things.callback(started[-1].kill)
        for one in started:
            one.wait()
        yield started
