"""Charge members for months through broken lines, crashes and a bad post; then count the money.

Drift, double charges and open attempts must be 0 against the payment company's own list. Then what
keeps these promises is taken away, one thing at a time: each time the drill must fail.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger import ids
from ledger.clock import VirtualClock
from ledger.payments.sandbox_books import MemoryBooks
from ledger.store.upgrade import upgrade
from scripts.drills.grounds import data_folder
from scripts.drills.payments_ablations import ABLATIONS, NO_CATCH_UP
from scripts.drills.payments_luck import Luck
from scripts.drills.payments_people import Cast
from scripts.drills.payments_site import NOON, NeverDone, site
from scripts.drills.payments_verdict import Verdict, judged
from tests.payments.sandbox_stage import sandbox_stage
from tests.payments.stage import Stage
from web.database import database
from web.settings import Settings

MONTH = timedelta(days=30, hours=10)
REST = timedelta(days=35)
"""Until every attempt, refund and dispute has come to its end."""
SHORTEST_STEP_HOURS, LONGEST_STEP_HOURS = 12, 84
CALM_STEP_HOURS = 20
SETTLING_STEPS = 3
"""After the last charge: its outcome may be heard at the second try only, its fee comes later."""
OTHER_SEEDS = 1_000_003
"""Ids are drawn from dice of their own: random ones would shuffle what is sorted by them."""
ABLATED_MEMBERS, ABLATED_PERIODS = 6, 3

Companies = dict[str, Callable[[], Stage]]


@dataclass(frozen=True)
class Size:
    """How much is played."""

    members: int
    periods: int


def declare(parser: argparse.ArgumentParser) -> None:
    """The drill's options."""
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--members", type=int, default=30)
    parser.add_argument("--periods", type=int, default=18, help="months")
    parser.add_argument("--gateway", choices=sorted(COMPANIES), default="sandbox")
    parser.add_argument("--no-ablations", action="store_true")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Play every seed, then every ablation; 1 if a promise was broken or an ablation passed."""
    size, company = Size(given.members, given.periods), COMPANIES[given.gateway]
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    with data_folder() as data:
        settings = Settings(data=data)
        with database(settings) as dsn:
            verdicts = [_play_seed(settings, dsn, seed, size, company) for seed in seeds]
            ablated = (
                {}
                if given.no_ablations
                else {
                    name: _fails_without(settings, dsn, name, given.first_seed, company)
                    for name in ABLATIONS
                }
            )
    kept = all(verdict.is_kept for verdict in verdicts)
    print(json.dumps(_summary(given.gateway, verdicts, ablated)))
    return 0 if kept and all(ablated.values()) else 1


def play(
    settings: Settings,
    dsn: str,
    luck: Luck,
    size: Size,
    stage: Stage,
    *,
    catches_up: bool = True,
) -> Verdict:
    """Live through so many months, let everything come to rest, and judge."""
    with (
        patch.object(ids, "uuid4", Luck(luck.seed + OTHER_SEEDS).id),
        site(settings, dsn, stage, luck, catches_up=catches_up) as played,
    ):
        cast = Cast(played, size.members)
        until = NOON + size.periods * MONTH
        while played.clock.now() < until:
            cast.act()
            played.wait(luck.dice.randint(SHORTEST_STEP_HOURS, LONGEST_STEP_HOURS))
        luck.is_calm = True
        cast.leave()
        until = played.clock.now() + REST
        while played.clock.now() < until:
            played.wait(CALM_STEP_HOURS)
        for _ in range(SETTLING_STEPS):
            played.settle()
        return judged(played, cast)


def _play_seed(
    settings: Settings, dsn: str, seed: int, size: Size, company: Callable[[], Stage]
) -> Verdict:
    luck, began = Luck(seed), time.monotonic()
    with _fresh_database(dsn) as own:
        verdict = play(settings, own, luck, size, company())
    counts = luck.counts
    print(
        f"seed {seed}: {verdict.charges} charges, {counts['notices']} notices"
        f" ({counts['notices lost']} lost, {counts['notices repeated']} repeated),"
        f" {counts['calls lost']} calls and {counts['answers lost']} answers lost,"
        f" {counts['crashes']} crashes, {counts['refunds there']} refunds at the company:"
        f" drift {verdict.drift}, double charges {verdict.double_charges},"
        f" open attempts {verdict.open_attempts}; {time.monotonic() - began:.0f} s"
        + ("" if verdict.is_kept else f" BROKEN: {verdict}"),
        flush=True,
    )
    return verdict


def _fails_without(
    settings: Settings, dsn: str, name: str, seed: int, company: Callable[[], Stage]
) -> bool:
    """Whether the drill fails without one of the things that keep its promises."""
    size, why = Size(ABLATED_MEMBERS, ABLATED_PERIODS), "was never done"
    is_kept = False
    with _fresh_database(dsn) as own, ABLATIONS[name]():
        try:
            verdict = play(
                settings, own, Luck(seed), size, company(), catches_up=name != NO_CATCH_UP
            )
        except NeverDone:
            pass
        else:
            is_kept, why = verdict.is_kept, _short(verdict)
    said = "PASSED, it proves nothing" if is_kept else "fails, as it should"
    print(f"without it ({name}): {said}: {why}", flush=True)
    return not is_kept


def _short(verdict: Verdict) -> str:
    told = {
        name: len(value) if isinstance(value, list) else value
        for name, value in asdict(verdict).items()
        if name != "differ"
    }
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _summary(gateway: str, verdicts: list[Verdict], ablated: dict[str, bool]) -> dict[str, object]:
    return {
        "drill": "payments",
        "gateway": gateway,
        "seeds": len(verdicts),
        "kept": sum(verdict.is_kept for verdict in verdicts),
        "charges": sum(verdict.charges for verdict in verdicts),
        "drift": sum(verdict.drift for verdict in verdicts),
        "double_charges": sum(verdict.double_charges for verdict in verdicts),
        "open_attempts": sum(verdict.open_attempts for verdict in verdicts),
        "ablations_fail": ablated,
    }


@contextmanager
def _fresh_database(dsn: str) -> Iterator[str]:
    """A database of its own beside the one that is given, dropped afterwards."""
    name = sql.Identifier(f"drill_{uuid4().hex}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(name))
        own = make_conninfo(dsn, dbname=name.as_string().strip('"'))
        try:
            upgrade(own)
            yield own
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(name))


def _sandbox() -> Stage:
    return sandbox_stage(MemoryBooks(), NOON)


def _emulator() -> Stage:
    """Stripe's own SDK over the emulator of the tests."""
    from tests.payments.stripe.stripe_stage import StripeStage

    return StripeStage(VirtualClock(NOON))


COMPANIES: Companies = {"sandbox": _sandbox, "emulator": _emulator}
