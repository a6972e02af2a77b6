"""Tables against the judge: what disagrees, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from tests.projections.oracle.judge import SEGMENTS, Oracle
from tests.projections.oracle.lines import NEVER, Fact, Line

KEYS = {
    "members": ("member_id",),
    "memberships": ("member_id", "membership_id"),
    "orders": ("member_id", "order_id"),
    "movements": ("member_id", "order_id", "fact_version"),
    "spending": ("member_id", "currency", "mode"),
    "notes": ("member_id", "note_id"),
    "taggings": ("member_id", "tag"),
    "plans": ("plan_id",),
    "discounts": ("code_id",),
    "contributors": ("contributor_id",),
    "saved_segments": ("segment_id",),
    "mailing_lists": ("list_id",),
    "list_entries": ("list_id", "entry_id"),
    "list_messages": ("list_id", "message_id"),
    "consents": ("member_id",),
    "notices": ("notice_id",),
    "timelines": ("member_id",),
}
NOT_JUDGED = {"position", "unsettled", "search", "traits", "trait_bits", "courses", "apart"}
"""Columns that serve the fold, or an index, alone."""

VALUE = ("changed_at", "currencies", "plan_ids", "kinds", "numerators", "denominators", "steps")
ALONGSIDE: dict[str, dict[str, tuple[str, ...]]] = {
    "members": {"plans": ("plan_ids", "plan_untils")},
    "timelines": {"presence": ("began", "ended"), "changes": VALUE},
}
"""Columns of a view that hold one answer together, element by element, in any order."""

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
Rows = Iterable[Mapping[str, Any]]


def disagreements(
    lines: Iterable[Line],
    rows_by_view: Mapping[str, Rows],
    now: datetime | None = None,
    **moment: Any,
) -> list[str]:
    """Every difference between tables and what the exported facts add up to; empty when right.

    `rows_by_view` holds dictionaries as JSON has them, by the name of the view. `segments` may be
    among them, with rows of `segment` and `member_id` at `now`. `moment` goes to the Oracle.
    """
    oracle = Oracle(lines, **moment)
    found: list[str] = []
    for view, rows in rows_by_view.items():
        if view == "segments":
            assert now is not None, "segments are asked at an instant"
            found += _segments(oracle, rows, now)
        else:
            found += compared(view, oracle.rows(view), rows)
    return found


def compared(view: str, expected: Iterable[Fact], rows: Rows) -> Iterator[str]:
    """How the rows of one view differ from those expected."""
    every = [row for row in rows if not _says_nothing(view, row)]
    told, right = _by_key(view, every), _by_key(view, expected)
    if len(told) != len(every):
        yield f"{view}: {len(every) - len(told)} rows are there twice"
    for key in told.keys() - right.keys():
        yield f"{view} {key}: the oracle knows no such row"
    for key in right.keys() - told.keys():
        yield f"{view} {key}: the row is missing"
    for key in right.keys() & told.keys():
        yield from _differences(f"{view} {key}", right[key], told[key])


def _differences(place: str, right: Fact, told: Fact) -> Iterator[str]:
    for column in sorted(right.keys() | told.keys() - NOT_JUDGED):
        if column not in right:
            yield f"{place} {column}: the oracle does not judge it"
        elif column not in told:
            yield f"{place} {column}: the column is missing"
        elif right[column] != told[column]:
            yield f"{place} {column}: {told[column]!r}, the oracle says {right[column]!r}"


def _segments(oracle: Oracle, rows: Rows, now: datetime) -> Iterator[str]:
    told: dict[str, set[str]] = {name: set() for name in (*SEGMENTS, "possible_duplicates")}
    for row in rows:
        told[row["segment"]].add(row["member_id"])
    for name, members in told.items():
        for member in sorted(members ^ oracle.segment(name, now)):
            yield f"segment {name}: {member} is {'not ' if member in members else ''}in it"


def _says_nothing(view: str, row: Mapping[str, Any]) -> bool:
    """Whether it is the timeline of somebody who has not joined: as good as none."""
    return view == "timelines" and plain(row["joined_at"]) == plain(NEVER)


def _by_key(view: str, rows: Rows) -> dict[tuple[Any, ...], Fact]:
    shaped = (_shaped(view, row) for row in rows)
    return {tuple(row[name] for name in KEYS[view]): row for row in shaped}


def _shaped(view: str, row: Mapping[str, Any]) -> Fact:
    """A row as it is judged, with what stands alongside brought together."""
    shaped: Fact = plain(dict(row))
    for name, columns in ALONGSIDE.get(view, {}).items():
        if shaped.keys() >= set(columns):
            shaped[name] = zip_longest(*(shaped.pop(column) for column in columns))
        if name in shaped:
            shaped[name] = sorted(map(list, shaped[name]), key=str)
    return shaped


def plain(value: Any) -> Any:
    """A value as JSON has it, with each instant written in one way."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, str) and INSTANT.fullmatch(value):
        value = datetime.fromisoformat(value)
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
