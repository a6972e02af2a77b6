"""Which members a list shows: what must hold for a row, and what follows from that (SE1, SE3)."""

from __future__ import annotations

from collections.abc import Iterator
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
from projections.search import is_searchable, patterns, search_key, storable
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
# A condition a word: an index serves LIKE, not LIKE ALL. The text is that of the view's SEARCHED.
SEARCH: tuple[LiteralString, ...] = (
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_0)s",
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_1)s",
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_2)s",
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_3)s",
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_4)s",
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_5)s",
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_6)s",
    "(' ' || view.name_key || ' ' || view.email_key) LIKE %(word_7)s",
)
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
            self.conditions(), self.parameters(now), tuple(self.hints()), tuple(self._held())
        )

    def conditions(self) -> list[LiteralString]:
        """What must hold, and what then holds of the traits that indexes are made of."""
        return [*self.meant(), *self._by_traits()]

    def meant(self) -> list[LiteralString]:
        """What must hold, each condition by itself."""
        asked = [FILTERS[name] for name in FILTERS if getattr(self, name) is not None]
        if self.segment is not None:
            asked.append(SEGMENTS[self.segment])
        if self.statuses:
            asked.append(either([STATUSES[name] for name in self.statuses]))
        return [*asked, *self._search()]

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
        for condition in self._search():
            yield Hint(None, condition)

    def parameters(self, now: datetime) -> dict[str, object]:
        """The values that the conditions name."""
        named = {name: getattr(self, name) for name in FILTERS}
        for name in ("tag", "method_country"):
            named[name] = named[name] and storable(named[name])
        words = patterns(self.text)
        beginning = self.beginning
        return {
            **named,
            **{f"word_{place}": word for place, word in enumerate(words)},
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

    def _search(self) -> list[LiteralString]:
        if not is_searchable(self.text):
            return [NOWHERE]
        return list(SEARCH[: len(patterns(self.text))])

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
