"""The books' facts as whoever asks may see them: some fields are for who may read of members."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Literal

from ledger.facts import fact_classes, personal_fields
from projections.queries.books import BookQueries
from web.identity.permissions import Permission
from web.parts import Parts

StreamKind = Literal["member", "order", "plan", "discount", "contributor", "notice", "list", "site"]
ActorKind = Literal["member", "contributor", "program", "scheduler", "gateway", "machine"]
LONGEST_TOPIC = 100


def books_of(parts: Parts) -> BookQueries:
    """Who asks the books."""
    return BookQueries(parts.pool, parts.recorder, parts.queries.history.mapper)


def personal_of(topic: str) -> frozenset[str]:
    """Which fields of a fact are somebody's own."""
    return _personal().get(topic, frozenset())


def hidden_from(permissions: Collection[Permission], topic: str) -> frozenset[str]:
    """Which fields of a fact are not shown to who may do these things: what is somebody's own is
    for who may read of members.
    """
    return frozenset() if Permission.READ_MEMBERS in permissions else personal_of(topic)


@cache
def _personal() -> dict[str, frozenset[str]]:
    return {kind.TOPIC: frozenset(personal_fields(kind)) for kind in fact_classes()}
