"""Segments: built-in rules, statuses, and what a saved filter asks of a member (SE1, SE2)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from ledger import texts
from ledger.errors import FilterMalformed
from ledger.facts import Instant, Value
from ledger.money import Money

SmartSegment = Literal[
    "members",
    "customers",
    "past_due",
    "action_required",
    "cancelling",
    "former_members",
    "accounts_without_plan",
    "possible_duplicates",
]
MemberStatus = Literal[
    "action_required", "past_due", "cancelling", "member", "former", "contact", "closed"
]

COUNTRY_LETTERS = 2


class SegmentFilter(Value):
    """What a saved segment asks of the member list; all that is given must hold.

    From is included, before is not; spent, net and of one currency, includes both ends. No
    statuses means any. `agrees` is to messages. What is looked for in names is kept apart, for it
    may be personal.
    """

    statuses: tuple[MemberStatus, ...] = ()
    segment: SmartSegment | None = None
    plan_id: UUID | None = None
    tag: str | None = None
    joined_from: Instant | None = None
    joined_before: Instant | None = None
    spent_from: Money | None = None
    spent_to: Money | None = None
    last_order_from: Instant | None = None
    last_order_before: Instant | None = None
    method_country: str | None = None
    agrees: bool | None = None


def checked(asked: SegmentFilter, *, currency: str) -> SegmentFilter:
    """The filter with its words as they are kept; FilterMalformed if nobody can ever fit it.

    Spent is compared in `currency`, which is the site's.
    """
    country = asked.method_country and asked.method_country.upper()
    spent = [amount for amount in (asked.spent_from, asked.spent_to) if amount is not None]
    faults = {
        "spent is counted in the site's currency": any(a.currency != currency for a in spent),
        "spent ends where it begins or later": len(spent) > 1 and spent[0].minor > spent[1].minor,
        "joined ends after it begins": _inverted(asked.joined_from, asked.joined_before),
        "last order ends after it begins": _inverted(
            asked.last_order_from, asked.last_order_before
        ),
        "a country is two letters": country is not None and not _is_country(country),
    }
    why = next((why for why, found in faults.items() if found), None)
    if why:
        raise FilterMalformed(why=why)
    return asked.model_copy(
        update={
            "statuses": tuple(dict.fromkeys(asked.statuses)),
            "tag": None if asked.tag is None else texts.tag(asked.tag),
            "method_country": country,
        }
    )


def _inverted(start: datetime | None, end: datetime | None) -> bool:
    return start is not None and end is not None and end <= start


def _is_country(text: str) -> bool:
    return len(text) == COUNTRY_LETTERS and text.isascii() and text.isalpha()
