"""The way back after a failed payment: a mailed link that pays one order, without signing in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ledger.billing.dues import Due, Dues
from ledger.facts import Actor
from ledger.member import Member, Membership
from ledger.order import Order
from web.parts import Parts
from web.sessions.links import Purpose

Standing = Literal["due", "paid", "over"]
"""due: to be paid. paid: the link has done its work. over: it is no longer wanted."""


@dataclass(frozen=True)
class Recovery:
    """What a link pays, as the books have it now. `due` is there while it is to be paid."""

    member: Member
    membership: Membership
    order: Order
    due: Due | None

    @property
    def actor(self) -> Actor:
        """Whoever holds the link acts as the member it was sent to."""
        return Actor(kind="member", id=self.member.id)

    @property
    def standing(self) -> Standing:
        """Whether there is something to pay."""
        if self.order.is_settled:
            return "paid"
        return "due" if self.due and self.due.order_id == self.order.id else "over"


def read_link(parts: Parts, token: str) -> Recovery:
    """What a link pays; a 410 Problem for one that is too old or was sent again since."""
    carried = parts.desk.links.peek(Purpose.PAY_ORDER, token)
    member_id, membership_id = UUID(carried["member_id"]), UUID(carried["membership_id"])
    member = parts.ledger.member(member_id)
    return Recovery(
        member=member,
        membership=member.membership(membership_id),
        order=parts.ledger.order(UUID(carried["order_id"])),
        due=Dues(parts.collection).of_membership(member_id, membership_id),
    )


def issue_link(parts: Parts, member_id: UUID, due: Due, *, because: object = None) -> str:
    """The token of a link that pays what is due; the member's older ones for it end."""
    return parts.desk.links.issue(
        Purpose.PAY_ORDER,
        subject=due.membership_id,
        carries={
            "member_id": str(member_id),
            "membership_id": str(due.membership_id),
            "order_id": str(due.order_id),
        },
        because=because,
    )
