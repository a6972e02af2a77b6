"""The memberships of a member, and of a plan."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import tuple_row

from projections.memberships import MembershipRow
from projections.queries.reading import Rows, Source

OF_MEMBER: LiteralString = """
SELECT {columns} FROM memberships AS view
 WHERE member_id = %(member_id)s ORDER BY joined_at DESC, membership_id
"""
ONE: LiteralString = """
SELECT {columns} FROM memberships AS view
 WHERE member_id = %(member_id)s AND membership_id = %(membership_id)s
"""
RUNNING = """
SELECT plan_id, count(*) FROM memberships WHERE runs_until > %(now)s GROUP BY plan_id
"""


class MembershipQueries:
    """Asks about memberships. `row.stay.standing(now)` says where one stands at an instant."""

    def __init__(self, source: Source) -> None:
        self._rows = Rows(source, MembershipRow)

    def of_member(self, member_id: UUID) -> list[MembershipRow]:
        """Every membership somebody ever had, the latest first."""
        return self._rows.all(OF_MEMBER, {"member_id": member_id})

    def one(self, member_id: UUID, membership_id: UUID) -> MembershipRow | None:
        """One of somebody's memberships."""
        return self._rows.one(ONE, {"member_id": member_id, "membership_id": membership_id})

    def running(self, now: datetime) -> dict[UUID, int]:
        """How many memberships of each plan stand at an instant; plans without one are left out."""
        with self._rows.source.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            return dict(cursor.execute(RUNNING, {"now": now}).fetchall())
