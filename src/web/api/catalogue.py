"""The list of endpoints. A new resource is a file of its own and a line here."""

from __future__ import annotations

from web.api import (
    access,
    accounts,
    discounts,
    figures,
    joining,
    mailbox,
    members,
    memberships,
    orders,
    own,
    plans,
    remarks,
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
    figures,
    team,
    access,
    mailbox,
)


def all_routes() -> list[Route]:
    """Every endpoint, by resource."""
    return [route for resource in RESOURCES for route in resource.routes]
