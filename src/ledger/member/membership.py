"""Membership: one person's stay in one plan, from join to end.

It keeps instants, never a status: whether it gives access at an instant is computed when asked
(AX8), so a job that is late changes no answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from ledger.errors import (
    AlreadyCancelling,
    MembershipEnded,
    NotCancelling,
    NotDue,
    NotLeavable,
    NotSelfCancellable,
)
from ledger.terms import Discount, Terms

Ending = Literal["self_cancelled", "left", "removed", "lapsed"]
Billing = Literal["none", "current", "past_due", "action_required", "completed"]


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """Whether a plan's content is open to a person at an instant, the rule and the facts (AX7).

    `until` is when a yes ends if nothing else happens; None where it has no end, or for a no.
    `fact_ids` are the facts that decide it, as "stream/version".
    """

    allowed: bool
    rule: str
    until: datetime | None
    fact_ids: tuple[str, ...]
    membership_id: UUID | None = None


@dataclass(slots=True)
class Membership:
    """What the facts of one stay add up to. Instants are aware and in UTC."""

    membership_id: UUID
    member_id: UUID
    plan_id: UUID
    plan_name: str
    terms: Terms
    price_version: int
    joined_at: datetime
    discount: Discount | None
    began_free: bool
    charge_index: int
    period_start: datetime
    period_end: datetime | None
    spans: list[tuple[datetime, datetime | None]]
    access_facts: tuple[str, ...]
    billing: Billing
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None
    ending: Ending | None = None
    ended_by: str | None = None
    failures: int = 0
    unpaid_order_id: UUID | None = None
    retry_at: datetime | None = None
    until_fact: str | None = None
    moved_from: list[int] = field(default_factory=list)

    @property
    def access_until(self) -> datetime | None:
        """Where access stops if nothing else happens and nobody ends it; None for never."""
        return self.spans[-1][1]

    def give_access(self, instant: datetime, until: datetime | None) -> None:
        """From an instant on, access stops at another one: later than before, or sooner.

        Where it had stopped already the gap stays: what was answered then is answered for ever.
        """
        start, end = self.spans[-1]
        if end is None or instant < end:
            self.spans[-1] = (start, until)
        else:
            self.spans.append((instant, until))

    def bill_afresh(self) -> None:
        """Nothing is owed: the next charge is the next that falls due."""
        self.billing = "current"
        self.failures, self.unpaid_order_id, self.retry_at = 0, None, None

    def ends_at(self) -> datetime | None:
        """When access ends, or ended, if nothing else happens; None where it has no end."""
        instants = [t for t in (self.access_until, self.ended_at) if t is not None]
        return min(instants, default=None)

    def covers(self, instant: datetime) -> bool:
        """Whether it gives access at an instant (AX1)."""
        if self.ended_at is not None and instant >= self.ended_at:
            return False
        return any(start <= instant and (end is None or instant < end) for start, end in self.spans)

    def is_running(self, instant: datetime) -> bool:
        """Whether it still stands: not ended, not cancelled out, not unpaid beyond its grace.

        A charge or a retry that is merely late leaves it running though access has stopped: the
        last retry falls on the instant at which the grace ends.
        """
        if self.ended_at is not None and instant >= self.ended_at:
            return False
        over = self.access_until is not None and instant >= self.access_until
        given_up = self.is_unpaid and self.retry_at is None
        return not (over and (self.cancelled_at is not None or given_up))

    @property
    def is_unpaid(self) -> bool:
        """Whether a charge failed and none has settled since."""
        return self.billing in {"past_due", "action_required"}

    def owes(self, due_at: datetime) -> bool:
        """Whether the charge due then is still wanted, and none that reaches so far is paid."""
        paid = self.period_end is None or due_at < self.period_end
        return not paid and self.cancelled_at is None

    def ending_at(self, instant: datetime) -> Ending | None:
        """How it ended, if it has by then."""
        if self.is_running(instant):
            return None
        return self.ending or ("self_cancelled" if self.cancelled_at is not None else "lapsed")

    def answer(self, instant: datetime) -> AccessAnswer:
        """Access at an instant with the rule and the facts that decide it (AX7)."""
        allowed = self.covers(instant)
        return AccessAnswer(
            allowed=allowed,
            rule=self._rule(instant, allowed=allowed),
            until=self.ends_at() if allowed else None,
            fact_ids=tuple(
                fact_id
                for fact_id in (*self.access_facts, self.until_fact, self.ended_by)
                if fact_id is not None
            ),
            membership_id=self.membership_id,
        )

    def _rule(self, instant: datetime, *, allowed: bool) -> str:
        if instant < self.joined_at:
            return "not_yet_joined"
        if not allowed:
            return f"ended_{self.ending_at(instant)}" if not self.is_running(instant) else "unpaid"
        if self.ends_at() is None:
            return {"free": "free", "instalments": "instalments_completed"}.get(
                self.terms.model, "bought_for_good"
            )
        if self.cancelled_at is not None:
            return "paid_until_cancellation_takes_effect"
        within = self.period_end is not None and instant < self.period_end
        return "within_paid_period" if within else "within_grace"

    # --- rules ------------------------------------------------------------------------

    def require_running(self, instant: datetime) -> None:
        """Refuse anything asked of a membership that is over (DU7: it is never revived)."""
        if self.ended_at is not None or not self.is_running(instant):
            raise MembershipEnded(
                membership_id=self.membership_id,
                ended_at=self.ends_at(),
                ending=self.ending_at(instant) or self.ending,
            )

    def require_self_cancellable(self, instant: datetime) -> None:
        """Only a running recurring membership is self-cancelled, once (AX3, AX5)."""
        self.require_running(instant)
        if self.terms.model != "recurring":
            raise NotSelfCancellable(model=self.terms.model)
        self.require_going_on(instant)

    def require_cancelling(self, instant: datetime) -> None:
        """A self-cancellation can be withdrawn until it takes effect (AX4)."""
        self.require_running(instant)
        if self.cancelled_at is None:
            raise NotCancelling(membership_id=self.membership_id)

    def require_leavable(self, instant: datetime) -> None:
        """Only a free membership is left at once (AX5)."""
        self.require_running(instant)
        if self.terms.model != "free":
            raise NotLeavable(model=self.terms.model)

    def require_going_on(self, instant: datetime) -> None:
        """A later charge needs a membership that stands and is not being cancelled (AX3)."""
        self.require_running(instant)
        if self.cancelled_at is not None:
            raise AlreadyCancelling(
                membership_id=self.membership_id, access_until=self.access_until
            )

    def require_charge_due(self, instant: datetime, *, ahead: timedelta = timedelta()) -> None:
        """The next charge waits for the end of the period, and needs a wish to go on (AX3).

        `ahead` is how much sooner it may begin; one that began so and failed is due already (DU4).
        """
        self.require_going_on(instant)
        begun = self.unpaid_order_id is not None
        if self.period_end is None or (instant < self.period_end - ahead and not begun):
            raise NotDue(membership_id=self.membership_id, due_at=self.period_end)
