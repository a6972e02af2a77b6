"""What one of the staff is told, and in which language, as they choose for themself (NO1)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledger.errors import OnlyThePerson
from ledger.told import STAFF_KINDS, StaffKind
from web.api.accounts import LocaleBody
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Page, Reply
from web.api.shapes import Count, done
from web.identity.permissions import Permission

routes = Routes("team_notices")


class OwnNoticeReply(Reply):
    """A kind of news, and whether you asked not to be told of it."""

    kind: StaffKind
    muted: bool


class SecondStepReply(Reply):
    """The second step of a sign-in; `confirmed_at` is null where no code is asked."""

    confirmed_at: datetime | None
    codes_left: Count = Field(description="codes on paper that were not used yet")


class KindBody(Body):
    """Which kind of news."""

    kind: StaffKind


@routes.get(
    "/team/notices",
    permission=Permission.OWN_NOTICES,
    summary="What I am told",
    answers=Page[OwnNoticeReply],
)
def list_own_notices(call: Call[None, None]) -> Page[OwnNoticeReply]:
    """Every kind of news of which staff are told by mail."""
    muted = call.parts.ledger.contributor(_own_id(call)).muted
    kinds = [OwnNoticeReply(kind=kind, muted=kind in muted) for kind in STAFF_KINDS]
    return Page[OwnNoticeReply](items=kinds)


@routes.post(
    "/team/notices/mute",
    permission=Permission.OWN_NOTICES,
    summary="Be told of a kind no more",
    body=KindBody,
    refusals=(OnlyThePerson,),
)
def mute(call: Call[KindBody, None]) -> Answer:
    """For yourself alone; from now on."""
    ledger, kind = call.parts.ledger, call.body.kind
    return done(ledger.mute_notices(_own_id(call), kind, by=call.actor, cause=call.cause))


@routes.post(
    "/team/notices/unmute",
    permission=Permission.OWN_NOTICES,
    summary="Be told of a kind again",
    body=KindBody,
    refusals=(OnlyThePerson,),
)
def unmute(call: Call[KindBody, None]) -> Answer:
    """For yourself alone; what happened meanwhile is not told."""
    ledger, kind = call.parts.ledger, call.body.kind
    return done(ledger.unmute_notices(_own_id(call), kind, by=call.actor, cause=call.cause))


@routes.get(
    "/team/second-step",
    permission=Permission.OWN_SECURITY,
    summary="My second step",
    answers=SecondStepReply,
)
def show_second_step(call: Call[None, None]) -> SecondStepReply:
    """Whether my sign-in asks for a code. It is set up in the panel, telephone in hand."""
    found = call.parts.desk.second_factors.standing(_own_id(call))
    return SecondStepReply(confirmed_at=found.confirmed_at, codes_left=found.codes_left)


@routes.put(
    "/team/locale",
    permission=Permission.OWN_SECURITY,
    summary="Choose my language, as one of the staff",
    body=LocaleBody,
    refusals=(OnlyThePerson,),
)
def choose_locale(call: Call[LocaleBody, None]) -> Answer:
    """Of the panel's pages and of letters; for yourself alone."""
    ledger, locale = call.parts.ledger, call.body.locale
    return done(ledger.choose_staff_locale(_own_id(call), locale, by=call.actor, cause=call.cause))


def _own_id(call: Call[KindBody, None] | Call[LocaleBody, None] | Call[None, None]) -> UUID:
    if call.actor.kind != "contributor" or call.actor.id is None:
        raise OnlyThePerson
    return call.actor.id
