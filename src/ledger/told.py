"""Who may be told what: the kinds of notices, and the roles of those who get them (NO1, NO3)."""

from __future__ import annotations

from typing import Literal, get_args

ToldRole = Literal["owner", "administrator", "store_manager", "auditor", "operator", "member"]
StaffKind = Literal[
    "member_joined",
    "renewal_paid",
    "payment_failed",
    "member_cancelled",
    "paid_twice",
]
"""What those who run the site are told, unless they mute it (NO1)."""
STAFF_KINDS: tuple[StaffKind, ...] = get_args(StaffKind)
TOLD_ROLES: tuple[ToldRole, ...] = ("owner", "administrator", "store_manager")
"""Who of the staff is told anything, by the role in which they are."""
MemberKind = Literal[
    "welcome",
    "receipt",
    "own_payment_failed",
    "renewal_reminder",
    "price_change",
    "cancellation_confirmed",
    "refund_issued",
]
"""What a member is told (NO3)."""
Kind = Literal[StaffKind, MemberKind]
