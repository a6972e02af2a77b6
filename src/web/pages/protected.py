"""The demonstration of protected content: a page that opens and shuts with access (AX9)."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import render_template

from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.pages.frame import group
from web.pages.joining import visible_plan

pages = group("protected")


@pages.get("/plans/<uuid:plan_id>/content")
@requires(Permission.OWN_ACCOUNT)
def content(plan_id: UUID) -> tuple[str, int]:
    """Asks the books, not a view: what was answered a moment ago decides nothing."""
    plan, person = visible_plan(parts(), plan_id), caller().person
    answer = parts().ledger.access(person.member_id, plan_id) if person else None
    is_open = answer is not None and answer.allowed
    if person and is_open:
        parts().desk.engagement.opened_content(person.member_id)
    page = render_template("public/content.html", plan=plan, answer=answer, is_open=is_open)
    return page, HTTPStatus.OK if is_open else HTTPStatus.FORBIDDEN
