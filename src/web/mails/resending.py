"""Sending a notice again that came to nothing, as staff ask: its letter is written anew."""

from __future__ import annotations

from uuid import UUID

from ledger.application import Position
from ledger.facts import Actor, Cause
from web.parts import Parts


def resend(parts: Parts, notice_id: UUID, *, by: Actor, cause: Cause) -> Position:
    """Let it wait as at first. One that waits still is left as it is; NoticeSent, NotFound.

    The letter that came to nothing goes first: where that is all that was done, it is asked again.
    """
    if parts.ledger.notice(notice_id).is_over:
        parts.desk.mailbox.take_out(notice_id)
    return parts.ledger.requeue_notice(notice_id, by=by, cause=cause)
