"""Tell the demo's story, and hold every row, total, status and access answer against the oracle.

The oracle reads exported facts and shares no code with the product (tests/projections/oracle).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from ledger.audit.export import opened_lines
from ledger.store.mapper import FactMapper
from ledger.store.upgrade import upgrade
from projections.queries.members import MemberFilter, MemberQueries
from projections.queries.paging import Turn
from scripts.drills.grounds import data_folder
from tests.projections.oracle import Oracle, compared
from tests.projections.tables import stored
from web.cli.start import tell_with_progress
from web.parts import Parts
from web.running.database import database
from web.running.following import follower
from web.settings import Settings
from web.wiring import wire

PAGE = 200


def declare(parser: argparse.ArgumentParser) -> None:
    """The drill's options."""
    parser.add_argument("--members", type=int, default=2_000)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Tell the story, fold it twice, and compare."""
    with data_folder() as data:
        settings = Settings(data=data)
        with database(settings) as dsn:
            upgrade(dsn)
            began = time.monotonic()
            report = tell_with_progress(
                settings, dsn, members=given.members, months=given.months, seed=given.seed
            )
            told = time.monotonic() - began
            with wire(settings, dsn) as parts:
                began = time.monotonic()
                position = follower(parts, dsn).catch_up()
                followed = time.monotonic() - began
                print(report)
                print(f"told {position} facts in {told:.1f} s ({position / told:,.0f} facts/s)")
                print(f"views: {followed:.1f} s ({position / followed:,.0f} facts/s)")
                return _compare(parts, data / "facts.ndjson")


def _compare(parts: Parts, exported: Path) -> int:
    with exported.open("wb") as file:
        for line in opened_lines(parts.recorder, FactMapper(parts.ledger.vault)):
            file.write(line + b"\n")
    site, now = parts.site, datetime.now(UTC)
    with exported.open("rb") as lines:
        oracle = Oracle(lines, currency=site.currency, mode=site.mode, zone=site.zone)
    rows = stored(parts.pool, site)
    wrong = [*_wrong_rows(parts, oracle, now), *_wrong_answers(parts, oracle, now)]
    wrong += [one for view in rows for one in compared(view, oracle.rows(view), rows[view])]
    for sentence in wrong[:20]:
        print(sentence)
    print(
        f"compared {len(oracle.accounts)} members, {len(oracle.stays)} access answers and"
        f" {sum(map(len, rows.values()))} rows of {len(rows)} views: {len(wrong)} wrong"
    )
    return 1 if wrong else 0


def _wrong_rows(parts: Parts, oracle: Oracle, now: datetime) -> Iterator[str]:
    settings = parts.settings
    queries, turn, seen = MemberQueries(parts.pool), Turn("name", limit=PAGE), set[str]()
    while True:
        page = queries.page(MemberFilter(), turn, now)
        for row in page.rows:
            member = str(row.member_id)
            seen.add(member)
            spent = (row.gross, row.refunded, row.disputed)
            expected = oracle.total(member, settings.currency, settings.mode)
            if spent != expected:
                yield f"{member} spent {spent}, the oracle says {expected}"
            if row.status != oracle.status(member, now):
                yield f"{member} is {row.status}, the oracle says {oracle.status(member, now)}"
        if page.next_cursor is None:
            break
        turn = Turn("name", limit=PAGE, cursor=page.next_cursor)
    if seen != set(oracle.accounts):
        yield f"{len(seen)} members listed, the oracle knows {len(oracle.accounts)}"


def _wrong_answers(parts: Parts, oracle: Oracle, now: datetime) -> Iterator[str]:
    for member in oracle.accounts:
        for plan in {stay["plan"] for stay in oracle.stays_of(member)}:
            answer = parts.ledger.access(UUID(member), UUID(plan), now)
            if answer.allowed != oracle.access(member, plan, now):
                yield f"access of {member} to {plan} is {answer.allowed}: {answer.rule}"
