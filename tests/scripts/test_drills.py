"""The drills' own judgement: they count rightly, and notice what is lost, doubled or mixed."""

from __future__ import annotations

import base64
import random
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from ledger import ids
from ledger.errors import NotFound
from projections.catalogue import all_views
from projections.status import ViewsStatus
from scripts.benches.big_log import make_log
from scripts.drills import load, rebuild
from scripts.drills.folding import Folded
from scripts.drills.load_clients import Growing, Read, Sample, Written
from scripts.drills.orders_given import (
    Acknowledged,
    Sender,
    insist,
    orders,
    wrong_in_books,
    wrong_in_views,
)
from scripts.drills.rebuild import Aims, Round
from scripts.drills.striking import AIMS, Aim, Strike
from scripts.drills.watching import Watch
from tests.conftest import FreshDatabases
from tests.projections.books import MASTER_KEY
from web.parts import Parts
from web.running.following import follower
from web.running.rebuilding import Hands, rebuilder
from web.settings import Settings
from web.wiring import wire

FACTS, COMMANDS = 1_200, 60


@pytest.fixture(scope="module")
def logged(template: str, fresh_databases: FreshDatabases) -> Iterator[str]:
    """The name of a database whose books hold a small generated log, followed to its end."""
    with fresh_databases.copy_of(template) as dsn:
        make_log(dsn, MASTER_KEY, FACTS, 1, workers=1)
        with _wired(dsn) as parts:
            _follow(parts)
        yield str(conninfo_to_dict(dsn)["dbname"])


@pytest.fixture
def parts(logged: str, fresh_databases: FreshDatabases) -> Iterator[Parts]:
    """A site with that log, of the test's own."""
    with fresh_databases.copy_of(logged) as dsn, _wired(dsn) as parts:
        yield parts


@contextmanager
def _wired(dsn: str) -> Iterator[Parts]:
    key = base64.b64encode(MASTER_KEY).decode()
    settings = Settings.model_validate({"database_url": dsn, "master_key": key})
    with wire(settings, dsn) as parts:
        yield parts


def _follow(parts: Parts) -> None:
    with follower(parts, str(parts.pool.conninfo)).leading() as leader:
        while leader.step():
            pass


def _sent(parts: Parts) -> tuple[int, Acknowledged]:
    """The position before some commands, and what was acknowledged of them."""
    after, acknowledged = parts.recorder.horizon(), Acknowledged()
    with parts.pool.connection() as connection:
        members = [row[0] for row in connection.execute(rebuild.TARGETS)]
    dice = random.Random(1)  # noqa: S311 -- any commands
    for command in islice(orders(parts, members, dice), COMMANDS):
        assert insist(command) == 1
        assert insist(command) == 1, "the same command again is no other command"
        acknowledged.add(command)
    _follow(parts)
    return after, acknowledged


def test_every_command_counts_once_in_the_books_and_in_the_views(parts: Parts) -> None:
    after, acknowledged = _sent(parts)
    assert {"tag", "untag", "note", "sign_up", "join"} == acknowledged.shown.keys()
    assert wrong_in_books(parts, after, acknowledged) == []
    assert wrong_in_views(parts, after, acknowledged) == []
    lost = ids.new()
    more = replace(acknowledged, ids=[*acknowledged.ids, str(lost)])
    assert wrong_in_books(parts, after, more) == [f"command {lost} was acknowledged and is lost"]
    fewer = replace(acknowledged, ids=acknowledged.ids[1:])
    assert len(wrong_in_books(parts, after, fewer)) == 1
    unseen = replace(acknowledged, shown={"note": [str(lost)]}, tagged={str(lost)})
    assert f"notes {lost} 0 times" in wrong_in_views(parts, after, unseen)
    assert f"tags of {lost} are wrong" in wrong_in_views(parts, after, unseen)


def test_a_fold_out_of_sight_has_the_digests_of_the_views(parts: Parts) -> None:
    folded = Folded(parts)
    status = ViewsStatus(parts.pool, all_views(parts.site), parts.clock)
    for _ in range(2):
        assert folded.carry_on() == parts.recorder.horizon()
        assert folded.digests() == {one.name: (one.rows, one.digest) for one in status.all()}
        _sent(parts)


def _some(sender: Sender, at_least: int) -> int:
    """How many were acknowledged, once there are so many."""
    while len(sender.acknowledged.ids) < at_least:
        assert sender.trouble is None
        time.sleep(0.01)
    return len(sender.acknowledged.ids)


def test_a_sender_rests_and_goes_on(parts: Parts) -> None:
    after = parts.recorder.horizon()
    with parts.pool.connection() as connection:
        people = [row[0] for row in connection.execute(rebuild.TARGETS)]
    sender = Sender(parts, random.Random(2), pause_seconds=0)  # noqa: S311 -- any commands
    sender.start(people)
    _some(sender, 3)
    sender.rest()
    rested = len(sender.acknowledged.ids)
    assert wrong_in_books(parts, after, sender.acknowledged) == []
    assert len(sender.acknowledged.ids) == rested
    sender.go_on()
    _some(sender, rested + 3)
    sender.stop()
    assert wrong_in_books(parts, after, sender.acknowledged) == []


