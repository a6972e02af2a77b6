"""Notification: one person is told one thing for one cause, once (NO1 to NO3)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar, Literal, Self
from uuid import UUID

from ledger import ids
from ledger.errors import NoticeMalformed, NoticeOver, NoticeSent
from ledger.facts import Aggregate, Fact, FirstFact, Instant, Stamp, Value
from ledger.told import Kind, ToldRole

Locale = Literal["en", "fr"]
State = Literal["queued", "sent", "failed", "given_up", "bounced"]

LONGEST_MESSAGE_ID = 200

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_FACT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[1-9][0-9]{0,9}")


class Recipient(Value):
    """Who is told, and as what."""

    kind: Literal["contributor", "member"]
    id: UUID
    role: ToldRole


class Notification(Aggregate):
    """A notice on its way to one person. What it says is made of its cause when it is sent."""

    TOPIC: ClassVar[str] = "notice"
    Event = Fact

    class Queued(FirstFact):
        """Somebody is to be told of a fact, which `because_of` names as stream/version.

        `member_id` is the member whom that fact concerns, also where another person is told; a
        member who is told of what concerns nobody, such as a price, is that member.
        """

        TOPIC: ClassVar[str] = "notice.queued"
        recipient: Recipient
        kind: Kind
        because_of: str
        locale: Locale

        def apply(self, notice: Notification) -> None:
            """Waits to be sent."""
            notice.recipient, notice.kind = self.recipient, self.kind
            notice.because_of, notice.locale = self.because_of, self.locale
            notice.about = self.member_id

    Created = Queued

    class Sent(Fact):
        """It was handed over to who delivers it; `message_id` is how they know it, if they do."""

        TOPIC: ClassVar[str] = "notice.sent"
        attempt: int
        message_id: str | None

        def apply(self, notice: Notification) -> None:
            """On its way."""
            notice.state, notice.attempts = "sent", max(notice.attempts, self.attempt)
            notice.told_at = self.occurred_at

    class Failed(Fact):
        """An attempt came to nothing. `why` is a status or a word, never what was answered.

        That may quote the address.
        """

        TOPIC: ClassVar[str] = "notice.failed"
        attempt: int
        why: str
        retry_at: Instant | None

        def apply(self, notice: Notification) -> None:
            """To be tried again at an instant, if one is given."""
            notice.state, notice.attempts = "failed", self.attempt
            notice.retry_at = self.retry_at

    class GivenUp(Fact):
        """It is not tried any more."""

        TOPIC: ClassVar[str] = "notice.given_up"
        why: str

        def apply(self, notice: Notification) -> None:
            """Over, unsent."""
            notice.state = "given_up"

    class Bounced(Fact):
        """It came back after it was handed over."""

        TOPIC: ClassVar[str] = "notice.bounced"
        why: str

        def apply(self, notice: Notification) -> None:
            """Never read."""
            notice.state, notice.told_at = "bounced", None

    class Requeued(Fact):
        """Staff asked that it be sent again, although nobody would try it any more."""

        TOPIC: ClassVar[str] = "notice.requeued"

        def apply(self, notice: Notification) -> None:
            """Waits as at first."""
            notice.state, notice.retry_at = "queued", None

    def __init__(self) -> None:
        self.recipient: Recipient
        self.kind: Kind
        self.because_of = ""
        self.locale: Locale = "en"
        self.about: UUID | None = None
        self.state: State = "queued"
        self.attempts = 0
        self.retry_at: datetime | None = None
        self.told_at: datetime | None = None
        """When it was handed over, unless it came back. What only waits has told nobody."""

    @property
    def subject_id(self) -> UUID | None:
        """The member whom it concerns, whoever is told."""
        return self.about

    # --- what may be asked ------------------------------------------------------------

    @classmethod
    def queue(
        cls,
        recipient: Recipient,
        kind: Kind,
        *,
        because_of: str,
        about: UUID | None,
        locale: Locale,
        stamp: Stamp,
    ) -> Self:
        """Somebody is to be told. Its id says who, what and why: asked again it is the same."""
        if not _FACT.fullmatch(because_of):
            raise NoticeMalformed(why="its cause is a fact, as stream/version")
        if (recipient.kind == "member") != (recipient.role == "member"):
            raise NoticeMalformed(why="members are told as members, contributors by a role")
        return cls.begin(
            cls.Queued,
            ids.notice(because_of, recipient.id, kind),
            stamp=stamp,
            member_id=about,
            recipient=recipient,
            kind=kind,
            because_of=because_of,
            locale=locale,
        )

    def record_sent(self, *, attempt: int, message_id: str | None, stamp: Stamp) -> None:
        """It was handed over: a fact even where it had been given up. Twice is no news."""
        _require_attempt(attempt)
        if message_id is not None and not _is_message_id(message_id):
            raise NoticeMalformed(why="a message id is one printable word")
        if self.state not in {"sent", "bounced"}:
            self.record(self.Sent, stamp=stamp, attempt=attempt, message_id=message_id)

    def record_failed(
        self, *, attempt: int, why: str, retry_at: datetime | None, stamp: Stamp
    ) -> None:
        """An attempt came to nothing. One that is known already is no news."""
        _require_word(why)
        _require_attempt(attempt)
        if attempt > self.attempts:
            self._require_waiting()
            self.record(self.Failed, stamp=stamp, attempt=attempt, why=why, retry_at=retry_at)

    def give_up(self, why: str, *, stamp: Stamp) -> None:
        """Try no more. Twice is no news; what was sent can't be given up."""
        _require_word(why)
        if self.state != "given_up":
            self._require_waiting()
            self.record(self.GivenUp, stamp=stamp, why=why)

    def record_bounced(self, why: str, *, stamp: Stamp) -> None:
        """It came back: a fact even where nobody noted that it was sent. Twice is no news."""
        _require_word(why)
        if self.state != "bounced":
            self.record(self.Bounced, stamp=stamp, why=why)

    def requeue(self, *, stamp: Stamp) -> None:
        """Send it again: only where it would never arrive by itself. While it waits, no news."""
        if self.state == "sent":
            raise NoticeSent(notice_id=self.id)
        if self.is_over:
            self.record(self.Requeued, stamp=stamp)

    @property
    def is_over(self) -> bool:
        """Whether nobody would ever try it again, and it was not read."""
        return self.state in {"given_up", "bounced"}

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be sent."""
        return self.state in {"queued", "failed"}

    def _require_waiting(self) -> None:
        if not self.is_waiting:
            raise NoticeOver(notice_id=self.id, state=self.state)


def _require_attempt(attempt: int) -> None:
    if attempt < 1:
        raise NoticeMalformed(why="attempts are counted from 1")


def _require_word(why: str) -> None:
    if not _WORD.fullmatch(why):
        raise NoticeMalformed(why="a reason is a status or a word, never what was answered")


def _is_message_id(text: str) -> bool:
    seen = text.isascii() and text.isprintable() and " " not in text
    return seen and 0 < len(text) <= LONGEST_MESSAGE_ID
