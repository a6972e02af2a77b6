"""Live through months with members of every kind, and hold the books against the gateway's list.

The schedule's own jobs do all the work, on the virtual clock.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from ledger import ids
from ledger.clock import SystemClock, VirtualClock
from ledger.facts import Actor, Cause
from ledger.payments.balance import Movement
from ledger.store.upgrade import upgrade
from projections.queries.due import DueQueries
from scripts.drills.grounds import data_folder
from scripts.drills.year_people import STAFF, People
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.spans import after
from web.jobs.travelling import Traveller, following
from web.parts import Parts
from web.payments.reconciling import reconcile
from web.running.database import database
from web.sessions.job_runs import JobRuns, JobState
from web.settings import Settings
from web.wiring import wire

STEP_HOURS = 20
"""Hardly less than the time within which an Indian card's charge has to begin (DU4)."""
MOST = 100_000
SETTLES_WITHIN = timedelta(days=40)
"""By then every bank has answered, every dispute is decided and every refund has come back."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MOVED = "SELECT kind, sum(minor)::bigint FROM movements WHERE currency = %(currency)s GROUP BY kind"
PAID_TWICE = "SELECT count(*) FROM orders WHERE jsonb_array_length(payments) > 1"


@dataclass
class Lived:
    """How the months went. `wrong` are sentences; there should be none."""

    seconds: float = 0.0
    own_seconds: float = 0.0
    """Of the processor, in this process."""
    facts: int = 0
    steps: int = 0
    refused: int = 0
    jobs: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    sums: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def declare(parser: argparse.ArgumentParser) -> None:
    """The drill's options."""
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--months", type=int, default=18)
    parser.add_argument("--step-hours", type=int, default=STEP_HOURS)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Live, and compare; 0 if the books balance."""
    with data_folder() as data:
        settings = Settings(data=data)
        with database(settings) as dsn:
            upgrade(dsn)
            began = SystemClock().now().replace(minute=0, second=0, microsecond=0)
            clock = VirtualClock(began)
            with wire(settings, dsn, clock=clock) as parts:
                lived = live(
                    parts,
                    dsn,
                    clock,
                    members=given.members,
                    until=after(began, f"{given.months}mo", settings.zone),
                    step=timedelta(hours=given.step_hours),
                    seed=given.seed,
                )
    _say(lived, given)
    return 1 if lived.wrong else 0


def live(
    parts: Parts,
    dsn: str,
    clock: VirtualClock,
    *,
    members: int,
    until: datetime,
    step: timedelta,
    seed: int,
) -> Lived:
    """Let people come and time pass, then look whether everything is right."""
    lived, people, began_at = Lived(), People(parts, seed=seed), clock.now()
    people.build()
    people.arrive(members)
    began, busy = time.monotonic(), time.process_time()
    with following(parts, dsn) as catch_up, parts.sandbox.batch() as shelf:
        saving = partial(_acting, people, clock, shelf.flush)
        Traveller(parts, clock, AlwaysLeads(), catch_up, saving=saving).go(
            until, step=step, told=lambda _: _count(lived)
        )
        catch_up()
    lived.seconds = time.monotonic() - began
    lived.own_seconds = time.process_time() - busy
    lived.facts = parts.recorder.max_notification_id() or 0
    lived.refused = people.refused
    for state in JobRuns(parts.pool).all():
        lived.outcomes.update({f"{state.name}: {name}": n for name, n in state.total.items()})
        if _failures(state) > 0:
            lived.wrong.append(f"{_failures(state)} runs of {state.name} failed: {state.error}")
    _settle(parts, clock, dsn)
    lived.wrong += [*_wrong_sums(parts, lived), *_left_over(parts), *_drifts(parts, began_at)]
    return lived


def _failures(state: JobState) -> int:
    """Runs that failed, but for those that ended where an answer was lost, as some cards do it."""
    return state.failures - state.total.get("unknown", 0)


@contextmanager
def _acting(people: People, clock: VirtualClock, flush: Callable[[], None]) -> Iterator[None]:
    people.act(clock.now())
    yield
    flush()  # the sandbox's side first: the books never say more than it knows


def _count(lived: Lived) -> None:
    lived.steps += 1


def _settle(parts: Parts, clock: VirtualClock, dsn: str) -> None:
    """Let what is under way come to its end: no new charge falls due meanwhile."""
    waits = [job for job in JOBS if job.name in {"attempts", "inbox", "missed notices"}]
    with following(parts, dsn) as catch_up:
        rest = Traveller(parts, clock, AlwaysLeads(), catch_up, jobs=waits)
        rest.go(clock.now() + SETTLES_WITHIN, step=timedelta(days=1))
        catch_up()


def _all_movements(parts: Parts) -> list[Movement]:
    always = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    return list(parts.sandbox.list_movements(since=always[0], until=always[1]))


def _wrong_sums(parts: Parts, lived: Lived) -> Iterator[str]:
    """The views' sums against the gateway's own list, by kind of movement."""
    theirs: Counter[str] = Counter()
    for movement in _all_movements(parts):
        theirs[movement.kind] += movement.amount.minor
    with parts.pool.connection() as connection:
        ours = dict(connection.execute(MOVED, {"currency": parts.site.currency}).fetchall())
        (twice,) = connection.execute(PAID_TWICE).fetchone() or (0,)
    lived.sums = dict(theirs)
    compared = {
        "payment": (ours.get("payment", 0), theirs["payment"]),
        "refund": (ours.get("refund", 0), theirs["refund"]),
        "refund that failed": (ours.get("refund_failed", 0), theirs["refund_failure"]),
        "fee": (ours.get("fee", 0), theirs["fee"] + theirs["dispute_fee"]),
        "dispute": (ours.get("dispute_lost", 0), theirs["dispute"] + theirs["dispute_reversal"]),
    }
    for kind, (here, there) in compared.items():
        if here != there:
            yield f"{kind}: the books say {here}, the gateway {there}"
    if twice:
        yield f"{twice} orders were paid twice"


def _left_over(parts: Parts) -> Iterator[str]:
    due = DueQueries(parts.pool)
    now = parts.clock.now() - SETTLES_WITHIN - timedelta(days=1)
    for name, found in (
        ("charges are due and were not made", due.charges(now, MOST)),
        ("unpaid memberships did not lapse", due.lapses(now, MOST)),
        ("orders are undecided", due.undecided(MOST)),
        ("periods were passed over", due.missed(LONG_AGO, MOST)),
    ):
        if found:
            yield f"{len(found)} {name}"


def _drifts(parts: Parts, since: datetime) -> Iterator[str]:
    cause = Cause(kind="job", id=ids.new())
    by: Actor = STAFF
    report = reconcile(parts, since=since, until=parts.clock.now(), by=by, cause=cause)
    for drift in report.found:
        sides = f"ours {drift.ours}, theirs {drift.theirs}"
        yield f"{drift.drift}: {drift.kind} {drift.source}, {sides}"
    if report.receipt.mended:
        yield f"{report.receipt.mended} movements were missing, and were taken in at the end"


def _say(lived: Lived, given: argparse.Namespace) -> None:
    print(
        f"{given.members} members lived {given.months} months in {lived.seconds:.1f} s:"
        f" ({lived.own_seconds:.1f} s of processor here): {lived.facts} facts, {lived.steps} steps"
    )
    for name, count in sorted(lived.outcomes.items()):
        print(f"  {name:<32}{count:>10}")
    print("  by the gateway's own list, in cents:", lived.sums)
    for sentence in lived.wrong[:40]:
        print(sentence)
    print("the books balance" if not lived.wrong else f"{len(lived.wrong)} wrong")
