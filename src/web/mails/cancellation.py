"""The gentler way than removal: a mailed link by which the member self-cancels (AX2)."""

from __future__ import annotations

from uuid import UUID

from ledger.application import Position
from ledger.facts import Actor, Cause
from ledger.member import Membership
from web.mails import memberships as mails
from web.parts import Parts
from web.sessions.links import Purpose


def mail_link(parts: Parts, member_id: UUID, membership_id: UUID) -> None:
    """Mail the member a link, with the date at which access would end.

    Raises NotFound, MembershipEnded, NotSelfCancellable or AlreadyCancelling.
    """
    member = parts.ledger.member(member_id)
    membership = member.membership(membership_id)
    membership.require_self_cancellable(parts.clock.now())
    token = parts.desk.links.issue(
        Purpose.SELF_CANCEL,
        subject=membership_id,
        carries={"member_id": str(member_id), "membership_id": str(membership_id)},
    )
    parts.desk.mailbox.put(
        mails.self_cancel(
            parts.settings,
            member.email,
            member.name,
            member.locale,
            token=token,
            plan_name=membership.plan_name,
            until=membership.period_end,
        )
    )


def waiting_cancellation(parts: Parts, token: str) -> Membership:
    """The membership that a link ends, unspent; a 410 for a link that was used or is too old."""
    carried = parts.desk.links.peek(Purpose.SELF_CANCEL, token)
    member = parts.ledger.member(UUID(carried["member_id"]))
    return member.membership(UUID(carried["membership_id"]))


def cancel_by_link(parts: Parts, token: str, *, cause: Cause) -> Position:
    """Self-cancel as the link says; a 410 for one that was used or is too old."""
    carried = parts.desk.links.redeem(Purpose.SELF_CANCEL, token)
    member_id = UUID(carried["member_id"])
    by = Actor(kind="member", id=member_id)
    return parts.ledger.self_cancel(member_id, UUID(carried["membership_id"]), by=by, cause=cause)
