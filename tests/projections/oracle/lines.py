"""Reading the export: one flat dictionary a fact, and which facts a moment of the past holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

Fact = dict[str, Any]
Line = str | bytes | Fact

NEVER = datetime(1, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


def fact_of(line: Line) -> Fact:
    """What a line of the export says, its stored state beside its address."""
    said: Fact = json.loads(line) if isinstance(line, str | bytes) else line
    if "state" not in said:
        return said  # it was read before
    return {
        **said["state"],
        "originator_id": said["stream_id"],
        "originator_version": said["version"],
        "position": said["position"],
        "topic": said["topic"],
        "skips": said["state"].get("position"),
    }


def instant(text: str | None) -> datetime | None:
    """A stored instant."""
    return None if text is None else datetime.fromisoformat(text)


def moment(fact: Fact) -> datetime:
    """When it was true."""
    return datetime.fromisoformat(fact["occurred_at"])


def heard(
    lines: Iterable[Line], *, as_of: datetime | None = None, known: int | None = None
) -> Iterator[Fact]:
    """The facts that were true by an instant and in the books by a position.

    Those that the site has skipped, perhaps later, count at no moment.
    """
    facts = [fact_of(line) for line in lines]
    skipped = {fact["skips"] for fact in facts if fact["topic"] == "site.fact_skipped"}
    for fact in facts:
        counts = fact["position"] not in skipped and (known is None or fact["position"] <= known)
        if counts and (as_of is None or moment(fact) <= as_of):
            yield fact


def streams(facts: Iterable[Fact], kind: str) -> dict[str, list[Fact]]:
    """The facts of every stream of a kind, by its id.

    What follows a beginning that was not yet true is left out with it.
    """
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact["topic"].startswith(f"{kind}."):
            if fact["originator_version"] == 1:
                found[fact["originator_id"]] = []
            if fact["originator_id"] in found:
                found[fact["originator_id"]].append(fact)
    return found


def last(facts: Iterable[Fact], *topics: str) -> Fact | None:
    """The latest fact of some kinds; of any kind where none is named."""
    found = [fact for fact in facts if not topics or fact["topic"] in topics]
    return found[-1] if found else None


def member_topics(*names: str) -> tuple[str, ...]:
    """The stored names of facts of a member's stream."""
    return tuple(f"member.{name}" for name in names)
