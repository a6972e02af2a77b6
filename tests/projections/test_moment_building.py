"""Building moments: resumed wherever it broke off, done once, and never stopped in silence."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import psycopg
import pytest

from projections import moments
from projections.catalogue import all_views
from projections.moment_worker import MomentWorker
from projections.moments import (
    Moments,
)
from projections.parking import park
from projections.part import Part, PartStopped, fold_part
from tests.projections.books import EUROS
from tests.projections.kept import FOLD_PART, Kept

# --- building ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_parts")
def test_what_broke_off_is_taken_up_where_it_stood(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of = kept.at(0.6)
    total = kept.planned(as_of).parts_total
    steps = iter([False, False, False])
    kept.builder.build_waiting(stopping=lambda: next(steps, True))
    halfway = kept.planned(as_of)
    assert (halfway.state, halfway.parts_done) == ("building", 2)
    assert 0 < halfway.per_cent < 100
    folded = counted_folds(monkeypatch)
    kept.built_by().build_waiting()
    ready = kept.planned(as_of)
    assert (ready.state, len(folded)) == ("ready", total - 1 - 2)
    assert kept.rows(ready) == kept.folded(as_of, ready.known_position)


def counted_folds(monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """Every part that is folded from here on."""
    folded: list[Part] = []

    def noted(*given: Any, **more: Any) -> Any:
        folded.append(given[3])
        return fold_part(*given, **more)

    monkeypatch.setattr(FOLD_PART, noted)
    return folded


@pytest.mark.usefixtures("small_parts")
def test_a_builder_whose_connection_dies_leaves_whole_parts(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of = kept.at(0.6)
    kept.planned(as_of)

    def dying(connection: Any, *given: Any, **more: Any) -> Any:
        report = fold_part(connection, *given, **more)
        if kept.planned(as_of).parts_done == 2:
            with kept.books.pool.connection() as other:
                other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        return report

    monkeypatch.setattr(FOLD_PART, dying)
    with pytest.raises(psycopg.OperationalError):
        kept.builder.build_waiting()
    assert (kept.planned(as_of).state, kept.planned(as_of).parts_done) == ("building", 2)
    monkeypatch.undo()
    ready = kept.ready(as_of)
    assert kept.rows(ready) == kept.folded(as_of, ready.known_position)


@pytest.mark.usefixtures("small_parts")
def test_several_builders_do_each_moment_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    folded = counted_folds(monkeypatch)
    planned = [kept.planned(kept.at(share)) for share in (0.3, 0.6, 0.9)]
    with ThreadPoolExecutor(3) as pool:
        built = list(pool.map(lambda _: kept.built_by().build_waiting(), range(3)))
    kept.builder.build_waiting()
    assert {one.state for one in kept.moments.all()} == {"ready"}
    assert sum(built) <= len(planned)
    assert len(folded) == sum(one.parts_total - 1 for one in planned)


def test_two_who_ask_at_once_get_one_moment(kept: Kept) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: kept.planned(kept.at(0.5)).id, range(8)))
    assert len(set(found)) == 1


def test_a_moment_that_is_dropped_is_built_no_further(kept: Kept) -> None:
    moment = kept.planned(kept.at(0.5))
    looks = iter(range(9))

    def look() -> bool:
        if next(looks) == 1:  # the first part is about to be folded
            kept.moments.drop(moment.id)
        return False

    kept.builder.build_waiting(stopping=look)
    assert (kept.moments.all(), kept.schemas()) == ([], set())


def test_whoever_asks_builds_where_no_worker_runs(kept: Kept) -> None:
    kept.planned(kept.at(0.5))
    worker = MomentWorker(kept.builder, patience_seconds=0.01)
    worker.stand_in()
    worker.stand_in()
    wait_until(lambda: kept.planned(kept.at(0.5)).state == "ready")
    worker.stop()
    assert len(kept.moments.all()) == 1


def test_a_worker_builds_what_is_planned_while_it_runs(kept: Kept) -> None:
    worker = MomentWorker(kept.builder)
    worker.start()
    kept.planned(kept.at(0.5))
    wait_until(lambda: kept.planned(kept.at(0.5)).state == "ready")
    worker.stop()
    assert len(kept.schemas()) == 1


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return once something is so; a build takes its time on a busy machine."""
    waiting = Event()
    for _ in range(1_200):
        if is_so():
            return
        waiting.wait(0.05)
    raise AssertionError


# --- facts that can't be folded -----------------------------------------------------------------


def test_a_fact_that_can_not_be_folded_fails_the_moment_and_says_which(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise PartStopped(position=7, topic="order.paid", view="orders", why="row_missing")

    monkeypatch.setattr(FOLD_PART, broken)
    kept.planned(kept.at(0.5))
    assert kept.builder.build_waiting() == 1
    failed = kept.planned(kept.at(0.5))
    assert (failed.state, failed.why) == (
        "failed",
        "Fact 7 (order.paid) can't be folded by orders: row_missing.",
    )
    monkeypatch.undo()
    assert kept.builder.build_waiting() == 0
    as_of = kept.at(0.5)
    kept.books.clock.advance(moments.AGAIN)
    assert kept.ready(as_of).why is None


def test_facts_that_are_set_aside_are_left_out_and_come_back(kept: Kept) -> None:
    as_of, facts = kept.at(0.9), kept.books.facts()
    whole = kept.ready(as_of)
    aside = facts[len(facts) // 2]
    records = [r for r in kept.books.recorder.read(0, 10_000) if r.position == aside.position]
    with kept.books.pool.connection() as connection:
        park(connection, records, "row_missing", kept.books.clock.now())
    without = kept.ready(as_of)
    assert (without.id != whole.id, without.left_out) == (True, [aside.position])
    with kept.books.pool.connection() as connection:
        connection.execute("DELETE FROM views.parked")
    assert kept.ready(as_of).id == whole.id


def test_facts_that_are_skipped_are_left_out(kept: Kept) -> None:
    as_of, paid = kept.at(0.9), next(f for f in kept.books.facts() if f.fact.TOPIC == "order.paid")
    skipping = Moments(
        kept.books.pool,
        kept.books.recorder,
        all_views(EUROS),
        kept.books.clock,
        skipped=lambda: {paid.position},
    )
    moment = skipping.at(as_of, kept.books.recorder.horizon())
    kept.builder.build_waiting()
    moves = kept.rows(skipping.one(moment.id))["movements"]
    assert moves
    assert paid.position not in {row["position"] for row in moves}
