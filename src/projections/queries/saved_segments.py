"""Saved segments, and the members that each of them asks for (SE2)."""

from __future__ import annotations

from typing import LiteralString, cast
from uuid import UUID

from ledger.errors import CurrencyMismatch
from projections.queries.members import MemberFilter
from projections.queries.reading import Rows, Source
from projections.queries.segments import Segment, Status
from projections.saved_segments import SavedSegmentRow

ALL: LiteralString = """
SELECT {columns} FROM saved_segments AS view ORDER BY name_key, segment_id
"""
ONE: LiteralString = "SELECT {columns} FROM saved_segments AS view WHERE segment_id = %(id)s"


class SavedSegmentQueries:
    """Asks about saved segments."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, SavedSegmentRow)

    def all(self) -> list[SavedSegmentRow]:
        """Every segment that is kept, by name."""
        return self._rows.all(ALL, {})

    def one(self, segment_id: UUID) -> SavedSegmentRow | None:
        """One segment."""
        return self._rows.one(ONE, {"id": segment_id})


def filter_of(row: SavedSegmentRow, currency: str) -> MemberFilter:
    """What a segment asks of the member list, whose totals are in a currency.

    Raises CurrencyMismatch where the segment counts what is spent in another one.
    """
    if row.currency not in {None, currency}:
        raise CurrencyMismatch(left=row.currency, right=currency)
    return MemberFilter(
        statuses=cast("tuple[Status, ...]", row.statuses),
        segment=cast("Segment | None", row.segment),
        plan_id=row.plan_id,
        tag=row.tag,
        joined_from=row.joined_from,
        joined_before=row.joined_before,
        spent_from=row.spent_from,
        spent_to=row.spent_to,
        last_order_from=row.last_order_from,
        last_order_before=row.last_order_before,
        method_country=row.method_country,
        agrees=row.agrees,
        text=row.text or "",
    )
