"""Mailing lists, and who is or was on each (SE2)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import ERASED, Fact
from ledger.mailing_list import EntryFact, MailingList
from projections.laws import Law, one_row_a_fact
from projections.rows import quick
from projections.search import search_key
from projections.view import Index, Key, Needs, View, first, on


@quick
class MailingListRow(NamedTuple):
    """A list; nobody is added once it is over."""

    list_id: UUID
    name: str
    name_key: str
    created_at: datetime
    ended_at: datetime | None = None
    position: int = 0


class MailingLists(View[MailingListRow]):
    """Every list, also those that are over."""

    name = "mailing_lists"
    version = 1
    partition = "stream"
    key = ("list_id",)
    columns = MailingListRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("list.created"),)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The list whose stream it is."""
        return ((fact.originator_id,),)

    @first(MailingList.Begun)
    def begun(self, fact: MailingList.Begun) -> MailingListRow:
        """A list on which nobody is."""
        return MailingListRow(
            list_id=fact.originator_id,
            name=fact.name,
            name_key=search_key(fact.name),
            created_at=fact.occurred_at,
        )

    @on(MailingList.Ended)
    def ended(self, row: MailingListRow, fact: MailingList.Ended) -> MailingListRow:
        """Over."""
        return row._replace(ended_at=fact.occurred_at)


@quick
class ListEntryRow(NamedTuple):
    """A contact (`member_id`) or an address (`email`): one of the two.

    `consented`: staff stated that the owner of the address agreed to messages.
    """

    list_id: UUID
    entry_id: UUID
    member_id: UUID | None
    email: str | None
    added_at: datetime
    consented: bool = False
    taken_off_at: datetime | None = None
    unsubscribed: bool = False
    position: int = 0


# Who comes back to a list has one row, however often they were added.
ONE_ROW_AN_ENTRY = Law(
    "one row for each entry",
    ("list.added",),
    """
SELECT stream_id::text, count(DISTINCT fact ->> 'entry_id') FROM counted GROUP BY stream_id
""",
    "SELECT list_id::text, count(*) FROM {table} GROUP BY list_id",
)


class ListEntries(View[ListEntryRow]):
    """Everybody who is, or was, on a list."""

    name = "list_entries"
    version = 2
    partition = "stream"
    key = ("list_id", "entry_id")
    columns = ListEntryRow
    needs: ClassVar[Needs] = {MailingList.Added: frozenset({"email"})}
    indexes: ClassVar[tuple[Index, ...]] = (
        Index("added", "(list_id, added_at, entry_id) WHERE taken_off_at IS NULL"),
        Index("member", "(member_id) WHERE member_id IS NOT NULL"),
    )
    laws: ClassVar[tuple[Law, ...]] = (ONE_ROW_AN_ENTRY,)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The entry, on its list."""
        return ((fact.originator_id, cast("EntryFact", fact).entry_id),)

    @first(MailingList.Added)
    def added(self, fact: MailingList.Added) -> ListEntryRow:
        """On the list, for the first time or again."""
        return ListEntryRow(
            list_id=fact.originator_id,
            entry_id=fact.entry_id,
            member_id=fact.member_id,
            email=fact.email,
            added_at=fact.occurred_at,
            consented=fact.consented,
        )

    @on(MailingList.TakenOff)
    def taken_off(self, row: ListEntryRow, fact: MailingList.TakenOff) -> ListEntryRow:
        """Off the list; who was off already may still ask to stay off."""
        off_at = row.taken_off_at or fact.occurred_at
        email = ERASED if fact.erased else row.email
        return row._replace(taken_off_at=off_at, unsubscribed=fact.unsubscribed, email=email)
