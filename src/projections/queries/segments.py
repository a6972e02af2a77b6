"""Smart segments and statuses (SE1): conditions on a member's row at an instant.

An instant is a parameter of each: a job that is late changes no answer (AX8). Segments may overlap;
of the statuses, everybody has one: the first that fits.
"""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

from ledger.segment import MemberStatus, SmartSegment
from projections.members import MemberRow

Segment = SmartSegment
Status = MemberStatus

SEGMENTS: dict[Segment, LiteralString] = {
    "members": "view.member_until > %(now)s",
    "customers": "view.is_customer",
    "past_due": "view.past_due_until > %(now)s",
    "action_required": "view.action_required_until > %(now)s",
    "cancelling": "view.cancelling_until > %(now)s",
    "former_members": "view.member_until <= %(now)s",
    "accounts_without_plan": "view.member_until IS NULL AND view.closed_at IS NULL",
    "possible_duplicates": """(
        EXISTS (SELECT FROM members AS other
                 WHERE other.same_name = view.same_name AND other.same_email <> view.same_email)
        OR EXISTS (SELECT FROM members AS other
                    WHERE other.same_method = view.same_method
                      AND other.same_email <> view.same_email))""",
}
"""Who is in a segment. Possible duplicates share a name or a payment method, not the e-mail."""

STATUSES: dict[Status, LiteralString] = {
    "action_required": "view.action_required_until > %(now)s",
    "past_due": """view.past_due_until > %(now)s
        AND (view.action_required_until > %(now)s) IS NOT TRUE""",
    "cancelling": """view.cancelling_until > %(now)s
        AND (view.action_required_until > %(now)s) IS NOT TRUE
        AND (view.past_due_until > %(now)s) IS NOT TRUE""",
    "member": """view.member_until > %(now)s
        AND (view.action_required_until > %(now)s) IS NOT TRUE
        AND (view.past_due_until > %(now)s) IS NOT TRUE
        AND (view.cancelling_until > %(now)s) IS NOT TRUE""",
    "former": "view.member_until <= %(now)s",
    "contact": "view.member_until IS NULL AND view.closed_at IS NULL",
    "closed": "view.member_until IS NULL AND view.closed_at IS NOT NULL",
}


def status(row: MemberRow, now: datetime) -> Status:
    """What a member's row says at an instant, as STATUSES says it to the database."""
    troubles: tuple[tuple[Status, datetime | None], ...] = (
        ("action_required", row.action_required_until),
        ("past_due", row.past_due_until),
        ("cancelling", row.cancelling_until),
        ("member", row.member_until),
    )
    for name, until in troubles:
        if until is not None and until > now:
            return name
    if row.member_until is not None:
        return "former"
    return "contact" if row.closed_at is None else "closed"
