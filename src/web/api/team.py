"""Staff and programs: contributors, their roles, ownership, API tokens (NO5)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from pydantic import Field

from ledger import ids
from ledger.errors import (
    ContributorRemoved,
    EmailMalformed,
    EmailTaken,
    NameMissing,
    NotFound,
    OwnerNeeded,
    OwnersSecondStep,
    OwnSecondStep,
    RolesMalformed,
)
from projections.contributors import ContributorRow
from web.api.accounts import PasswordByLink, SignedInReply, signed_in
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, InstantField, Page, PageQuery, Reply
from web.api.shapes import Locale, Made, MailSent, ShortText, done, made
from web.identity import staff
from web.identity.permissions import Permission, Role
from web.reading.past import Scope
from web.sessions.sessions import Kind
from web.sessions.tokens import Token

StaffRole = Literal["administrator", "store_manager", "auditor", "operator"]
MOST_ROLES = len(get_args(StaffRole))
LONGEST_NAME = 200
"""Of a token."""

routes = Routes("team")


class ContributorReply(Reply):
    """One of the staff; no role is left to somebody removed."""

    contributor_id: UUID
    name: str
    email: str
    locale: str
    roles: list[str]
    added_at: datetime
    removed_at: datetime | None


class NewContributor(Body):
    """Who becomes staff, with which roles; the owner's is only transferred."""

    email: ShortText
    name: ShortText
    roles: list[StaffRole] = Field(min_length=1, max_length=MOST_ROLES)
    locale: Locale = "en"


class RolesBody(Body):
    """Exactly these roles."""

    roles: list[StaffRole] = Field(min_length=1, max_length=MOST_ROLES)


class TransferBody(Body):
    """To whom the site goes."""

    contributor_id: UUID


class TokenReply(Reply):
    """What is known of a program's token; never the token."""

    token_id: UUID
    name: str
    hint: str = Field(description="its last letters")
    role: str
    scopes: list[str]
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(
        description="to within some minutes; null of one that nobody has used"
    )


class NewToken(Body):
    """A token for a program: one role, and some of what it may do."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    role: StaffRole
    scopes: list[Permission] = Field(min_length=1, max_length=len(Permission))
    expires_at: InstantField | None = None


class TokenMade(Reply):
    """The token's text, shown this once."""

    id: UUID
    token: str


@routes.get(
    "/team",
    permission=Permission.READ_TEAM,
    summary="List staff",
    answers=Page[ContributorReply],
    past=Scope.LISTS,
)
def list_team(call: Call[None, None]) -> Page[ContributorReply]:
    """Everybody who is, or was, staff, by name."""
    rows = call.queries.contributors.all()
    return Page[ContributorReply](items=[_contributor(row) for row in rows])


@routes.get(
    "/team/<uuid:contributor_id>",
    permission=Permission.READ_TEAM,
    summary="One of the staff",
    answers=ContributorReply,
    past=Scope.LISTS,
)
def show_contributor(call: Call[None, None], contributor_id: UUID) -> ContributorReply:
    """With their roles."""
    row = call.queries.contributors.one(contributor_id)
    if row is None:
        raise NotFound(what="contributor", id=contributor_id)
    return _contributor(row)


@routes.post(
    "/team",
    permission=Permission.CHANGE_TEAM,
    summary="Add a contributor",
    body=NewContributor,
    answers=Made,
    status=201,
    refusals=(EmailTaken, EmailMalformed, NameMissing, RolesMalformed),
)
def add_contributor(call: Call[NewContributor, None]) -> Answer:
    """Mails them the link to a password of their own."""
    contributor_id, asked = ids.derived(call.command_id, "contributor"), call.body
    position = call.parts.ledger.add_contributor(
        contributor_id,
        email=asked.email,
        name=asked.name,
        roles=frozenset(asked.roles),
        locale=asked.locale,
        by=call.actor,
        cause=call.cause,
    )
    staff.invite(call.parts, contributor_id)
    return made(contributor_id, position)


@routes.post(
    "/team/<uuid:contributor_id>/invitations",
    permission=Permission.CHANGE_TEAM,
    summary="Invite a contributor again",
    answers=MailSent,
    status=202,
    refusals=(NotFound, ContributorRemoved),
)
def invite_contributor(call: Call[None, None], contributor_id: UUID) -> Answer:
    """Mails another link to a password; the older one ends."""
    staff.invite(call.parts, contributor_id)
    return Answer(reply=MailSent())


