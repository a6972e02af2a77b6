"""Notices: who was told what, and what became of it (NO2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, LiteralString
from uuid import UUID

from psycopg.rows import tuple_row

from ledger.notification import State
from ledger.told import Kind
from projections.notices import NoticeRow
from projections.queries.paging import List, Page, Part, Turn
from projections.queries.reading import Rows, Source

NoticeSort = Literal["queued"]

FILTERS: dict[str, LiteralString] = {
    "recipient_id": "view.recipient_id = %(recipient_id)s",
    "member_id": "view.member_id = %(member_id)s",
    "kind": "view.kind = %(kind)s",
    "state": "view.state = %(state)s",
}

WAITING: LiteralString = """
    SELECT DISTINCT ON (kind) kind, notice_id FROM notices
    WHERE state = 'queued' ORDER BY kind, queued_at, notice_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFilter:
    """Which notices; all that is given must hold. `member_id` is whom they concern."""

    recipient_id: UUID | None = None
    member_id: UUID | None = None
    kind: Kind | None = None
    state: State | None = None

    def conditions(self) -> list[LiteralString]:
        """What must hold, as the database is asked."""
        return [FILTERS[name] for name in FILTERS if getattr(self, name) is not None]

    def parameters(self) -> dict[str, object]:
        """The values that the conditions name."""
        return {name: getattr(self, name) for name in FILTERS}


class NoticeQueries:
    """Asks about notices."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, NoticeRow)
        self._list: List[NoticeRow] = List(
            table="notices",
            orders={"queued": (Part("view.queued_at", "timestamptz", lambda row: row.queued_at),)},
            row_id="view.notice_id",
            id_of=lambda row: row.notice_id,
            rows=self._rows,
        )

    def page(self, asked: NoticeFilter, turn: Turn) -> Page[NoticeRow]:
        """A page, by when they were queued. Raises CursorMalformed."""
        with self._rows.source.connection() as connection:
            return self._list.page(connection, turn, asked.conditions(), asked.parameters())

    def waiting(self) -> dict[Kind, UUID]:
        """The kinds of which notices wait to be sent, each with the oldest."""
        with self._rows.source.connection() as connection:
            rows = connection.cursor(row_factory=tuple_row).execute(WAITING).fetchall()
        return dict(rows)
