"""The member list of a large site, warm: every sort, filter and search, first pages and late ones.

Each row is one kind of filter, under every sort in both directions: 99 of 100 pages come within the
time it tells, in microseconds, beside the time that is promised.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from statistics import median, quantiles
from typing import NamedTuple

from ledger.store.pool import open_pool
from projections.queries.members import MemberFilter, MemberQueries, MemberSort
from projections.queries.paging import Turn
from projections.tables import SCHEMA
from scripts.benches.big_books import say
from scripts.benches.populated import populated
from scripts.benches.population import NOW
from scripts.benches.queries_by_http import Site, serving
from scripts.benches.questions import COMBINATIONS, EVERYBODY, SINGLE, SORTS
from scripts.benches.rows import Options, Row

PROMISED, PROMISED_BY_HTTP = 20_000, 40_000
"""Microseconds."""
ROUNDS = 5
TURNS = tuple(product(SORTS, (False, True)))
USUAL_TURNS: tuple[tuple[MemberSort, bool], ...] = (("name", False), ("joined", True))
"""What programs and staff get unless they ask otherwise: enough to know what HTTP adds."""
LATE = 1_000
"""A page from which on nobody turns pages."""
MOST_AT_ONCE = 2_000
A_PAGE = 50

Ask = Callable[[MemberFilter, Turn], object]
Cursors = Mapping[tuple[MemberSort, bool], str | None]


class Took(NamedTuple):
    """How long a page took, in microseconds, and what it was."""

    microseconds: int
    page: str


def measure(options: Options) -> Iterator[Row]:
    """In the database, then over HTTP."""
    with populated(options.members, options.keep) as dsn:
        with open_pool(dsn, max_size=1, search_path=SCHEMA) as pool:
            queries = MemberQueries(pool)

            def page(asked: MemberFilter, turn: Turn) -> object:
                return queries.page(asked, turn, NOW)

            yield from _in_database(page, _late(queries))
            yield _row("database, how many, each filter", _counted(queries), PROMISED)
        with serving(dsn) as site:
            yield from _by_http(site)


def _in_database(ask: Ask, late: Cursors) -> Iterator[Row]:
    alone = {"everybody": EVERYBODY}
    yield _row("database, each sort alone", _pages(ask, alone), PROMISED)
    yield _row(f"database, page {LATE:,} of each sort", _pages(ask, alone, late), PROMISED)
    for kind, filters in SINGLE.items():
        yield _row(f"database, each sort with {kind}", _pages(ask, filters), PROMISED)
    yield _row("database, each sort with 30 combinations", _pages(ask, COMBINATIONS), PROMISED)


def _by_http(site: Site) -> Iterator[Row]:
    usual = dict.fromkeys(USUAL_TURNS)
    every = {f"{kind}, {name}": one for kind, own in SINGLE.items() for name, one in own.items()}
    for case, filters, cursors in (
        ("each sort alone", {"everybody": EVERYBODY}, {}),
        ("each filter", every, usual),
        ("30 combinations", COMBINATIONS, usual),
    ):
        pages = _pages(site.members, filters, cursors)
        yield _row(f"HTTP, {case}: page and how many", pages, PROMISED_BY_HTTP)
    yield _row("HTTP, each filter: the panel's page", _panel(site), PROMISED_BY_HTTP)


def _pages(
    ask: Ask, filters: Mapping[str, MemberFilter], cursors: Cursors | None = None
) -> Iterator[Took]:
    for name, asked in filters.items():
        for sort, descending in cursors or TURNS:
            cursor = cursors[sort, descending] if cursors else None
            turn = Turn(sort, descending, A_PAGE, cursor)
            page = f"{name} by {sort}{', falling' if descending else ''}"
            ask(asked, turn)  # what was never read is not warm
            for _ in range(ROUNDS):
                began = time.perf_counter_ns()
                ask(asked, turn)
                yield Took((time.perf_counter_ns() - began) // 1_000, page)


def _row(case: str, took: Iterator[Took], promised: int) -> Row:
    """The 99th percentile; pages that usually take longer than is promised are named."""
    by_page: dict[str, list[int]] = {}
    for one in took:
        by_page.setdefault(one.page, []).append(one.microseconds)
    every = sorted(one for own in by_page.values() for one in own)
    usual = {page: median(own) for page, own in by_page.items()}
    for page, microseconds in sorted(usual.items(), key=lambda one: -one[1]):
        if microseconds > promised:
            say(f"  {case}: {page} takes {microseconds / 1_000:.0f} ms")
    middle = round(median(every))
    name = f"{case}: p99 of {len(every)}, p50 {middle / 1_000:.1f} ms"
    return Row(name, "us", round(quantiles(every, n=100)[-1]), promised, most=1)


def _counted(queries: MemberQueries) -> Iterator[Took]:
    filters = {"everybody": EVERYBODY, **COMBINATIONS}
    for kind, own in SINGLE.items():
        filters |= {f"{kind}, {name}": asked for name, asked in own.items()}
    for name, asked in filters.items():
        for turn in range(ROUNDS + 1):
            began = time.perf_counter_ns()
            queries.count(asked, NOW)
            if turn:
                yield Took((time.perf_counter_ns() - began) // 1_000, name)


def _panel(site: Site) -> Iterator[Took]:
    for kind, own in SINGLE.items():
        for name, asked in own.items():
            for turn in range(ROUNDS + 1):
                began = time.perf_counter_ns()
                site.panel(asked)
                if turn:
                    yield Took((time.perf_counter_ns() - began) // 1_000, f"{kind}, {name}")


def _late(queries: MemberQueries) -> Cursors:
    """Where page 1,000 of everybody begins, by sort and direction."""
    cursors: dict[tuple[MemberSort, bool], str | None] = {}
    for sort in SORTS:
        for descending in (False, True):
            cursor: str | None = None
            for _ in range(LATE * A_PAGE // MOST_AT_ONCE):
                turn = Turn(sort, descending, MOST_AT_ONCE, cursor)
                cursor = queries.page(EVERYBODY, turn, NOW).next_cursor or cursor
            cursors[sort, descending] = cursor
    return cursors
