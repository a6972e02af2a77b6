"""The way into the panel, and the one search that stands on each of its pages."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ledger.errors import NotFound
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.pages.frame import group
from web.pages.panel import navigation
from web.pages.past_pages import passes_moment

pages = group("panel", url_prefix="/panel")

LANDINGS = (
    (Permission.READ_FIGURES, "overview.page"),
    (Permission.READ_MEMBERS, "members.listing"),
    (Permission.READ_ORDERS, "orders.listing"),
    (Permission.READ_VIEWS, "operations.page"),
)
RECEIPT = re.compile(r"T?(\d{4})-(\d{1,9})", re.IGNORECASE)


@pages.app_context_processor
def _frame() -> dict[str, Any]:
    return {"panel_ways": navigation.ways}


@pages.get("")
@requires(Permission.PUBLIC)
@passes_moment
def home() -> Response | str:
    """To the first page that the roles allow."""
    if caller().contributor is None:
        return redirect(url_for("team.form"))
    for permission, endpoint in LANDINGS:
        if caller().principal_for(permission):
            return redirect(url_for(endpoint))
    return render_template("panel/empty.html")


@pages.get("/search")
@requires(Permission.READ_MEMBERS)
@passes_moment
def search() -> Response:
    """An order's or receipt's number leads to the order; anything else looks for people, among
    those whom the list shows already.
    """
    text = request.args.get("q", "").strip()
    order_id = _order_of(text)
    if order_id and caller().principal_for(Permission.READ_ORDERS):
        return redirect(url_for("orders.one", order_id=order_id))
    beside: dict[str, Any] = {
        name: request.args.getlist(name) for name in request.args if name != "q"
    }
    return redirect(url_for("members.listing", **beside | {"q": text or None}))


def _order_of(text: str) -> UUID | None:
    receipt = RECEIPT.fullmatch(text)
    if receipt:
        year, number = map(int, receipt.groups())
        found = parts().queries.receipts.numbered(year, number, mode=parts().site.mode)
        return found.order_id if found else None
    try:
        return parts().ledger.order(UUID(text)).id
    except (ValueError, NotFound):
        return None
