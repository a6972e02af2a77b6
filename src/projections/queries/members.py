"""The member list, and one member: sorted, filtered, searched, paged (SE1, SE3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, LiteralString, get_args
from uuid import UUID

from psycopg.rows import tuple_row

from projections.instants import NEVER, known
from projections.members import MemberRow
from projections.notes import NoteRow
from projections.queries.paging import Count, List, Order, Page, Part, Turn
from projections.queries.reading import Rows, Source
from projections.queries.segments import SEGMENTS, STATUSES, Segment, Status, status
from projections.search import patterns, storable
from projections.stays import Standing

MemberSort = Literal["name", "email", "joined", "plan", "status", "spent", "last_order"]

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

FILTERS: dict[str, LiteralString] = {
    "plan_id": """view.plan_ids @> ARRAY[%(plan_id)s::uuid]
        AND view.plan_untils[array_position(view.plan_ids, %(plan_id)s::uuid)] > %(now)s""",
    "tag": 'view.tags @> ARRAY[%(tag)s::text COLLATE "C"]',
    "joined_from": "view.joined_at >= %(joined_from)s",
    "joined_before": "view.joined_at < %(joined_before)s AND view.joined_at > %(never)s",
    "spent_from": "view.spent >= %(spent_from)s",
    "spent_to": "view.spent <= %(spent_to)s",
    "last_order_from": "view.last_order_at >= %(last_order_from)s",
    "last_order_before": """view.last_order_at < %(last_order_before)s
        AND view.last_order_at > %(never)s""",
    "method_country": "view.method_country = %(method_country)s",
}
# A condition a word: an index serves LIKE, not LIKE ALL.
SEARCH: tuple[LiteralString, ...] = (
    "view.search LIKE %(word_0)s",
    "view.search LIKE %(word_1)s",
    "view.search LIKE %(word_2)s",
    "view.search LIKE %(word_3)s",
    "view.search LIKE %(word_4)s",
    "view.search LIKE %(word_5)s",
    "view.search LIKE %(word_6)s",
    "view.search LIKE %(word_7)s",
)


def _by_name(condition: LiteralString = "true") -> Part:
    return Part("view.name_key", "text", lambda row: row.name_key, condition)


ORDERS: dict[str, Order] = {
    "name": (_by_name(),),
    "email": (Part("view.email_key", "text", lambda row: row.email_key),),
    "joined": (Part("view.joined_at", "timestamptz", lambda row: row.joined_at),),
    "plan": (
        Part("view.plan_key", "text", lambda row: row.plan_key, "view.member_until > %(now)s"),
        _by_name("(view.member_until > %(now)s) IS NOT TRUE"),
    ),
    "status": tuple(_by_name(condition) for condition in STATUSES.values()),
    "spent": (Part("view.spent", "bigint", lambda row: row.spent),),
    "last_order": (Part("view.last_order_at", "timestamptz", lambda row: row.last_order_at),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFilter:
    """Which members; all that is given must hold. Instants are aware; money in minor units of the
    site's currency, counted net; `text` is looked for in names and addresses, word by word.
    """

    statuses: tuple[Status, ...] = ()
    segment: Segment | None = None
    plan_id: UUID | None = None
    tag: str | None = None
    joined_from: datetime | None = None
    joined_before: datetime | None = None
    spent_from: int | None = None
    spent_to: int | None = None
    last_order_from: datetime | None = None
    last_order_before: datetime | None = None
    method_country: str | None = None
    text: str = ""

    def conditions(self) -> list[LiteralString]:
        """What must hold, as the database is asked."""
        asked = [FILTERS[name] for name in FILTERS if getattr(self, name) is not None]
        if self.segment is not None:
            asked.append(SEGMENTS[self.segment])
        if self.statuses:
            asked.append(_any([STATUSES[name] for name in self.statuses]))
        return [*asked, *SEARCH[: len(patterns(self.text))]]

    def parameters(self, now: datetime) -> dict[str, object]:
        """The values that the conditions name."""
        named = {name: getattr(self, name) for name in FILTERS}
        for name in ("tag", "method_country"):
            named[name] = named[name] and storable(named[name])
        words = {f"word_{place}": word for place, word in enumerate(patterns(self.text))}
        return {**named, **words, "now": now, "never": NEVER}


def _any(conditions: list[LiteralString]) -> LiteralString:
    return "((" + ") OR (".join(conditions) + "))"


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

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, MemberRow)
        self._notes = Rows(source, NoteRow)
        self._list: List[MemberRow] = List(
            select=SELECT,
            count=COUNT,
            orders=ORDERS,
            row_id="view.member_id",
            id_of=lambda row: row.member_id,
            rows=self._rows,
        )

    def page(self, asked: MemberFilter, turn: Turn, now: datetime) -> Page[MemberSummary]:
        """A page of the list. Raises CursorMalformed."""
        with self._rows.source.connection() as connection:
            page = self._list.page(connection, turn, asked.conditions(), asked.parameters(now))
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
