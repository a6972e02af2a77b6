"""The letters of notices: each that waits is written and put in the mailbox once (NO2).

Where mails are sent a notice is told when its letter was handed over, which the post office notes;
where none leaves the house, when it lies in the mailbox.

To add a kind of letter, write a module with its writer and a line in `WRITERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ledger import ids
from ledger.billing.sweep import Broken
from ledger.errors import LedgerError
from ledger.facts import Actor, Cause, Fact
from ledger.member.facts import Joined
from ledger.order.facts import Paid
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
from web.sessions.mailbox import Mail, ToPut

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
        page = _Page(parts, writer, cause, sent)
        for notices in _pages(parts, kind):
            page.send(notices, before_each or _nothing)
    return sent


def _pages(parts: Parts, kind: Kind) -> Iterator[Sequence[NoticeRow]]:
    """The notices of a kind that wait, the oldest first, each once."""
    asked = NoticeFilter(kind=kind, state="queued")
    cursor: str | None = None
    while True:
        page = parts.queries.notices.page(asked, Turn("queued", limit=READ_AT_ONCE, cursor=cursor))
        yield page.rows
        cursor = page.next_cursor
        if cursor is None:
            return


def _nothing() -> None:
    """Before each letter."""


@dataclass
class _Page:
    """Sends a page of notices of a kind, whatever breaks in between (NO2).

    What they need is asked for at once, and the letters are put in the box at once. What is in the
    box already was told, whatever happened since.
    """

    parts: Parts
    writer: Writer
    cause: Cause
    sent: Sent

    def send(self, notices: Sequence[NoticeRow], before_each: Callable[[], None]) -> None:
        """Write the letters that are not in the box, put them there, and note what was told."""
        mailbox = self.parts.desk.mailbox
        held = mailbox.held([notice.notice_id for notice in notices])
        fresh = [notice for notice in notices if notice.notice_id not in held]
        written = self._written(fresh, before_each)
        mailbox.put_all(
            ToPut(mail, notice.notice_id, is_notice=True, tried=notice.attempts)
            for notice, mail in written
        )
        if mailbox.sends:
            self.sent.written += len(written)
            return
        told = {notice.notice_id for notice, _ in written} | held
        for notice in notices:
            if notice.notice_id in told:
                before_each()
                with self._alone(notice):
                    self.sent.letters += self._note_sent(notice)

    def _written(
        self, notices: Sequence[NoticeRow], before_each: Callable[[], None]
    ) -> list[tuple[NoticeRow, Mail]]:
        written: list[tuple[NoticeRow, Mail]] = []
        facts = self.parts.ledger.facts_named(notice.because_of for notice in notices)
        parts = _with_receipts(self.parts, facts.values())
        for notice in notices:
            before_each()
            with self._alone(notice):
                mail = self._answer(parts, notice, facts)
                written += [] if mail is None else [(notice, mail)]
        return written

    def _answer(self, parts: Parts, notice: NoticeRow, facts: Mapping[str, Fact]) -> Mail | None:
        """None where nothing is to be told, now or any more; the latter is noted."""
        if not self._is_waiting(notice):
            return None
        answer = self.writer(parts, notice, facts[notice.because_of])
        if isinstance(answer, NotYet):
            return None
        if isinstance(answer, NotTold):
            cause = self._own_cause(notice)
            parts.ledger.give_up_notice(notice.notice_id, answer.why, by=MACHINE, cause=cause)
            self.sent.not_told += 1
            return None
        return answer

    def _note_sent(self, notice: NoticeRow) -> bool:
        """Whether it was not noted before."""
        if not self._is_waiting(notice):
            return False
        self.parts.ledger.record_notice_sent(
            notice.notice_id,
            attempt=notice.attempts + 1,
            message_id=str(notice.notice_id),
            by=MACHINE,
            cause=self._own_cause(notice),
        )
        return True

    def _is_waiting(self, notice: NoticeRow) -> bool:
        """The view may be a moment behind."""
        return self.parts.ledger.notice(notice.notice_id).is_waiting

    def _own_cause(self, notice: NoticeRow) -> Cause:
        return Cause(kind=self.cause.kind, id=ids.derived(self.cause.id, notice.notice_id))

    @contextmanager
    def _alone(self, notice: NoticeRow) -> Iterator[None]:
        """Where one breaks that is reported, and the others go on."""
        try:
            yield
        except AWAY:
            raise  # nothing is wrong with the letter
        except LedgerError as refusal:
            self.sent.broken.append(Broken(notice.notice_id, refusal.code, str(refusal)))
        except Exception as error:  # noqa: BLE001 -- reported; the others must not wait
            broken = Broken(notice.notice_id, type(error).__name__, str(error))
            self.sent.broken.append(broken)


def _with_receipts(parts: Parts, told: Iterable[Fact]) -> Parts:
    """The same, with the receipts of what was paid asked for at once."""
    order_ids = {fact.originator_id for fact in told if isinstance(fact, Paid)}
    order_ids |= {fact.order_id for fact in told if isinstance(fact, Joined)}
    if not order_ids:
        return parts
    receipts = parts.queries.receipts.ahead(order_ids)
    return replace(parts, queries=replace(parts.queries, receipts=receipts))
