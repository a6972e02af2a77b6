"""Folding views anew from a big log, beside the library's runner, the follower and plain copying.

Facts a second are those of the whole log, whichever of them a contender needs. The limit of a
process is the same facts copied out, decoded and copied in again, with no fold. Each contender
runs in processes of its own; its memory is what the greatest of its folding processes held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import NamedTuple

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
    """Facts a second of those who go fact by fact or batch by batch, over slices of the log."""

    stock: float
    followed: dict[str, float]


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
    rates = {}
    for name, views in SETS.items():
        with books.slice(dsn, FOLLOWED_FACTS, made_ready[name]) as slice_dsn:
            say(f"our follower, {name}, over about {FOLLOWED_FACTS:,} facts")
            rates[name] = in_own_process(followed, slice_dsn, views).answer.rate
    return Slow(stock.answer.rate, rates)


def _fast(dsn: str, facts: int) -> Fast:
    say(f"{facts:,} facts copied out, and out and in again")
    out, limit = in_own_process(copied_out, dsn), in_own_process(copied_out_and_in, dsn)
    rebuilds = {}
    for (name, views), workers in product(SETS.items(), WORKERS):
        say(f"{facts:,} facts, {name} rebuilt, {_count(workers)}")
        rebuilds[name, workers] = in_own_process(rebuilt, dsn, views, workers)
    return Fast(facts, out, limit, rebuilds)


# --- rows -----------------------------------------------------------------------------


def _rows(fast: Fast, slow: Slow | None) -> Iterator[Row]:
    limit = fast.limit.answer.rate
    yield _row(fast, "copied out, beside the limit", fast.out.answer.rate, limit)
    for (name, workers), outcome in fast.rebuilds.items():
        done, what = outcome.answer, f"{name}, {_count(workers)}"
        per_process = done.folding_rate / workers
        promised = SHARE_OF_LIMIT if workers == 1 else None
        yield _row(fast, f"{what} each, folding, beside the limit", per_process, limit, promised)
        yield _row(fast, f"{what}, whole, beside the limit", done.rate, limit)
        if slow is not None:
            promised = TIMES_STOCK if (name, workers) == (THE_TWO, max(WORKERS)) else None
            if name == THE_TWO:
                yield _row(fast, f"{what}, beside the library", done.rate, slow.stock, promised)
            yield _row(fast, f"{what}, beside following", done.rate, slow.followed[name])
        yield _memory(fast, what, max(done.peaks))
        yield _memory(fast, f"{what}, coordinator", outcome.peak)
    yield _memory(fast, "the limit", fast.limit.peak)
    if slow is not None:
        yield _row(fast, "following, beside the library", slow.followed[THE_TWO], slow.stock)


def _row(fast: Fast, case: str, ours: float, peer: float, limit: float | None = None) -> Row:
    return Row(f"{_short(fast.facts)}: {case}", "facts/s", round(ours), round(peer), limit)


def _memory(fast: Fast, case: str, peak: int) -> Row:
    return Row(f"{_short(fast.facts)}: {case}, memory", "MiB", peak, MOST_MEBIBYTES, most=1.0)


def _growth(measured: Sequence[Fast]) -> Iterator[Row]:
    """Nanoseconds a fact of folding, in the greatest log beside the smallest."""
    first, last = measured[0], measured[-1]
    if first is last:
        return
    for name in SETS:
        least, most = (1e9 / one.rebuilds[name, 1].answer.folding_rate for one in (first, last))
        case = f"{_short(last.facts)} beside {_short(first.facts)}: {name}, folding"
        yield Row(case, "ns/fact", round(most), round(least), most=MOST_GROWTH)


def _lines(measured: Sequence[Fast]) -> list[Line]:
    lines = [
        Line("copied out", [(one.facts, one.out.answer.seconds) for one in measured]),
        Line("out, decoded, in", [(one.facts, one.limit.answer.seconds) for one in measured]),
    ]
    for name, workers in product(SETS, WORKERS):
        points = [(one.facts, one.rebuilds[name, workers].answer.seconds) for one in measured]
        lines.append(Line(f"{name}, {_count(workers)}", points))
    return lines


def _count(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


def _short(facts: int) -> str:
    """1M, 300k, 2,500."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if facts >= unit and facts % unit == 0:
            return f"{facts // unit}{name}"
    return f"{facts:,}"
