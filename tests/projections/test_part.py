"""A part, folded from nothing: the same rows however the books are cut, and the same again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection, sql

from ledger.member.facts import AccountOpened, Tagged
from ledger.order.facts import OrderPlaced
from ledger.store.quick import QuickKind
from ledger.store.shapes import sealed_fields
from projections import part as parts
from projections.catalogue import all_views
from projections.columns import RowCodec, reading
from projections.digest import Buckets, combined, digest
from projections.members import MemberRow, Members
from projections.part import (
    LOWEST,
    Part,
    PartReport,
    PartStopped,
    Streams,
    Subjects,
    fold_part,
    fold_subject,
    refold,
)
from projections.tables import Table
from projections.view import Recorded, View, fold, fold_anew, needs_of, on, work_of
from tests.projections.books import EUROS, Books
from tests.projections.full_stories import told_fully
from tests.projections.test_engine import spoil

VIEWS = all_views(EUROS)
SCHEMA = "rebuild_test"
HALF = UUID(int=1 << 127)
QUARTERS = [UUID(int=quarter << 126) for quarter in (1, 2, 3)]
LAST = 1_000_000


def tables(connection: Connection[Any]) -> None:
    """Empty tables of every view, without their indexes."""
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
    for view in VIEWS:
        Table(view, schema=SCHEMA).create(connection, indexed=False)


@contextmanager
def folding(books: Books) -> Iterator[Connection[Any]]:
    """A transaction in which there are tables to be filled; it is undone."""
    with books.pool.connection() as connection, connection.transaction(force_rollback=True):
        tables(connection)
        yield connection


def fold_into(
    connection: Connection[Any], books: Books, *cut: Part, position: int = LAST, **options: Any
) -> list[PartReport]:
    """Fold parts one after the other."""
    mapper = books.mapper
    return [
        fold_part(connection, mapper, VIEWS, one, schema=SCHEMA, position=position, **options)
        for one in cut
    ]


def rows_in(connection: Connection[Any], view: View[Any]) -> dict[Any, Any]:
    """The rows of a filled table, by key."""
    codec = RowCodec(view.columns)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in codec.columns)
    table = sql.Identifier(SCHEMA, view.name)
    statement = sql.SQL("SELECT {} FROM {}").format(names, table)
    found = [codec.decode(values) for values in reading(connection).execute(statement)]
    return {row[: len(view.key)]: row for row in found}


def from_scratch(view: View[Any], facts: list[Recorded]) -> dict[Any, Any]:
    """What a fold of facts in order gives."""
    return {key: row for key, row in fold(view, {}, facts).items() if row is not None}


def all_together(reports: list[PartReport]) -> dict[str, Buckets]:
    """The digests of several parts, view by view."""
    return {
        view.name: combined([report.digests.get(view.name, {}) for report in reports])
        for view in VIEWS
    }


def tell_fully(books: Books) -> None:
    """Live through a story in which everything happens, often told late."""
    for changed in told_fully(11, 500):
        books.save(*changed)


def cuts(someone: UUID) -> list[list[Part]]:
    """Several ways to cut the books; once right at a person."""
    edges = [None, *QUARTERS, None]
    quarters = [Subjects(lower, upper) for lower, upper in pairwise(edges)]
    return [
        [Subjects(), Streams()],
        [Streams(), Subjects(HALF, None), Subjects(None, HALF)],
        [Subjects(None, someone), Subjects(someone), Streams()],
        [*quarters, Streams(HALF, None), Streams(None, HALF)],
        [Subjects(LOWEST, LOWEST), Subjects(LOWEST, None), Streams()],
    ]


def test_a_part_is_the_fold_from_scratch(books: Books) -> None:
    tell_fully(books)
    facts = books.facts()
    expected = {view.name: from_scratch(view, facts) for view in VIEWS}
    with folding(books) as connection:
        reports = fold_into(connection, books, Subjects(), Streams())
        for view in VIEWS:
            assert rows_in(connection, view) == expected[view.name], view.name
    assert {name: n for report in reports for name, n in report.rows.items()} == {
        name: len(rows) for name, rows in expected.items()
    }


@pytest.mark.parametrize("chunk", [1, 7, 5_000])
def test_any_cut_gives_the_same_rows_and_digests(
    books: Books, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(parts, "CHUNK", chunk)
    books.tell(2, 200)
    digests, facts = [], books.facts()
    expected = {view.name: from_scratch(view, facts) for view in VIEWS}
    someone = next(one.fact.subject_id for one in facts if one.fact.subject_id)
    for cut in cuts(someone):
        with folding(books) as connection:
            digests.append(all_together(fold_into(connection, books, *cut)))
            stored = {view.name: rows_in(connection, view) for view in VIEWS}
        assert stored == expected
    assert all(one == digests[0] for one in digests)


def test_the_digest_is_that_of_the_rows_that_were_written(books: Books) -> None:
    books.tell(3, 200)
    with folding(books) as connection:
        written = all_together(fold_into(connection, books, Subjects(HALF), Subjects(None, HALF)))
        for view in VIEWS:
            if view.partition == "subject":
                table = sql.Identifier(SCHEMA, view.name)
                assert digest(connection, view, table) == written[view.name]


def test_one_changed_value_changes_the_digest_of_its_bucket_alone(books: Books) -> None:
    books.tell(3, 100)
    change = sql.SQL("UPDATE {} SET locale = 'xx' WHERE member_id = {}")
    view, table = VIEWS[0], sql.Identifier(SCHEMA, VIEWS[0].name)
    with folding(books) as connection:
        before = fold_into(connection, books, Subjects())[0].digests[view.name]
        ((member_id,), *_) = rows_in(connection, view)
        connection.execute(change.format(table, member_id))
        after = digest(connection, view, table)
        others = [column.name for column in RowCodec(view.columns).columns]
        others.remove("locale")
        without = digest(connection, view, table, others)
        connection.execute(change.format(table, member_id))
        assert digest(connection, view, table, others) == without
    assert {place for place in before if before[place] != after[place]} == {member_id.bytes[0]}


def test_folded_again_after_a_rollback_it_is_the_same(books: Books) -> None:
    books.tell(4, 100)
    with folding(books) as connection:
        with connection.transaction(force_rollback=True):
            first = fold_into(connection, books, Subjects())
        second = fold_into(connection, books, Subjects())
        assert rows_in(connection, VIEWS[0]) == from_scratch(VIEWS[0], books.facts())
    assert first == second


def test_only_what_stood_in_the_books_up_to_a_position_is_folded(books: Books) -> None:
    middle = books.tell(5, 100)
    books.tell(6, 100)
    facts = [one for one in books.facts() if one.position <= middle]
    with folding(books) as connection:
        fold_into(connection, books, Subjects(), Streams(), position=middle)
        for view in VIEWS:
            assert rows_in(connection, view) == from_scratch(view, facts), view.name


def test_as_of_a_moment_only_what_was_true_then_is_folded(books: Books) -> None:  # part of AU3
    books.tell(7, 300)
    facts = books.facts()
    instants = sorted(one.fact.occurred_at for one in facts)
    moment = instants[len(instants) // 2]
    with folding(books) as connection:
        fold_into(connection, books, Subjects(), Streams(), as_of=moment)
        for view in VIEWS:
            assert rows_in(connection, view) == true_then(view, facts, moment), view.name


def test_of_what_was_told_late_there_is_what_was_true_at_any_moment(books: Books) -> None:
    tell_fully(books)
    facts = books.facts()
    instants = sorted(one.fact.occurred_at for one in facts)
    for moment in instants[:: len(instants) // 8]:
        true = [one for one in facts if one.fact.occurred_at <= moment]
        with folding(books) as connection:
            fold_into(connection, books, Subjects(), Streams(), as_of=moment)
            for view in VIEWS:
                rows = fold_anew(view, work_of(view, true), lenient=True)
                expected = {row[: len(view.key)]: row for row in rows}
                assert rows_in(connection, view) == expected, view.name


def true_then(view: View[Any], facts: list[Recorded], moment: datetime) -> dict[Any, Any]:
    """The rows of what was true at a moment; this story's facts are true in their order."""
    return from_scratch(view, [one for one in facts if one.fact.occurred_at <= moment])


