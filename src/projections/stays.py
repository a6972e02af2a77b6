"""What facts change in a stay: one fold for the membership's own row and the member's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ledger.facts import Fact
from ledger.member.facts import (
    ActionCleared,
    ActionRequired,
    CancellationWithdrawn,
    InstalmentsCompleted,
    Joined,
    Lapsed,
    Left,
    MembershipFact,
    PastDue,
    PriceMoved,
    Removed,
    Renewed,
    SelfCancelled,
)
from projections.instants import FOREVER
from projections.rows import Line

Standing = Literal[
    "running",
    "past_due",
    "action_required",
    "cancelling",
    "ended_self_cancelled",
    "ended_left",
    "ended_removed",
    "ended_lapsed",
]
"""Where a membership stands at an instant."""

CHANGING: tuple[type[MembershipFact], ...] = (
    Renewed,
    PastDue,
    ActionRequired,
    ActionCleared,
    PriceMoved,
    SelfCancelled,
    CancellationWithdrawn,
    Left,
    Removed,
    Lapsed,
    InstalmentsCompleted,
)
"""Every fact about a membership that exists."""


@dataclass(frozen=True)
class Stay(Line):
    """The essentials of one membership: instants, never a status (AX8)."""

    membership_id: UUID
    plan_id: UUID
    plan_name: str
    model: str
    joined_at: datetime
    access_until: datetime | None
    billing: str
    retry_at: datetime | None = None
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None
    ending: str | None = None

    @property
    def runs_until(self) -> datetime:
        """Until when it stands if nothing else happens; FOREVER where it has no end."""
        return runs_until(
            billing=self.billing,
            access_until=self.access_until,
            retry_at=self.retry_at,
            cancelled_at=self.cancelled_at,
            ended_at=self.ended_at,
        )

    @property
    def opens_until(self) -> datetime:
        """Until when it gives access if nothing else happens; FOREVER where it has no end."""
        return min(self.access_until or FOREVER, self.ended_at or FOREVER)

    def standing(self, now: datetime) -> Standing:
        """Where it stands at an instant."""
        if self.runs_until <= now:
            return ENDED[self.ending or "lapsed"]
        if self.cancelled_at is not None:
            return "cancelling"  # nothing is owed any more
        return UNPAID.get(self.billing, "running")


UNPAID: dict[str, Standing] = {"past_due": "past_due", "action_required": "action_required"}
"""Billing after a charge that failed, and where such a membership stands while it does."""

ENDED: dict[str, Standing] = {
    "self_cancelled": "ended_self_cancelled",
    "left": "ended_left",
    "removed": "ended_removed",
    "lapsed": "ended_lapsed",
}


def runs_until(
    *,
    billing: str,
    access_until: datetime | None,
    retry_at: datetime | None,
    cancelled_at: datetime | None,
    ended_at: datetime | None,
) -> datetime:
    """Until when a stay stands if nothing else happens; FOREVER where it has no end.

    A charge or a retry that is merely late does not end it, though access has stopped.
    """
    given_up = billing in UNPAID and retry_at is None
    ends_itself = cancelled_at is not None or given_up
    over = access_until if ends_itself and access_until is not None else FOREVER
    return over if ended_at is None else min(over, ended_at)


def begun(fact: Joined) -> Stay:
    """The stay that begins."""
    return Stay(
        membership_id=fact.membership_id,
        plan_id=fact.plan_id,
        plan_name=fact.plan_name,
        model=fact.terms.model,
        joined_at=fact.occurred_at,
        access_until=fact.access_until,
        billing="current" if fact.terms.repeats else "none",
    )


def changed(stay: Stay, fact: MembershipFact) -> Stay:
    """The stay after a fact."""
    changes = changes_of(fact)
    return stay.changed(**changes) if changes else stay


def changes_of(fact: MembershipFact) -> dict[str, Any]:
    """What a fact of CHANGING sets in a stay."""
    return _CHANGES[type(fact)](fact)


def _ended(ending: str) -> Callable[[Any], dict[str, Any]]:
    return lambda fact: {"ended_at": fact.occurred_at, "ending": ending, "retry_at": None}


def _paid(fact: Renewed | CancellationWithdrawn) -> dict[str, Any]:
    return {"access_until": fact.access_until, "billing": "current", "retry_at": None}


_CHANGES: dict[type[Fact], Callable[[Any], dict[str, Any]]] = {
    Renewed: _paid,
    PastDue: lambda fact: {
        "access_until": fact.grace_until,
        "billing": "past_due",
        "retry_at": fact.retry_at,
    },
    ActionRequired: lambda fact: {
        "access_until": fact.grace_until,
        "billing": "action_required",
        "retry_at": None,
    },
    ActionCleared: lambda fact: {
        "access_until": fact.grace_until,
        "billing": "past_due",
        "retry_at": fact.retry_at,
    },
    PriceMoved: lambda _: {},
    SelfCancelled: lambda fact: {
        "access_until": fact.access_until,
        "cancelled_at": fact.occurred_at,
        "ending": "self_cancelled",
        "retry_at": None,
    },
    CancellationWithdrawn: lambda fact: {**_paid(fact), "cancelled_at": None, "ending": None},
    Left: _ended("left"),
    Removed: _ended("removed"),
    Lapsed: _ended("lapsed"),
    InstalmentsCompleted: lambda _: {"access_until": None, "billing": "completed"},
}
