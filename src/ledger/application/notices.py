"""What may be done with notices: queued, and what became of them (NO2)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ledger import ids
from ledger.application.books import Books, Position
from ledger.application.use_case import use_case
from ledger.errors import Forbidden, NotFound
from ledger.facts import Actor, Cause, Stamp
from ledger.notification import Kind, Locale, Notification, Recipient


class NoticeUseCases(Books):
    """Notices: queued once, then sent, failed, given up, bounced. No person does it by hand."""

    def notice(self, notice_id: UUID) -> Notification:
        """A notice as the books know it now; NotFound."""
        return self.load(Notification, notice_id)

    @use_case
    def queue_notice(
        self,
        recipient: Recipient,
        kind: Kind,
        *,
        because_of: str,
        locale: Locale,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Let somebody be told of a fact, named as stream/version; NotFound where there is none.

        Whatever is queued again, by whomever, is no news.
        """
        stamp = self._machine_stamp(by, cause)
        stream_id, member_id = self._cause(because_of)
        own_id = recipient.id if recipient.kind == "member" else None
        notice_id = ids.notice(because_of, recipient.id, kind)
        if self.find(Notification, notice_id, about=stream_id) is not None:
            return 0
        notice = Notification.queue(
            recipient,
            kind,
            because_of=because_of,
            about=member_id or own_id,
            locale=locale,
            stamp=stamp,
        )
        return self.append(notice, command=cause.id)

    @use_case
    def record_notice_sent(
        self,
        notice_id: UUID,
        *,
        attempt: int,
        message_id: str | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """A notice was handed over to who delivers it, at the nth attempt."""
        notice = self.notice(notice_id)
        stamp = self._machine_stamp(by, cause)
        notice.record_sent(attempt=attempt, message_id=message_id, stamp=stamp)
        return self.append(notice, command=cause.id)

    @use_case
    def record_notice_failed(
        self,
        notice_id: UUID,
        *,
        attempt: int,
        why: str,
        retry_at: datetime | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The nth attempt came to nothing; `why` is a status or a word."""
        notice = self.notice(notice_id)
        stamp = self._machine_stamp(by, cause)
        notice.record_failed(attempt=attempt, why=why, retry_at=retry_at, stamp=stamp)
        return self.append(notice, command=cause.id)

    @use_case
    def give_up_notice(self, notice_id: UUID, why: str, *, by: Actor, cause: Cause) -> Position:
        """A notice is not tried any more."""
        notice = self.notice(notice_id)
        notice.give_up(why, stamp=self._machine_stamp(by, cause))
        return self.append(notice, command=cause.id)

    @use_case
    def record_notice_bounced(
        self, notice_id: UUID, why: str, *, by: Actor, cause: Cause
    ) -> Position:
        """A notice came back."""
        notice = self.notice(notice_id)
        notice.record_bounced(why, stamp=self._machine_stamp(by, cause))
        return self.append(notice, command=cause.id)

    def _cause(self, fact_id: str) -> tuple[UUID, UUID | None]:
        """The stream of a fact, and the member whom it concerns."""
        try:
            stream, version = fact_id.split("/")
            stream_id, number = UUID(stream), int(version)
        except ValueError:
            raise NotFound(what="fact", id=fact_id) from None
        for fact in self.facts_of(stream_id):
            if fact.originator_version == number:
                return stream_id, fact.member_id
        raise NotFound(what="fact", id=fact_id)

    def _machine_stamp(self, by: Actor, cause: Cause) -> Stamp:
        if by.kind == "member":
            raise Forbidden(role=by.kind)
        return self.stamp(by, cause)
