"""What became of the mails of notices, noted in the books (NO2).

Between a server's answer and the fact anything may crash: the outbox remembers, the fact follows.
"""

from __future__ import annotations

from uuid import UUID

from ledger import ids
from ledger.billing.sweep import Broken
from ledger.errors import LedgerError, NoticeOver
from ledger.facts import Actor, Cause
from web.mails.transport_message import message_id
from web.parts import Parts
from web.sessions.outbox import Unnoted

MACHINE = Actor(kind="machine")
OUTCOME_UNKNOWN = "outcome_unknown"
"""Why a notice failed that may have been sent: it is tried again when a person says so."""


def note_all(
    parts: Parts, *, cause: Cause, by: Actor = MACHINE, mail_id: UUID | None = None
) -> list[Broken]:
    """Record what the books don't know yet, of one mail or of all; what could not be recorded."""
    broken: list[Broken] = []
    for one in parts.desk.outbox.unnoted(mail_id):
        own = Cause(kind=cause.kind, id=ids.derived(cause.id, one.mail_id, one.attempts))
        try:
            _note(parts, one, by, own)
        except NoticeOver:
            pass  # it was given up meanwhile, which is noted
        except LedgerError as refusal:
            broken.append(Broken(one.mail_id, refusal.code, str(refusal)))
            continue
        parts.desk.outbox.note(one)
    return broken


def _note(parts: Parts, one: Unnoted, by: Actor, cause: Cause) -> None:
    ledger, outbox, why = parts.ledger, parts.desk.outbox, one.why or "unknown"
    notice_id, attempt = one.mail_id, max(one.attempts, 1)
    match one.state:
        case "sent":
            sender = parts.settings.sender
            known_as = message_id(notice_id, sender) if sender else str(notice_id)
            ledger.record_notice_sent(
                notice_id, attempt=attempt, message_id=known_as, by=by, cause=cause
            )
        case "failed":
            # The outbox lives in the machine's time, the books in the site's.
            retry_at = parts.clock.now() + (one.next_at - outbox.clock.now())
            ledger.record_notice_failed(
                notice_id, attempt=attempt, why=why, retry_at=retry_at, by=by, cause=cause
            )
        case "unknown":
            ledger.record_notice_failed(
                notice_id, attempt=attempt, why=OUTCOME_UNKNOWN, by=by, cause=cause
            )
        case "given_up":
            ledger.give_up_notice(notice_id, why, by=by, cause=cause)
        case "bounced":
            ledger.record_notice_bounced(notice_id, why, by=by, cause=cause)
        case "waiting":
            pass
