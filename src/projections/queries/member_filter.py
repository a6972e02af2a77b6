"""Which members a list shows: what must hold for a row, and what follows from that (SE1, SE3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from projections.instants import FOREVER, NEVER
from projections.queries.segments import (
    HELD,
    HINTS,
    JOINED_STATUSES,
    MARKS,
    RUNNING,
    SEGMENTS,
    STATUSES,
    STATUSES_OF,
    Segment,
    Status,
    either,
    hints_of,
)
from projections.queries.stretches import NOWHERE, Asked, Hint
from projections.search import indexed_patterns, is_searchable, patterns, search_key, storable
from projections.traits import Kind, When, between, bits, trait

FILTERS: dict[str, LiteralString] = {
    "plan_id": """view.plan_ids @> ARRAY[%(plan_id)s::uuid]
        AND view.plan_untils[array_position(view.plan_ids, %(plan_id)s::uuid)] > %(now)s""",
    "tag": 'view.tags @> ARRAY[%(tag)s::text COLLATE "C"]',
    "joined_from": "view.joined_at >= %(joined_from)s AND view.joined_at > %(never)s",
    "joined_before": "view.joined_at < %(joined_before)s AND view.joined_at > %(never)s",
    "spent_from": "view.spent >= %(spent_from)s",
    "spent_to": "view.spent <= %(spent_to)s",
    "last_order_from": """view.last_order_at >= %(last_order_from)s
        AND view.last_order_at > %(never)s""",
    "last_order_before": """view.last_order_at < %(last_order_before)s
        AND view.last_order_at > %(never)s""",
    "method_country": "view.method_country = %(method_country)s",
    "agrees": "view.agrees = %(agrees)s::boolean",
}
WORDS: tuple[tuple[LiteralString, LiteralString], ...] = (
    ("%(word_0)s", "%(indexed_0)s"),
    ("%(word_1)s", "%(indexed_1)s"),
    ("%(word_2)s", "%(indexed_2)s"),
    ("%(word_3)s", "%(indexed_3)s"),
    ("%(word_4)s", "%(indexed_4)s"),
    ("%(word_5)s", "%(indexed_5)s"),
    ("%(word_6)s", "%(indexed_6)s"),
    ("%(word_7)s", "%(indexed_7)s"),
)
# A condition a word: an index serves LIKE, not LIKE ALL.
SEARCH: tuple[LiteralString, ...] = tuple(
    "(' ' || view.name_key || ' ' || view.email_key) LIKE " + word for word, _ in WORDS
)
SEARCH_BY_INDEX: tuple[LiteralString, ...] = tuple(
    "replace(replace(replace(replace(' ' || view.name_key || ' ' || view.email_key,"
    " '@', 'A'), '.', 'B'), '-', 'C'), '_', 'D') LIKE " + word
    for _, word in WORDS
)
"""Says the same of the text that the view's index is made of, which takes longer to make."""
SINGLE_COLUMNS: dict[str, LiteralString] = {
    "joined_from": "view.joined_at",
    "joined_before": "view.joined_at",
    "spent_from": "view.spent",
    "spent_to": "view.spent",
    "last_order_from": "view.last_order_at",
    "last_order_before": "view.last_order_at",
}
"""Filters that are about one column, which sorted indexes carry."""
LAST = "\U0010ffff"
"""Sorts after whatever else a word goes on with."""
HAS_BITS = Hint("view.trait_bits", "view.trait_bits & %(bits)s::bigint = %(bits)s::bigint")
HAS_TRAITS: LiteralString = "view.traits @> %(traits)s::bigint[]"
JOINED_IN: LiteralString = "view.traits && %(joined_in)s::bigint[]"
ORDERED_IN: LiteralString = "view.traits && %(ordered_in)s::bigint[]"
HAS_ORDERED = Hint("view.last_order_at", "view.last_order_at > %(never)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFilter:
    """Which members; all that is given must hold. Instants are aware; money in minor units of the
    site's currency, counted net; `agrees` to messages; `text` is looked for in names and
    addresses, word by word.
    """

    statuses: tuple[Status, ...] = ()
    segment: Segment | None = None
    plan_id: UUID | None = None
    tag: str | None = None
    joined_from: datetime | None = None
    joined_before: datetime | None = None
    spent_from: int | None = None
    spent_to: int | None = None
    last_order_from: datetime | None = None
    last_order_before: datetime | None = None
    method_country: str | None = None
    agrees: bool | None = None
    text: str = ""

    def asked(self, now: datetime) -> Asked:
        """What the database is asked."""
        return Asked(
            self.conditions(),
            self.parameters(now),
            tuple(self.hints()),
            tuple(self._held()),
            self.meant(),
        )

    def conditions(self) -> list[LiteralString]:
        """What must hold, as indexes find it: also what then holds of the traits."""
        return [*self._beside_words(), *self._searched(SEARCH_BY_INDEX), *self._by_traits()]

    def meant(self) -> list[LiteralString]:
        """What must hold, each condition by itself."""
        return [*self._beside_words(), *self._searched(SEARCH)]

    def _beside_words(self) -> list[LiteralString]:
        asked = [FILTERS[name] for name in FILTERS if getattr(self, name) is not None]
        if self.segment is not None:
            asked.append(SEGMENTS[self.segment])
        if self.statuses:
            asked.append(either([STATUSES[name] for name in self.statuses]))
        return asked

    def hints(self) -> Iterator[Hint]:
        """What follows for what sorted indexes carry."""
        for name, column in SINGLE_COLUMNS.items():
            if getattr(self, name) is not None:
                yield Hint(column, FILTERS[name])
        if self.spent_from is not None and self.spent_from > 0:
            yield HAS_ORDERED
        if self.plan_id is not None:
            yield from RUNNING
        yield from HINTS[self.segment] if self.segment else ()
        yield from hints_of(self.statuses)
        if self._has():
            yield HAS_BITS
        for condition in self._searched(SEARCH):
            yield Hint(None, condition)

    def parameters(self, now: datetime) -> dict[str, object]:
        """The values that the conditions name."""
        named = {name: getattr(self, name) for name in FILTERS}
        for name in ("tag", "method_country"):
            named[name] = named[name] and storable(named[name])
        words, indexed = patterns(self.text), indexed_patterns(self.text)
        beginning = self.beginning
        return {
            **named,
            **{f"word_{place}": word for place, word in enumerate(words)},
            **{f"indexed_{place}": word for place, word in enumerate(indexed)},
            **MARKS,
            "bits": bits(self._has()),
            "traits": self._has(),
            "closed": [trait("closed")],
            "joined_in": list(_between("joined", self.joined_from, self.joined_before)),
            "ordered_in": list(_between("ordered", self.last_order_from, self.last_order_before)),
            "beginning": beginning,
            "beyond": beginning + LAST,
            "now": now,
            "never": NEVER,
        }

    def possible_statuses(self) -> frozenset[Status]:
        """Those that somebody who is asked for may have."""
        possible = frozenset(self.statuses or STATUSES)
        if self.segment is not None:
            possible &= STATUSES_OF.get(self.segment, possible)
        if self.plan_id is not None:
            possible &= STATUSES_OF["members"]
        joined = self.joined_from is not None or self.joined_before is not None
        return possible & JOINED_STATUSES if joined else possible

    @property
    def beginning(self) -> str:
        """The text as keys have it; empty where there is none."""
        return search_key(storable(self.text))

    def _searched(self, search: Sequence[LiteralString]) -> Sequence[LiteralString]:
        if not is_searchable(self.text):
            return [NOWHERE]
        return search[: len(patterns(self.text))]

    def _held(self) -> Iterator[LiteralString]:
        if self.segment in HELD:
            yield SEGMENTS[self.segment]
        if self.statuses and HELD.issuperset(self.statuses):
            yield either([STATUSES[name] for name in self.statuses])

    def _by_traits(self) -> Iterator[LiteralString]:
        """What says nothing new, but lets one index find who has several traits."""
        if not self._has():
            return
        yield HAS_TRAITS
        if self.joined_from is not None or self.joined_before is not None:
            yield JOINED_IN
        if self.last_order_from is not None or self.last_order_before is not None:
            yield ORDERED_IN

    def _has(self) -> list[int]:
        named: dict[Kind, object] = {
            "plan": self.plan_id,
            "tag": self.tag and storable(self.tag),
            "country": self.method_country and storable(self.method_country),
            "agrees": self.agrees,
        }
        has = [trait(kind, value) for kind, value in named.items() if value is not None]
        return [*has, trait("closed")] if self.statuses == ("closed",) else has


def _between(kind: When, first: datetime | None, last: datetime | None) -> Iterator[int]:
    return between(kind, first or NEVER, last or FOREVER)
