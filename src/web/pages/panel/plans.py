"""The plans: state, price, and how many memberships run in each."""

from __future__ import annotations

from flask import render_template

from web.auth import parts, requires
from web.frame import group
from web.permissions import Permission

pages = group("plans", url_prefix="/panel/plans")


@pages.get("")
@requires(Permission.READ_PLANS)
def listing() -> str:
    """Every plan, drafts and retired ones too."""
    now = parts().clock.now()
    return render_template(
        "panel/plans.html",
        plans=parts().queries.plans.all(),
        running=parts().queries.memberships.running(now),
        now=now,
    )