def test_a_sender_whose_command_is_refused_says_so(parts: Parts) -> None:
    sender = Sender(parts, random.Random(2), pause_seconds=0)  # noqa: S311 -- any commands
    sender.start([ids.derived(ids.SITE, "nobody")])
    while sender.trouble is None:
        time.sleep(0.01)
    with pytest.raises(NotFound):
        sender.rest()
    sender.stop()


def test_a_watch_sees_how_a_rebuild_stands(parts: Parts) -> None:
    watch = Watch(str(parts.pool.conninfo))
    assert watch.seen() is None
    own = rebuilder(parts, hands=Hands(workers=0))
    own.plan(["spending", "plans"])
    seen = watch.seen()
    assert seen is not None
    assert (seen.stage, watch.done(seen.number)) == ("planned", {})
    own.carry_on()
    seen = watch.seen()
    assert seen is not None
    assert (seen.stage, len(watch.done(seen.number))) == ("live", 2)
    assert watch.left_over() == []
    watch.close()


# --- kills --------------------------------------------------------------------------------


def test_everything_is_aimed_at_and_what_was_missed_again() -> None:
    aims = Aims(random.Random(3))  # noqa: S311 -- any order
    first = aims.next()
    aims.struck(None)
    seen = []
    for _ in AIMS:
        seen.append(aims.next())
        aims.struck(seen[-1])
    assert seen[-1] == first
    assert set(seen) == set(AIMS)


def _round(*wrong: str, hit: Aim = AIMS[0]) -> Round:
    return Round(Strike(hit, 1, {}, 0, 0, 0), 1, 1, 0, list(wrong))


def test_a_drill_fails_for_anything_wrong_and_for_a_state_that_was_never_hit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = Namespace(seed=1, facts=10)
    all_hit = [_round(hit=aim) for aim in AIMS] * 2
    assert rebuild._verdict(given, all_hit, [], 1) == 0
    assert rebuild._verdict(given, [_round("one row too many")], [], 1) == 1
    assert rebuild._verdict(given, all_hit, ["a fact is lost"], 1) == 1
    assert rebuild._verdict(given, [_round()] * len(all_hit), [], 1) == 1
    assert "a fact is lost" in capsys.readouterr().out
    assert "one row too many" in rebuild._told(_round("one row too many"))


# --- load ---------------------------------------------------------------------------------


def test_readers_notice_an_empty_or_mixed_table() -> None:
    growing = Growing()
    assert growing.wrong((5, 100, 100, 1, 9)) == []
    assert growing.wrong((6, 120, 120, 1, 11)) == []
    assert "paid 120" in growing.wrong((6, 120, 130, 1, 11))[0]
    assert "2 positions" in growing.wrong((6, 120, 120, 2, 11))[0]
    assert "was (6, 120, 11)" in growing.wrong((0, 120, 120, 1, 11))[0]


def _sample(began: float, seconds: float, kind: str = "note") -> Sample:
    return Sample(kind, began, began, began + seconds)


def test_what_was_felt_is_told_of_a_span_its_states_and_around_its_swap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = Written(samples=[_sample(place / 10, 0.004) for place in range(200)])
    written.samples += [_sample(15, 0.09), _sample(12, 0.03), _sample(12, 9.0, "join")]
    seen = Read([_sample(15.2, 0.05, "page"), _sample(1, 0.01, "sums")])
    stages = [("building", 10.0), ("verifying", 15.05), ("live", 20.0)]
    span = load.Span("rebuild", 1, 10.0, 20.0, 15.1, {"blocked_ms": 7}, stages)
    monkeypatch.setattr(load, "FEW", 40)
    felt = load._felt(span, [written], seen)
    assert felt.stages == {"building": (4.0, 90.0), "verifying": (4.0, 4.0)}
    assert (felt.append_p50, felt.write_longest, felt.write_longest_at_swap) == (4.0, 90.0, 90.0)
    assert (felt.read_longest, felt.read_longest_at_swap, felt.blocked) == (50.0, 50.0, 7)
    quiet = load._felt(load.Span("idle", 0, 0.0, 9.0), [written], seen)
    assert (quiet.append_p99, quiet.write_longest_at_swap, quiet.stages) == (4.0, None, {})
    assert list(load._missed(felt, quiet)) != []
    assert list(load._missed(felt, felt)) == []


def test_goals_that_were_not_met_are_named_and_broken_promises_fail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    idle = _felt(append_p99=10.0, workers=0)
    loops = _felt(append_p99=15.0, workers=0)
    slow = _felt(append_p99=30.0, write_longest_at_swap=200.0, blocked=150)
    spans = [idle, loops, slow, _felt(append_p99=20.0, workers=0)]
    given = Namespace(facts=10, rate=1)
    assert load._verdict(given, spans, [], 5) == 0
    said = capsys.readouterr().out
    assert "append p99 is 3.0 x idle with 1 worker" in said
    assert "append p99 3.0 x idle, 1.5 x idle again, 2.0 x beside loops" in said
    assert "by state: swapping 2.0 and 3.0 ms" in said
    assert "a writer waited 199.0 ms longer" in said
    assert "the swap took 150 ms" in said
    assert load._verdict(given, spans, ["one is lost"], 5) == 1
    assert load._verdict(given, spans, [], 0) == 1


def _felt(**changes: Any) -> load.Felt:
    felt = load.Felt("rebuild", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, {"swapping": (2.0, 3.0)})
    return felt._replace(**changes)
