"""The panel: what staff see and do, each act the same method of the books as the API's."""

from __future__ import annotations

from flask import Blueprint

from web.pages.panel import (
    audit,
    bulk,
    colleagues,
    discounts,
    discounts_changes,
    explain,
    explain_figures,
    home,
    lists,
    lists_messages,
    member,
    members,
    notices,
    operations,
    orders,
    overview,
    own_notices,
    payments,
    plans,
    plans_changes,
    plans_prices,
    refunds,
    removal,
    second_step,
    security,
    segments,
    team,
    tokens,
)


def all_panel_pages() -> list[Blueprint]:
    """Every group of the panel's pages."""
    groups = (
        team,
        second_step,
        security,
        home,
        members,
        bulk,
        segments,
        member,
        removal,
        orders,
        refunds,
        plans,
        plans_changes,
        plans_prices,
        discounts,
        discounts_changes,
        lists,
        lists_messages,
        notices,
        own_notices,
        colleagues,
        tokens,
        explain,
        operations,
        overview,
        payments,
        audit,
        explain_figures,
    )
    return [group.pages for group in groups]
