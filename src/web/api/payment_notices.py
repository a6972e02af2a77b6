"""What the payment company told by itself, and what of it waits for a person; never its words."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ledger.errors import NotFound
from ledger.store.inbox import Listed, State
from web.api.framework import Call, Routes
from web.api.models import Body, Page, PageQuery, Reply
from web.api.shapes import Count
from web.identity.permissions import Permission

routes = Routes("payment_notices")

WAITING: tuple[State, ...] = ("received", "retrying", "dead")
LARGEST = 2**63 - 1


class PaymentNoticeReply(Reply):
    """A notice of the payment company, by its number here. Its body is shown to nobody."""

    number: int
    notice_id: str
    kind: str
    object_id: str = Field(description="the payment company's id of what it is about")
    made_at: datetime
    received_at: datetime
    came: str
    state: State
    tries: Count
    next_at: datetime | None = Field(description="when it is worked on next, of one that waits")
    why: str | None


class PaymentNotices(Page[PaymentNoticeReply]):
    """Notices, and how many wait for a person, or for the company's answer since a day."""

    given_up: Count
    unanswered: Count


class PaymentNoticesQuery(PageQuery):
    """Which notices: those that are not done, unless told. `dead` were given up."""

    state: State | None = None


class AgainBody(Body):
    """Which notice that was given up; all of them, unless told."""

    number: int | None = Field(default=None, ge=1, le=LARGEST)


class AgainReply(Reply):
    """How many are tried again."""

    again: Count


@routes.get(
    "/payment-notices",
    permission=Permission.READ_ORDERS,
    summary="List notices of the payment company",
    query=PaymentNoticesQuery,
    answers=PaymentNotices,
)
def list_payment_notices(call: Call[None, PaymentNoticesQuery]) -> PaymentNotices:
    """By number: the first that came first."""
    asked, inbox, place = call.query, call.parts.inbox, call.place()
    states = [asked.state] if asked.state else WAITING
    after = int(place[0] or 0) if place else 0
    found = inbox.table.listed(states, after=after, limit=asked.limit + 1)
    page = found[: asked.limit]
    return PaymentNotices(
        items=[_notice(one) for one in page],
        next=call.cursor([page[-1].number]) if len(found) > len(page) else None,
        given_up=inbox.given_up(),
        unanswered=inbox.unanswered(),
    )


@routes.post(
    "/payment-notices/retry",
    permission=Permission.RECONCILE,
    summary="Try notices of the payment company again",
    body=AgainBody,
    answers=AgainReply,
    refusals=(NotFound,),
)
def retry_payment_notices(call: Call[AgainBody, None]) -> AgainReply:
    """One that was given up, or all of them: a job takes them up."""
    number = call.body.number
    again = call.parts.inbox.retry(number)
    if number is not None and not again:
        raise NotFound(what="notice that was given up", id=number)
    return AgainReply(again=again)


def _notice(one: Listed) -> PaymentNoticeReply:
    waits = one.state in {"received", "retrying"}
    fields = {**one._asdict(), "next_at": one.next_at if waits else None}
    return PaymentNoticeReply.model_validate(fields)
