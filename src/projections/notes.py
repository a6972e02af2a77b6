"""Notes: what staff wrote about a member, as it stands now (AC9)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.member.facts import NoteCorrected, Noted
from projections.laws import Law, one_row_a_fact
from projections.rows import quick
from projections.view import Index, Key, Needs, View, first, on


@quick
class NoteRow(NamedTuple):
    """A note with its author and time; what it said before stays in the books."""

    member_id: UUID
    note_id: UUID
    text: str
    author_kind: str
    author_id: UUID | None
    written_at: datetime
    corrected_at: datetime | None = None
    position: int = 0


class Notes(View[NoteRow]):
    """Every note."""

    name = "notes"
    version = 1
    key = ("member_id", "note_id")
    columns = NoteRow
    needs: ClassVar[Needs] = {
        Noted: frozenset({"text", "actor"}),
        NoteCorrected: frozenset({"text"}),
    }
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("member.noted"),)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The note that was written or corrected."""
        return ((fact.member_id, cast("Noted", fact).note_id),)

    @first(Noted)
    def noted(self, fact: Noted) -> NoteRow:
        """Somebody wrote a note."""
        return NoteRow(
            member_id=cast("UUID", fact.member_id),
            note_id=fact.note_id,
            text=fact.text,
            author_kind=fact.actor.kind,
            author_id=fact.actor.id,
            written_at=fact.occurred_at,
        )

    @on(NoteCorrected)
    def corrected(self, row: NoteRow, fact: NoteCorrected) -> NoteRow:
        """It says something else."""
        return row._replace(text=fact.text, corrected_at=fact.occurred_at)
