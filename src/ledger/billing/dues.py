"""What a member owes, and paying it while they are there to answer their bank (DU3)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.application import Ledger
from ledger.billing.collection import Collection
from ledger.billing.outcomes import Collected
from ledger.errors import AttemptOpen
from ledger.facts import Actor, Cause
from ledger.member import Member, Membership
from ledger.money import Money
from ledger.order import Attempt, Order

DueState = Literal["open", "confirming", "under_way"]
"""open: to be paid. confirming: the member began to pay, and their bank asks them. under_way: the
payment company or a bank has not answered yet; nobody needs to do anything.
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A charge that failed and is still wanted.

    `retry_at` is when it is tried again without the member, if it is; `access_until` is when
    access stops unless it is paid. `decline_code` is why the latest try failed, "abandoned" where
    one of the member's own never reached the company; None where there was no method to try.
    """

    membership_id: UUID
    plan_id: UUID
    plan_name: str
    order_id: UUID
    amount: Money
    due_at: datetime
    retry_at: datetime | None
    access_until: datetime | None
    decline_code: str | None
    state: DueState


@dataclass(frozen=True, slots=True)
class NextCharge:
    """What is charged next, and when, if nothing changes."""

    amount: Money
    at: datetime


class Dues:
    """What members owe, over the books and one gateway."""

    def __init__(self, collection: Collection) -> None:
        self._collection, self._ledger = collection, collection.ledger

    def of(self, member_id: UUID) -> list[Due]:
        """All that a member owes, what fell due first at the head."""
        return self.of_member(self._ledger.member(member_id))

    def of_member(self, member: Member) -> list[Due]:
        """The same of one who is at hand: a long life takes a while to load."""
        now = self._ledger.clock.now()
        owing = [one for one in member.memberships.values() if _owes(one, now)]
        return sorted(map(self._due, owing), key=lambda due: due.due_at)

    def of_membership(self, member_id: UUID, membership_id: UUID) -> Due | None:
        """What is owed for one membership; None where nothing is. NotFound."""
        membership = self._ledger.member(member_id).membership(membership_id)
        return self._due(membership) if _owes(membership, self._ledger.clock.now()) else None

    def pay(
        self,
        member_id: UUID,
        membership_id: UUID,
        *,
        method_token: str | None = None,
        by: Actor,
        cause: Cause,
    ) -> Collected:
        """Pay what is due for one membership, with a new method or the saved one.

        A new one that pays is saved, and takes the place of the one before. A try that is under
        way is taken up instead, unless it waits for the member with another method. The same cause
        pays once. Raises what `Ledger.begin_payment` raises.
        """
        unpaid = self._ledger.member(member_id).membership(membership_id).unpaid_order_id
        if unpaid is not None and method_token is not None and by.id == member_id:
            left = self._leave_other_method(unpaid, method_token, cause)
            if left is not None and left.outcome == "settled":
                return left
        position = 0
        with suppress(AttemptOpen):
            position = self._ledger.begin_payment(
                member_id, membership_id, method_token=method_token, by=by, cause=cause
            )
        order_id = unpaid or self._last_paid(member_id, membership_id)
        collected = self._collection.resume(order_id, cause=cause)
        return replace(collected, position=max(collected.position, position))

    def _leave_other_method(
        self, order_id: UUID, method_token: str, cause: Cause
    ) -> Collected | None:
        """Give up a payment that waits for the member, who has chosen another method since.

        Where they paid after all, it settles.
        """
        attempt = self._ledger.order(order_id).open_attempt
        if attempt is None or attempt.off_session or attempt.method_id == method_token:
            return None
        because = Cause(kind=cause.kind, id=ids.derived(cause.id, "another method"))
        return self._collection.give_up(order_id, cause=because)

    def pay_all(self, member_id: UUID, *, by: Actor, cause: Cause) -> list[Collected]:
        """Pay all that is due with the saved method; what is under way is left alone."""
        return [
            self.pay(
                member_id,
                due.membership_id,
                by=by,
                cause=Cause(kind=cause.kind, id=ids.derived(cause.id, "pay", due.membership_id)),
            )
            for due in self.of(member_id)
            if due.state == "open"
        ]

    def action(self, order_id: UUID) -> str | None:
        """What the page hands to the person's bank, while an order's payment waits for them."""
        attempt = self._ledger.order(order_id).open_attempt
        if attempt is None or attempt.reference is None:
            return None
        return self._collection.gateway.get_payment(payment_id=attempt.reference).action

    def _last_paid(self, member_id: UUID, membership_id: UUID) -> UUID:
        index = self._ledger.member(member_id).membership(membership_id).charge_index
        return ids.order(membership_id, index)

    def _due(self, membership: Membership) -> Due:
        order = self._ledger.order(_unpaid(membership))
        return Due(
            membership_id=membership.membership_id,
            plan_id=membership.plan_id,
            plan_name=membership.plan_name,
            order_id=order.id,
            amount=order.placed.amount,
            due_at=order.placed.due_at,
            retry_at=membership.retry_at,
            access_until=membership.access_until,
            decline_code=_latest_decline(order),
            state=_state(order.open_attempt),
        )


def next_charge(ledger: Ledger, membership: Membership) -> NextCharge | None:
    """The next renewal or instalment; None where nothing is charged any more."""
    at = membership.period_end
    goes_on = membership.is_running(ledger.clock.now()) and membership.cancelled_at is None
    if at is None or not goes_on:
        return None
    price = ledger.foreseen_price(membership, at)
    listed, index = price.terms.amount, membership.charge_index + 1
    amount = membership.discount.cut(listed, index) if membership.discount else listed
    return NextCharge(amount, at)


def _owes(membership: Membership, now: datetime) -> bool:
    wanted = membership.is_running(now) and membership.cancelled_at is None
    return wanted and membership.unpaid_order_id is not None


def _unpaid(membership: Membership) -> UUID:
    if membership.unpaid_order_id is None:
        message = "only of a membership that owes"
        raise ValueError(message)
    return membership.unpaid_order_id


def _state(attempt: Attempt | None) -> DueState:
    if attempt is None:
        return "open"
    waits_for_member = attempt.state == "pending" and not attempt.off_session
    return "confirming" if waits_for_member else "under_way"


def _latest_decline(order: Order) -> str | None:
    codes = [_code_of(attempt) for attempt in order.attempts.values()]
    return next((code for code in reversed(codes) if code is not None), None)


def _code_of(attempt: Attempt) -> str | None:
    """Why a try failed; None of one that the worker makes again at once."""
    is_lost = attempt.state == "abandoned" and not attempt.off_session
    return "abandoned" if is_lost else attempt.decline_code
