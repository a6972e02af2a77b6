"""Saved segments: named filters over the member list, as they stand (SE2)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.site import Site
from projections.laws import ROWS_OF_SEGMENTS, Law
from projections.rows import quick
from projections.search import search_key
from projections.view import Index, Key, Needs, View, first


@quick
class SavedSegmentRow(NamedTuple):
    """A filter; None where it doesn't ask. Spent is net, in minor units of `currency`."""

    segment_id: UUID
    name: str
    name_key: str
    statuses: tuple[str, ...]
    segment: str | None
    plan_id: UUID | None
    tag: str | None
    joined_from: datetime | None
    joined_before: datetime | None
    spent_from: int | None
    spent_to: int | None
    currency: str | None
    last_order_from: datetime | None
    last_order_before: datetime | None
    method_country: str | None
    agrees: bool | None
    text: str | None
    saved_at: datetime
    position: int = 0


class SavedSegments(View[SavedSegmentRow]):
    """Every segment that is kept. Its partition is the segment, whose key seals its text."""

    name = "saved_segments"
    version = 2
    key = ("segment_id",)
    columns = SavedSegmentRow
    needs: ClassVar[Needs] = {Site.SegmentSaved: frozenset({"text"})}
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (ROWS_OF_SEGMENTS,)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The segment that was saved or removed."""
        return ((cast("Site.SegmentSaved", fact).segment_id,),)

    @first(Site.SegmentSaved)
    def saved(self, fact: Site.SegmentSaved) -> SavedSegmentRow | None:
        """Another filter, or none any more."""
        asked = fact.filter
        if asked is None:
            return None
        least, most = asked.spent_from, asked.spent_to
        spent = most if least is None else least
        return SavedSegmentRow(
            segment_id=fact.segment_id,
            name=fact.name,
            name_key=search_key(fact.name),
            statuses=tuple(asked.statuses),
            segment=asked.segment,
            plan_id=asked.plan_id,
            tag=asked.tag,
            joined_from=asked.joined_from,
            joined_before=asked.joined_before,
            spent_from=None if least is None else least.minor,
            spent_to=None if most is None else most.minor,
            currency=None if spent is None else spent.currency,
            last_order_from=asked.last_order_from,
            last_order_before=asked.last_order_before,
            method_country=asked.method_country,
            agrees=asked.agrees,
            text=fact.text,
            saved_at=fact.occurred_at,
        )
