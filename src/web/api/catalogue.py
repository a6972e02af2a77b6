"""The list of endpoints. A new resource is a file of its own and a line here."""

from __future__ import annotations

from functools import cache

from web.api import (
    access,
    accounts,
    agenda,
    coming,
    discounts,
    explain,
    explain_people,
    explain_reports,
    facts,
    figures,
    joining,
    list_messages,
    mailbox,
    mailing_lists,
    members,
    memberships,
    moments,
    notices,
    orders,
    own,
    own_data,
    own_money,
    payment_notices,
    plans,
    reconciliation,
    remarks,
    reports,
    saved_segments,
    schedule,
    segments,
    team,
    team_notices,
    views,
)
from web.api.exports import with_exports
from web.api.framework import Route

RESOURCES = (
    plans,
    coming,
    discounts,
    accounts,
    joining,
    own,
    own_data,
    own_money,
    members,
    remarks,
    memberships,
    orders,
    segments,
    saved_segments,
    mailing_lists,
    list_messages,
    notices,
    agenda,
    payment_notices,
    figures,
    reconciliation,
    reports,
    explain,
    explain_people,
    explain_reports,
    team,
    team_notices,
    access,
    facts,
    moments,
    views,
    schedule,
    mailbox,
)


def all_routes() -> list[Route]:
    """Every endpoint, by resource; each list also as CSV."""
    return list(_all_routes())


@cache
def _all_routes() -> tuple[Route, ...]:
    return tuple(with_exports(route for resource in RESOURCES for route in resource.routes))
