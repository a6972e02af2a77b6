"""Every view against the oracle, which shares no code with it: live, at any position."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from subprocess import CompletedProcess, run
from typing import Any

import pytest

from ledger import ids
from ledger.facts import Actor, Cause, Stamp
from ledger.order import Order
from ledger.site import Site
from projections.catalogue import all_views
from projections.view import Recorded
from tests.projections import oracle
from tests.projections.books import EUROS, Books, line
from tests.projections.full_stories import told_fully
from tests.projections.oracle import Oracle, compared, disagreements
from tests.projections.oracle import due as what_is_due
from tests.projections.stories import START
from tests.projections.tables import Tables, due, folded, segments, stored

SEEDS = (1, 2, 3, 4)
POSITIONS = 20
STAMP = Stamp(Actor(kind="machine"), Cause(kind="command_line", id=ids.SITE), START, START)


@cache
def facts_of(seed: int, commands: int = 1000) -> list[Recorded]:
    """A story's facts, with the positions that they would have."""
    saves: list[Any] = [one for save in told_fully(seed, commands) for one in save]
    found = [fact for one in saves for fact in one.collect_events()]
    return [Recorded(place + 1, fact) for place, fact in enumerate(found)]


def test_the_stories_tell_of_disputes_that_were_lost_and_won_after_all() -> None:  # part of OR8
    facts = [fact for seed in SEEDS for _, fact in facts_of(seed)]
    assert any(isinstance(fact, Order.DisputeClosed) and fact.was_lost for fact in facts)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_view_is_what_the_oracle_says(seed: int) -> None:
    facts = facts_of(seed)
    lines = [line(*one) for one in facts]
    assert disagreements(lines, folded(facts, EUROS)) == []
    cut = Random(seed).randrange(len(facts))  # noqa: S311 -- any place will do
    assert disagreements(lines, folded(facts[:cut], EUROS), known=cut) == []


def test_live_tables_are_what_the_oracle_says_at_any_position(books: Books) -> None:
    saves, random = sum(1 for _ in told_fully(7, 700)), Random(7)  # noqa: S311 -- any will do
    stops = {*random.sample(range(saves), POSITIONS - 1), saves - 1}
    with books.follower().leading() as leader:
        for place, save in enumerate(told_fully(7, 700)):
            books.save(*save)
            if place in stops:
                while leader.step():
                    pass
                assert_agrees(books, random)


def test_erased_persons_are_erased_for_both(books: Books) -> None:  # part of AU5
    for save in told_fully(8, 500):
        books.save(*save)
    persons = sorted({one.fact.subject_id for one in books.facts() if one.fact.subject_id})
    for person in persons[::3]:
        books.mapper._vault.destroy(person)
    books.follower().catch_up()
    rows = stored(books.pool, EUROS)
    assert disagreements(books.exported(), rows) == []
    assert {row["name"] for row in rows["members"]} > {"erased"}


def assert_agrees(books: Books, random: Random) -> None:
    """The tables, who is in which segment, and what is due, now and at any other instant."""
    lines = books.exported()
    learned = datetime.fromisoformat(lines[-1]["recorded_at"])
    for now in (learned, learned + timedelta(days=random.randrange(-400, 400))):
        rows = stored(books.pool, EUROS)
        rows["segments"] = segments(books.pool, now)
        assert disagreements(lines, rows, now) == []
        assert due(books.pool, now) == what_is_due(Oracle(lines), now)


def test_facts_that_are_skipped_count_for_nobody() -> None:
    facts = facts_of(1)
    paid = next(one for one in facts if one.fact.TOPIC == "order.paid")
    site = Site.found(stamp=STAMP)
    site.skip(
        paid.position,
        stream_id=paid.fact.originator_id,
        fact_version=paid.fact.originator_version,
        topic=paid.fact.TOPIC,
        concerns=paid.fact.subject_id,
        reason="counted elsewhere",
        stamp=STAMP,
    )
    (_, skip) = site.collect_events()
    lines = [line(*one) for one in [*facts, Recorded(len(facts) + 1, skip)]]  # type: ignore[arg-type]
    assert disagreements(lines, folded(facts, EUROS))
    assert disagreements(lines, folded([one for one in facts if one != paid], EUROS)) == []


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


@pytest.mark.parametrize("view", [view.name for view in all_views(EUROS)])
def test_any_difference_is_told(view: str) -> None:
    facts = facts_of(1)
    judge, rows = Oracle([line(*one) for one in facts]), folded(facts, EUROS)[view]

    def told(others: list[dict[str, Any]]) -> list[str]:
        return list(compared(view, judge.rows(view), others))

    assert told(rows) == []
    assert told(rows[1:])[0].endswith("the row is missing")
    assert told([*rows, rows[0]]) == [f"{view}: 1 rows are there twice"]
    unknown = {**rows[0], **dict.fromkeys(oracle.KEYS[view], "x")}
    assert told([*rows, unknown])[0].endswith("the oracle knows no such row")
    assert told([{**rows[0], "colour": 1}, *rows[1:]])[0].endswith("the oracle does not judge it")
    for column in rows[0].keys() - {*oracle.KEYS[view], *oracle.NOT_JUDGED}:
        row = next((row for row in rows if row[column]), rows[0])
        other = {**row, column: [] if row[column] and isinstance(row[column], list) else ["x"]}
        assert told([other, *(one for one in rows if one is not row)]), column


def test_the_oracle_stands_alone(tmp_path: Path) -> None:
    facts, export, tables = facts_of(1), tmp_path / "books.ndjson", tmp_path / "tables.ndjson"
    rows = folded(facts, EUROS)
    export.write_text("\n".join(json.dumps(line(*one)) for one in facts), "utf-8")
    said = judged(export, tables, rows)
    assert (said.returncode, said.stdout) == (0, "")
    rows["spending"][0]["gross"] += 1
    said = judged(export, tables, rows)
    assert said.returncode == 1
    assert "gross" in said.stdout
    assert len(said.stdout.splitlines()) == 1


def judged(export: Path, tables: Path, rows: Tables) -> CompletedProcess[str]:
    """The judge as a program of its own, which can import nothing of the product."""
    told = [{"view": view, "row": row} for view in rows for row in rows[view]]
    tables.write_text("\n".join(map(json.dumps, told)), "utf-8")
    words = [
        sys.executable,
        "-m",
        "tests.projections.oracle",
        str(export),
        "--compare",
        str(tables),
    ]
    root = Path(__file__).parents[2]
    return run(words, cwd=root, env={}, text=True, capture_output=True, check=False)  # noqa: S603
