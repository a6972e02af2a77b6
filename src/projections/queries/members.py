"""The member list, and one member: sorted, filtered, searched, paged (SE1, SE3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, get_args
from uuid import UUID

from psycopg.rows import tuple_row

from projections.instants import known
from projections.members import MemberRow
from projections.notes import NoteRow
from projections.queries.member_filter import MemberFilter
from projections.queries.member_sorts import ORDERS, MemberSort, order_of
from projections.queries.paging import Count, List, Page, Turn
from projections.queries.reading import Rows, Source
from projections.queries.segments import Segment, Status, status
from projections.queries.wide import USUAL, Bounds, Wide
from projections.stays import Standing

__all__ = ["MemberFilter", "MemberQueries", "MemberSort", "MemberSummary", "PlanStay", "summary"]

CARRIED: tuple[LiteralString, ...] = (
    "view.name_key",
    "view.email_key",
    "view.joined_at",
    "view.last_order_at",
    "view.spent",
    "view.member_until",
    "view.traits",
)
"""What the index of each sort carries, as the view has it."""

SELECT: LiteralString = "SELECT {columns} FROM members AS view WHERE {condition} {order}"
COUNT: LiteralString = """
SELECT count(*) FROM (
    SELECT FROM members AS view WHERE {condition} LIMIT %(most)s) AS counted
"""
ONE: LiteralString = "SELECT {columns} FROM members AS view WHERE member_id = %(member_id)s"
DUPLICATES: LiteralString = """
SELECT {columns} FROM members AS view
  JOIN members AS own ON own.member_id = %(member_id)s
 WHERE view.same_email <> own.same_email
   AND (view.same_name = own.same_name OR view.same_method = own.same_method)
 ORDER BY view.name_key, view.member_id LIMIT 100
"""
NOTES: LiteralString = """
SELECT {columns} FROM notes AS view
 WHERE member_id = %(member_id)s ORDER BY written_at DESC, note_id
"""
TAGS = """
SELECT tag, count(*) FROM members, unnest(tags) AS tag GROUP BY tag ORDER BY tag
"""


@dataclass(frozen=True, slots=True)
class PlanStay:
    """A membership that stands at the instant asked for; `until` None where it has no end."""

    membership_id: UUID
    plan_id: UUID
    plan_name: str
    standing: Standing
    until: datetime | None


@dataclass(frozen=True, slots=True)
class MemberSummary:
    """A line of the list: a member at an instant. Money in minor units of the site's currency."""

    member_id: UUID
    name: str
    email: str
    verified: bool
    locale: str
    status: Status
    plans: tuple[PlanStay, ...]
    opened_at: datetime
    closed_at: datetime | None
    joined_at: datetime | None
    last_joined_at: datetime | None
    is_customer: bool
    tags: tuple[str, ...]
    order_count: int
    last_order_at: datetime | None
    gross: int
    refunded: int
    disputed: int
    net: int
    method_brand: str | None
    method_last_four: str | None
    method_expires: str | None
    method_country: str | None
    position: int


def summary(row: MemberRow, now: datetime) -> MemberSummary:
    """What a row says at an instant."""
    return MemberSummary(
        member_id=row.member_id,
        name=row.name,
        email=row.email,
        verified=row.verified,
        locale=row.locale,
        status=status(row, now),
        plans=tuple(
            PlanStay(
                stay.membership_id,
                stay.plan_id,
                stay.plan_name,
                stay.standing(now),
                known(stay.runs_until),
            )
            for stay in row.stays
            if stay.runs_until > now
        ),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        joined_at=known(row.joined_at),
        last_joined_at=known(row.last_joined_at),
        is_customer=row.is_customer,
        tags=row.tags,
        order_count=row.order_count,
        last_order_at=known(row.last_order_at),
        gross=row.gross,
        refunded=row.refunded,
        disputed=row.disputed,
        net=row.spent,
        method_brand=row.method_brand,
        method_last_four=row.method_last_four,
        method_expires=row.method_expires,
        method_country=row.method_country,
        position=row.position,
    )


class MemberQueries:
    """Asks about members."""

    def __init__(self, source: Source, bounds: Bounds = USUAL) -> None:
        self._rows = Rows(source, MemberRow)
        self._notes = Rows(source, NoteRow)
        self._list: List[MemberRow] = List(
            select=SELECT,
            count=COUNT,
            orders=ORDERS,
            row_id="view.member_id",
            id_of=lambda row: row.member_id,
            rows=self._rows,
            read=Wide("members", CARRIED, self._rows, bounds),
        )

    def page(self, asked: MemberFilter, turn: Turn, now: datetime) -> Page[MemberSummary]:
        """A page of the list. Raises CursorMalformed."""
        order = order_of(turn.sort, asked, descending=turn.descending)
        with self._rows.source.connection() as connection:
            page = self._list.page_of(connection, turn, order, asked.asked(now))
        return Page(
            [summary(row, now) for row in page.rows], page.previous_cursor, page.next_cursor
        )

    def count(self, asked: MemberFilter, now: datetime) -> Count:
        """How many the list has, up to MOST_COUNTED."""
        with self._rows.source.connection() as connection:
            return self._list.counted(connection, asked.conditions(), asked.parameters(now))

    def segments(self, now: datetime) -> Mapping[Segment, Count]:
        """How many each smart segment has."""
        names: tuple[Segment, ...] = get_args(Segment)
        return {name: self.count(MemberFilter(segment=name), now) for name in names}

    def one(self, member_id: UUID, now: datetime) -> MemberSummary | None:
        """One member."""
        row = self._rows.one(ONE, {"member_id": member_id})
        return summary(row, now) if row else None

    def duplicates_of(self, member_id: UUID, now: datetime) -> list[MemberSummary]:
        """Who has the same name or payment method under another e-mail (at most 100)."""
        rows = self._rows.all(DUPLICATES, {"member_id": member_id})
        return [summary(row, now) for row in rows]

    def notes_of(self, member_id: UUID) -> list[NoteRow]:
        """What staff wrote about a member, the latest first."""
        return self._notes.all(NOTES, {"member_id": member_id})

    def tags(self) -> dict[str, int]:
        """Every tag in use, and how many have it."""
        with self._rows.source.connection() as connection:
            return dict(connection.cursor(row_factory=tuple_row).execute(TAGS).fetchall())
