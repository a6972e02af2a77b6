"""The bench of rebuilds: its contenders do the same work, and its rows say what was promised."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import psycopg
import pytest

from scripts.benches import rebuild
from scripts.benches.__main__ import _facts, _sizes
from scripts.benches.big_books import BigBooks
from scripts.benches.copies import Copied, copied_out, copied_out_and_in
from scripts.benches.kept import Databases
from scripts.benches.own_process import Outcome, in_own_process, note_peak, noted_peaks, peak
from scripts.benches.plot import Line, as_svg
from scripts.benches.rebuild_contenders import (
    ALL_VIEWS,
    TWO_VIEWS,
    Rebuilt,
    followed,
    make_ready,
    rebuilt,
)
from scripts.benches.stock_runner import StockTotalsDiffer, followed_by_stock, require_same

FACTS, SLICE = 2_000, 700


@pytest.fixture(scope="module")
def books(cluster: str) -> BigBooks:
    return BigBooks(Databases(cluster, kept=False))


@pytest.fixture(scope="module")
def log(books: BigBooks) -> Iterator[str]:
    with books.log(FACTS) as dsn:
        yield dsn


@pytest.fixture
def some_lives(books: BigBooks, log: str) -> Iterator[str]:
    """Books with a slice of the log, to be followed from the first fact on."""
    with books.slice(log, SLICE, partial(make_ready, TWO_VIEWS)) as dsn:
        yield dsn


def test_a_slice_holds_whole_lives_in_their_order(some_lives: str) -> None:
    with psycopg.connect(some_lives) as connection:
        [(count, last)] = connection.execute(
            "SELECT count(*), max(position) FROM ledger.facts"
        ).fetchall()
        assert 0 < count == last < FACTS
        broken = connection.execute(
            "SELECT stream_id FROM ledger.facts WHERE topic NOT LIKE 'discount.%'"
            " GROUP BY stream_id HAVING count(*) <> max(version)"
        ).fetchall()
        assert broken == []


def test_the_library_and_we_make_the_same_rows(some_lives: str) -> None:
    stock, ours = followed_by_stock(some_lives), followed(some_lives, TWO_VIEWS)
    assert stock.facts == ours.facts > SLICE / 4
    assert require_same(some_lives) > 5
    with psycopg.connect(some_lives) as connection:
        connection.execute("UPDATE stock.members SET spent = spent + 1")
    with pytest.raises(StockTotalsDiffer):
        require_same(some_lives)


def test_a_rebuild_folds_what_was_followed_and_says_how_much_memory_it_took(
    books: BigBooks, log: str
) -> None:
    with books.slice(log, SLICE, partial(make_ready, ALL_VIEWS)) as dsn:
        followed_facts = followed(dsn, ALL_VIEWS).facts
        done = rebuilt(dsn, TWO_VIEWS, workers=1)
        assert (done.facts, done.state) == (followed_facts, "live")
        assert 0 < done.worker_seconds < done.seconds
        assert len(done.peaks) == 1
        assert done.peaks[0] > 10


def test_copying_reads_every_fact_and_leaves_nothing_behind(log: str) -> None:
    assert copied_out(log).facts == copied_out_and_in(log).facts <= FACTS
    with psycopg.connect(log) as connection:
        assert connection.execute("SELECT to_regclass('limits.facts')").fetchone() == (None,)


def test_a_contender_has_a_process_of_its_own(tmp_path: Path) -> None:
    outcome = in_own_process(os.getppid)
    assert outcome.answer == os.getpid()
    assert outcome.peak > 0
    note_peak(tmp_path)
    assert noted_peaks(tmp_path) == [peak()]


def _fast(facts: int, seconds: float, peak: int) -> rebuild.Fast:
    done = Outcome(Rebuilt(facts, seconds * 2, seconds, "live", [peak, 1]), 50)
    return rebuild.Fast(
        facts=facts,
        out=Outcome(Copied(facts, seconds / 9), 40),
        limit=Outcome(Copied(facts, seconds / 2), 40),
        rebuilds={(name, workers): done for name in rebuild.SETS for workers in rebuild.WORKERS},
    )


def test_rows_of_a_rebuild_hold_what_is_promised_of_it() -> None:
    followed = dict.fromkeys(rebuild.SETS, Outcome(Copied(500, 5), 60))
    slow = rebuild.Slow(stock=Outcome(Copied(40, 10), 70, load=1.5), followed=followed)
    rows = {row.case: row for row in rebuild._rows(_fast(1000, 1, 501), slow)}
    folding = rows["1k: members+spending, 1 worker, each while folding, beside the limit"]
    assert (folding.ratio, folding.is_kept) == (0.5, True)
    beside = rows["1k: members+spending, 2 workers, beside the library"]
    assert (beside.ratio, beside.limit, beside.is_kept) == (125.0, 100.0, True)
    assert not rows["1k: all views, 2 workers, greatest worker, memory"].is_kept
    assert (rows["1k: the library, memory"].ours, rows["1k: the library, memory"].load) == (70, 1.5)
    assert rows["1k: all views, 2 workers, coordinator, memory"].is_kept


def test_a_fact_of_a_long_log_takes_no_longer_than_one_of_a_short_one() -> None:
    straight = [_fast(1000, 1, 1), _fast(10_000, 12, 1)]
    assert [row.is_kept for row in rebuild._growth(straight)] == [True, True]
    bent = [*straight, _fast(100_000, 140, 1)]
    assert [row.is_kept for row in rebuild._growth(bent)] == [False, False]
    assert list(rebuild._growth(straight[:1])) == []


def test_the_plot_is_a_picture_of_every_line() -> None:
    lines = rebuild._lines([_fast(1000, 1, 1), _fast(10_000, 12, 1)])
    root = ET.fromstring(as_svg(lines, "facts <in> the log", "seconds"))  # noqa: S314 -- our own
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {line.name for line in lines} | {"facts <in> the log", "10,000"} <= set(texts)
    circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == 2 * len(lines)
    single = as_svg([Line("one", [(5, 5)])], "a", "b")
    assert "<circle" in single


@pytest.mark.parametrize(
    ("text", "facts"), [("1M", 1_000_000), ("300k", 300_000), ("2_500", 2_500), ("7", 7)]
)
def test_sizes_are_written_as_people_say_them(text: str, facts: int) -> None:
    assert _facts(text) == facts
    assert _sizes(f"{text},100k") == (facts, 100_000)
