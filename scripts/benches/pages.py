"""Every page of the panel and of the account, as the site answers it: time, queries and weight.

Pages are asked in this process, without a network, of a database that is all in memory, as it is
when a site has run for a day. Each is asked once cold, then again and again with other things and
questions. Time is wall time at the 50th and the 95th of a hundred; beside it
stand the time that processors worked for a page, in this process and in its database sessions
(parallel workers of a query are not among them), on an average and at the 95th of a hundred: what
an answer takes on a machine that has nothing else to do; the queries; and the answer's bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any, NamedTuple

import psycopg
from flask import Flask
from flask.testing import FlaskClient

from scripts.benches.collection_site import settings_of
from scripts.benches.pages_asked import Asked, every_page
from scripts.benches.pages_furniture import furnish
from scripts.benches.pages_site import lived
from scripts.benches.rows import Options, Row
from web.parts import Parts
from web.running.server import leave_alone_what_stays
from web.site import create_site
from web.wiring import wire

PROMISED = 50_000
"""Microseconds."""
TIMES = 20
MOST_MEMBERS = 100_000
"""What is promised is promised of so many; more would take hours to live."""
NANOSECONDS_EACH = 1_000
ACCEPTED, SERVER_ERROR = 202, 500
A_MOMENT_SECONDS = 0.1
SESSIONS = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class PageRow(Row):
    """A page: `ours` is the time that 95 of 100 answers keep; times in microseconds.

    `own` and `sessions` are what was worked on an average, `worked` both at the 95th of a hundred.
    `slowest` is the address that took longest, `statuses` what was answered.
    """

    cold: int = 0
    usual: int = 0
    own: int = 0
    sessions: int = 0
    worked: int = 0
    queries: float = 0
    weight: int = 0
    statuses: tuple[int, ...] = ()
    slowest: str = ""

    @property
    def note(self) -> str:
        """What stands beside the time."""
        thousandths = (self.usual, self.own, self.sessions, self.worked, self.cold)
        usual, own, sessions, worked, cold = (round(one / 1_000, 1) for one in thousandths)
        told = "" if self.statuses == (200,) else f", answers {self.statuses}"
        return (
            f"p50 {usual} ms, worked {own} + {sessions} ms, p95 {worked} ms, cold {cold} ms, "
            f"{self.queries:.1f} queries, {self.weight:,} bytes{told}, slowest {self.slowest}"
        )


class Answered(NamedTuple):
    """One answer: nanoseconds that it took, and that this process and its database worked."""

    took: int
    own: int
    sessions: int
    weight: int
    status: int


@dataclass
class Counted:
    """How many statements were sent."""

    statements: int = 0


def measure(options: Options) -> Iterator[Row]:
    """All pages, the worst first."""
    with lived(min(options.members, MOST_MEMBERS), options.keep) as dsn:
        furnish(dsn)
        read_into_memory(dsn)
        with wire(settings_of(dsn), dsn) as parts:
            app = create_site(parts)
            leave_alone_what_stays()
            asked = list(every_page(app, parts, times=TIMES, below=options.below))
            with counting() as counted:
                rows = [_page(app, parts, one, counted) for one in asked]
    yield from sorted(rows, key=lambda row: -row.ours)


@dataclass
class Browser:
    """Asks a site, and looks at what its process and its database worked for the answer."""

    client: FlaskClient
    sessions: Sequence[Path]

    def ask(self, address: tuple[str, dict[str, str]]) -> Answered:
        """The answer to one address, asked with its cookies."""
        path, cookies = address
        for name, text in cookies.items():
            self.client.set_cookie(name, text)
        before = _worked(self.sessions)
        own, began = time.process_time_ns(), time.perf_counter_ns()
        answer = self.client.get(path)
        took, own = time.perf_counter_ns() - began, time.process_time_ns() - own
        worked = _worked(self.sessions) - before
        if answer.status_code >= SERVER_ERROR or "/sign-in?" in answer.headers.get("Location", ""):
            raise RuntimeError(f"{path} answered {answer.status_code}")
        return Answered(took, own, worked, len(answer.data), answer.status_code)

    def ask_first(self, address: tuple[str, dict[str, str]]) -> int:
        """Nanoseconds until it is answered; what is still put together is asked for again."""
        began = time.perf_counter_ns()
        while self.ask(address).status == ACCEPTED:
            time.sleep(A_MOMENT_SECONDS)
        return time.perf_counter_ns() - began


def read_into_memory(dsn: str) -> None:
    """Have the database read all its tables and indexes."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        connection.execute("SELECT pg_prewarm(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't')")


def _page(app: Flask, parts: Parts, asked: Asked, counted: Counted) -> PageRow:
    client = app.test_client()
    cold, *warm = asked.addresses
    first = Browser(client, _sessions(parts)).ask_first(cold)
    sent, browser = counted.statements, Browser(client, _sessions(parts))
    answers = [browser.ask(address) for address in warm]
    took = [one.took for one in answers]
    return PageRow(
        case=f"page {asked.rule}",
        unit="µs",
        ours=_microseconds(_late(took)),
        peer=PROMISED,
        most=1.0,
        cold=_microseconds(first),
        usual=_microseconds(median(took)),
        own=_microseconds(mean(one.own for one in answers)),
        sessions=_microseconds(mean(one.sessions for one in answers)),
        worked=_microseconds(_late([one.own + one.sessions for one in answers])),
        queries=round((counted.statements - sent) / len(warm), 1),
        weight=round(mean(one.weight for one in answers)),
        statuses=tuple(sorted({one.status for one in answers})),
        slowest=warm[took.index(max(took))][0],
    )


def _late(times: Sequence[int]) -> float:
    """What 95 of a hundred keep."""
    return quantiles(times, n=20, method="inclusive")[-1]


def _microseconds(nanoseconds: float) -> int:
    return round(nanoseconds / NANOSECONDS_EACH)


def _sessions(parts: Parts) -> list[Path]:
    """Where it stands how long the database's sessions of this site worked."""
    with parts.pool.connection() as connection:
        pids = [int(row[0]) for row in connection.execute(SESSIONS)]
    return [Path(f"/proc/{pid}/schedstat") for pid in pids]


def _worked(sessions: Sequence[Path]) -> int:
    """Nanoseconds of a processor that they took so far."""
    return sum(int(one.read_text().split()[0]) for one in sessions if one.exists())


@contextmanager
def counting() -> Iterator[Counted]:
    """Count each statement of this process meanwhile."""
    counted, execute = Counted(), psycopg.Cursor.execute

    def counts(cursor: psycopg.Cursor[Any], *given: Any, **named: Any) -> psycopg.Cursor[Any]:
        counted.statements += 1
        return execute(cursor, *given, **named)

    replaced: Callable[..., Any] = counts
    psycopg.Cursor.execute = replaced  # type: ignore[method-assign]
    try:
        yield counted
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]
