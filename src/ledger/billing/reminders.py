"""Who is told before a charge: reminders, other prices (DU8, PL4)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, Position
from ledger.facts import Actor, Cause
from ledger.member import Member, Membership
from ledger.notification import Recipient
from ledger.told import Kind

REMINDED_BEFORE = timedelta(days=7)
TOLD_BEFORE = timedelta(days=30)
"""How long before the first renewal at another price its member is told."""

SCHEDULER = Actor(kind="scheduler")


class Reminders:
    """Queues notices; each of a cause, a person and a kind is queued once, however often asked."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def remind(self, member_id: UUID, membership_id: UUID, *, cause: Cause) -> Position:
        """Tell a member that a long period, or a free start, is about to end in a charge (DU8)."""
        member = self._ledger.member(member_id)
        membership = member.membership(membership_id)
        if not self._renews(membership, within=REMINDED_BEFORE):
            return 0
        # What bought the period that is about to end is why they are told.
        bought_by = ids.order(membership_id, membership.charge_index)
        return self._tell(member, "renewal_reminder", because_of=f"{bought_by}/1", cause=cause)

    def tell_price(self, member_id: UUID, membership_id: UUID, *, cause: Cause) -> Position:
        """Tell a member that their next renewal costs another price (PL4)."""
        member = self._ledger.member(member_id)
        membership = member.membership(membership_id)
        due_at = membership.period_end
        if due_at is None or not self._renews(membership, within=TOLD_BEFORE):
            return 0
        plan = self._ledger.plan(membership.plan_id)
        price = plan.price_for_renewal(membership.price_version, due_at)
        if price.number == membership.price_version:
            return 0
        return self._tell(member, "price_change", because_of=price.fact_id, cause=cause)

    def price_facts(self, plan_id: UUID) -> dict[int, str]:
        """The fact that set each price version of a plan, as stream/version."""
        return {price.number: price.fact_id for price in self._ledger.plan(plan_id).prices}

    def _renews(self, membership: Membership, *, within: timedelta) -> bool:
        """Whether it still stands, is paid for, and renews within a while."""
        now, due_at = self._ledger.clock.now(), membership.period_end
        goes_on = membership.is_running(now) and membership.cancelled_at is None
        soon = due_at is not None and now < due_at <= now + within
        return goes_on and soon and not membership.is_unpaid

    def _tell(self, member: Member, kind: Kind, *, because_of: str, cause: Cause) -> Position:
        return self._ledger.queue_notice(
            Recipient(kind="member", id=member.id, role="member"),
            kind,
            because_of=because_of,
            locale=member.locale,
            by=SCHEDULER,
            cause=Cause(kind=cause.kind, id=ids.derived(cause.id, member.id, kind)),
        )
