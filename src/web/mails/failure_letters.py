"""Letters about a payment that failed: to the member, with the way back, and to the staff (DU2)."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from ledger.billing.dues import Due, Dues
from ledger.facts import Fact
from ledger.member import Member
from ledger.notification import Locale
from projections.notices import NoticeRow
from web.mails import payments
from web.mails.recovery import issue_link
from web.mails.staff_letters import told
from web.mails.writing import NotTold
from web.parts import Parts
from web.sessions.links import LIFETIME, Purpose
from web.sessions.mailbox import Mail

NO_LONGER_DUE = NotTold("no_longer_due")
"""It was paid, or is over."""
MANDATE_ENDED = "mandate_invalid"


def own_payment_failed(parts: Parts, notice: NoticeRow, fact: Fact) -> Mail | NotTold:
    """To the member whose charge failed; the link pays it."""
    due = _due_of(parts, fact, notice.recipient_id)
    if due is None:
        return NO_LONGER_DUE
    member = parts.ledger.member(notice.recipient_id)
    return payments.payment_failed(
        parts.settings,
        member.email,
        member.name,
        cast("Locale", notice.locale),
        failure=_failure(member, due),
        token=issue_link(parts, member.id, due, because=notice.notice_id),
        link_days=LIFETIME[Purpose.PAY_ORDER].days,
    )


def payment_failed(parts: Parts, notice: NoticeRow, fact: Fact) -> Mail | NotTold:
    """To somebody who runs the site: whose charge failed."""
    member_id = cast("UUID", notice.member_id)
    due = _due_of(parts, fact, member_id)
    if due is None:
        return NO_LONGER_DUE
    colleague = told(parts, notice)
    if isinstance(colleague, NotTold):
        return colleague
    member = parts.ledger.member(member_id)
    return payments.member_failed(
        parts.settings,
        colleague.email,
        colleague.name,
        cast("Locale", notice.locale),
        failure=_failure(member, due),
        member_name=member.name,
        path=f"/panel/members/{member_id}",
    )


def _failure(member: Member, due: Due) -> payments.Failure:
    return payments.Failure(
        plan_name=due.plan_name,
        amount=due.amount,
        due_at=due.due_at,
        retry_at=due.retry_at,
        access_until=due.access_until,
        decline_code=due.decline_code or (MANDATE_ENDED if member.method else None),
    )


def _due_of(parts: Parts, fact: Fact, member_id: UUID) -> Due | None:
    """What is due of the order whose failure a fact tells of; None where nothing is.

    It is a fact of that order, or of the member, who stands unpaid by it.
    """
    stays = parts.ledger.member(member_id).memberships.values()
    by_fact = {stay.unpaid_order_id for stay in stays if stay.until_fact == fact.fact_id}
    dues = Dues(parts.collection).of(member_id)
    return next((due for due in dues if due.order_id in {fact.originator_id, *by_fact}), None)
