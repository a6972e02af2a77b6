"""The plans: state, price, and how many memberships run in each."""

from __future__ import annotations

from flask import render_template

from web.identity.auth import requires
from web.identity.permissions import Permission
from web.pages.frame import group
from web.pages.past_pages import now, of_moment, reading
from web.reading.past import Scope

pages = group("plans", url_prefix="/panel/plans")


@pages.get("")
@requires(Permission.READ_PLANS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Every plan, drafts and retired ones too."""
    queries = reading().queries
    return render_template(
        "panel/plans.html",
        plans=queries.plans.all(),
        running=queries.memberships.running(now()),
        now=now(),
    )
