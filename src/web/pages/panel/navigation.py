"""The ways through the panel, each shown to those who may go it: a new page adds its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from web.identity.auth import caller
from web.identity.permissions import Permission
from web.wording.languages import message


class Way(NamedTuple):
    """An entry: what it takes, where it leads, whose pages it stands for, how it is called."""

    permission: Permission
    endpoint: str
    blueprints: tuple[str, ...]
    label: str


WAYS = (
    Way(
        Permission.READ_FIGURES,
        "overview.page",
        ("overview", "explain_figures"),
        message("Overview"),
    ),
    Way(
        Permission.READ_MEMBERS,
        "members.listing",
        ("members", "member", "removal", "bulk"),
        message("Members"),
    ),
    Way(Permission.READ_MEMBERS, "segments.listing", ("segments",), message("Segments")),
    Way(Permission.READ_ORDERS, "orders.listing", ("orders", "refunds"), message("Orders")),
    Way(Permission.READ_ORDERS, "payments.page", ("payments",), message("Payments")),
    Way(
        Permission.READ_PLANS,
        "plans.listing",
        ("plans", "plan_changes", "plan_prices"),
        message("Plans"),
    ),
    Way(
        Permission.READ_DISCOUNTS,
        "discounts.listing",
        ("discounts", "discount_changes"),
        message("Discount codes"),
    ),
    Way(
        Permission.READ_MEMBERS,
        "lists.listing",
        ("lists", "list_messages"),
        message("Mailing lists"),
    ),
    Way(
        Permission.READ_MEMBERS,
        "notices.listing",
        ("notices", "own_notices"),
        message("Notices"),
    ),
    Way(
        Permission.READ_TEAM,
        "colleagues.listing",
        ("colleagues", "tokens"),
        message("Team"),
    ),
    Way(Permission.READ_MEMBERS, "mails.on_their_way", ("mails",), message("Mails")),
    Way(Permission.READ_HISTORY, "audit.listing", ("audit",), message("Audit")),
    Way(Permission.READ_VIEWS, "operations.page", ("operations",), message("Operations")),
)


def ways() -> Iterator[Way]:
    """Those of whoever is signed in here."""
    return (way for way in WAYS if caller().principal_for(way.permission))