@routes.post(
    "/team/invitations/finish",
    permission=Permission.PUBLIC,
    summary="Accept an invitation",
    body=PasswordByLink,
    answers=SignedInReply,
    status=201,
    refusals=(ContributorRemoved,),
)
def accept_invitation(call: Call[PasswordByLink, None]) -> Answer:
    """Sets the password and signs in."""
    found = staff.accept_invitation(call.parts, call.body.token, call.body.password)
    return signed_in(Kind.CONTRIBUTOR, found)


@routes.put(
    "/team/<uuid:contributor_id>/roles",
    permission=Permission.CHANGE_TEAM,
    summary="Change roles",
    body=RolesBody,
    refusals=(NotFound, ContributorRemoved, OwnerNeeded, RolesMalformed),
)
def change_roles(call: Call[RolesBody, None], contributor_id: UUID) -> Answer:
    """At once, for every session they have. The owner's role is only transferred (NO5)."""
    ledger, roles = call.parts.ledger, frozenset(call.body.roles)
    return done(ledger.change_roles(contributor_id, roles, by=call.actor, cause=call.cause))


@routes.delete(
    "/team/<uuid:contributor_id>/second-step",
    permission=Permission.CHANGE_TEAM,
    summary="End a contributor's second step",
    refusals=(NotFound, ContributorRemoved, OwnersSecondStep, OwnSecondStep),
)
def end_second_step(call: Call[None, None], contributor_id: UUID) -> Answer:
    """Their telephone is lost: they are signed out everywhere, told by mail, and sign in without a
    code until they set it up again. Nobody does it for the owner, or for themself.
    """
    return done(staff.end_second_step(call.parts, contributor_id, by=call.actor, cause=call.cause))


@routes.delete(
    "/team/<uuid:contributor_id>",
    permission=Permission.CHANGE_TEAM,
    summary="Remove a contributor",
    refusals=(NotFound, OwnerNeeded),
)
def remove_contributor(call: Call[None, None], contributor_id: UUID) -> Answer:
    """They are signed out everywhere. The owner can't be removed (NO5)."""
    return done(staff.remove(call.parts, contributor_id, by=call.actor, cause=call.cause))


@routes.post(
    "/team/ownership",
    permission=Permission.TRANSFER_OWNERSHIP,
    summary="Transfer ownership",
    body=TransferBody,
    refusals=(NotFound, ContributorRemoved, OwnerNeeded),
)
def transfer_ownership(call: Call[TransferBody, None]) -> Answer:
    """The owner gives the site to another contributor, and stays as administrator (NO5)."""
    to = call.body.contributor_id
    return done(call.parts.ledger.transfer_ownership(to, by=call.actor, cause=call.cause))


@routes.get(
    "/tokens",
    permission=Permission.READ_TOKENS,
    summary="List tokens",
    query=PageQuery,
    answers=Page[TokenReply],
)
def list_tokens(call: Call[None, PageQuery]) -> Page[TokenReply]:
    """Every token ever made, the newest first."""
    place, limit = call.place(), call.query.limit
    after = UUID(str(place[0])) if place else None
    found = call.parts.desk.tokens.page(after=after, limit=limit + 1)
    more = len(found) > limit
    return Page[TokenReply](
        items=[_token(token) for token in found[:limit]],
        next=call.cursor([str(found[limit - 1].token_id)]) if more else None,
    )


@routes.post(
    "/tokens",
    permission=Permission.CHANGE_TOKENS,
    summary="Make a token",
    body=NewToken,
    answers=TokenMade,
    status=201,
)
def make_token(call: Call[NewToken, None]) -> Answer:
    """For a program. Its text is shown this once, and kept as a hash. Whoever makes it gives no
    more than they have.
    """
    token_id, asked = ids.derived(call.command_id, "token"), call.body
    text = staff.make_token(
        call.parts,
        call.principal,
        token_id,
        asked.name,
        role=Role(asked.role),
        scopes=asked.scopes,
        expires_at=asked.expires_at,
    )
    return Answer(reply=TokenMade(id=token_id, token=text))


@routes.delete(
    "/tokens/<uuid:token_id>",
    permission=Permission.CHANGE_TOKENS,
    summary="Revoke a token",
    refusals=(NotFound,),
)
def revoke_token(call: Call[None, None], token_id: UUID) -> None:
    """It works no more, from this moment."""
    call.parts.desk.tokens.revoke(token_id)


def _contributor(row: ContributorRow) -> ContributorReply:
    fields = {name: getattr(row, name) for name in ContributorReply.model_fields}
    return ContributorReply.model_validate({**fields, "roles": list(row.roles)})


def _token(token: Token) -> TokenReply:
    return TokenReply.model_validate(
        {name: getattr(token, name) for name in TokenReply.model_fields}
    )
