"""Accounts: sign-up, sign-in and out, forgotten passwords, a person's own data (AC10)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from flask import after_this_request, request
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import AccountClosed, EmailMalformed, EmailTaken, EmailUnchanged, NameMissing
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Query, Reply
from web.api.shapes import Locale, MailSent, MethodReply, Secret, ShortText, done
from web.identity import accounts, second_step
from web.identity.auth import caller, client_address, sign_in, sign_out, unauthenticated
from web.identity.permissions import Permission
from web.identity.principals import Person
from web.sessions.sessions import Kind, Opened
from web.wording.consent import WORDING

routes = Routes("accounts")


class SignUpBody(Body):
    """Who wants an account. The password is chosen by whoever reads the mail."""

    email: ShortText
    name: ShortText
    locale: Locale | None = Field(default=None, description="the site's own, unless told")
    destination: ShortText = Field(default="/", description="a path of this site to go on to")
    agrees: bool = Field(default=False, description="to campaign messages, in so many words")


class LinkBody(Body):
    """The token of a link in a mail."""

    token: ShortText


class PasswordByLink(LinkBody):
    """The token of a link in a mail, and the password to sign in with from now on."""

    password: Secret


class SignInBody(Body):
    """What people sign in with."""

    email: ShortText
    password: Secret


class StaffSignInBody(SignInBody):
    """What staff sign in with."""

    code: ShortText | None = Field(
        default=None, description="of the second step: from the telephone or on paper"
    )


class ResetBody(Body):
    """Whose password was forgotten."""

    email: ShortText
    locale: Locale | None = None


class SignedInReply(Reply):
    """Signed in: the session's cookie comes with this answer."""

    account_id: UUID
    destination: str = "/"


class SessionReply(Reply):
    """Whom this browser is signed in as; one may be both a member and staff."""

    member_id: UUID | None
    contributor_id: UUID | None
    roles: list[str]


class SessionQuery(Query):
    """Which session to end; every one of this browser, unless told."""

    kind: Kind | None = None


class AccountReply(Reply):
    """A person's own account (AC8). What staff write about it is not here (AC9)."""

    member_id: UUID
    email: str
    name: str
    locale: Locale
    verified: bool
    method: MethodReply | None


class NameBody(Body):
    """Another name."""

    name: ShortText


class LocaleBody(Body):
    """Another language."""

    locale: Literal["en", "fr"]


class EmailChangeBody(Body):
    """Another address; the password says that it is the person who asks."""

    email: ShortText
    password: Secret


class PasswordBody(Body):
    """Another password."""

    current_password: Secret
    password: Secret


@routes.post(
    "/sign-ups",
    permission=Permission.PUBLIC,
    summary="Sign up",
    body=SignUpBody,
    answers=MailSent,
    status=202,
    refusals=(EmailMalformed, NameMissing),
)
def start_sign_up(call: Call[SignUpBody, None]) -> Answer:
    """Mails a link to the address. Answers alike whether or not it has an account (AC10)."""
    asked = call.body
    accounts.start_sign_up(
        call.parts,
        asked.email,
        asked.name,
        asked.locale or call.parts.settings.default_locale,
        client_address(request),
        destination=asked.destination,
        agrees_to=WORDING if asked.agrees else None,
    )
    return Answer(reply=MailSent())


@routes.post(
    "/sign-ups/finish",
    permission=Permission.PUBLIC,
    summary="Finish signing up",
    body=PasswordByLink,
    answers=SignedInReply,
    status=201,
    refusals=(EmailTaken,),
)
def finish_sign_up(call: Call[PasswordByLink, None]) -> Answer:
    """Opens the account that the link proves, with the password given here, and signs in."""
    found = accounts.finish_sign_up(call.parts, call.body.token, call.body.password)
    return signed_in(Kind.MEMBER, found)


@routes.post(
    "/sessions",
    permission=Permission.PUBLIC,
    summary="Sign in",
    body=SignInBody,
    answers=SignedInReply,
    status=201,
)
def sign_in_person(call: Call[SignInBody, None]) -> Answer:
    """A 401 doesn't say whether the address or the password was wrong."""
    ip = client_address(request)
    found = accounts.sign_in_person(call.parts, call.body.email, call.body.password, ip)
    return signed_in(Kind.MEMBER, found)


@routes.post(
    "/team/sessions",
    permission=Permission.PUBLIC,
    summary="Sign in as staff",
    body=StaffSignInBody,
    answers=SignedInReply,
    status=201,
)
def sign_in_staff(call: Call[StaffSignInBody, None]) -> Answer:
    """A contributor's session; it may stand beside a member's. A 401 `code_needed` where the
    password is right and a code is asked.
    """
    ip, asked = client_address(request), call.body
    found = second_step.sign_in_at_once(call.parts, asked.email, asked.password, asked.code, ip)
    return signed_in(Kind.CONTRIBUTOR, found)


@routes.get(
    "/session",
    permission=Permission.OWN_SESSION,
    summary="Who am I?",
    answers=SessionReply,
)
def show_session(_: Call[None, None]) -> SessionReply:
    """Whom this browser is signed in as."""
    person, contributor = caller().person, caller().contributor
    return SessionReply(
        member_id=person.member_id if person else None,
        contributor_id=contributor.contributor_id if contributor else None,
        roles=sorted(contributor.roles) if contributor else [],
    )


