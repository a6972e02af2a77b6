"""Memberships of a member: what staff see, and removal (AX2)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger.errors import MembershipEnded, NotFound, NotSelfCancellable, ReasonMalformed
from ledger.money import Money
from projections.instants import known
from projections.memberships import MembershipRow
from web.api.accounts import LinkBody
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Page, Reply
from web.api.shapes import LongText, MailSent, done
from web.identity.permissions import Permission
from web.mails import cancellation
from web.reading.past import Scope

routes = Routes("memberships")
MOST_AT_ONCE = 100


class MembershipReply(Reply):
    """A stay, from join to end."""

    membership_id: UUID
    plan_id: UUID
    plan_name: str
    standing: str
    model: str
    price: Money
    price_version: int
    discount_code: str | None
    joined_at: datetime
    period_start: datetime
    period_end: datetime | None
    access_until: datetime | None
    runs_until: datetime | None
    billing: str
    failures: int
    retry_at: datetime | None
    cancelled_at: datetime | None
    ended_at: datetime | None
    ending: str | None


class RemovalBody(Body):
    """Which memberships of the member end now, and why: all of them, or none."""

    membership_ids: list[UUID] = Field(min_length=1, max_length=MOST_AT_ONCE)
    reason: LongText


@routes.get(
    "/members/<uuid:member_id>/memberships",
    permission=Permission.READ_MEMBERS,
    summary="A member's memberships",
    answers=Page[MembershipReply],
    past=Scope.MEMBER,
)
def list_memberships(call: Call[None, None], member_id: UUID) -> Page[MembershipReply]:
    """Every one they ever had, the latest first."""
    now, queries = call.now, call.queries
    if queries.members.one(member_id, now) is None:
        raise NotFound(what="member", id=member_id)
    rows = queries.memberships.of_member(member_id)
    return Page[MembershipReply](items=[_membership(row, now) for row in rows])


@routes.post(
    "/members/<uuid:member_id>/removals",
    permission=Permission.REMOVE_MEMBERS,
    summary="Remove from the member list",
    body=RemovalBody,
    refusals=(NotFound, MembershipEnded, ReasonMalformed),
)
def remove_memberships(call: Call[RemovalBody, None], member_id: UUID) -> Answer:
    """Ends memberships now: no access from here on, and no later charge (AX2).

    Nothing is refunded by it. The person may rejoin at once (AC3).
    """
    position = call.parts.ledger.remove_memberships(
        member_id,
        call.body.membership_ids,
        call.body.reason,
        by=call.actor,
        cause=call.cause,
    )
    return done(position)


@routes.post(
    "/members/<uuid:member_id>/memberships/<uuid:membership_id>/cancellation-link",
    permission=Permission.REMOVE_MEMBERS,
    summary="Mail a link to self-cancel",
    answers=MailSent,
    status=202,
    refusals=(NotFound, MembershipEnded, NotSelfCancellable),
)
def mail_cancellation_link(call: Call[None, None], member_id: UUID, membership_id: UUID) -> Answer:
    """The gentler way than removal: the member decides, and access stays paid for (AX2)."""
    cancellation.mail_link(call.parts, member_id, membership_id)
    return Answer(reply=MailSent())


@routes.post(
    "/self-cancellations",
    permission=Permission.PUBLIC,
    summary="Self-cancel by a mailed link",
    body=LinkBody,
    refusals=(MembershipEnded,),
)
def cancel_by_link(call: Call[LinkBody, None]) -> Answer:
    """The link says who and which membership; it works once."""
    return done(cancellation.cancel_by_link(call.parts, call.body.token, cause=call.cause))


def _membership(row: MembershipRow, now: datetime) -> MembershipReply:
    beside = {"standing", "price", "runs_until"}
    same = {name: getattr(row, name) for name in set(MembershipReply.model_fields) - beside}
    return MembershipReply.model_validate(
        {
            **same,
            "standing": row.stay.standing(now),
            "price": Money(row.price, row.currency),
            "runs_until": known(row.runs_until),
        }
    )
