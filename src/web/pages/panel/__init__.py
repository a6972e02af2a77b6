"""The panel: what staff see and do, each act the same method of the books as the API's."""

from __future__ import annotations

from flask import Blueprint

from web.pages.panel import (
    discounts,
    discounts_changes,
    explain,
    explain_figures,
    home,
    member,
    members,
    operations,
    orders,
    plans,
    plans_changes,
    plans_prices,
    refunds,
    removal,
    team,
)


def all_panel_pages() -> list[Blueprint]:
    """Every group of the panel's pages."""
    groups = (
        team,
        home,
        members,
        member,
        removal,
        orders,
        refunds,
        plans,
        plans_changes,
        plans_prices,
        discounts,
        discounts_changes,
        explain,
        operations,
        explain_figures,
    )
    return [group.pages for group in groups]