@routes.delete(
    "/session",
    permission=Permission.OWN_SESSION,
    summary="Sign out",
    query=SessionQuery,
)
def end_session(call: Call[None, SessionQuery]) -> None:
    """Ends the session here, not only in the browser."""
    kinds = [call.query.kind] if call.query.kind else list(Kind)

    @after_this_request
    def leave(answer: Response) -> Response:
        for kind in kinds:
            sign_out(answer, kind)
        return answer


@routes.post(
    "/password-resets",
    permission=Permission.PUBLIC,
    summary="Ask for another password",
    body=ResetBody,
    answers=MailSent,
    status=202,
    refusals=(EmailMalformed,),
)
def start_password_reset(call: Call[ResetBody, None]) -> Answer:
    """Mails a link to the address. Answers alike whether or not it has an account (AC10)."""
    locale = call.body.locale or call.parts.settings.default_locale
    accounts.start_password_reset(call.parts, call.body.email, locale, client_address(request))
    return Answer(reply=MailSent())


@routes.post(
    "/password-resets/finish",
    permission=Permission.PUBLIC,
    summary="Set another password",
    body=PasswordByLink,
    answers=SignedInReply,
    status=201,
)
def finish_password_reset(call: Call[PasswordByLink, None]) -> Answer:
    """Ends every other session of the account, and signs in."""
    found = accounts.finish_password_reset(call.parts, call.body.token, call.body.password)
    return signed_in(Kind.MEMBER, found)


@routes.get(
    "/account",
    permission=Permission.OWN_ACCOUNT,
    summary="My account",
    answers=AccountReply,
)
def show_account(call: Call[None, None]) -> AccountReply:
    """From the books: never behind."""
    member = call.parts.ledger.member(call.member_id)
    return AccountReply(
        member_id=member.id,
        email=member.email,
        name=member.name,
        locale=member.locale,
        verified=member.verified_email == member.email,
        method=MethodReply.of(member.method) if member.method else None,
    )


@routes.put(
    "/account/name",
    permission=Permission.OWN_ACCOUNT,
    summary="Change my name",
    body=NameBody,
    refusals=(NameMissing, AccountClosed),
)
def rename(call: Call[NameBody, None]) -> Answer:
    """The name that staff and receipts show."""
    return done(
        call.parts.ledger.rename(call.member_id, call.body.name, by=call.actor, cause=call.cause)
    )


@routes.put(
    "/account/locale",
    permission=Permission.OWN_ACCOUNT,
    summary="Choose my language",
    body=LocaleBody,
    refusals=(AccountClosed,),
)
def choose_locale(call: Call[LocaleBody, None]) -> Answer:
    """Of pages and mails."""
    return done(
        call.parts.ledger.choose_locale(
            call.member_id, call.body.locale, by=call.actor, cause=call.cause
        )
    )


@routes.put(
    "/account/password",
    permission=Permission.OWN_ACCOUNT,
    summary="Change my password",
    body=PasswordBody,
)
def change_password(call: Call[PasswordBody, None]) -> None:
    """Ends every other session of the account; this browser is handed a new one."""
    if not isinstance(call.principal, Person):
        raise unauthenticated("Sign in first.")
    asked, who = call.body, call.principal
    opened = accounts.change_password(call.parts, who, asked.current_password, asked.password)
    hand_out(Kind.MEMBER, opened)


@routes.post(
    "/account/email-changes",
    permission=Permission.OWN_ACCOUNT,
    summary="Ask for another e-mail",
    body=EmailChangeBody,
    answers=MailSent,
    status=202,
    refusals=(EmailMalformed, EmailUnchanged),
)
def start_email_change(call: Call[EmailChangeBody, None]) -> Answer:
    """Mails a link to the new address and tells the old one; nothing changes before (AC10)."""
    ip = client_address(request)
    accounts.start_email_change(call.parts, call.member_id, call.body.email, call.body.password, ip)
    return Answer(reply=MailSent())


@routes.post(
    "/email-changes/finish",
    permission=Permission.PUBLIC,
    summary="Confirm another e-mail",
    body=LinkBody,
    answers=SignedInReply,
    status=201,
    refusals=(EmailTaken, EmailUnchanged, AccountClosed),
)
def finish_email_change(call: Call[LinkBody, None]) -> Answer:
    """The link of the mail may be opened in any browser; other sessions end."""
    return signed_in(Kind.MEMBER, accounts.finish_email_change(call.parts, call.body.token))


def hand_out(kind: Kind, session: Opened) -> None:
    """Let the answer at hand bring the browser its session."""

    @after_this_request
    def enter(answer: Response) -> Response:
        sign_in(answer, kind, session)
        return answer


def signed_in(kind: Kind, found: accounts.SignedIn) -> Answer:
    """The answer that hands the browser its session."""
    hand_out(kind, found.session)
    reply = SignedInReply(account_id=found.account_id, destination=found.destination)
    return Answer(reply=reply, position=found.position or None)
