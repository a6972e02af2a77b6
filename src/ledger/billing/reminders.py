"""Who is told before and after a charge: reminders, other prices, failures (DU2, DU8, PL4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, Position
from ledger.billing.collection import PAGE_STAYS_OPEN
from ledger.facts import Actor, Cause, Fact
from ledger.member import Member, Membership
from ledger.notification import Kind, Locale, Recipient, ToldRole
from ledger.order import Attempt
from ledger.order.facts import AttemptAbandoned, AttemptFact

REMINDED_BEFORE = timedelta(days=7)
TOLD_BEFORE = timedelta(days=30)
"""How long before the first renewal at another price its member is told."""

TOLD_OF_FAILURES: tuple[ToldRole, ...] = ("owner", "administrator", "store_manager")

SCHEDULER = Actor(kind="scheduler")

F = TypeVar("F", bound=Fact)

Colleague = tuple[Recipient, Locale]
"""Somebody who runs the site, and the language they read."""


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

    def tell_failure(
        self, order_id: UUID, fact_id: str, staff: Iterable[Colleague], *, cause: Cause
    ) -> int:
        """Tell the member and the contributors of a renewal or instalment that failed, or that
        nobody at the company knows of (DU2, NO1).

        How many are told; nobody of a first payment, of what the member saw themself, or of what
        is tried again at once.
        """
        order = self._ledger.order(order_id)
        fact = self._fact(order_id, fact_id, AttemptFact)
        if order.placed.charge == "first" or not _is_news(fact, order.attempts[fact.attempt_id]):
            return 0
        return self._tell_all(order.member_id, fact_id, staff, cause)

    def tell_action(
        self, member_id: UUID, fact_id: str, staff: Iterable[Colleague], *, cause: Cause
    ) -> int:
        """The same of a charge that was not even tried, for want of a method or of its mandate."""
        fact = self._fact(member_id, fact_id, Member.ActionRequired)
        tried = self._ledger.order(fact.order_id).attempts.values()
        if fact.why in {attempt.decline_code for attempt in tried}:
            return 0  # the failure itself is told
        return self._tell_all(member_id, fact_id, staff, cause)

    def _tell_all(
        self, member_id: UUID, fact_id: str, staff: Iterable[Colleague], cause: Cause
    ) -> int:
        member, told = self._ledger.member(member_id), 1
        self._tell(member, "own_payment_failed", because_of=fact_id, cause=cause)
        for recipient, locale in staff:
            self._queue(recipient, "payment_failed", fact_id, locale, cause)
            told += 1
        return told

    def _fact(self, stream_id: UUID, fact_id: str, kind: type[F]) -> F:
        facts = self._ledger.facts_of(stream_id)
        return next(fact for fact in facts if isinstance(fact, kind) and fact.fact_id == fact_id)

    def _renews(self, membership: Membership, *, within: timedelta) -> bool:
        """Whether it still stands, is paid for, and renews within a while."""
        now, due_at = self._ledger.clock.now(), membership.period_end
        goes_on = membership.is_running(now) and membership.cancelled_at is None
        soon = due_at is not None and now < due_at <= now + within
        return goes_on and soon and not membership.is_unpaid

    def _tell(self, member: Member, kind: Kind, *, because_of: str, cause: Cause) -> Position:
        themself = Recipient(kind="member", id=member.id, role="member")
        return self._queue(themself, kind, because_of, member.locale, cause)

    def _queue(
        self, recipient: Recipient, kind: Kind, because_of: str, locale: Locale, cause: Cause
    ) -> Position:
        own = Cause(kind=cause.kind, id=ids.derived(cause.id, recipient.id, kind))
        return self._ledger.queue_notice(
            recipient, kind, because_of=because_of, locale=locale, by=SCHEDULER, cause=own
        )


def _is_news(fact: AttemptFact, attempt: Attempt) -> bool:
    """Whether somebody must be told how a try ended.

    Of their own tries the member sees those that end while they look; not one that a bank kept for
    hours, that was left open on the page, or that never reached the company.
    """
    if isinstance(fact, AttemptAbandoned):
        return not attempt.off_session  # the worker's own is made again at once
    was_left = fact.occurred_at - attempt.started_at >= PAGE_STAYS_OPEN
    return attempt.off_session or attempt.was_at_bank or was_left
