"""Rows of every view: the facts that made them, and what a hand has changed since (NU4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, LiteralString
from uuid import UUID, uuid5

import pytest
from psycopg import sql

from ledger.errors import NotFound
from projections.catalogue import all_views
from projections.explain.answers import Line, Turn
from projections.explain.rows import KeyMalformed, RowsExplained
from projections.view import View
from tests.projections.books import EUROS
from tests.projections.explaining import Past, Pasts
from tests.projections.tables import stored
from tests.projections.test_engine import spoil

VIEWS = {view.name: view for view in all_views(EUROS)}
SOME = 25
"""Rows of each view that are explained one by one."""


@pytest.fixture(scope="module")
def site(pasts: Pasts) -> Iterator[Past]:
    with pasts.of(7, 500) as found:
        yield found


@pytest.fixture
def spoilt(pasts: Pasts) -> Iterator[Past]:
    """A site whose views a test may change by hand."""
    with pasts.of(5, 250) as found:
        yield found


def keys_of(site: Past, view: View[Any]) -> list[tuple[Any, ...]]:
    """The keys of some of a view's rows."""
    rows = stored(site.books.pool, EUROS)[view.name]
    return [tuple(row[name] for name in view.key) for row in rows[:: len(rows) // SOME + 1]]


@pytest.mark.parametrize("name", VIEWS)
def test_every_row_is_what_its_facts_make_of_it(site: Past, name: str) -> None:
    view = VIEWS[name]
    for key in keys_of(site, view):
        found = site.rows(name, *key)
        [row] = found.rows
        assert found.agrees, (key, [cell for cell in row.cells if not cell.agrees])
        assert [str(part) for part in row.key] == [str(part) for part in key]
        assert row.fact_count == found.facts.count == len(found.facts.lines) > 0
        last = {cell.name: cell.stored for cell in row.cells}["position"]
        # A row's position is the last fact that changed it: what came later left it as it was.
        assert last in {line.position for line in found.facts.lines}
        assert not [line for line in found.facts.lines if line.position > last and line.changed]
        assert all(line.effect for line in found.facts.lines)


def test_each_fact_says_what_it_changed(site: Past) -> None:
    oracle, seen = site.oracle, 0
    for member in site.members:
        lines = site.rows("members", member).facts.lines
        assert set(lines[0].changed) >= {"name", "email", "opened_at"}
        for line in lines:
            if line.topic == "member.tagged":
                assert "tags" in line.changed
                assert "name" not in line.changed
                seen += 1
        tagged = [line for line in lines if line.topic == "member.tagged"]
        assert len(tagged) >= len(oracle.tags(str(member)))
    assert seen > 3


def test_rows_are_found_by_the_beginning_of_their_key(site: Past) -> None:
    member = max(site.members, key=lambda one: len(site.oracle.stays_of(str(one))))
    found = site.rows("memberships", member)
    stays = site.oracle.stays_of(str(member))
    assert len(found.rows) == len(stays) > 1
    assert found.agrees
    assert found.facts.count == sum(row.fact_count for row in found.rows)
    pages: list[Line] = []
    turn = Turn(limit=2)
    while turn.limit:
        page = site.rows("memberships", member, turn=turn).facts
        pages += page.lines
        turn = Turn(limit=2, after=page.next_after) if page.next_after else Turn(limit=0)
    assert pages == list(found.facts.lines)


def test_a_row_that_is_not_there_is_not_found(site: Past) -> None:
    nobody = uuid5(site.members[0], "nobody")
    for view, key in (("members", nobody), ("nothing", nobody), ("plans", nobody)):
        with pytest.raises(NotFound):
            site.rows(view, key)


@pytest.mark.parametrize(
    ("view", "key"),
    [
        ("members", ["x"]),
        ("members", []),
        ("members", [UUID(int=1), "more"]),
        ("movements", [UUID(int=1), UUID(int=2), "9" * 30]),
        ("movements", [UUID(int=1), UUID(int=2), "1.5"]),
    ],
)
def test_a_key_that_fits_no_row_is_refused(site: Past, view: str, key: list[object]) -> None:
    with pytest.raises(KeyMalformed) as refused:
        site.rows(view, *key)
    assert "member_id" in str(refused.value)


# --- changed by hand ----------------------------------------------------------------------


FIRST: LiteralString = """
SELECT {key} FROM {view} WHERE {column} IS DISTINCT FROM {change} ORDER BY {key} LIMIT 1
"""
SPOIL: LiteralString = "UPDATE {view} SET {column} = {change} WHERE ({key}) = ({first})"


def differing(found: RowsExplained) -> dict[str, tuple[Any, Any]]:
    """The columns that are not what the facts make of them, with both values."""
    assert not found.agrees
    [row] = found.rows
    return {cell.name: (cell.stored, cell.refolded) for cell in row.cells if not cell.agrees}


@pytest.mark.parametrize(
    ("view", "column", "change"),
    [
        ("members", "name", "name || '!'"),
        ("members", "tags", "tags || '{odd}'"),
        ("members", "opened_at", "opened_at + interval '1 day'"),
        ("memberships", "price", "price + 1"),
        ("memberships", "ending", "'removed'"),
        ("orders", "state", "'lost'"),
        ("orders", "payments", "'[]'"),
        ("movements", "minor", "-minor"),
        ("spending", "payments", "payments + 1"),
        ("plans", "prices", "'[]'"),
        ("discounts", "uses", "uses + 1"),
        ("contributors", "roles", "'{administrator}'"),
    ],
)
def test_a_column_edited_by_hand_is_named(
    spoilt: Past, view: str, column: str, change: LiteralString
) -> None:
    parts = {
        "key": sql.SQL(", ").join(map(sql.Identifier, VIEWS[view].key)),
        "view": sql.Identifier(view),
        "column": sql.Identifier(column),
        "change": sql.SQL(change),
    }
    first = sql.SQL(FIRST).format(**parts)
    own = spoilt.one(first.as_string())
    before = spoilt.rows(view, *own)
    assert before.agrees
    assert spoilt.spoil(sql.SQL(SPOIL).format(**parts, first=first).as_string()) == 1
    found = differing(spoilt.rows(view, *own))
    assert found.keys() == {column}
    was = {cell.name: cell.refolded for cell in before.rows[0].cells}
    assert found[column][1] == was[column]


def test_a_row_that_is_gone_or_made_up_is_told(spoilt: Past) -> None:
    member = spoilt.members[0]
    spoilt.spoil("DELETE FROM members WHERE member_id = %(m)s", m=member)
    [gone] = spoilt.rows("members", member).rows
    assert (gone.is_stored, gone.is_made, gone.agrees) == (False, True, False)
    stranger = uuid5(member, "nobody")
    spoilt.spoil(
        "INSERT INTO notes (member_id, note_id, text, author_kind, written_at, position)"
        " VALUES (%(s)s, %(s)s, 'x', 'machine', %(at)s, 1)",
        s=stranger,
        at=spoilt.instants[0],
    )
    [made_up] = spoilt.rows("notes", stranger).rows
    assert (made_up.is_stored, made_up.is_made, made_up.agrees) == (True, False, False)


def test_a_fact_that_can_not_be_read_is_named(spoilt: Past) -> None:
    member = spoilt.members[0]
    spoil(spoilt.books, member)
    spoilt.books.follower().catch_up()
    found = spoilt.rows("members", member)
    assert not found.agrees
    faults = {line.fault for line in found.facts.lines}
    assert "fact_unreadable" in faults
    assert found.unread == 1
    assert not replace(spoilt.rows("members", spoilt.members[1]), unread=1).agrees
