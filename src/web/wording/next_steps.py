"""What happens next, in one sentence with dates and amounts, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from ledger.billing.dues import NextCharge, next_charge
from ledger.billing.outcomes import Collected
from ledger.member import Member, Membership
from ledger.order import Order
from web.parts import Parts
from web.wording.languages import day, gettext, message, say
from web.wording.words import DECLINE

if TYPE_CHECKING:
    from web.pages.frame import Tone  # the pages use these sentences

CANCELLED = message("Cancelled: nothing more is charged, and you have access until {until}.")
GOES_ON = message("Your membership goes on: {amount} is charged on {day}.")
LEFT = message("You have left {plan}: access has ended, and nothing is charged.")
SAVED = message("Your card is saved: {amount} for {plan} is charged to it on {day}.")
REMOVED = message("Your card is removed: {amount} for {plan} on {day} will wait for another one.")
UNDER_WAY = message(
    "The payment of {amount} for {plan} is under way; you need not do anything until your bank"
    " has answered."
)
ASKED = message("Your bank asks you to confirm {amount} for {plan}; it is paid once you have.")
GIVEN_BACK = message("Your membership in {plan} had ended; {amount} goes back to you.")
PAID = message("Paid: {amount} for {plan}. The next payment, {next}, is on {day}.")
PAID_FOR_GOOD = message("Paid: {amount} for {plan}. Nothing more is to be paid.")
STILL_DUE = message("{amount} for {plan} is still due; you have access until {day}.")
STILL_DUE_SHUT = message("{amount} for {plan} is still due; access is shut until it is paid.")


def after_cancelling(membership: Membership, now: datetime) -> str:
    """Renewal is stopped (AX3)."""
    until = membership.ends_at()
    if until is not None and until <= now:
        return gettext("Cancelled: nothing more is charged, and access has ended.")
    return say(CANCELLED, until=until)


def after_withdrawing(parts: Parts, membership: Membership) -> str:
    """The membership renews after all (AX4)."""
    following = next_charge(parts.ledger, membership)
    if following is None:
        return gettext("Your membership goes on as before.")
    return say(GOES_ON, amount=following.amount, day=day(following.at))


def after_leaving(membership: Membership) -> str:
    """A free plan is left (AX5)."""
    return say(LEFT, plan=membership.plan_name)


def after_saving(parts: Parts, member_id: UUID, paid: Sequence[Collected] = ()) -> str:
    """A method is saved, and what was due was charged to it (DU3)."""
    if paid:
        return " ".join([gettext("Your card is saved."), *(after_paying(parts, p) for p in paid)])
    found = _soonest(parts, parts.ledger.member(member_id))
    if found is None:
        return gettext("Your card is saved: nothing is to be charged to it now.")
    return _of_next(SAVED, *found)


def after_removing(parts: Parts, member_id: UUID) -> str:
    """No method is saved any more."""
    found = _soonest(parts, parts.ledger.member(member_id))
    if found is None:
        return gettext("Your card is removed: nothing is left to be charged.")
    return _of_next(REMOVED, *found)


def after_paying(parts: Parts, collected: Collected) -> str:
    """What was due was paid, or not."""
    order = parts.ledger.order(collected.order_id)
    if collected.outcome == "declined":
        return f"{why(collected.decline_code)} {_still_due(parts, order)}"
    if collected.outcome == "waiting" and collected.action:
        return _of_order(ASKED, order)
    if collected.outcome in {"waiting", "unknown"}:
        return _of_order(UNDER_WAY, order)
    if collected.outcome == "given_back":
        return _of_order(GIVEN_BACK, order)
    following = next_charge(parts.ledger, _membership(parts, order))
    if following is None:
        return _of_order(PAID_FOR_GOOD, order)
    return _of_order(PAID, order, next=following.amount, day=day(following.at))


def tone(paid: Sequence[Collected]) -> Tone:
    """How to tell of payments: badly where one of them was declined."""
    return "bad" if any(one.outcome == "declined" for one in paid) else "good"


def why(decline_code: str | None) -> str:
    """Why a bank or the payment company said no."""
    return gettext(DECLINE.get(decline_code or "", DECLINE["generic_decline"]))


def _still_due(parts: Parts, order: Order) -> str:
    until, now = _membership(parts, order).access_until, parts.clock.now()
    if until is None or until <= now:
        return _of_order(STILL_DUE_SHUT, order)
    return _of_order(STILL_DUE, order, day=day(until))


def _of_order(text: str, order: Order, **more: object) -> str:
    placed = order.placed
    return say(text, amount=placed.amount, plan=placed.plan_name, **more)


def _of_next(text: str, membership: Membership, following: NextCharge) -> str:
    return say(text, amount=following.amount, plan=membership.plan_name, day=day(following.at))


def _membership(parts: Parts, order: Order) -> Membership:
    return parts.ledger.member(order.member_id).membership(order.placed.membership_id)


def _soonest(parts: Parts, member: Member) -> tuple[Membership, NextCharge] | None:
    """The charge of a member that comes first, other than of nothing."""
    found = [
        (membership, following)
        for membership in member.memberships.values()
        if (following := next_charge(parts.ledger, membership)) and not following.amount.is_zero
    ]
    return min(found, key=lambda one: one[1].at, default=None)
