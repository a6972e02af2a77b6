"""What may be done with notices: queued, and what became of them (NO2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger import ids
from ledger.application.books import Books, Position
from ledger.application.use_case import use_case
from ledger.contributor import Contributor
from ledger.errors import Forbidden, NotFound
from ledger.facts import Actor, Cause, Fact, Stamp
from ledger.notification import Locale, Notification, Recipient
from ledger.store.recorder import LAST_VERSION
from ledger.store.records import FactRecord
from ledger.told import Kind


@dataclass(frozen=True, slots=True)
class Told:
    """Who is to be told what, in which language."""

    recipient: Recipient
    kind: Kind
    locale: Locale


class NoticeUseCases(Books):
    """Notices: queued once, then sent, failed, given up, bounced; by hand only sent again."""

    def notice(self, notice_id: UUID) -> Notification:
        """A notice as the books know it now; NotFound."""
        return self.load(Notification, notice_id)

    def fact(self, fact_id: str) -> Fact:
        """A fact by its name, stream/version; NotFound where there is none."""
        found = self.facts_named([fact_id]).get(fact_id)
        if found is None:
            raise NotFound(what="fact", id=fact_id)
        return found

    def facts_named(self, fact_ids: Iterable[str]) -> dict[str, Fact]:
        """Facts by their names, asked for at once, without those that there are not."""
        names = {name for name in map(_name_of, fact_ids) if name is not None}
        records = self._fact_recorder.named(names)
        return {fact.fact_id: fact for fact in self._fact_mapper.open_records(records)}

    def opened(self, records: Sequence[FactRecord]) -> list[Fact]:
        """Rows of the books as the facts that they hold."""
        return list(self._fact_mapper.open_records(records))

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

        Whatever is queued again, by whomever, is no news; what a contributor has muted is not
        queued.
        """
        stamp = self._machine_stamp(by, cause)
        told = Told(recipient, kind, locale)
        return self._queue([told], self.fact(because_of), stamp)

    @use_case
    def queue_notices(self, told: Sequence[Told], *, of: Fact, by: Actor, cause: Cause) -> Position:
        """The same for all who are told of one fact in the books: all or nobody."""
        return self._queue(told, of, self._machine_stamp(by, cause))

    @use_case
    def requeue_notice(self, notice_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Staff let a notice be sent again that was given up, or came back; NoticeSent."""
        notice = self.notice(notice_id)
        notice.requeue(stamp=self.staff_stamp(by, cause))
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

    def _queue(self, told: Sequence[Told], of: Fact, stamp: Stamp) -> Position:
        notices: list[Notification] = []
        colleagues: list[Contributor] = []
        for one in told:
            recipient = one.recipient
            notice_id = ids.notice(of.fact_id, recipient.id, one.kind)
            if self.find(Notification, notice_id, about=of.originator_id) is not None:
                continue
            if recipient.kind == "contributor":
                colleague = self.find(Contributor, recipient.id, about=recipient.id)
                if colleague is not None and not colleague.hears_of(one.kind, recipient.role):
                    continue
                colleagues += [colleague] if colleague is not None else []
            notices.append(_notice(one, of, stamp))
        # Who mutes a kind at this moment is not told: then the books have moved.
        return self.append(*notices, relies_on=colleagues, command=stamp.cause.id)

    def _machine_stamp(self, by: Actor, cause: Cause) -> Stamp:
        if by.kind == "member":
            raise Forbidden(role=by.kind)
        return self.stamp(by, cause)


def _notice(told: Told, of: Fact, stamp: Stamp) -> Notification:
    own_id = told.recipient.id if told.recipient.kind == "member" else None
    return Notification.queue(
        told.recipient,
        told.kind,
        because_of=of.fact_id,
        about=of.member_id or own_id,
        locale=told.locale,
        stamp=stamp,
    )


def _name_of(fact_id: str) -> tuple[UUID, int] | None:
    stream, _, version = fact_id.partition("/")
    try:
        name = UUID(stream), int(version)
    except ValueError:
        return None
    return name if 0 < name[1] <= LAST_VERSION else None
