"""Mailing lists, who is on them, and the lists that somebody is on (SE2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

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
            people = _people(connection, [row.member_id for row in page.rows if row.member_id])
        rows = [_listed(row, people) for row in page.rows]
        return Page(rows, page.previous_cursor, page.next_cursor)

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


def _summary(row: MailingListRow, counts: dict[UUID, int]) -> ListSummary:
    entries = counts.get(row.list_id, 0)
    return ListSummary(row.list_id, row.name, entries, row.created_at, row.ended_at)


def _listed(row: ListEntryRow, people: People) -> ListedEntry:
    name, email = None, row.email or ""
    if row.member_id is not None:
        name, email = people.get(row.member_id, ("", ""))
    return ListedEntry(row.entry_id, row.member_id, name, email, row.added_at)
