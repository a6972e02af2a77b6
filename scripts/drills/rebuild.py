"""Kill workers, coordinator and PostgreSQL in every state of a rebuild, and see it through.

Facts arrive meanwhile. After each round every view has the digest of a fold that nobody disturbed,
which the independent oracle has judged, and nothing that was done was done again.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from ledger.audit.export import opened_lines
from ledger.store.mapper import FactMapper
from projections.catalogue import all_views
from projections.status import ViewsStatus
from scripts.drills.folding import Folded
from scripts.drills.logged import LoggedSite, logged_site, say
from scripts.drills.orders_given import Sender, wrong_in_books, wrong_in_views
from scripts.drills.striking import AIMS, Aim, Strike, is_gone, strike
from scripts.drills.watching import Seen, Watch
from tests.projections.oracle import disagreements
from tests.projections.tables import stored
from web.running.following import follower

MOST_TAKEN_UP = 6
MOST_MISSES = 3
LONGEST_SECONDS = 180
PAUSE_SECONDS = 0.03
TARGETS = "SELECT member_id FROM members WHERE closed_at IS NULL ORDER BY member_id LIMIT 40"
COUNTS = """
SELECT count(*), (SELECT count(*) FROM views.rebuilds WHERE state = 'live')
  FROM ledger.facts WHERE topic = 'site.view_rebuilt'
"""
HASHED = """
SELECT count(*), sum(hashtextextended(facts::text, 0))::text
  FROM ledger.facts WHERE position <= %(position)s
"""


def declare(parser: argparse.ArgumentParser) -> None:
    """The drill's options."""
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--facts", type=int, default=24_000)
    parser.set_defaults(run=run)


class Round(NamedTuple):
    """What became of a round."""

    strike: Strike | None
    seconds: float
    taken_up: int
    kept: int
    wrong: list[str]


def run(given: argparse.Namespace) -> int:
    """So many rounds, a line for each, and what they came to."""
    began = time.monotonic()
    with logged_site(given.facts, seed=given.seed) as site, ExitStack() as open_things:
        logging.basicConfig(filename=site.data / "drill.log")  # lost connections are no news
        drill = Drill(site, given.seed)
        open_things.callback(drill.stop)
        wrong = drill.begin()
        rounds = []
        for number in range(1, given.rounds + 1):
            one = drill.round()
            rounds.append(one)
            print(f"{number:>3}  seed {given.seed}  {_told(one)}", flush=True)
        wrong += drill.end()
    return _verdict(given, rounds, wrong, time.monotonic() - began)


