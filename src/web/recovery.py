"""The way back after a failed payment: a mailed link that pays one order, without signing in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.billing.dues import Due, Dues
from ledger.facts import Actor, Cause
from ledger.member import Member, Membership
from ledger.notification import Kind
from ledger.order import Order
from projections.notices import NoticeRow
from projections.queries.notices import NoticeFilter
from projections.queries.paging import Turn
from web.mails.payments import Failure, payment_failed
from web.parts import Parts
from web.sessions.links import LIFETIME, Purpose
from web.sessions.mailbox import Mail

KIND: Kind = "own_payment_failed"
MACHINE = Actor(kind="machine")
MANDATE_ENDED = "mandate_invalid"
MOST_AT_ONCE = 500

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


def letter(parts: Parts, member: Member, due: Due, *, because: object = None) -> Mail:
    """The mail that tells a member of a failed charge, in their language, with its link."""
    return payment_failed(
        parts.settings,
        member.email,
        member.name,
        member.locale,
        failure=Failure(
            plan_name=due.plan_name,
            amount=due.amount,
            due_at=due.due_at,
            retry_at=due.retry_at,
            access_until=due.access_until,
            decline_code=due.decline_code or (MANDATE_ENDED if member.method else None),
        ),
        token=issue_link(parts, member.id, due, because=because),
        link_days=LIFETIME[Purpose.PAY_ORDER].days,
    )


def send_waiting(
    parts: Parts, *, cause: Cause, before_each: Callable[[], None] | None = None
) -> int:
    """Send the notices of failed charges that wait for it; how many letters (DU2, DU3).

    `before_each` may raise, to break off. What is left waits for the next time.
    """
    asked = NoticeFilter(kind=KIND, state="queued")
    page = parts.queries.notices.page(asked, Turn("queued", descending=False, limit=MOST_AT_ONCE))
    sent = 0
    for notice in page.rows:
        if before_each is not None:
            before_each()
        sent += send(parts, notice, cause=cause)
    return sent


def send(parts: Parts, notice: NoticeRow, *, cause: Cause) -> bool:
    """Put the letter of one notice in the box, once, whatever breaks in between (NO2).

    What was paid or is over by now is not told any more. Whether a letter was put.
    """
    own = Cause(kind=cause.kind, id=ids.derived(cause.id, notice.notice_id))
    due = _due_of(parts, notice)
    if not parts.ledger.notice(notice.notice_id).is_waiting:
        return False  # the view is a moment behind
    if due is None:
        parts.ledger.give_up_notice(notice.notice_id, "no_longer_due", by=MACHINE, cause=own)
        return False
    member = parts.ledger.member(notice.recipient_id)
    mail_id = parts.desk.mailbox.put(
        letter(parts, member, due, because=notice.notice_id), mail_id=notice.notice_id
    )
    parts.ledger.record_notice_sent(
        notice.notice_id,
        attempt=notice.attempts + 1,
        message_id=str(mail_id),
        by=MACHINE,
        cause=own,
    )
    return True


def _due_of(parts: Parts, notice: NoticeRow) -> Due | None:
    """What is due of the order whose failure the notice tells of; None where nothing is.

    The notice's cause is a fact of that order, or of the member, who stands unpaid by it.
    """
    stream_id = UUID(notice.because_of.partition("/")[0])
    stays = parts.ledger.member(notice.recipient_id).memberships.values()
    by_fact = {stay.unpaid_order_id for stay in stays if stay.until_fact == notice.because_of}
    dues = Dues(parts.collection).of(notice.recipient_id)
    return next((due for due in dues if due.order_id in {stream_id, *by_fact}), None)
