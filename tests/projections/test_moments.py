"""Moments as a cache: made once, kept within a bound, never changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ledger.errors import NotFound
from ledger.facts import ERASED
from projections import moments
from projections.catalogue import all_views
from projections.moments import (
    Moment,
    MomentGone,
    MomentInFuture,
    Moments,
    MomentsBusy,
    MomentSource,
    drop,
)
from projections.queries.members import MemberQueries
from projections.queries.money import MoneyQueries, MovementFilter
from projections.view import View
from tests.projections.books import EUROS
from tests.projections.kept import HOUR, Kept
from tests.projections.stories import START


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
