"""The member list: search, filters as chips in the address, sort, pages, export (SE1, SE3, EX1)."""

from __future__ import annotations

from uuid import UUID

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from projections.queries.paging import Turn
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.frame import group, url_with
from web.pages.panel import bulk, members_columns, members_export
from web.pages.panel.listing import PAGE
from web.pages.panel.members_asked import Asked, all_statuses, asked_for, chips
from web.pages.panel.segment_counts import smart_counts
from web.pages.past_pages import now, of_moment, reading
from web.reading.past import Scope

pages = group("members", url_prefix="/panel/members")
KEEP = "keep"
"""The parameter by which a browser keeps the columns that the address names."""


@pages.get("")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def listing() -> Response | str:
    """Everybody, or those who are asked for; the list alone, where a page exchanges it."""
    asked = asked_for(request.args)
    if KEEP in request.args:
        kept = redirect(url_with(keep=None))
        members_columns.keep(make_response(kept), members_columns.shown(asked.args.columns))
        return kept
    within = _listed(asked)
    if "HX-Request" in request.headers:
        return render_template("panel/members_found.html", **within, is_part=True)
    return render_template(
        "panel/members.html",
        **within,
        segments=smart_counts(now()),
        saved=reading().queries.saved_segments.all(),
        statuses=all_statuses(),
        currency=parts().settings.currency,
        columns=members_columns.COLUMNS,
        **bulk.shown(),
    )


@pages.get("/export.csv")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def export() -> Response:
    """Who is listed, all of them, with the columns that are shown, in the same order (EX1)."""
    asked = asked_for(request.args)
    chosen = members_columns.shown(asked.args.columns)
    return members_export.answer(asked, chosen, ticked=request.args.getlist("member"))


def _listed(asked: Asked) -> dict[str, object]:
    queries, instant = reading().queries, now()
    sort, descending = asked.args.sort, asked.descending
    turn = Turn(sort, descending=descending, limit=PAGE, cursor=asked.args.cursor)
    plans: dict[UUID, str] = {row.plan_id: row.name for row in queries.plans.all()}
    shown = members_columns.shown(asked.args.columns)
    return {
        "asked_for": asked,
        "args": asked.args,
        "faults": asked.faults,
        "page": queries.members.page(asked.filter, turn, instant),
        "count": queries.members.count(asked.filter, instant),
        "chips": chips(asked, plans),
        "shown": shown,
        "column_labels": members_columns.labels,
        "headings": members_columns.headings(shown, sort, descending=descending),
        "plans": plans,
        "tags": queries.members.tag_names(),
        "lists": [row for row in queries.mailing_lists.all() if row.ended_at is None],
    }