class Drill:
    """A site under commands whose views are rebuilt over and over."""

    def __init__(self, site: LoggedSite, seed: int) -> None:
        self._site = site
        self._dice = random.Random(seed)  # noqa: S311 -- repeatable bad luck, no secret
        self._watch = Watch(site.dsn)
        self._folded = Folded(site.parts)
        self._status = ViewsStatus(site.parts.pool, all_views(site.parts.site), site.parts.clock)
        self._follower = follower(site.parts, site.dsn)
        self._aims = Aims(self._dice)
        self._sender = Sender(site.parts, random.Random(seed), pause_seconds=PAUSE_SECONDS)  # noqa: S311
        self._base: tuple[Any, ...] = ()

    def begin(self) -> list[str]:
        """Fold once undisturbed, have that judged, and let facts arrive; what was wrong."""
        site = self._site
        site.run("views", "rebuild", "--all", "--workers", "2", "--json")
        self._follower.start()
        wrong = [*self._differences(), *self._judged()]
        self._base = self._books()
        with site.parts.pool.connection() as connection:
            members = [row[0] for row in connection.execute(TARGETS)]
        self._sender.start(members)
        return wrong

    def round(self) -> Round:
        """One rebuild, one kill, and all that must hold afterwards."""
        site, watch, aim = self._site, self._watch, self._aims.next()
        last = watch.seen()
        run = site.start("views", "rebuild", "--all", "--workers", "2", "--json")
        found = strike(
            site,
            watch,
            run,
            before=last.number if last else 0,
            aim=aim,
            dice=self._dice,
        )
        at = found.at if found else time.monotonic()
        wrong, taken_up = self._seen_through(run, last)
        seconds = time.monotonic() - at
        self._aims.struck(found.hit if found else None)
        if found is not None:
            wrong += self._done_again(found)
        self._sender.rest()
        wrong += self._differences()
        self._sender.go_on()
        return Round(found, seconds, taken_up, len(found.done) if found else 0, wrong)

    def end(self) -> list[str]:
        """What is wrong with the books and the views in the end."""
        sender, parts, after = self._sender, self._site.parts, self._site.facts
        sender.rest()
        wrong = [*self._differences(), *self._judged()]
        say(f"{len(sender.acknowledged.ids)} commands were acknowledged; counting them")
        wrong += wrong_in_books(parts, after, sender.acknowledged)
        wrong += wrong_in_views(parts, after, sender.acknowledged)
        if self._books() != self._base:
            wrong.append(f"the log itself is {self._books()}, and was {self._base}")
        say("every person is folded again")
        self._site.run("views", "verify", "--everybody")
        return wrong

    def stop(self) -> None:
        """Leave."""
        self._sender.stop()
        self._follower.stop()
        self._watch.close()

    # --- within -----------------------------------------------------------------------

    def _seen_through(self, run: subprocess.Popen[str], last: Seen | None) -> tuple[list[str], int]:
        """Take the rebuild up until it serves; what was wrong, and how often it took."""
        wrong, groups = list[str](), [run]
        for taken_up in range(MOST_TAKEN_UP):
            _waited_for(groups[-1], wrong)
            seen = self._watch.seen()
            if seen is not None and seen != last and seen.stage == "live":
                wrong += [
                    f"process group {one.pid} lives on" for one in groups if not is_gone(one.pid)
                ]
                return wrong, taken_up
            if seen is not None and seen.stage not in {"live", "failed", "cancelled"}:
                groups.append(self._site.start("views", "rebuild", "--json"))
            else:
                break
            time.sleep(0.05)
        wrong.append(f"the rebuild did not end well: {self._watch.seen()}; {self._site.said()}")
        return wrong, MOST_TAKEN_UP

    def _done_again(self, found: Strike) -> list[str]:
        """Work that was safe and was done again."""
        now = self._watch.done(found.number)
        wrong = [
            f"part {part} was done, and was done again"
            for part, transaction in found.done.items()
            if now.get(part) != transaction
        ]
        wrong += [f"schema {name} is left over" for name in self._watch.left_over()]
        return wrong

    def _differences(self) -> list[str]:
        """Views whose digest is not that of a fold in this process, and books that don't add up."""
        parts = self._site.parts
        position = self._folded.carry_on()
        parts.views.wait_for(position, wait_seconds=LONGEST_SECONDS)
        expected = self._folded.digests()
        found = {one.name: one for one in self._status.all()}
        wrong = [
            f"{name} holds {one.rows} rows, digest {one.digest}, at {one.position};"
            f" expected {rows}, {digest} at {position}"
            for name, (rows, digest) in expected.items()
            if (one := found[name]).position != position
            or (one.rows, one.digest) != (rows, digest)
            or one.parked
        ]
        return [*wrong, *self._miscounted()]

    def _miscounted(self) -> Iterator[str]:
        with self._site.parts.pool.connection() as connection:
            [(receipts, rebuilds)] = connection.execute(COUNTS).fetchall()
        if receipts != rebuilds:
            yield f"{receipts} receipts of {rebuilds} rebuilds"

    def _judged(self) -> list[str]:
        """What the oracle says of the rows that serve now."""
        parts = self._site.parts
        say("the oracle judges every row")
        lines = opened_lines(parts.recorder, FactMapper(parts.ledger.vault))
        site = parts.site
        return disagreements(
            lines,
            stored(parts.pool, site),
            currency=site.currency,
            mode=site.mode,
            zone=site.zone,
        )

    def _books(self) -> tuple[Any, ...]:
        with self._site.parts.pool.connection() as connection:
            [row] = connection.execute(HASHED, {"position": self._site.facts}).fetchall()
            return tuple(row)


def _waited_for(process: subprocess.Popen[str], wrong: list[str]) -> None:
    try:
        process.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        wrong.append(f"process {process.pid} did not end within {LONGEST_SECONDS} s")
        process.kill()
        process.communicate()


class Aims:
    """What to aim at: everything in turn, and what was missed once more."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._waiting: list[Aim] = []
        self._missed = Counter[Aim]()

    def next(self) -> Aim:
        """The next one."""
        if not self._waiting:
            self._waiting = self._dice.sample(AIMS, len(AIMS))
            self._missed.clear()
        return self._waiting[0]

    def struck(self, hit: Aim | None) -> None:
        """Note what was hit, which may be something else."""
        aim = self._waiting.pop(0)
        if hit in self._waiting:
            self._waiting.remove(hit)
        if hit != aim and self._missed[aim] < MOST_MISSES:
            self._missed[aim] += 1
            self._waiting.append(aim)


def _told(one: Round) -> str:
    if one.strike is None:
        told = "nobody was hit: the rebuild ended first"
    else:
        hit = one.strike.hit
        told = (
            f"{hit.victim:<11} killed {hit.stage:<11} (+{one.strike.delay * 1000:4.0f} ms,"
            f" {one.kept} parts done)  live after {one.seconds:5.1f} s, taken up {one.taken_up}x"
        )
    return "\n     ".join([told, *(f"WRONG: {sentence}" for sentence in one.wrong[:10])])


def _verdict(
    given: argparse.Namespace, rounds: list[Round], wrong: list[str], seconds: float
) -> int:
    for sentence in wrong[:20]:
        print(f"WRONG: {sentence}")
    hits = Counter(one.strike.hit for one in rounds if one.strike)
    missed = [" ".join(aim) for aim in AIMS if aim not in hits]
    recovered = sorted(one.seconds for one in rounds if one.strike)
    faults = len(wrong) + sum(len(one.wrong) for one in rounds)
    print(
        json.dumps(
            {
                "drill": "rebuild",
                "seed": given.seed,
                "facts": given.facts,
                "rounds": len(rounds),
                "kills": {" ".join(aim): hits[aim] for aim in AIMS},
                "never_hit": missed,
                "longest_recovery_seconds": round(recovered[-1], 1) if recovered else None,
                "wrong": faults,
                "seconds": round(seconds),
            }
        )
    )
    owed = missed and len(rounds) >= 2 * len(AIMS)
    return 1 if faults or owed else 0
