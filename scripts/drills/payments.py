"""Charge members for months through broken lines, crashes and a bad post; then count the money.

Drift, double charges and open attempts must be 0 against the payment company's own list, before
the reconciler has looked at anything; it must then find nothing either. After that what keeps these
promises is taken away, one thing at a time: each time the drill must fail.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString
from unittest.mock import patch
from uuid import uuid4

import psycopg
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger import ids
from ledger.clock import VirtualClock
from ledger.payments.sandbox_books import MemoryBooks
from ledger.store.embedded import Embedded
from ledger.store.upgrade import upgrade
from scripts.drills.grounds import data_folder
from scripts.drills.payments_ablations import ABLATIONS
from scripts.drills.payments_luck import Luck
from scripts.drills.payments_people import Cast
from scripts.drills.payments_site import NOON, NeverDone, site
from scripts.drills.payments_verdict import Verdict, judged
from tests.payments.sandbox_stage import sandbox_stage
from tests.payments.stage import Stage
from web.settings import Settings
from web.wiring import wire

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
MACHINE_STAYS_UP = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
"""It is our process that crashes here, never the server: nothing waits for the disk."""

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
    quiet()
    size, company = Size(given.members, given.periods), COMPANIES[given.gateway]
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    with _grounds() as grounds:
        verdicts = [_play_seed(grounds, seed, size, company) for seed in seeds]
        ablated = {
            name: _fails_without(grounds, name, given.first_seed, company)
            for name in ([] if given.no_ablations else ABLATIONS)
        }
    kept = all(verdict.is_kept for verdict in verdicts)
    print(json.dumps(_summary(given.gateway, verdicts, ablated)))
    return 0 if kept and all(ablated.values()) else 1


def play(settings: Settings, dsn: str, luck: Luck, size: Size, stage: Stage) -> Verdict:
    """Live through so many months, let everything come to rest, and judge."""
    with (
        patch.object(ids, "uuid4", Luck(luck.seed + OTHER_SEEDS).id),
        site(settings, dsn, stage, luck) as played,
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


def quiet() -> None:
    """Let the site not tell of what goes wrong on purpose."""
    silence = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silence)
    logging.disable(logging.ERROR)


def _play_seed(grounds: Grounds, seed: int, size: Size, company: Callable[[], Stage]) -> Verdict:
    luck, began, busy = Luck(seed), time.monotonic(), time.process_time()
    with grounds.fresh() as own:
        verdict = play(grounds.settings, own, luck, size, company())
    counts = luck.counts
    print(
        f"seed {seed}: {verdict.charges} charges, {counts['notices']} notices"
        f" ({counts['notices lost']} lost, {counts['notices repeated']} repeated,"
        f" {counts['notices received']} posted over HTTP),"
        f" {counts['calls lost']} calls and {counts['answers lost']} answers lost,"
        f" {counts['crashes']} crashes, {counts['refunds there']} refunds at the company:"
        f" drift {verdict.drift}, double charges {verdict.double_charges},"
        f" open attempts {verdict.open_attempts}; then the reconciler found {len(verdict.found)}"
        f" and mended {verdict.mended}; {time.monotonic() - began:.0f} s"
        f" ({time.process_time() - busy:.0f} s of processor here)"
        + ("" if verdict.is_kept else f" BROKEN: {verdict.why}; {verdict}"),
        flush=True,
    )
    return verdict


def _fails_without(grounds: Grounds, name: str, seed: int, company: Callable[[], Stage]) -> bool:
    """Whether what depends on one of the things that keep the promises breaks without it."""
    size, ablation = Size(ABLATED_MEMBERS, ABLATED_PERIODS), ABLATIONS[name]
    with grounds.fresh() as own, ablation.without():
        try:
            verdict = play(grounds.settings, own, Luck(seed), size, company())
        except NeverDone:
            verdict = Verdict(broken=["something was never done"])
    fails = not ablation.breaks.isdisjoint(verdict.wrong)
    otherwise = "PASSED, it proves nothing" if verdict.is_kept else "fails for ANOTHER REASON"
    said = "fails, as it should" if fails else otherwise
    print(f"without it ({name}): {said}: {verdict.why}", flush=True)
    return fails


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
        "reconciler_found": sum(len(verdict.found) for verdict in verdicts),
        "reconciler_mended": sum(verdict.mended for verdict in verdicts),
        "ablations_fail": ablated,
    }


@dataclass(frozen=True)
class Grounds:
    """Where it is played: a server, and a database with all tables and nothing in them."""

    settings: Settings
    dsn: str
    template: str = "drill_template"

    def lay_out(self) -> None:
        """Make the database that every other one is a copy of."""
        with self._server() as server:
            server.execute(_statement("create database {}", self.template))
        template = make_conninfo(self.dsn, dbname=self.template)
        upgrade(template)
        with wire(self.settings, template, clock=VirtualClock(NOON)):
            pass  # the views' tables are made by the way

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """A database of its own, dropped afterwards."""
        name = f"drill_{uuid4().hex}"
        with self._server() as server:
            copy = "create database {} template {} strategy file_copy"
            server.execute(_statement(copy, name, self.template))
            try:
                yield make_conninfo(self.dsn, dbname=name)
            finally:
                server.execute(_statement("drop database {} with (force)", name))

    def _server(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.dsn, autocommit=True)


@contextmanager
def _grounds() -> Iterator[Grounds]:
    with data_folder() as data, Embedded(data, settings=MACHINE_STAYS_UP) as server:
        grounds = Grounds(Settings(data=data), server.dsn)
        grounds.lay_out()
        yield grounds


def _statement(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*(sql.Identifier(name) for name in names))


def _sandbox() -> Stage:
    return sandbox_stage(MemoryBooks(), NOON)


def _emulator() -> Stage:
    """Stripe's own SDK over the emulator of the tests."""
    from tests.payments.stripe.stripe_stage import StripeStage

    return StripeStage(VirtualClock(NOON))


COMPANIES: Companies = {"sandbox": _sandbox, "emulator": _emulator}
