"""What the edge is made of: built once, in sight, by the wiring."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from psycopg_pool import ConnectionPool

from ledger.application import Ledger
from ledger.billing.collection import Collection as MoneyCollection
from ledger.clock import Clock
from ledger.payments.sandbox import Sandbox
from ledger.store.pool import PooledConnection
from ledger.store.recorder import FactRecorder
from projections.site import Site
from web.sessions.desk import Desk
from web.settings import Settings


@dataclass(frozen=True)
class Freshness:
    """How far the views have read. A row may be newer than this, never older."""

    position: int
    """The last fact that is in every view."""
    lag: int
    """How many facts are waiting."""
    age_seconds: int
    """For how long the oldest of them has been waiting; 0 when none is."""


class Views(Protocol):
    """What the edge needs of the views as a whole."""

    def freshness(self) -> Freshness:
        """How far the views have read."""
        ...

    def wait_for(self, position: int, *, wait_seconds: float) -> Freshness:
        """Return once the views have read `position`, or when the time is up."""
        ...


class Team(Protocol):
    """What the edge needs of the contributors."""

    def roles_of(self, contributor_id: UUID) -> Collection[str]:
        """The roles they have now; none when they were removed."""
        ...


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that endpoints and pages may use."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    collection: MoneyCollection
    sandbox: Sandbox
    """The gateway, while the sandbox is the only one."""
    recorder: FactRecorder
    pool: ConnectionPool[PooledConnection]
    """For the views' queries."""
    site: Site
    desk: Desk
    views: Views
    team: Team
