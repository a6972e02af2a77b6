"""Everything that the books know of a person, for the person: a zip with JSON and a page (AC8).

Made from the facts, with personal fields opened. What staff write about them is left out (AC9), and
so is everybody else: of an act of the staff it says that the staff acted, and no more.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from uuid import UUID

from ledger.facts import Actor
from projections.history import Entry
from projections.queries.notices import NoticeFilter
from projections.queries.paging import Turn
from web.parts import Parts

NEVER = frozenset(
    {
        "member.tagged",
        "member.untagged",
        "member.noted",
        "member.note_corrected",
        "list.message_sent",
    }
)
"""What staff write about a person, or to everybody."""
WRITTEN_BY_STAFF = {
    "member.removed": frozenset({"reason"}),
    "member.account_closed": frozenset({"reason"}),
    "order.refund_requested": frozenset({"reason"}),
}
STAFF = frozenset({"contributor", "program", "machine"})
IN_MEMORY = 1 << 20
"""Bytes kept in memory; what is longer lies in a file that nobody else can open."""
PIECE = 64 * 1024
AT_ONCE = 200

Drawn = Callable[[dict[str, Any], list[dict[str, Any]]], str]
"""Draws the readable page of what is known and of what happened."""


def pack(parts: Parts, member_id: UUID, draw: Drawn) -> Iterator[bytes]:
    """The zip file, made at once and handed over piece by piece."""
    known, facts = known_of(parts, member_id), list(facts_of(parts, member_id))
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when it is sent
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("my-data.json", _json({**known, "facts": facts}))
        packed.writestr("my-data.html", draw(known, facts))
    file.seek(0)
    return _pieces(file)


def known_of(parts: Parts, member_id: UUID) -> dict[str, Any]:
    """What is known of a person now, as JSON has it."""
    member, queries = parts.ledger.member(member_id), parts.queries
    seen = parts.desk.engagement.of(member_id)
    return {
        "account": {
            "member_id": member.id,
            "email": member.email,
            "name": member.name,
            "locale": member.locale,
            "verified_email": member.verified_email,
            "last_signed_in_at": seen.signed_in_at,
            "content_last_opened_at": seen.content_opened_at,
        },
        "receipts": [
            {
                "number": receipt.label,
                "order_id": receipt.order_id,
                "plan": receipt.plan_name,
                "paid_at": receipt.paid_at,
                "minor": receipt.minor,
                "currency": receipt.currency,
                "tax_minor": receipt.tax.minor if receipt.tax else None,
            }
            for receipt in queries.receipts.of_member(member_id)
        ],
        "notices": list(_notices(parts, member_id)),
    }


def facts_of(parts: Parts, member_id: UUID) -> Iterator[dict[str, Any]]:
    """Every fact about the person that is theirs to read, in the order it was recorded."""
    for entry in parts.queries.history.of_subject(member_id):
        if entry.member_id == member_id and _is_theirs(entry, member_id):
            yield _fact(entry, member_id)


def _is_theirs(entry: Entry, member_id: UUID) -> bool:
    told_to_others = "recipient_id" in entry.fields and entry.fields["recipient_id"] != str(
        member_id
    )
    return entry.topic not in NEVER and not entry.topic.startswith("notice.") and not told_to_others


def _fact(entry: Entry, member_id: UUID) -> dict[str, Any]:
    hidden = WRITTEN_BY_STAFF.get(entry.topic, frozenset())
    return {
        "fact": entry.topic,
        "id": entry.fact_id,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "by": _who(entry.actor, member_id),
        **{name: value for name, value in entry.fields.items() if name not in hidden},
    }


def _who(actor: Actor, member_id: UUID) -> str:
    if actor.kind in STAFF:
        return "staff"
    return "you" if actor.id == member_id else actor.kind


def _notices(parts: Parts, member_id: UUID) -> Iterator[dict[str, Any]]:
    """What was mailed to the person; not what staff were told about them."""
    cursor = None
    while True:
        turn = Turn("queued", descending=False, limit=AT_ONCE, cursor=cursor)
        page = parts.queries.notices.page(NoticeFilter(recipient_id=member_id), turn)
        for row in page.rows:
            yield {
                "notice": row.kind,
                "because_of": row.because_of,
                "state": row.state,
                "queued_at": row.queued_at,
                "sent_at": row.sent_at,
            }
        cursor = page.next_cursor
        if cursor is None:
            return


def _json(known: dict[str, Any]) -> str:
    return json.dumps(known, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
