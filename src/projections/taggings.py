"""Taggings: one row a tag somebody has, so that the tags in use are read off an index (AC9)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.member.facts import Tagged, Untagged
from projections.laws import ROWS_OF_TAGGINGS, Law
from projections.rows import quick
from projections.view import Index, Key, Needs, View, first, on


@quick
class TaggingRow(NamedTuple):
    """A tag, and who has it."""

    member_id: UUID
    tag: str
    position: int = 0


class Taggings(View[TaggingRow]):
    """Every tag of every member."""

    name = "taggings"
    version = 1
    key = ("member_id", "tag")
    columns = TaggingRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = (Index("tag", "(tag, member_id)"),)
    laws: ClassVar[tuple[Law, ...]] = (ROWS_OF_TAGGINGS,)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The member's own tag."""
        return ((fact.member_id, cast("Tagged", fact).tag),)

    @first(Tagged)
    def tagged(self, fact: Tagged) -> TaggingRow:
        """Put on."""
        return TaggingRow(cast("UUID", fact.member_id), fact.tag)

    @on(Untagged)
    def untagged(self, row: TaggingRow, _: Untagged) -> None:  # noqa: ARG002 -- it goes
        """Taken off."""
        return
