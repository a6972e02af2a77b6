"""Reconciliation: whether books and payment company say the same, and where they differ."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from ledger.errors import (
    GatewayChanged,
    GatewayModeDiffers,
    NotFound,
    RangeMalformed,
    ReasonMalformed,
)
from ledger.money import Money
from ledger.payments.gateway import OutcomeUnknown
from ledger.site_money import DriftClass, DriftState, Reconciliation
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, InstantField, Page, PageQuery, Reply
from web.api.shapes import LongText, done
from web.identity.permissions import Permission
from web.payments.reconciling import Standing, reconcile
from web.problems import Problem
from web.sessions.limits import RECONCILE_BY

routes = Routes("reconciliation")


class SumReply(Reply):
    """What both say was moved in one currency and mode: how often, and how much, signed."""

    currency: str
    mode: str
    movements: int
    theirs: Money
    facts: int
    ours: Money


class ForeignReply(Reply):
    """What others moved on the same account, signed as it moved the balance; not compared."""

    currency: str
    mode: str
    movements: int
    sum: Money


class LatestReply(Reply):
    """The latest reconciliation. `mended` were missing in the books and taken in by it."""

    at: datetime
    account: str
    mode: str
    since: datetime
    until: datetime
    sums: list[SumReply]
    found: dict[str, int]
    mended: int
    left_out: int = Field(description="drifts beyond those that are listed one by one")
    foreign: list[ForeignReply]


class DriftReply(Reply):
    """A difference. Amounts are signed as they move the balance; null where one says nothing."""

    id: UUID
    drift: DriftClass
    kind: str
    source: str = Field(description="the payment company's id of what moved the money")
    payment_id: str | None
    order_id: UUID | None
    fact: str | None
    at: datetime
    ours: Money | None
    theirs: Money | None
    our_mode: str | None
    their_mode: str | None
    said: str | None = Field(description="the company's word for where it stands")
    account: str
    detected_at: datetime
    ending: Literal["gone", "accepted"] | None
    ended_at: datetime | None
    reason: str | None


class DriftsQuery(PageQuery):
    """Which drifts: those that wait for a person, unless told."""

    state: Literal["open", "all"] = "open"


class ReconciliationReply(Page[DriftReply]):
    """The latest reconciliation, null before the first, and the drifts, the oldest first."""

    latest: LatestReply | None


class ReconcileBody(Body):
    """Which stretch of time; the last three days, unless told."""

    since: InstantField | None = None
    until: InstantField | None = None


class AcceptBody(Body):
    """Why the difference may stay."""

    reason: LongText


@routes.get(
    "/reconciliation",
    permission=Permission.READ_FIGURES,
    summary="Reconciliation with the payment company",
    query=DriftsQuery,
    answers=ReconciliationReply,
)
def show_reconciliation(call: Call[None, DriftsQuery]) -> ReconciliationReply:
    """The latest report and where books and payment company differ."""
    standing, asked = Standing.of(call.parts), call.query
    drifts = [drift_reply(one) for one in standing.drifts if asked.state == "all" or not one.ending]
    place = call.place()
    first = int(place[0] or 0) if place else 0
    page = drifts[first : first + asked.limit]
    after = first + len(page)
    return ReconciliationReply(
        items=page,
        next=call.cursor([after]) if after < len(drifts) else None,
        latest=latest_reply(standing.latest) if standing.latest else None,
    )


@routes.post(
    "/reconciliation",
    permission=Permission.RECONCILE,
    summary="Reconcile now",
    body=ReconcileBody,
    answers=ReconciliationReply,
    refusals=(RangeMalformed, GatewayChanged, GatewayModeDiffers),
)
def reconcile_now(call: Call[ReconcileBody, None]) -> Answer:
    """What is missing in the books and ours is taken in; all else is listed. No money is edited."""
    call.spend(RECONCILE_BY)
    try:
        report = reconcile(
            call.parts,
            since=call.body.since,
            until=call.body.until,
            by=call.actor,
            cause=call.cause,
        )
    except OutcomeUnknown as silent:
        detail = "The payment company does not answer; nothing was compared."
        raise Problem(503, "gateway_silent", detail, headers={"Retry-After": "60"}) from silent
    latest = Standing.of(call.parts).latest
    reply = ReconciliationReply(
        items=[drift_reply(one) for one in report.open],
        latest=latest_reply(latest) if latest else None,
    )
    return Answer(reply=reply, position=report.position or None)


@routes.post(
    "/reconciliation/drifts/<uuid:drift_id>/accept",
    permission=Permission.RECONCILE,
    summary="Let a difference stay",
    body=AcceptBody,
    refusals=(NotFound, ReasonMalformed),
)
def accept_drift(call: Call[AcceptBody, None], drift_id: UUID) -> Answer:
    """Somebody looked at it; it is no longer told of, and the reason stays in the books."""
    position = call.parts.ledger.accept_drift(
        drift_id, call.body.reason, by=call.actor, cause=call.cause
    )
    return done(position)


def latest_reply(latest: Reconciliation) -> LatestReply:
    """As it is answered."""
    receipt = latest.receipt
    return LatestReply(
        at=latest.at,
        account=receipt.account,
        mode=receipt.mode,
        since=receipt.since,
        until=receipt.until,
        sums=[
            SumReply(
                currency=one.currency,
                mode=one.mode,
                movements=one.movements,
                theirs=Money(one.theirs, one.currency),
                facts=one.facts,
                ours=Money(one.ours, one.currency),
            )
            for one in receipt.sums
        ],
        found={one.drift: one.found for one in receipt.found},
        mended=receipt.mended,
        left_out=receipt.left_out,
        foreign=[
            ForeignReply(
                currency=one.currency,
                mode=one.mode,
                movements=one.movements,
                sum=Money(one.minor, one.currency),
            )
            for one in receipt.foreign
        ],
    )


def drift_reply(state: DriftState) -> DriftReply:
    """As it is answered and exported."""
    drift = state.drift
    return DriftReply(
        id=drift.drift_id,
        drift=drift.drift,
        kind=drift.kind,
        source=drift.source,
        payment_id=drift.payment_id,
        order_id=drift.order_id,
        fact=drift.fact_id,
        at=drift.at,
        ours=drift.ours,
        theirs=drift.theirs,
        our_mode=drift.our_mode,
        their_mode=drift.their_mode,
        said=drift.said,
        account=drift.account,
        detected_at=state.detected_at,
        ending=state.ending,
        ended_at=state.ended_at,
        reason=state.reason,
    )
