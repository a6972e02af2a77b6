"""Folding views anew from a big log, beside the library's runner, the follower and plain copying.

Facts a second are those of the whole log, whichever of them a contender needs, from the plan of a
rebuild to its swap; "each while folding" is one worker, while it folds a part. The limit of a
process is the same facts copied out, decoded and copied in again, with no fold. Each contender
runs in processes of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from scripts.benches.big_books import BigBooks, big_books, say
from scripts.benches.copies import Copied, copied_out, copied_out_and_in
from scripts.benches.own_process import Outcome, in_own_process
from scripts.benches.plot import Line, as_svg
from scripts.benches.rebuild_contenders import (
    ALL_VIEWS,
    TWO_VIEWS,
    Rebuilt,
    followed,
    make_ready,
    rebuilt,
)
from scripts.benches.rows import Options, Row
from scripts.benches.stock_runner import followed_by_stock, require_same

STOCK_FACTS, FOLLOWED_FACTS = 5_000, 50_000
"""Slices for contenders that would take hours over the whole log."""
WORKERS = (1, 2)
THE_TWO = "members+spending"
SETS = {"all views": ALL_VIEWS, THE_TWO: TWO_VIEWS}

TIMES_STOCK, SHARE_OF_LIMIT, MOST_MEBIBYTES = 100.0, 0.5, 500
MOST_GROWTH = 1.3
"""How much longer a fact may take to fold in the greatest log than in the smallest."""


class Slow(NamedTuple):
    """Those who go fact by fact or batch by batch, over slices of the log."""

    stock: Outcome[Copied]
    followed: dict[str, Outcome[Copied]]


class Fast(NamedTuple):
    """One log: the limits, and each rebuild by its views and workers."""

    facts: int
    out: Outcome[Copied]
    limit: Outcome[Copied]
    rebuilds: dict[tuple[str, int], Outcome[Rebuilt]]


def measure(options: Options) -> Iterator[Row]:
    """Every contender at the number of facts asked for, and the fast ones at other sizes too."""
    sizes = sorted({*options.sizes, options.facts})
    measured: list[Fast] = []
    with big_books(options.keep) as books:
        for facts in sizes:
            with books.log(facts) as dsn:
                slow = _slow(books, dsn) if facts == options.facts else None
                fast = _fast(dsn, facts)
                measured.append(fast)
                yield from _rows(fast, slow)
    yield from _growth(measured)
    if options.plot is not None:
        options.plot.write_text(as_svg(_lines(measured), "facts in the log", "seconds"))
        say(f"plotted in {options.plot}")


# --- measuring ------------------------------------------------------------------------


def _slow(books: BigBooks, dsn: str) -> Slow:
    made_ready = {name: partial(make_ready, views) for name, views in SETS.items()}
    with books.slice(dsn, STOCK_FACTS, made_ready[THE_TWO]) as slice_dsn:
        say(f"the library's runner over about {STOCK_FACTS:,} facts")
        stock = in_own_process(followed_by_stock, slice_dsn)
        in_own_process(followed, slice_dsn, TWO_VIEWS)
        say(f"{require_same(slice_dsn):,} rows of the library's runner are as ours")
    live = {}
    for name, views in SETS.items():
        with books.slice(dsn, FOLLOWED_FACTS, made_ready[name]) as slice_dsn:
            say(f"our follower, {name}, over about {FOLLOWED_FACTS:,} facts")
            live[name] = in_own_process(followed, slice_dsn, views)
    return Slow(stock, live)


def _fast(dsn: str, facts: int) -> Fast:
    say(f"{facts:,} facts copied out, and out and in again")
    in_own_process(copied_out, dsn)  # from here on, whoever reads finds the log in memory
    out, limit = in_own_process(copied_out, dsn), in_own_process(copied_out_and_in, dsn)
    rebuilds = {}
    for (name, views), workers in product(SETS.items(), WORKERS):
        say(f"{facts:,} facts, {_what(name, workers)}")
        rebuilds[name, workers] = in_own_process(rebuilt, dsn, views, workers)
    return Fast(facts, out, limit, rebuilds)


# --- rows -----------------------------------------------------------------------------


def _rows(fast: Fast, slow: Slow | None) -> Iterator[Row]:
    limit, facts = fast.limit.answer.rate, _short(fast.facts)
    rate = partial(_rate, facts)
    yield rate("copied out, beside the limit", fast.out, fast.out.answer.rate, limit)
    for (name, workers), done in fast.rebuilds.items():
        what, whole, each = _what(name, workers), done.answer.rate, done.answer.worker_rate
        yield rate(f"{what}, beside the limit", done, whole, limit)
        promised = SHARE_OF_LIMIT if workers == 1 else None
        yield rate(
            f"{what}, each while folding, beside the limit", done, each, limit, limit=promised
        )
        if slow is not None:
            yield rate(f"{what}, beside following", done, whole, slow.followed[name].answer.rate)
        if slow is not None and name == THE_TWO:
            promised = TIMES_STOCK if workers == max(WORKERS) else None
            yield rate(
                f"{what}, beside the library", done, whole, slow.stock.answer.rate, limit=promised
            )
        yield _memory(f"{facts}: {what}, greatest worker", done, max(done.answer.peaks))
        yield _memory(f"{facts}: {what}, coordinator", done, done.peak)
    if slow is not None:
        following, stock = slow.followed[THE_TWO], slow.stock
        case = f"following {THE_TWO}, beside the library"
        yield rate(case, following, following.answer.rate, stock.answer.rate)
        yield _memory(f"{facts}: following {THE_TWO}", following, following.peak)
        yield _memory(f"{facts}: the library", stock, stock.peak)


def _rate(
    facts: str,
    case: str,
    outcome: Outcome[Any],
    ours: float,
    peer: float,
    *,
    limit: float | None = None,
) -> Row:
    row = Row(f"{facts}: {case}", "facts/s", round(ours), round(peer), limit)
    return replace(row, load=outcome.load)


def _memory(case: str, outcome: Outcome[Any], held: int) -> Row:
    return Row(f"{case}, memory", "MiB", held, MOST_MEBIBYTES, most=1.0, load=outcome.load)


def _growth(measured: Sequence[Fast]) -> Iterator[Row]:
    """Nanoseconds that a worker takes for a fact, in the greatest log beside the smallest."""
    first, last = measured[0], measured[-1]
    if first is last:
        return
    for name in SETS:
        least, most = (1e9 / one.rebuilds[name, 1].answer.worker_rate for one in (first, last))
        case = f"{_short(last.facts)} beside {_short(first.facts)}: {name}, a fact while folding"
        yield Row(case, "ns/fact", round(most), round(least), most=MOST_GROWTH)


def _lines(measured: Sequence[Fast]) -> list[Line]:
    lines = [
        Line("copied out", [(one.facts, one.out.answer.seconds) for one in measured]),
        Line("out, decoded, in", [(one.facts, one.limit.answer.seconds) for one in measured]),
    ]
    for name, workers in product(SETS, WORKERS):
        points = [(one.facts, one.rebuilds[name, workers].answer.seconds) for one in measured]
        lines.append(Line(_what(name, workers), points))
    return lines


def _what(name: str, workers: int) -> str:
    return f"{name}, 1 worker" if workers == 1 else f"{name}, {workers} workers"


def _short(facts: int) -> str:
    """1M, 300k, 2,500."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if facts >= unit and facts % unit == 0:
            return f"{facts // unit}{name}"
    return f"{facts:,}"
