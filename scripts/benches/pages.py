"""Every page of the panel and of the account, as the site answers it: time, queries and weight.

Pages are asked in this process, without a network. Each is asked once cold, then again and again
with other things and questions. Time is wall time at the 50th and the 95th of a hundred; beside it
stand the time that processors worked for a page at the median, in this process and in its database
sessions (parallel workers of a query are not among them), the queries, and the bytes of the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

import psycopg
from flask import Flask

from scripts.benches.collection_site import settings_of
from scripts.benches.pages_asked import Asked, every_page
from scripts.benches.pages_furniture import furnish
from scripts.benches.pages_site import lived
from scripts.benches.rows import Options, Row
from web.parts import Parts
from web.site import create_site
from web.wiring import wire

PROMISED = 50_000
"""Microseconds."""
TIMES = 20
MOST_MEMBERS = 100_000
"""What is promised is promised of so many; more would take hours to live."""
MICROSECONDS, NANOSECONDS_EACH = 1_000_000, 1_000
ACCEPTED, SERVER_ERROR = 202, 500
A_MOMENT_SECONDS = 0.1
SESSIONS = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class PageRow(Row):
    """A page: `ours` is the time that 95 of 100 answers keep; times in microseconds.

    `slowest` is the address that took longest, `statuses` what was answered.
    """

    cold: int = 0
    usual: int = 0
    own: int = 0
    sessions: int = 0
    queries: float = 0
    weight: int = 0
    statuses: tuple[int, ...] = ()
    slowest: str = ""

    @property
    def note(self) -> str:
        """What stands beside the time."""
        thousandths = (self.usual, self.own, self.sessions, self.cold)
        usual, own, sessions, cold = (round(one / 1_000, 1) for one in thousandths)
        told = "" if self.statuses == (200,) else f", answers {self.statuses}"
        return (
            f"p50 {usual} ms, worked {own} + {sessions} ms, cold {cold} ms, "
            f"{self.queries:.1f} queries, {self.weight:,} bytes{told}, slowest {self.slowest}"
        )


@dataclass
class Counted:
    """How many statements were sent."""

    statements: int = 0


def measure(options: Options) -> Iterator[Row]:
    """All pages, the worst first."""
    with lived(min(options.members, MOST_MEMBERS), options.keep) as dsn:
        furnish(dsn)
        with wire(settings_of(dsn), dsn) as parts:
            app = create_site(parts)
            asked = list(every_page(app, parts, times=TIMES, below=options.below))
            with counting() as counted:
                rows = [_page(app, parts, one, counted) for one in asked]
    yield from sorted(rows, key=lambda row: -row.ours)


def _page(app: Flask, parts: Parts, asked: Asked, counted: Counted) -> PageRow:
    client = app.test_client()

    def ask(address: tuple[str, dict[str, str]]) -> tuple[int, int, int]:
        """Microseconds, bytes and the status."""
        path, cookies = address
        for name, text in cookies.items():
            client.set_cookie(name, text)
        began = time.perf_counter()
        answer = client.get(path)
        took = round((time.perf_counter() - began) * MICROSECONDS)
        if answer.status_code >= SERVER_ERROR or "/sign-in?" in answer.headers.get("Location", ""):
            raise RuntimeError(f"{path} answered {answer.status_code}")
        return took, len(answer.data), answer.status_code

    cold, *warm = asked.addresses
    began = time.perf_counter()
    while ask(cold)[2] == ACCEPTED:  # it is being put together, and the browser asks again
        time.sleep(A_MOMENT_SECONDS)
    first = round((time.perf_counter() - began) * MICROSECONDS)
    sent, own, sessions = counted.statements, time.process_time(), _worked(parts)
    answers = [ask(address) for address in warm]
    own, sessions = time.process_time() - own, _worked(parts) - sessions
    took = [one[0] for one in answers]
    return PageRow(
        case=f"page {asked.rule}",
        unit="µs",
        ours=round(quantiles(took, n=20, method="inclusive")[-1]),
        peer=PROMISED,
        most=1.0,
        cold=first,
        usual=round(median(took)),
        own=round(own * MICROSECONDS / len(warm)),
        sessions=round(sessions / NANOSECONDS_EACH / len(warm)),
        queries=round((counted.statements - sent) / len(warm), 1),
        weight=round(mean(one[1] for one in answers)),
        statuses=tuple(sorted({one[2] for one in answers})),
        slowest=warm[took.index(max(took))][0],
    )


def _worked(parts: Parts) -> int:
    """Nanoseconds of a processor that the database's sessions of this site took so far."""
    with parts.pool.connection() as connection:
        pids = [int(row[0]) for row in connection.execute(SESSIONS)]
    stands = [Path(f"/proc/{pid}/schedstat") for pid in pids]
    return sum(int(stand.read_text().split()[0]) for stand in stands if stand.exists())


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
