"""Access: whether a plan's content is open to somebody, asked of the books, never the views (AX9).

A site's server asks with a token; a reverse proxy forwards the browser's own cookie.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.member import AccessAnswer
from web.api.framework import Answer, Call, Routes
from web.api.models import InstantField, Query
from web.api.shapes import AccessReply, ShortText
from web.identity.permissions import Permission
from web.problems import Problem, parameter_fault
from web.reading.past import Scope

routes = Routes("access")
NO_ACCOUNT = AccessAnswer(allowed=False, rule="no_account", until=None, fact_ids=())


class AccessQuery(Query):
    """Whose access: by id or by e-mail; to which plan; when: now, unless told."""

    plan_id: UUID
    member_id: UUID | None = None
    email: ShortText | None = None
    at: InstantField | None = None


class ForwardQuery(Query):
    """To which plan's content."""

    plan_id: UUID


@routes.get(
    "/access",
    permission=Permission.READ_ACCESS,
    summary="Whether somebody has access",
    query=AccessQuery,
    answers=AccessReply,
    past=Scope.BOOKS,
)
def show_access(call: Call[None, AccessQuery]) -> AccessReply:
    """For a site's server. After a removal was acknowledged the answer is never yes (AX2).

    An e-mail without an account has no access; an unknown id is a 404.
    """
    asked = call.query
    if (asked.member_id is None) == (asked.email is None):
        raise parameter_fault("member_id", "who", "Give either member_id or email.")
    member_id = asked.member_id
    if asked.email is not None:
        if call.past is not None:
            detail = "An e-mail is known as it is now; of the past, ask by member_id."
            raise parameter_fault("email", "who", detail)
        member_id = call.parts.ledger.member_by_email(asked.email)
    return answer_of(call, member_id, asked.plan_id, asked.at)


@routes.get(
    "/access/forward",
    permission=Permission.OWN_ACCOUNT,
    summary="Forward authentication",
    query=ForwardQuery,
)
def forward(call: Call[None, ForwardQuery]) -> Answer:
    """For reverse proxies, which ask with the browser's cookie: 200 with headers that say who,
    401 for a stranger, 403 for a person without access.
    """
    answer = answer_of(call, call.member_id, call.query.plan_id, None)
    if not answer.access:
        raise Problem(
            403, "no_access", "This content isn't open to you.", more={"rule": answer.rule}
        )
    call.parts.desk.engagement.opened_content(call.member_id)
    headers = {"Ledger-Member": str(call.member_id), "Ledger-Access-Rule": answer.rule}
    if answer.until is not None:
        headers["Ledger-Access-Until"] = answer.until.isoformat()
    return Answer(status=200, headers=headers)


def answer_of(
    call: Call[Any, Any], member_id: UUID | None, plan_id: UUID, at: datetime | None
) -> AccessReply:
    """The books' answer at an instant, with the rule and the facts that decide it (AX7)."""
    instant = at or call.now
    answer = call.member(member_id).access(plan_id, instant) if member_id else NO_ACCOUNT
    if answer.membership_id is None:
        call.require_plan(plan_id)  # a plan that isn't there is a 404, not a no
    return AccessReply(
        member_id=member_id,
        plan_id=plan_id,
        at=instant,
        access=answer.allowed,
        rule=answer.rule,
        until=answer.until,
        membership_id=answer.membership_id,
        facts=list(answer.fact_ids),
    )
