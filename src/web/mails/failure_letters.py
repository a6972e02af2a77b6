"""Letters about a payment that failed: to the member, with the way back, and to the staff (DU2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from ledger import ids
from ledger.billing.dues import Due, Dues
from ledger.billing.sweep import Broken
from ledger.errors import LedgerError
from ledger.facts import Actor, Cause
from ledger.member import Member
from ledger.notification import Kind, Locale
from ledger.store.refusals import AWAY
from projections.notices import NoticeRow
from projections.queries.notices import NoticeFilter
from projections.queries.paging import Turn
from web.mails.payments import Failure, member_failed, payment_failed
from web.mails.recovery import issue_link
from web.parts import Parts
from web.sessions.links import LIFETIME, Purpose
from web.sessions.mailbox import Mail

KINDS: tuple[Kind, ...] = ("own_payment_failed", "payment_failed")
MACHINE = Actor(kind="machine")
MANDATE_ENDED = "mandate_invalid"
MOST_AT_ONCE = 500
"""Of each kind, in one run."""


@dataclass
class Sent:
    """How many letters were put in the box, and the notices that broke."""

    letters: int = 0
    broken: list[Broken] = field(default_factory=list)


def send_waiting(
    parts: Parts, *, cause: Cause, before_each: Callable[[], None] | None = None
) -> Sent:
    """Send the notices of failed charges that wait for it (DU2, DU3).

    `before_each` may raise, to break off; so does a database that can't be reached. What is left
    waits for the next time; one that breaks is reported, and the others go on.
    """
    sent = Sent()
    for kind in KINDS:
        asked, turn = NoticeFilter(kind=kind, state="queued"), Turn("queued", False, MOST_AT_ONCE)
        for notice in parts.queries.notices.page(asked, turn).rows:
            if before_each is not None:
                before_each()
            try:
                sent.letters += send(parts, notice, cause=cause)
            except AWAY:
                raise  # nothing is wrong with the letter
            except LedgerError as refusal:
                sent.broken.append(Broken(notice.notice_id, refusal.code, str(refusal)))
            except Exception as error:  # noqa: BLE001 -- reported; the others must not wait
                sent.broken.append(Broken(notice.notice_id, type(error).__name__, str(error)))
    return sent


def send(parts: Parts, notice: NoticeRow, *, cause: Cause) -> bool:
    """Put the letter of one notice in the box, once, whatever breaks in between (NO2).

    What was paid or is over by now is not told any more. Whether a letter was put.
    """
    if not parts.ledger.notice(notice.notice_id).is_waiting:
        return False  # the view is a moment behind
    own = Cause(kind=cause.kind, id=ids.derived(cause.id, notice.notice_id))
    mail = _letter(parts, notice)
    if mail is None:
        parts.ledger.give_up_notice(notice.notice_id, "no_longer_due", by=MACHINE, cause=own)
        return False
    mail_id = parts.desk.mailbox.put(mail, mail_id=notice.notice_id)
    parts.ledger.record_notice_sent(
        notice.notice_id,
        attempt=notice.attempts + 1,
        message_id=str(mail_id),
        by=MACHINE,
        cause=own,
    )
    return True


def _letter(parts: Parts, notice: NoticeRow) -> Mail | None:
    """What a notice says; None where nothing is due any more, or nobody is there to be told."""
    member_id = notice.member_id or notice.recipient_id
    member, due = parts.ledger.member(member_id), _due_of(parts, notice, member_id)
    if due is None:
        return None
    if notice.recipient_kind == "member":
        return _to_member(parts, member, due, notice)
    told = parts.ledger.contributor(notice.recipient_id)
    if not told.roles:
        return None
    return member_failed(
        parts.settings,
        told.email,
        told.name,
        cast("Locale", notice.locale),
        failure=_failure(member, due),
        member_name=member.name,
        path=f"/panel/members/{member_id}",
    )


def _to_member(parts: Parts, member: Member, due: Due, notice: NoticeRow) -> Mail:
    return payment_failed(
        parts.settings,
        member.email,
        member.name,
        cast("Locale", notice.locale),
        failure=_failure(member, due),
        token=issue_link(parts, member.id, due, because=notice.notice_id),
        link_days=LIFETIME[Purpose.PAY_ORDER].days,
    )


def _failure(member: Member, due: Due) -> Failure:
    return Failure(
        plan_name=due.plan_name,
        amount=due.amount,
        due_at=due.due_at,
        retry_at=due.retry_at,
        access_until=due.access_until,
        decline_code=due.decline_code or (MANDATE_ENDED if member.method else None),
    )


def _due_of(parts: Parts, notice: NoticeRow, member_id: UUID) -> Due | None:
    """What is due of the order whose failure the notice tells of; None where nothing is.

    The notice's cause is a fact of that order, or of the member, who stands unpaid by it.
    """
    stream_id = UUID(notice.because_of.partition("/")[0])
    stays = parts.ledger.member(member_id).memberships.values()
    by_fact = {stay.unpaid_order_id for stay in stays if stay.until_fact == notice.because_of}
    dues = Dues(parts.collection).of(member_id)
    return next((due for due in dues if due.order_id in {stream_id, *by_fact}), None)
