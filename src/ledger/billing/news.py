"""Who is told of what has happened: joined, paid, failed, cancelled, given back (NO1, NO3, DU2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, cast
from uuid import UUID

from ledger.application import Ledger
from ledger.application.notices import Told
from ledger.billing.collection import PAGE_STAYS_OPEN
from ledger.billing.reminders import SCHEDULER
from ledger.facts import Cause, Fact
from ledger.member import Member
from ledger.member import facts as member_facts
from ledger.notification import Locale, Recipient
from ledger.order import Attempt, Order
from ledger.order import facts as order_facts
from ledger.told import MemberKind, StaffKind

Heard = tuple[MemberKind | None, StaffKind | None]
"""What the member whom a fact concerns is told, and what the staff."""
CANCELLED: Heard = ("cancellation_confirmed", "member_cancelled")
FAILED: Heard = ("own_payment_failed", "payment_failed")
NOBODY: Heard = (None, None)


@dataclass(frozen=True)
class Colleague:
    """Somebody who runs the site: in which language they are told, and of what they are not."""

    recipient: Recipient
    locale: Locale
    muted: frozenset[StaffKind] = frozenset()

    def hears_of(self, kind: StaffKind) -> bool:
        """Whether they want to be told of it."""
        return kind not in self.muted


def colleague(ledger: Ledger, contributor_id: UUID) -> Colleague | None:
    """One of the staff as they are told what happens; None who is told nothing (NO1)."""
    known = ledger.contributor(contributor_id)
    if known.told_as is None:
        return None
    recipient = Recipient(kind="contributor", id=contributor_id, role=known.told_as)
    return Colleague(recipient, known.locale, frozenset(known.muted))


class News:
    """Queues notices of facts; each of a fact, a person and a kind once, however often asked."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._heard: Mapping[str, Callable[[Any], Heard]] = {
            member_facts.Joined.TOPIC: self._joined,
            order_facts.Paid.TOPIC: self._paid,
            order_facts.PaymentFailed.TOPIC: self._failed,
            order_facts.AttemptAbandoned.TOPIC: self._failed,
            member_facts.ActionRequired.TOPIC: self._waits_for_member,
            member_facts.SelfCancelled.TOPIC: lambda _: CANCELLED,
            member_facts.Left.TOPIC: lambda _: CANCELLED,
            order_facts.Refunded.TOPIC: lambda _: ("refund_issued", None),
        }

    @property
    def topics(self) -> frozenset[str]:
        """The stored names of what somebody may be told of."""
        return frozenset(self._heard)

    def tell(self, fact: Fact, staff: Sequence[Colleague], *, cause: Cause) -> int:
        """Let those know whom a fact in the books concerns: all of them, or nobody. How many."""
        own, theirs = self._heard[fact.TOPIC](fact)
        told = [Told(c.recipient, theirs, c.locale) for c in staff if theirs and c.hears_of(theirs)]
        if own is not None:
            told.insert(0, self._member_told(fact, own))
        if told:
            self._ledger.queue_notices(told, of=fact, by=SCHEDULER, cause=cause)
        return len(told)

    def _member_told(self, fact: Fact, kind: MemberKind) -> Told:
        member = self._ledger.member(member_of(fact))
        return Told(Recipient(kind="member", id=member.id, role="member"), kind, member.locale)

    def _joined(self, fact: member_facts.Joined) -> Heard:
        """Who joins for the first time is welcomed."""
        member = self._ledger.member(fact.originator_id)
        is_first = is_first_membership(member, fact.membership_id)
        return ("welcome" if is_first else None), "member_joined"

    def _paid(self, fact: order_facts.Paid) -> Heard:
        """A receipt for each payment; that of the first is in the welcome."""
        order = self._ledger.order(fact.originator_id)
        if is_second_payment(order, fact.reference):
            return "receipt", "paid_twice"
        if order.placed.charge != "first":
            return "receipt", "renewal_paid"
        member = self._ledger.member(order.member_id)
        is_welcomed = is_first_membership(member, order.placed.membership_id)
        return (None if is_welcomed else "receipt"), None

    def _failed(self, fact: order_facts.AttemptFact) -> Heard:
        """A renewal or instalment failed, or nobody at the company knows of it (DU2).

        Nobody is told of a first payment, of what the member saw themself, or of what is tried
        again at once.
        """
        order = self._ledger.order(fact.originator_id)
        is_first = order.placed.charge == "first"
        return NOBODY if is_first or not _is_news(fact, order.attempts[fact.attempt_id]) else FAILED

    def _waits_for_member(self, fact: member_facts.ActionRequired) -> Heard:
        """A charge was not even tried, for want of a method or of its mandate."""
        tried = self._ledger.order(fact.order_id).attempts.values()
        is_told = fact.why in {attempt.decline_code for attempt in tried}  # as the failure itself
        return NOBODY if is_told else FAILED


def member_of(fact: Fact) -> UUID:
    """The member whom a fact of theirs, or of an order of theirs, concerns."""
    return cast("UUID", fact.member_id)


def is_first_membership(member: Member, membership_id: UUID) -> bool:
    """Whether the member had joined nothing before it, and did join it."""
    return next(iter(member.memberships), None) == membership_id


def is_second_payment(order: Order, reference: str) -> bool:
    """Whether another payment for the same charge had come in before this one, and stands (OR6)."""
    came_before = takewhile(lambda one: one != reference, order.payments)
    return any(one not in order.reversed for one in came_before)


def _is_news(fact: order_facts.AttemptFact, attempt: Attempt) -> bool:
    """Whether somebody must be told how a try ended.

    Of their own tries the member sees those that end while they look; not one that a bank kept for
    hours, that was left open on the page, or that never reached the company.
    """
    if isinstance(fact, order_facts.AttemptAbandoned):
        return not attempt.off_session  # the worker's own is made again at once
    was_left = fact.occurred_at - attempt.started_at >= PAGE_STAYS_OPEN
    return attempt.off_session or attempt.was_at_bank or was_left
