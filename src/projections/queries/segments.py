"""Smart segments and statuses (SE1): conditions on a member's row at an instant.

An instant is a parameter of each: a job that is late changes no answer (AX8). Segments may overlap;
of the statuses, everybody has one: the first that fits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import LiteralString

from ledger.segment import MemberStatus, SmartSegment
from projections.members import MemberRow
from projections.queries.stretches import Hint
from projections.traits import Kind, bits, trait

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

EVER_JOINED = (
    Hint("view.joined_at", "view.joined_at > %(never)s"),
    Hint("view.plan_key", "view.plan_key > ''"),
)
RUNNING = (Hint("view.member_until", "view.member_until > %(now)s"), *EVER_JOINED)
OVER = (Hint("view.member_until", "view.member_until <= %(now)s"), *EVER_JOINED)
NEVER_JOINED = (
    Hint("view.member_until", "view.member_until IS NULL"),
    # No equality: the planner would forget that the list is sorted by it.
    Hint("view.joined_at", "view.joined_at <= %(never)s"),
    Hint("view.plan_key", "view.plan_key <= ''"),
)

MARKED: dict[Kind, Hint] = {
    "customer": Hint(
        "view.trait_bits", "view.trait_bits & %(is_customer)s::bigint = %(is_customer)s::bigint"
    ),
    "closed": Hint(
        "view.trait_bits", "view.trait_bits & %(is_closed)s::bigint = %(is_closed)s::bigint"
    ),
    "past_due": Hint(
        "view.trait_bits", "view.trait_bits & %(is_past_due)s::bigint = %(is_past_due)s::bigint"
    ),
    "action_required": Hint(
        "view.trait_bits",
        "view.trait_bits & %(is_action_required)s::bigint = %(is_action_required)s::bigint",
    ),
    "cancelling": Hint(
        "view.trait_bits", "view.trait_bits & %(is_cancelling)s::bigint = %(is_cancelling)s::bigint"
    ),
}
MARKS: dict[str, object] = {f"is_{kind}": bits([trait(kind)]) for kind in MARKED}
"""The values that these hints name."""

HINTS: dict[Segment | Status, tuple[Hint, ...]] = {
    "members": RUNNING,
    "customers": (MARKED["customer"], *EVER_JOINED),
    "past_due": (MARKED["past_due"], *RUNNING),
    "action_required": (MARKED["action_required"], *RUNNING),
    "cancelling": (MARKED["cancelling"], *RUNNING),
    "former_members": OVER,
    "accounts_without_plan": NEVER_JOINED,
    "possible_duplicates": (),
    "member": RUNNING,
    "former": OVER,
    "contact": NEVER_JOINED,
    "closed": (MARKED["closed"], *NEVER_JOINED),
}
"""What being in a segment, or of a status, says of single columns: one hint a column at most."""

HELD = frozenset({"action_required", "past_due", "cancelling"})
"""Segments, and statuses, that an index holds with all that sorted indexes carry."""

STATUSES_OF: dict[Segment, frozenset[Status]] = {
    "members": frozenset({"action_required", "past_due", "cancelling", "member"}),
    "past_due": frozenset({"action_required", "past_due"}),
    "action_required": frozenset({"action_required"}),
    "cancelling": frozenset({"action_required", "past_due", "cancelling"}),
    "former_members": frozenset({"former"}),
    "customers": frozenset({"action_required", "past_due", "cancelling", "member", "former"}),
    "accounts_without_plan": frozenset({"contact"}),
}
"""Which statuses those of a segment may have, where it doesn't leave all open."""

JOINED_STATUSES: frozenset[Status] = STATUSES_OF["members"] | {"former"}
NEVER_JOINED_STATUSES: frozenset[Status] = frozenset(set(STATUSES) - JOINED_STATUSES)
"""Of somebody who ever joined, and of who never did."""


def hints_of(statuses: Collection[Status]) -> Iterator[Hint]:
    """What being of one of some statuses says of single columns."""
    own = [{hint.column: hint for hint in HINTS[name]} for name in statuses]
    for column in set.intersection(*map(set, own)) if own else ():
        conditions = list(dict.fromkeys(hints[column].condition for hints in own))
        yield Hint(column, either(conditions))


def either(conditions: Sequence[LiteralString]) -> LiteralString:
    """One condition or another."""
    return conditions[0] if len(conditions) == 1 else "((" + ") OR (".join(conditions) + "))"


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
