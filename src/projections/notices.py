"""Notices: who was told what, why, and what became of it (NO2)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from ledger.facts import Fact
from ledger.notification import Notification
from projections.laws import Law, one_row_a_fact
from projections.rows import quick
from projections.view import Index, Key, Needs, View, first, on


@quick
class NoticeRow(NamedTuple):
    """A notice. `member_id` is whom it concerns, `because_of` the fact that it tells of."""

    notice_id: UUID
    recipient_id: UUID
    recipient_kind: str
    role: str
    kind: str
    because_of: str
    member_id: UUID | None
    locale: str
    queued_at: datetime
    state: str = "queued"
    attempts: int = 0
    retry_at: datetime | None = None
    sent_at: datetime | None = None
    message_id: str | None = None
    why: str | None = None
    position: int = 0


class Notices(View[NoticeRow]):
    """Every notice that was ever queued."""

    name = "notices"
    version = 1
    partition = "stream"
    key = ("notice_id",)
    columns = NoticeRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = (
        Index("queued", "(queued_at, notice_id)"),
        Index("recipient", "(recipient_id, queued_at, notice_id)"),
        Index("member", "(member_id, queued_at, notice_id) WHERE member_id IS NOT NULL"),
        Index("state", "(state, queued_at, notice_id) WHERE state <> 'sent'"),
    )
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("notice.queued"),)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The notice whose stream it is."""
        return ((fact.originator_id,),)

    @first(Notification.Queued)
    def queued(self, fact: Notification.Queued) -> NoticeRow:
        """Somebody is to be told."""
        return NoticeRow(
            notice_id=fact.originator_id,
            recipient_id=fact.recipient.id,
            recipient_kind=fact.recipient.kind,
            role=fact.recipient.role,
            kind=fact.kind,
            because_of=fact.because_of,
            member_id=fact.member_id,
            locale=fact.locale,
            queued_at=fact.occurred_at,
        )

    @on(Notification.Sent)
    def sent(self, row: NoticeRow, fact: Notification.Sent) -> NoticeRow:
        """Handed over."""
        return row._replace(
            state="sent",
            attempts=max(row.attempts, fact.attempt),
            retry_at=None,
            sent_at=fact.occurred_at,
            message_id=fact.message_id,
            why=None,
        )

    @on(Notification.Failed)
    def failed(self, row: NoticeRow, fact: Notification.Failed) -> NoticeRow:
        """One attempt more that came to nothing."""
        return row._replace(
            state="failed", attempts=fact.attempt, retry_at=fact.retry_at, why=fact.why
        )

    @on(Notification.GivenUp)
    def given_up(self, row: NoticeRow, fact: Notification.GivenUp) -> NoticeRow:
        """Not tried any more."""
        return row._replace(state="given_up", retry_at=None, why=fact.why)

    @on(Notification.Bounced)
    def bounced(self, row: NoticeRow, fact: Notification.Bounced) -> NoticeRow:
        """It came back."""
        return row._replace(state="bounced", retry_at=None, why=fact.why)

    @on(Notification.Requeued)
    def requeued(self, row: NoticeRow, _: Notification.Requeued) -> NoticeRow:
        """Waits as at first."""
        return row._replace(state="queued", retry_at=None, why=None)
