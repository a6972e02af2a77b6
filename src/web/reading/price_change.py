"""Who pays what when, if a plan gets another price (PL3, PL4)."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from ledger.billing.reminders import TOLD_BEFORE
from projections.queries.coming import ComingQueries, Moves, Standing, moving


class Told(NamedTuple):
    """Members of one price version, and what becomes of them with the new price."""

    standing: Standing
    moves: Moves | None
    told_from: date | None

    @property
    def stay(self) -> int:
        """How many pay as before: all, or those who are not charged again."""
        return self.standing.running - (self.moves.memberships if self.moves else 0)


def told_of(
    coming: ComingQueries,
    plan_id: UUID,
    since: date | None,
    *,
    versions: int,
    at: datetime,
    zone: ZoneInfo,
) -> list[Told]:
    """The members of each price version there is, if the next one holds for them since a day."""
    standing = coming.standing(plan_id, at)
    if since is None:
        return [Told(line, None, None) for line in standing]
    groups = coming.alike(plan_id, at, zone)
    found = {one.version: one for one in moving(groups, since, below=versions + 1)}
    today = at.astimezone(zone).date()
    return [
        Told(line, move, max(today, move.first - TOLD_BEFORE) if move else None)
        for line in standing
        for move in [found.get(line.version)]
    ]
