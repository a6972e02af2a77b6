"""Consents: who agreed to messages that are no part of what they bought (NO4)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from ledger.facts import Fact
from ledger.member.consent import Consented, Unsubscribed
from projections.laws import Law
from projections.rows import quick
from projections.view import Index, Key, Needs, View, first, on

ONE_ROW_A_PERSON = Law(
    "one row for everybody who ever agreed",
    ("member.consented",),
    "SELECT 'people', count(DISTINCT stream_id) FROM counted",
    "SELECT 'people', count(*) FROM {table}",
)


@quick
class ConsentRow(NamedTuple):
    """What somebody agreed to last; `withdrawn_at` where they agree no more."""

    member_id: UUID
    what: str
    wording: str
    given_where: str
    consented_at: datetime
    withdrawn_at: datetime | None = None
    position: int = 0


class Consents(View[ConsentRow]):
    """Everybody who ever agreed, also who agrees no more."""

    name = "consents"
    version = 1
    key = ("member_id",)
    columns = ConsentRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (ONE_ROW_A_PERSON,)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The member whom the fact concerns."""
        return ((fact.member_id,),)

    @first(Consented)
    def consented(self, fact: Consented) -> ConsentRow:
        """Agreed, for the first time or again."""
        return ConsentRow(
            member_id=fact.originator_id,
            what=fact.what,
            wording=fact.wording,
            given_where=fact.where,
            consented_at=fact.occurred_at,
        )

    @on(Unsubscribed)
    def unsubscribed(self, row: ConsentRow, fact: Unsubscribed) -> ConsentRow:
        """Agrees no more."""
        return row._replace(withdrawn_at=fact.occurred_at)