def test_what_had_not_begun_yet_is_left_out(books: Books) -> None:
    books.tell(8, 60)
    opened = next(one.fact for one in books.facts() if isinstance(one.fact, AccountOpened))
    early = opened.occurred_at.replace(year=opened.occurred_at.year - 1)
    version = books.recorder.of_stream(opened.originator_id)[-1].version + 1
    told = Tagged(
        originator_id=opened.originator_id,
        originator_version=version,
        timestamp=opened.timestamp,
        occurred_at=early,
        actor=opened.actor,
        cause=opened.cause,
        member_id=opened.originator_id,
        tag="early",
    )
    books.save_facts([told])
    with folding(books) as connection:
        (report,) = fold_into(connection, books, Subjects(), as_of=early)
        assert rows_in(connection, VIEWS[0]) == {}
    assert report.facts == 1


def test_skipped_facts_are_left_out(books: Books) -> None:
    books.tell(9, 100)
    tags = {one.position for one in books.facts() if isinstance(one.fact, Tagged)}
    facts = [one for one in books.facts() if one.position not in tags]
    with folding(books) as connection:
        fold_into(connection, books, Subjects(), skipped=tags)
        assert rows_in(connection, VIEWS[0]) == from_scratch(VIEWS[0], facts)
    assert tags


