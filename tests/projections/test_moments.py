"""Moments as a cache: made once, kept within a bound, never changed, whatever breaks off."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ledger import ids
from ledger.errors import NotFound
from ledger.facts import ERASED, Actor, Cause, Stamp
from projections import moments
from projections.catalogue import all_views
from projections.moment_building import Builder
from projections.moment_worker import MomentWorker
from projections.moments import (
    Moment,
    MomentGone,
    MomentInFuture,
    Moments,
    MomentsBusy,
    MomentSource,
    drop,
)
from projections.parking import park
from projections.part import Part, PartStopped, fold_part
from projections.queries.members import MemberQueries
from projections.queries.money import MoneyQueries, MovementFilter
from projections.view import View, fold
from tests.projections.books import EUROS, Books
from tests.projections.stories import START, Story
from tests.projections.tables import Tables, plain, stored

ROOMY = 1 << 40
HOUR = timedelta(hours=1)
FOLD_PART = "projections.moment_building.fold_part"


class Kept:
    """Books with a past, and what is kept of it."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.story = Story(Random(1))  # noqa: S311 -- a story, not a secret
        for save in self.story.found():
            books.save(*save)
        self.live(120)
        books.follower().catch_up()
        self.moments = Moments(books.pool, books.recorder, all_views(EUROS), books.clock)
        self.moments.lay_out()
        self.builder = self.built_by()

    def live(self, commands: int) -> None:
        """More happens; the clock stands at its end."""
        until = self.story.commands + commands
        while self.story.commands < until:
            self.books.save(*self.story.step())
        self.books.clock.advance_to(self.story.now)

    def built_by(self, most_bytes: int = ROOMY) -> Builder:
        """Somebody who builds."""
        return Builder(self.books.dsn, self.moments, self.books.mapper, most_bytes)

    def at(self, share: float) -> datetime:
        """An instant of the past: 0 is its beginning, 1 its end."""
        return START + (self.books.clock.now() - START) * share

    def planned(self, as_of: datetime, position: int | None = None) -> Moment:
        """A moment, ready or not."""
        known = self.books.recorder.horizon() if position is None else position
        return self.moments.at(as_of, known)

    def ready(self, as_of: datetime, position: int | None = None) -> Moment:
        """A moment that is ready."""
        if self.planned(as_of, position).state != "ready":
            self.builder.build_waiting()
        moment = self.planned(as_of, position)
        assert moment.state == "ready", moment
        return moment

    def rows(self, moment: Moment) -> Tables:
        """All that a moment holds, in an order of its own."""
        rows = stored(MomentSource(self.books.pool, moment), EUROS)
        return {name: sorted(own, key=repr) for name, own in rows.items()}

    def folded(self, as_of: datetime, position: int) -> Tables:
        """The same by a plain fold over the facts that count."""
        facts = [
            one
            for one in self.books.facts()
            if one.position <= position and one.fact.occurred_at <= as_of
        ]
        rows = {view.name: plain(fold(view, {}, facts).values()) for view in all_views(EUROS)}
        return {name: sorted(own, key=repr) for name, own in rows.items()}

    def pay_late(self, occurred_at: datetime) -> int:
        """A second payment of an order is learned now; its position."""
        order = next(one for one in self.story.orders.values() if not one.paid.is_zero)
        order.pay(
            next(iter(order.attempts)),
            reference=f"py_late_{occurred_at}",
            amount=order.placed.amount,
            stamp=Stamp(
                actor=Actor(kind="gateway"),
                cause=Cause(kind="notice", id=ids.new()),
                occurred_at=occurred_at,
                recorded_at=self.books.clock.now(),
            ),
        )
        return self.books.save(order)

    def schemas(self) -> set[str]:
        """The schemas of all moments."""
        with self.books.pool.connection() as connection:
            rows = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'moment%'"
            )
            return {name for (name,) in rows}


@pytest.fixture
def kept(books: Books) -> Kept:
    return Kept(books)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "LARGEST_PART", 60)


@pytest.mark.usefixtures("small_parts")
def test_a_moment_is_what_a_plain_fold_says_part_by_part(kept: Kept) -> None:  # part of AU3
    as_of, position = kept.at(0.7), kept.books.recorder.last_of_save(150)
    moment = kept.ready(as_of, position)
    assert moment.parts_total > 4
    assert kept.rows(moment) == kept.folded(as_of, position)
    assert kept.rows(moment)["members"]


def test_a_moment_never_changes(kept: Kept) -> None:  # part of AU3
    moment = kept.ready(kept.at(0.5))
    before = kept.rows(moment)
    kept.pay_late(kept.at(0.2))
    kept.live(60)
    kept.books.follower().catch_up()
    assert kept.rows(moment) == before


def test_a_moment_stands_until_something_is_learned_of_its_past(kept: Kept) -> None:  # part of AU3
    as_of = kept.at(0.5)
    first = kept.ready(as_of)
    kept.live(60)
    assert kept.planned(as_of).id == first.id
    assert kept.planned(as_of).checked_to == kept.books.recorder.horizon()
    learned = kept.pay_late(as_of - HOUR)
    second = kept.ready(as_of)
    assert (second.id != first.id, second.known_position) == (True, learned)
    assert kept.planned(as_of, learned - 1).id == first.id
    gross = [
        sum(one.gross for one in MoneyQueries(source).totals(MovementFilter()))
        for source in (MomentSource(kept.books.pool, one) for one in (first, second))
    ]
    assert gross[0] < gross[1]


