"""Every view against the oracle, which shares no code with it: live, at any position."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from projections.catalogue import all_views
from projections.view import Recorded
from tests.projections import oracle
from tests.projections.books import EUROS, Books, line
from tests.projections.full_stories import told_fully
from tests.projections.oracle import disagreements
from tests.projections.tables import folded, stored

SEEDS = (1, 2, 3, 4)
POSITIONS = 20


@cache
def facts_of(seed: int, commands: int = 1000) -> list[Recorded]:
    """A story's facts, with the positions that they would have."""
    saves: list[Any] = [one for save in told_fully(seed, commands) for one in save]
    found = [fact for one in saves for fact in one.collect_events()]
    return [Recorded(place + 1, fact) for place, fact in enumerate(found)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_view_is_what_the_oracle_says(seed: int) -> None:
    facts = facts_of(seed)
    lines = [line(*one) for one in facts]
    assert disagreements(lines, folded(facts, EUROS)) == []
    cut = Random(seed).randrange(len(facts))  # noqa: S311 -- any place will do
    assert disagreements(lines, folded(facts[:cut], EUROS), known=cut) == []


def test_live_tables_are_what_the_oracle_says_at_any_position(books: Books) -> None:
    saves = sum(1 for _ in told_fully(7, 700))
    stops = {*Random(7).sample(range(saves), POSITIONS - 1), saves - 1}  # noqa: S311
    with books.follower().leading() as leader:
        for place, save in enumerate(told_fully(7, 700)):
            books.save(*save)
            if place in stops:
                while leader.step():
                    pass
                assert disagreements(books.exported(), stored(books.pool, EUROS)) == [], place


def test_stories_hold_every_fact_that_a_view_folds() -> None:
    topics = {kind.TOPIC for view in all_views(EUROS) for kind in view.handlers}
    assert topics - {one.fact.TOPIC for seed in SEEDS for one in facts_of(seed)} == set()


# --- the judge itself ---------------------------------------------------------------------


def sources() -> Iterator[Path]:
    (folder,) = oracle.__path__
    return Path(folder).glob("*.py")


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield str(node.module)


def test_the_oracle_shares_no_code_with_the_product() -> None:
    named = {name for path in sources() for name in imported(ast.parse(path.read_text("utf-8")))}
    own = {name for name in named if name.startswith("tests.projections.oracle")}
    foreign = {name.partition(".")[0] for name in named - own} - sys.stdlib_module_names
    assert foreign == set()
    assert len(own) > 3


def test_a_view_that_the_oracle_does_not_know_is_noticed() -> None:
    assert {view.name for view in all_views(EUROS)} <= oracle.VIEWS.keys() == oracle.KEYS.keys()


def test_any_difference_is_told() -> None:
    facts = facts_of(1, 200)
    lines = [line(*one) for one in facts]
    right = folded(facts, EUROS)
    for view, rows in right.items():
        assert disagreements(lines, {view: rows[1:]})[0].endswith("the row is missing")
        twice = [*rows, {**rows[0], **dict.fromkeys(oracle.KEYS[view], "x")}]
        assert disagreements(lines, {view: twice})[0].endswith("the oracle knows no such row")
        extra = [{**row, "colour": "red"} for row in rows]
        assert disagreements(lines, {view: extra})[0].endswith("the oracle does not judge it")
        for column in rows[0].keys() - {*oracle.KEYS[view], "position", "unsettled"}:
            other = {**rows[0], column: [] if isinstance(rows[0][column], list) else "x"}
            assert other == rows[0] or disagreements(lines, {view: [other, *rows[1:]]}), column
