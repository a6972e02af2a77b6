"""The list of endpoints. A new resource is a file of its own and a line here."""

from __future__ import annotations

from web.api import (
    access,
    accounts,
    discounts,
    figures,
    joining,
    mailbox,
    mailing_lists,
    members,
    memberships,
    moments,
    notices,
    orders,
    own,
    plans,
    remarks,
    saved_segments,
    segments,
    team,
)
from web.api.framework import Route

RESOURCES = (
    plans,
    discounts,
    accounts,
    joining,
    own,
    members,
    remarks,
    memberships,
    orders,
    segments,
    saved_segments,
    mailing_lists,
    notices,
    figures,
    team,
    access,
    moments,
    mailbox,
)


def all_routes() -> list[Route]:
    """Every endpoint, by resource."""
    return [route for resource in RESOURCES for route in resource.routes]
