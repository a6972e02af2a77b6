"""Mailing lists, who is on them, and the lists that somebody is on (SE2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from projections.consents import ConsentRow
from projections.list_messages import ListMessageRow
from projections.mailing_lists import ListEntryRow, MailingListRow
from projections.queries.paging import List, Page, Part, Turn
from projections.queries.reading import Rows, Source

ALL: LiteralString = "SELECT {columns} FROM mailing_lists AS view ORDER BY name_key, list_id"
ONE: LiteralString = "SELECT {columns} FROM mailing_lists AS view WHERE list_id = %(list_id)s"
COUNTS = """
SELECT list_id, count(*) FROM list_entries
 WHERE taken_off_at IS NULL AND (%(list_id)s::uuid IS NULL OR list_id = %(list_id)s::uuid)
 GROUP BY list_id
"""
STANDING: LiteralString = "view.list_id = %(list_id)s AND view.taken_off_at IS NULL"
PEOPLE = "SELECT member_id, name, email FROM members WHERE member_id = ANY (%(member_ids)s)"
AGREEING = """
SELECT member_id FROM consents
 WHERE member_id = ANY (%(member_ids)s) AND withdrawn_at IS NULL
"""
AUDIENCE = """
SELECT count(*) FILTER (WHERE entry.member_id IS NOT NULL AND agreed.member_id IS NOT NULL),
       count(*) FILTER (WHERE entry.member_id IS NULL AND entry.consented),
       count(*)
  FROM list_entries AS entry
  LEFT JOIN consents AS agreed
    ON agreed.member_id = entry.member_id AND agreed.withdrawn_at IS NULL
 WHERE entry.list_id = %(list_id)s AND entry.taken_off_at IS NULL
"""
MESSAGES: LiteralString = """
SELECT {columns} FROM list_messages AS view
 WHERE %(list_id)s::uuid IS NULL OR list_id = %(list_id)s::uuid
 ORDER BY sent_at DESC, message_id
"""
MESSAGE: LiteralString = """
SELECT {columns} FROM list_messages AS view
 WHERE list_id = %(list_id)s AND message_id = %(message_id)s
"""
CONSENT: LiteralString = "SELECT {columns} FROM consents AS view WHERE member_id = %(member_id)s"
OF_MEMBER = """
SELECT list_id, list.name, entry.entry_id, entry.added_at, list.ended_at
  FROM list_entries AS entry JOIN mailing_lists AS list USING (list_id)
 WHERE entry.member_id = %(member_id)s AND entry.taken_off_at IS NULL
 ORDER BY list.name_key, list_id
"""


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A list, and how many entries are on it."""

    list_id: UUID
    name: str
    entries: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """Who is on a list: a contact with name and address as they are now, or an address alone."""

    entry_id: UUID
    member_id: UUID | None
    name: str | None
    email: str
    added_at: datetime
    agrees: bool
    """To messages: by their own word, or by that of whoever added their address."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who would get a message now, of how many who are on the list."""

    contacts: int
    addresses: int
    entries: int

    @property
    def reached(self) -> int:
        """So many have agreed."""
        return self.contacts + self.addresses


@dataclass(frozen=True, slots=True)
class ListOfMember:
    """A list that a contact is on."""

    list_id: UUID
    name: str
    entry_id: UUID
    added_at: datetime
    ended_at: datetime | None


class MailingListQueries:
    """Asks about mailing lists."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, MailingListRow)
        self._entries = Rows(source, ListEntryRow)
        self._messages = Rows(source, ListMessageRow)
        self._consents = Rows(source, ConsentRow)
        self._list: List[ListEntryRow] = List(
            table="list_entries",
            orders={"added": (Part("view.added_at", "timestamptz", lambda row: row.added_at),)},
            row_id="view.entry_id",
            id_of=lambda row: row.entry_id,
            rows=self._entries,
        )

    def all(self) -> list[ListSummary]:
        """Every list by name, also those that are over."""
        counts = self._counts(None)
        return [_summary(row, counts) for row in self._rows.all(ALL, {})]

    def one(self, list_id: UUID) -> ListSummary | None:
        """One list."""
        row = self._rows.one(ONE, {"list_id": list_id})
        return _summary(row, self._counts(list_id)) if row else None

    def entries(self, list_id: UUID, turn: Turn) -> Page[ListedEntry]:
        """Who is on a list, in the order in which they were added (`added` is the only sort).

        Raises CursorMalformed.
        """
        asked = {"list_id": list_id}
        with self._entries.source.connection() as connection:
            page = self._list.page(connection, turn, [STANDING], asked)
            contacts = [row.member_id for row in page.rows if row.member_id]
            people, agreeing = _people(connection, contacts), _agreeing(connection, contacts)
        rows = [_listed(row, people, agreeing) for row in page.rows]
        return Page(rows, page.previous_cursor, page.next_cursor)

    def audience(self, list_id: UUID) -> Audience:
        """How many on a list have agreed to messages."""
        with self._rows.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            row = cursor.execute(AUDIENCE, {"list_id": list_id}).fetchone()
        return Audience(*row) if row else Audience(0, 0, 0)

    def messages(self, list_id: UUID | None = None) -> list[ListMessageRow]:
        """The messages to a list, or to any, the latest first."""
        return self._messages.all(MESSAGES, {"list_id": list_id})

    def message(self, list_id: UUID, message_id: UUID) -> ListMessageRow | None:
        """One message to a list."""
        return self._messages.one(MESSAGE, {"list_id": list_id, "message_id": message_id})

    def consent_of(self, member_id: UUID) -> ConsentRow | None:
        """What a contact agreed to last; None where they never did."""
        return self._consents.one(CONSENT, {"member_id": member_id})

    def of_member(self, member_id: UUID) -> list[ListOfMember]:
        """The lists that a contact is on, by name."""
        with self._rows.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            return [
                ListOfMember(*row) for row in cursor.execute(OF_MEMBER, {"member_id": member_id})
            ]

    def _counts(self, list_id: UUID | None) -> dict[UUID, int]:
        with self._rows.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            return dict(cursor.execute(COUNTS, {"list_id": list_id}).fetchall())


People = dict[UUID, tuple[str, str]]
"""Name and address of contacts."""


def _people(connection: Connection[object], member_ids: list[UUID]) -> People:
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(PEOPLE, {"member_ids": member_ids})
    return {member_id: (name, email) for member_id, name, email in rows}


def _agreeing(connection: Connection[object], member_ids: list[UUID]) -> set[UUID]:
    cursor = connection.cursor(row_factory=tuple_row)
    return {member_id for (member_id,) in cursor.execute(AGREEING, {"member_ids": member_ids})}


def _summary(row: MailingListRow, counts: dict[UUID, int]) -> ListSummary:
    entries = counts.get(row.list_id, 0)
    return ListSummary(row.list_id, row.name, entries, row.created_at, row.ended_at)


def _listed(row: ListEntryRow, people: People, agreeing: set[UUID]) -> ListedEntry:
    name, email = None, row.email or ""
    agrees = row.consented or row.member_id in agreeing
    if row.member_id is not None:
        name, email = people.get(row.member_id, ("", ""))
    return ListedEntry(row.entry_id, row.member_id, name, email, row.added_at, agrees)
