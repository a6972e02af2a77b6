"""The last stretch of a rebuild: caught up with what arrives meanwhile, and swapped in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from ledger.errors import LedgerError
from projections.catching_up import CatchingUp
from projections.parking import parked
from projections.positions import Standing
from projections.rebuild_rows import Rebuild, one, one_still, set_fields
from projections.swap import swap
from projections.tables import Table

FEW = 100
"""So many facts may be left to fold within the swap, while all wait."""


class FarBehind(Exception):
    """There is too much left to fold within the swap."""


class Overtaken(Exception):
    """Somebody gave the rebuild up, or has gone on with it."""


class AsideMoved(LedgerError):
    """Fact {position} was set aside, or taken in, while its views were folded; begin again."""

    code = "aside_moved"


@dataclass(frozen=True)
class LastStretch:
    """Brings the tables of a rebuild to where the others stand, and into their place."""

    ahead: CatchingUp
    tables: Sequence[Table]
    tell: Callable[[Connection[Any], Rebuild], None]

    def catch_up(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        """Fold what arrived, some thousands of facts at a time; less where it was cancelled.

        Raises CatchUpStopped.
        """
        bound = self.ahead.bound(connection, rebuild.names)
        while rebuild.position < bound and not is_cancelled(connection, rebuild):
            with connection.transaction():
                rebuild = self._fold(connection, rebuild, bound)
            self.tell(connection, rebuild)
        return rebuild

    def is_near(self, connection: Connection[Any], rebuild: Rebuild) -> bool:
        """Whether so little is left that it can be folded within the swap."""
        return self.ahead.bound(connection, rebuild.names) - rebuild.position <= FEW

    def swap(self, connection: Connection[Any], rebuild: Rebuild) -> Rebuild:
        """Put the tables in place. Raises FarBehind, Overtaken, AsideMoved or SwapBlocked."""
        return swap(
            connection, rebuild, self.tables, last_facts=self._last_facts, now=self.ahead.clock.now
        )

    def _fold(
        self, connection: Connection[Any], rebuild: Rebuild, bound: int, **limit: int
    ) -> Rebuild:
        caught = self.ahead.fold(
            connection, self.tables, after=rebuild.position, bound=bound, **limit
        )
        aside = sorted(caught.aside.union(rebuild.aside))
        return set_fields(connection, rebuild, position=caught.position, aside=aside)

    def _last_facts(
        self, connection: Connection[Any], rebuild: Rebuild, held: dict[str, Standing]
    ) -> Rebuild:
        """Fold what is left up to where the others stand, which stand still meanwhile."""
        still = one_still(connection, rebuild.id)
        if (
            still is None
            or still.cancelled
            or (still.state, still.position)
            != (
                rebuild.state,
                rebuild.position,
            )
        ):
            raise Overtaken
        positions = [one.position for one in held.values()]
        bound = max([self.ahead.bound(connection, rebuild.names), *positions])
        rebuild = self._fold(connection, rebuild, bound, limit=2 * FEW)
        if rebuild.position < bound:
            raise FarBehind
        self._require_same_aside(connection, rebuild)
        return rebuild

    def _require_same_aside(self, connection: Connection[Any], rebuild: Rebuild) -> None:
        """Or what is set aside would be folded twice when it is taken in, or never."""
        waiting = {one.position for one in parked(connection) if one.position <= rebuild.position}
        left_out = {position for position in rebuild.aside if position <= rebuild.position}
        moved = (waiting - left_out) | (left_out - waiting - self.ahead.skipped())
        if moved:
            raise AsideMoved(position=min(moved))


def is_cancelled(connection: Connection[Any], rebuild: Rebuild) -> bool:
    """Whether somebody gave it up."""
    found = one(connection, rebuild.id)
    return found is None or found.cancelled
