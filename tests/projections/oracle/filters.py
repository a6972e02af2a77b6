"""Who fits a filter over the member list, asked member by member (SE2, SE3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.projections.oracle.judge import Oracle
from tests.projections.oracle.lines import NEVER, Fact, instant
from tests.projections.oracle.stays import runs
from tests.projections.oracle.words import sort_key

MOST_WORDS = 8
"""Words of a search that are looked for."""


def fitting(oracle: Oracle, asked: Fact, now: datetime) -> set[str]:
    """Who fits all that a filter asks: fields as a saved segment has them, absent or None if not.

    From is included, before is not; spent includes both ends.
    """
    given = {name: value for name, value in asked.items() if value not in (None, [], "")}
    found = {row["member_id"] for row in oracle.rows("members") if _fits(oracle, row, given, now)}
    return found & oracle.segment(given["segment"], now) if "segment" in given else found


def _fits(oracle: Oracle, row: Fact, asked: dict[str, Any], now: datetime) -> bool:
    member = row["member_id"]
    standing = {one["plan"] for one in oracle.stays_of(member) if runs(one, now)}
    answers: dict[str, Callable[[Any], bool]] = {
        "statuses": lambda wanted: oracle.status(member, now) in wanted,
        "plan_id": lambda wanted: wanted in standing,
        "tag": lambda wanted: wanted in row["tags"],
        "joined_from": lambda since: _since(row["joined_at"], since),
        "joined_before": lambda end: _before(row["joined_at"], end),
        "spent_from": lambda least: row["spent"] >= least,
        "spent_to": lambda most: row["spent"] <= most,
        "last_order_from": lambda since: _since(row["last_order_at"], since),
        "last_order_before": lambda end: _before(row["last_order_at"], end),
        "method_country": lambda wanted: row["method_country"] == wanted,
        "agrees": lambda wanted: row["agrees"] is wanted,
        "text": lambda words: _holds(row, words),
    }
    return all(fits(asked[name]) for name, fits in answers.items() if name in asked)


def _since(at: datetime, since: str) -> bool:
    return at >= (instant(since) or NEVER)


def _before(at: datetime, end: str) -> bool:
    return NEVER < at < (instant(end) or NEVER)


def _holds(row: Fact, text: str) -> bool:
    """Whether every word stands somewhere in the name or the address."""
    said = f"{sort_key(row['name'])} {sort_key(row['email'])}"
    return all(word in said for word in sort_key(text).split()[:MOST_WORDS])
