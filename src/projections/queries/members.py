"""The member list, and one member: sorted, filtered, searched, paged (SE1, SE3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, get_args
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.instants import known
from projections.members import MemberRow
from projections.notes import NoteRow
from projections.queries.counting import SAMPLED, Count, Counting
from projections.queries.member_filter import MemberFilter
from projections.queries.member_sorts import ORDERS, MemberSort, order_of
from projections.queries.paging import List, Page, Turn
from projections.queries.reading import Rows, Source
from projections.queries.segments import SEGMENTS, Segment, Status, status
from projections.queries.wide import USUAL, Bounds, Wide, by_index
from projections.stays import Standing

__all__ = ["MemberFilter", "MemberQueries", "MemberSort", "MemberSummary", "PlanStay", "summary"]

CARRIED: tuple[LiteralString, ...] = (
    "view.name_key",
    "view.email_key",
    "view.joined_at",
    "view.last_order_at",
    "view.spent",
    "view.member_until",
    "view.trait_bits",
)
"""What the index of each sort carries, as the view has it."""

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
TAGS = "SELECT tag, count(*) FROM taggings GROUP BY tag ORDER BY tag"
# From each tag to the next, however many have it.
TAG_NAMES = """
WITH RECURSIVE names (tag) AS (
    (SELECT tag FROM taggings ORDER BY tag LIMIT 1)
    UNION ALL
    SELECT (SELECT next.tag FROM taggings AS next WHERE next.tag > names.tag
             ORDER BY next.tag LIMIT 1)
      FROM names WHERE names.tag IS NOT NULL
)
SELECT tag FROM names WHERE tag IS NOT NULL
"""
ALL_DUPLICATES = """
WITH names AS (SELECT same_name FROM members WHERE same_name IS NOT NULL
                GROUP BY same_name HAVING min(same_email) < max(same_email)),
     methods AS (SELECT same_method FROM members WHERE same_method IS NOT NULL
                  GROUP BY same_method HAVING min(same_email) < max(same_email))
SELECT count(*) FROM members
 WHERE same_name IN (SELECT same_name FROM names)
    OR same_method IN (SELECT same_method FROM methods)
"""

COUNTING = Counting("members")
HARD_TO_COUNT: tuple[Segment, ...] = ("possible_duplicates",)
FEWER_SAMPLED = 1_000
"""Rows of a sample, where each is looked for among all others."""
IN_TROUBLE: tuple[Segment, ...] = ("past_due", "action_required", "cancelling")
"""Segments that an index holds, and of which a sample would have few."""


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
        self._wide = Wide("members", CARRIED, self._rows, bounds)
        self._list: List[MemberRow] = List(
            table="members",
            orders=ORDERS,
            row_id="view.member_id",
            id_of=lambda row: row.member_id,
            rows=self._rows,
            read=self._wide,
            at_once=self._wide.at_once,
        )

    def page(self, asked: MemberFilter, turn: Turn, now: datetime) -> Page[MemberSummary]:
        """A page of the list. Raises CursorMalformed."""
        what = asked.asked(now)
        with self._rows.source.connection() as connection:
            order = order_of(turn.sort, asked, descending=turn.descending)
            page = self._list.page_of(connection, turn, order, what)
        return Page(
            [summary(row, now) for row in page.rows], page.previous_cursor, page.next_cursor
        )

    def count(self, asked: MemberFilter, now: datetime) -> Count:
        """How many the list has; about how many, where counting would take long."""
        sampled = FEWER_SAMPLED if asked.segment == "possible_duplicates" else SAMPLED
        with self._rows.source.connection() as connection, by_index(connection):
            return COUNTING.of(connection, asked.asked(now), sampled=sampled)

    def segments(self, now: datetime) -> Mapping[Segment, Count]:
        """How many each smart segment has; about how many, where counting would take long."""
        names: list[Segment] = [name for name in get_args(Segment) if name not in HARD_TO_COUNT]
        conditions = [sql.SQL(SEGMENTS[name]) for name in names]
        with self._rows.source.connection() as connection, connection.transaction():
            sample = COUNTING.sample(connection, conditions, {"now": now})
            counts = {name: sample.count(place) for place, name in enumerate(names)}
            for name in IN_TROUBLE if not sample.is_all else ():
                asked = MemberFilter(segment=name).asked(now)
                counts[name] = COUNTING.up_to_most(connection, asked, counts[name].rows)
            counts["possible_duplicates"] = self._duplicates(connection, is_all=sample.is_all)
        return {name: counts[name] for name in get_args(Segment)}

    def _duplicates(self, connection: Connection[Any], *, is_all: bool) -> Count:
        if is_all:
            row = connection.cursor(row_factory=tuple_row).execute(ALL_DUPLICATES).fetchone()
            return Count(int(row[0]) if row else 0, is_exact=True)
        condition = sql.SQL(SEGMENTS["possible_duplicates"])
        return COUNTING.sample(connection, [condition], {}, rows=FEWER_SAMPLED).count(0)

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

    def tag_names(self) -> list[str]:
        """Every tag in use."""
        with self._rows.source.connection() as connection:
            return [name for (name,) in connection.cursor(row_factory=tuple_row).execute(TAG_NAMES)]
