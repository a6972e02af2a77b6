"""What the edge is made of: built once, in sight, by the wiring."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ledger.application import Ledger
from ledger.billing.collection import Collection as MoneyCollection
from ledger.billing.inbox import Inbox
from ledger.clock import Clock
from ledger.payments.sandbox import Sandbox
from ledger.store.recorder import FactRecorder
from projections.freshness import Freshness
from projections.site import Site
from web.reading.past import PastViews
from web.reading.queries import Queries
from web.sessions.desk import Desk
from web.sessions.pool import Pool
from web.settings import Settings

__all__ = ["Freshness", "Parts", "Team", "Views"]


class Views(Protocol):
    """What the edge needs of the views as a whole."""

    def freshness(self) -> Freshness:
        """How far the views have read."""
        ...

    def wait_for(self, position: int, *, wait_seconds: float) -> Freshness:
        """Return once the views have read `position`, or when the time is up."""
        ...

    def is_stale(self, subject_id: UUID) -> bool:
        """Whether somebody's facts are set aside, because one of them can't be folded."""
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
    inbox: Inbox
    """What the payment company tells by itself."""
    sandbox: Sandbox
    """The gateway, while the sandbox is the only one."""
    recorder: FactRecorder
    pool: Pool
    queries: Queries
    """What is asked of the views."""
    past: PastViews
    """The views as of moments."""
    site: Site
    desk: Desk
    views: Views
    team: Team