def test_another_version_of_a_view_has_moments_of_its_own(kept: Kept) -> None:
    as_of = kept.at(0.5)
    first = kept.ready(as_of)

    class Changed(type(all_views(EUROS)[0])):  # type: ignore[misc]
        version = 99

    views: list[View[Any]] = [Changed(EUROS), *all_views(EUROS)[1:]]
    other = Moments(kept.books.pool, kept.books.recorder, views, kept.books.clock)
    assert other.at(as_of, first.known_position).id != first.id
    assert kept.planned(as_of, first.known_position).id == first.id


def test_the_future_is_refused(kept: Kept) -> None:  # part of AU3
    now = kept.books.clock.now()
    kept.moments.require_past(as_of=now, known_at=None)
    for name in ("as_of", "known_at"):
        with pytest.raises(MomentInFuture):
            kept.moments.require_past(**{name: now + timedelta(microseconds=1)})


def test_what_was_known_is_a_position(kept: Kept) -> None:
    facts = kept.books.facts()
    middle = facts[len(facts) // 2]
    known = kept.moments.known_position(middle.fact.recorded_at)
    assert known >= middle.position
    later = [one.fact.recorded_at for one in facts if one.position > known]
    assert min(later) > middle.fact.recorded_at
    assert kept.moments.known_position(None) == facts[-1].position


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


# --- the bound ------------------------------------------------------------------------------


def test_the_moments_read_least_lately_make_room(kept: Kept) -> None:
    first = kept.ready(kept.at(0.3))
    kept.books.clock.advance(HOUR)
    second = kept.ready(kept.at(0.3) + HOUR)
    kept.books.clock.advance(HOUR)
    kept.planned(first.as_of)  # read again
    room_for_two = kept.built_by(most_bytes=first.bytes + second.bytes + first.bytes // 2)
    kept.books.clock.advance(HOUR)
    kept.planned(START + HOUR)
    room_for_two.build_waiting()
    assert {one.as_of for one in kept.moments.all()} == {first.as_of, START + HOUR}
    assert len(kept.schemas()) == 2


def test_the_moment_that_somebody_waits_for_stays_however_large(kept: Kept) -> None:
    tiny = kept.built_by(most_bytes=1)
    for share in (0.3, 0.6):
        kept.planned(kept.at(share))
        tiny.build_waiting()
        kept.books.clock.advance(HOUR)
    [left] = kept.moments.all()
    assert (left.state, left.bytes > 1) == ("ready", True)
    assert kept.schemas() == {left.schema}


def test_only_so_many_moments_wait(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOST_WAITING", 2)
    for share in (0.1, 0.2):
        kept.planned(kept.at(share))
    with pytest.raises(MomentsBusy):
        kept.planned(kept.at(0.3))
    kept.builder.build_waiting()
    assert kept.planned(kept.at(0.3)).state == "planned"


def test_tables_that_nobody_owns_are_swept(kept: Kept) -> None:
    with kept.books.pool.connection() as connection:
        connection.execute("CREATE SCHEMA moment_9999")
        connection.execute("CREATE TABLE moment_9999.members (id int)")
        connection.execute("CREATE SCHEMA moment_of_silence")
    kept.ready(kept.at(0.5))
    assert "moment_9999" not in kept.schemas()
    assert "moment_of_silence" in kept.schemas()


def test_a_moment_is_gone_for_readers_once_it_is_dropped(kept: Kept) -> None:
    moment = kept.ready(kept.at(0.5))
    source = MomentSource(kept.books.pool, moment)
    with source.connection() as connection, psycopg.connect(kept.books.dsn) as other:
        other.autocommit = True
        other.execute("DELETE FROM views.moments")
        moments.remove_free_schema(other, moment.id)
        read = connection.execute("SELECT count(*) FROM members").fetchone()
    assert read is not None
    with pytest.raises(MomentGone):
        MemberQueries(source).one(kept.story.members[0].id, moment.as_of)
    with kept.books.pool.connection() as connection:
        drop(connection, moment.id)
    assert kept.schemas() == set()
    with pytest.raises(NotFound):
        kept.moments.drop(moment.id)


# --- erasure ----------------------------------------------------------------------------------


def personal(kept: Kept, moment: Moment, member_id: UUID) -> list[str]:
    """What a moment's tables hold of somebody, as text."""
    with MomentSource(kept.books.pool, moment).connection() as connection:
        rows = connection.execute(
            "SELECT members::text FROM members WHERE member_id = %(id)s"
            " UNION ALL SELECT notes::text FROM notes WHERE member_id = %(id)s",
            {"id": member_id},
        )
        return [text for (text,) in rows]


def test_erased_persons_are_gone_from_what_is_kept(kept: Kept) -> None:  # part of AU5
    member = next(one for one in kept.story.members if one.tags)
    standing, new = kept.ready(kept.at(1)), kept.at(0.999)
    assert any("p" + member.email[1:].lower() in row for row in personal(kept, standing, member.id))
    before = kept.rows(standing)
    planned = kept.planned(new)
    kept.books.mapper._vault.destroy(member.id)
    kept.builder.forget(member.id)
    for moment in (standing, kept.ready(new)):
        texts = personal(kept, moment, member.id)
        assert texts
        assert ERASED in texts[0]
        assert not any(member.email.lower() in row.lower() for row in texts)
        assert not any(member.name in row or "Called." in row for row in texts)
    after = kept.rows(standing)
    assert planned.id != standing.id
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) for name, rows in before.items()
    }
    assert after["movements"] == before["movements"]
