"""Whatever a hand changes of what a figure is made of, is found (NU4).

Every column of the rows that a figure is made of is changed in turn, in more than one way. Where
that changes what the figure says, its explanation must not agree any more; and the check of the
views finds every change, also one that changes no figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import UUID, uuid5

import pytest
from psycopg import sql

from projections.explain.segments import OF_SEGMENT
from projections.queries.members import MemberFilter
from projections.queries.segments import STATUSES
from tests.projections.asks import FIGURES, LOOKED_AT, busiest
from tests.projections.explaining import Past, Pasts, checked
from tests.projections.hands import VALUES, VIEWS, Edit, columns_of, edits, keep, view_key


@pytest.fixture
def site(pasts: Pasts) -> Iterator[Past]:
    with pasts.of(5, 250) as found:
        yield found


ROWS = {"possible_duplicates": 2, "access": 4}
"""How many rows are edited in turn: who has several memberships is asked of one plan."""
LEFT_TO_THE_CHECK = {
    "possible_duplicates": {"members.same_name", "members.same_method", "members.same_email"},
}
"""Of two who look alike, one is made to look otherwise: whom the other was like is forgotten."""


@pytest.mark.parametrize("name", FIGURES)
def test_an_explanation_agrees_with_no_figure_that_a_hand_has_changed(
    site: Past, name: str
) -> None:
    ask, views = FIGURES[name]
    own, changing, unseen = busiest(site, name), set[str](), set[str]()
    before = ask(site, own)
    assert before.agrees
    for view in views:
        keep(site, view)
        for edit in edits(view, ROWS.get(name, 1)):
            if name in LOOKED_AT and edit.column.name not in (*LOOKED_AT[name], *view_key(view)):
                continue
            with edit.made(site, own) as is_other:
                after = ask(site, own) if is_other else before
            if after.says != before.says:
                changing.add(edit.name)
                if after.agrees:
                    unseen.add(edit.name)
    assert changing, "nothing that was edited has a say"
    assert unseen <= LEFT_TO_THE_CHECK.get(name, set())


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_condition_names_every_column_that_it_looks_at(name: str) -> None:
    asked: dict[str, Any] = {"statuses": tuple(STATUSES), "text": "a b"}
    given = {"segment": name} if name in OF_SEGMENT else {name: asked.get(name, 1)}
    said = " ".join(MemberFilter(**given).meant())
    columns = {column.name for column in columns_of(VIEWS["members"])}
    assert columns & set(re.findall(r"\b(?:view|other)\.(\w+)", said)) == set(LOOKED_AT[name])


@pytest.mark.parametrize("view", VIEWS)
def test_a_row_s_explanation_names_each_column_that_a_hand_has_changed(
    site: Past, view: str
) -> None:
    keep(site, view)
    key = VIEWS[view].key
    columns = sql.SQL(", ").join(map(sql.Identifier, key))
    named = sql.SQL("SELECT {0} FROM {1} ORDER BY {0}").format(columns, sql.Identifier(view))
    own = site.one(named.as_string())
    assert site.rows(view, *own).agrees
    for edit in edits(view):
        if edit.column.name in key:
            continue
        with edit.made(site, own[0]) as is_other:
            [row] = site.rows(view, *own).rows
            differing = {cell.name for cell in row.cells if not cell.agrees}
        assert differing == ({edit.column.name} if is_other else set())


MAKE_UP: LiteralString = """
INSERT INTO {view}
SELECT (jsonb_populate_record(NULL::{view}, to_jsonb(one) || %(stranger)s::jsonb)).*
  FROM {view} AS one LIMIT 1
"""


def test_the_check_names_each_column_that_a_hand_has_changed_and_each_row_made_up(
    site: Past,
) -> None:
    assert checked(site) == []
    expected, stranger = set[tuple[str, str]](), uuid5(site.members[0], "nobody")
    for name, view in VIEWS.items():
        for column in columns_of(view)[len(view.key) :]:
            edit = Edit(view, column, VALUES[column.type][0], 0)
            if edit.for_good(site, UUID(int=0)):
                expected.add((name, column.name))
        made_up = sql.SQL(MAKE_UP).format(view=sql.Identifier(name)).as_string()
        assert site.spoil(made_up, stranger=f'{{"{view.key[0]}": "{stranger}"}}') == 1
        expected.add((name, f"made up: {stranger}"))
    found = [one for one in checked(site) if one.check == "refold"]
    named_columns = {(one.view, column) for one in found for column in one.columns}
    strangers = {(one.view, f"made up: {one.key[:36]}") for one in found if not one.expected}
    assert expected <= named_columns | strangers
