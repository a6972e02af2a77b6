"""The letters of notices: each that waits is written and put in the mailbox once (NO2).

Where mails are sent a notice is told when its letter was handed over, which the post office notes;
where none leaves the house, when it lies in the mailbox.

To add a kind of letter, write a module with its writer and a line in `WRITERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from ledger import ids
from ledger.billing.sweep import Broken
from ledger.errors import LedgerError
from ledger.facts import Actor, Cause
from ledger.store.refusals import AWAY
from ledger.told import Kind
from projections.notices import NoticeRow
from projections.queries.notices import NoticeFilter
from projections.queries.paging import Turn
from web.mails.cancellation_letters import cancellation_confirmed
from web.mails.failure_letters import own_payment_failed, payment_failed
from web.mails.price_letters import price_change
from web.mails.receipt_letters import receipt, refund_issued, welcome
from web.mails.reminder_letters import renewal_reminder
from web.mails.staff_letters import member_cancelled, member_joined, paid_twice, renewal_paid
from web.mails.writing import NotTold, NotYet, Writer
from web.parts import Parts

WRITERS: Mapping[Kind, Writer] = {
    "member_joined": member_joined,
    "renewal_paid": renewal_paid,
    "member_cancelled": member_cancelled,
    "paid_twice": paid_twice,
    "welcome": welcome,
    "receipt": receipt,
    "cancellation_confirmed": cancellation_confirmed,
    "refund_issued": refund_issued,
    "own_payment_failed": own_payment_failed,
    "payment_failed": payment_failed,
    "renewal_reminder": renewal_reminder,
    "price_change": price_change,
}
MACHINE = Actor(kind="machine")
NO_WRITER = "no_letter_writer"
READ_AT_ONCE = 500

Outcome = Literal["sent", "written", "not told", "waiting", "over"]


@dataclass
class Sent:
    """How many letters were put in the box, how many are not sent any more, and what broke.

    Those put in the box are told, as `letters`, or `written` where they wait there to be sent.
    """

    letters: int = 0
    written: int = 0
    not_told: int = 0
    broken: list[Broken] = field(default_factory=list)


def send_waiting(
    parts: Parts, *, cause: Cause, before_each: Callable[[], None] | None = None
) -> Sent:
    """Send every notice that waits for it.

    `before_each` may raise, to break off; so does a database that can't be reached. What is left
    waits for the next time; one that breaks is reported, as is a kind of which nobody writes
    letters, and the others go on.
    """
    sent = Sent()
    for kind, oldest in parts.queries.notices.waiting().items():
        writer = WRITERS.get(kind)
        if writer is None:
            sent.broken.append(Broken(oldest, NO_WRITER, f"no letter is written of {kind}"))
            continue
        for notice in _unwritten(parts, kind):
            if before_each is not None:
                before_each()
            _send_alone(parts, notice, writer, cause, sent)
    return sent


def _unwritten(parts: Parts, kind: Kind) -> Iterator[NoticeRow]:
    """The notices of a kind that wait for a letter, the oldest first, each once."""
    asked = NoticeFilter(kind=kind, state="queued")
    cursor: str | None = None
    while True:
        turn = Turn("queued", limit=READ_AT_ONCE, cursor=cursor)
        page = parts.queries.notices.page(asked, turn)
        held: set[UUID] = set()
        if parts.desk.mailbox.sends:
            held = parts.desk.mailbox.held([row.notice_id for row in page.rows])
        yield from (row for row in page.rows if row.notice_id not in held)
        cursor = page.next_cursor
        if cursor is None:
            return


def _send_alone(parts: Parts, notice: NoticeRow, writer: Writer, cause: Cause, sent: Sent) -> None:
    own = Cause(kind=cause.kind, id=ids.derived(cause.id, notice.notice_id))
    try:
        outcome = _send(parts, notice, writer, own)
        sent.letters += outcome == "sent"
        sent.written += outcome == "written"
        sent.not_told += outcome == "not told"
    except AWAY:
        raise  # nothing is wrong with the letter
    except LedgerError as refusal:
        sent.broken.append(Broken(notice.notice_id, refusal.code, str(refusal)))
    except Exception as error:  # noqa: BLE001 -- reported; the others must not wait
        sent.broken.append(Broken(notice.notice_id, type(error).__name__, str(error)))


def _send(parts: Parts, notice: NoticeRow, writer: Writer, cause: Cause) -> Outcome:
    """Put the letter of one notice in the box, once, whatever breaks in between (NO2).

    What is not so any more is not told, which is noted. What is in the box already was told,
    whatever happened since.
    """
    if not parts.ledger.notice(notice.notice_id).is_waiting:
        return "over"  # the view is a moment behind
    if not parts.desk.mailbox.holds(notice.notice_id):
        written = writer(parts, notice)
        if isinstance(written, NotYet):
            return "waiting"
        if isinstance(written, NotTold):
            parts.ledger.give_up_notice(notice.notice_id, written.why, by=MACHINE, cause=cause)
            return "not told"
        parts.desk.mailbox.put(
            written, mail_id=notice.notice_id, is_notice=True, tried=notice.attempts
        )
    if parts.desk.mailbox.sends:
        return "written"
    parts.ledger.record_notice_sent(
        notice.notice_id,
        attempt=notice.attempts + 1,
        message_id=str(notice.notice_id),
        by=MACHINE,
        cause=cause,
    )
    return "sent"