def test_a_fact_that_nobody_can_read_stops_the_part_and_is_named(books: Books) -> None:
    books.tell(1, 100)
    victim = next(one.fact.originator_id for one in books.facts() if one.fact.subject_id)
    spoil(books, victim)
    bad = next(r for r in books.recorder.of_subject(victim) if r.state == b'{"what":1}')
    with folding(books) as connection, pytest.raises(PartStopped) as stopped:
        fold_into(connection, books, Subjects())
    readers = ", ".join(view.name for view in VIEWS if Tagged in view.handlers)
    assert str(stopped.value) == (
        f"Fact {bad.position} (member.tagged) can't be folded by {readers}: fact_unreadable."
    )


class Picky(Members):
    """Refuses tags, and quotes a name in doing so."""

    @on(Tagged)
    def tagged(self, row: MemberRow, fact: Tagged) -> MemberRow:
        """Refused."""
        raise ValueError(row.name)


def test_a_fact_that_a_view_refuses_stops_the_part_without_what_is_personal(books: Books) -> None:
    books.tell(1, 200)
    tagged = [one for one in books.facts() if isinstance(one.fact, Tagged)]
    first = {one.fact.subject_id: one.position for one in reversed(tagged)}
    with folding(books) as connection, pytest.raises(PartStopped) as stopped:
        fold_part(
            connection, books.mapper, [Picky(EUROS)], Subjects(), schema=SCHEMA, position=LAST
        )
    assert stopped.value.details["position"] in first.values()
    assert str(stopped.value).endswith("(member.tagged) can't be folded by members: ValueError.")
    assert stopped.value.__suppress_context__


def test_a_missing_beginning_stops_the_part(books: Books) -> None:
    books.tell(1, 100)
    placed = next(one for one in books.facts() if isinstance(one.fact, OrderPlaced))
    with folding(books) as connection, pytest.raises(PartStopped, match="orders: row_missing"):
        fold_into(connection, books, Subjects(), skipped={placed.position})


def test_one_person_is_folded_on_the_spot(books: Books) -> None:
    books.tell(2, 200)
    victim = next(one.fact.subject_id for one in books.facts() if one.fact.subject_id)
    own = [one for one in books.facts() if one.fact.subject_id == victim]
    found = fold_subject(books.mapper, VIEWS, books.recorder.of_subject(victim))
    assert found == {
        view.name: list(from_scratch(view, own).values())
        for view in VIEWS
        if view.partition == "subject"
    }


def test_every_kind_of_fact_that_is_folded_is_read_quickly() -> None:
    for kind, wanted in needs_of(VIEWS).items():
        assert wanted is not None, f"the views of {kind.TOPIC} don't say what they need of it"
        assert QuickKind(kind, wanted).may_open == bool(wanted & sealed_fields(kind))


def test_some_persons_are_folded_again_like_all(books: Books) -> None:
    last = books.tell(2, 200)
    facts = books.facts()
    everyone = {one.fact.subject_id for one in facts if one.fact.subject_id}
    some = sorted(everyone, key=str)[:5]
    with books.pool.connection() as connection:
        found = refold(connection, books.mapper, VIEWS, some, position=last)
    for view in VIEWS:
        if view.partition == "subject":
            whole = from_scratch(view, facts).values()
            own = {row for row in whole if row[0] in some}
            assert set(found[view.name]) == own, view.name
