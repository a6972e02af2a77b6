"""Accounts at the edge: signing up, signing in, forgotten passwords, another address.

Endpoints and pages share these. Whoever only *asks* (`start_...`) is answered alike and after the
same time whether or not the address has an account (AC10); the mail tells its reader the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

from ledger import ids, texts
from ledger.errors import EmailUnchanged, NotFound
from ledger.facts import Actor, Cause
from ledger.member import Member
from ledger.member.facts import Locale
from web.identity.principals import Person
from web.mails import accounts as mails
from web.origins import own_path
from web.parts import Parts
from web.problems import Problem, body_fault
from web.sessions.limits import LINK_FROM, LINK_TO, SIGN_IN, SIGN_IN_FROM, SIGN_UP_FROM
from web.sessions.links import Purpose
from web.sessions.sessions import Kind, Opened

HOLD_SECONDS = 0.25
"""Asking takes at least so long: finding an account takes a little longer than finding none."""


@dataclass(frozen=True)
class SignedIn:
    """A browser that may now be handed its session; `position` is 0 where nothing was recorded."""

    account_id: UUID
    session: Opened
    position: int = 0
    destination: str = "/"


@dataclass(frozen=True)
class SignUp:
    """What a verification link carries: who asked for the account."""

    email: str
    name: str
    locale: Locale
    destination: str
    agrees_to: str | None = None


# --- signing up -------------------------------------------------------------------------


def start_sign_up(
    parts: Parts,
    email: str,
    name: str,
    locale: Locale,
    ip: str,
    *,
    destination: str = "/",
    agrees_to: str | None = None,
) -> None:
    """Mail a link to the address: to a new account, or to a new password of the one it has.

    Raises EmailMalformed, NameMissing or a 429. No account is made before the link is followed.
    `agrees_to`: the wording by which they agreed to messages, if they did (NO4).
    """
    email, name = texts.email(email), texts.person_name(name)
    parts.desk.limits.spend(SIGN_UP_FROM, ip)
    _require_mail_to(parts, email)
    with _held():
        known = parts.ledger.account_of(email)
        if known is not None:
            _mail_new_password(parts, known, mails.account_exists)
            return
        carries = {
            "email": email,
            "name": name,
            "locale": locale,
            "destination": own_path(destination),
            "agrees_to": agrees_to,
        }
        token = _issue(parts, Purpose.VERIFY_SIGN_UP, email, carries)
        parts.desk.mailbox.put(mails.verify_sign_up(parts.settings, email, name, locale, token))


def waiting_sign_up(parts: Parts, token: str) -> SignUp:
    """Whose account a link makes, without using it up; a 410 for an unusable one."""
    return SignUp(**parts.desk.links.peek(Purpose.VERIFY_SIGN_UP, token))


def finish_sign_up(parts: Parts, token: str, password: str) -> SignedIn:
    """Open the account whose address the link proves, and sign its person in (AC1, AC10).

    Raises a Problem for a password that won't do, a 410 for a link that is used or too old,
    EmailTaken where another link to the address was faster.
    """
    hashed = parts.desk.passwords.hash(password)
    asked = SignUp(**parts.desk.links.redeem(Purpose.VERIFY_SIGN_UP, token))
    member_id = ids.new()
    by = Actor(kind="member", id=member_id)
    parts.ledger.open_account(
        member_id,
        email=asked.email,
        name=asked.name,
        locale=asked.locale,
        agrees_to=asked.agrees_to,
        by=by,
        cause=_cause(member_id, "sign up"),
    )
    position = parts.ledger.verify_email(member_id, by=by, cause=_cause(member_id, "verify"))
    parts.desk.credentials.put(Kind.MEMBER, member_id, asked.email, password_hash=hashed)
    session = parts.desk.sessions.open(Kind.MEMBER, member_id)
    return SignedIn(member_id, session, position, asked.destination)


# --- signing in -------------------------------------------------------------------------


def sign_in_person(parts: Parts, email: str, password: str, ip: str) -> SignedIn:
    """A new session for the person who knows the password; else a 401 that doesn't say what
    was wrong, or a 429.
    """
    member_id = _known(parts, Kind.MEMBER, email, password, ip)
    return SignedIn(member_id, parts.desk.sessions.open(Kind.MEMBER, member_id))


def known_staff(parts: Parts, email: str, password: str, ip: str) -> UUID:
    """The contributor who knows the password, as long as the books give them a role (NO5).

    They are not signed in yet: that is `second_step`'s. Refused as a member is.
    """
    contributor_id = _known(parts, Kind.CONTRIBUTOR, email, password, ip)
    if not parts.team.roles_of(contributor_id):
        raise refused()
    return contributor_id


def refused() -> Problem:
    """What whoever may not sign in is told, whatever was wrong."""
    return Problem(
        HTTPStatus.UNAUTHORIZED, "sign_in_refused", "The e-mail or the password is wrong."
    )


def _known(parts: Parts, kind: Kind, email: str, password: str, ip: str) -> UUID:
    email = email.strip()[: texts.LONGEST_EMAIL]
    parts.desk.limits.spend(SIGN_IN_FROM, ip)
    parts.desk.limits.spend(SIGN_IN, f"{kind} {texts.comparable_email(email)}")
    account_id = parts.desk.credentials.check(kind, email, password)
    if account_id is None:
        raise refused()
    return account_id


# --- a forgotten password ---------------------------------------------------------------


def start_password_reset(parts: Parts, email: str, locale: Locale, ip: str) -> None:
    """Mail a link to a new password; to an address without an account, how to sign up."""
    email = texts.email(email)
    parts.desk.limits.spend(LINK_FROM, ip)
    _require_mail_to(parts, email)
    with _held():
        known = parts.ledger.account_of(email)
        if known is not None:
            _mail_new_password(parts, known, mails.reset_password)
        else:
            _issue(parts, Purpose.RESET_PASSWORD, email, {})  # nobody is sent it: for equal work
            parts.desk.mailbox.put(mails.no_account(parts.settings, email, locale))


def require_reset_link(parts: Parts, token: str) -> None:
    """A 410 unless the link still leads to a new password."""
    parts.desk.links.peek(Purpose.RESET_PASSWORD, token)


def finish_password_reset(parts: Parts, token: str, password: str) -> SignedIn:
    """Set the password, end every other session of the account, and sign the person in."""
    hashed = parts.desk.passwords.hash(password)
    member_id = UUID(parts.desk.links.redeem(Purpose.RESET_PASSWORD, token)["member_id"])
    member = parts.ledger.member(member_id)
    if member.closed_at is not None:
        raise NotFound(what="account", id=member_id)
    # Not only the password: a sign-up that broke off before its credentials is mended by this.
    parts.desk.credentials.put(Kind.MEMBER, member_id, member.email, password_hash=hashed)
    parts.desk.sessions.revoke_all(Kind.MEMBER, member_id)
    _end_links(parts, member_id)
    return SignedIn(member_id, parts.desk.sessions.open(Kind.MEMBER, member_id))


def change_password(parts: Parts, person: Person, current: str, password: str) -> Opened:
    """Another password; every session ends, and what was begun with the older. Answers a new one.

    Raises a 422 that names `current_password`, or `password` where the new one is unfit; a 429.
    """
    desk, member_id = parts.desk, person.member_id
    desk.limits.spend(SIGN_IN, f"confirm {member_id}")
    if not desk.credentials.confirm(Kind.MEMBER, member_id, current):
        raise body_fault(("current_password",), "password_wrong", "This is not your password.")
    desk.credentials.set_password(Kind.MEMBER, member_id, password)
    _end_links(parts, member_id)
    desk.sessions.revoke_all(Kind.MEMBER, member_id)
    return desk.sessions.open(Kind.MEMBER, member_id)


# --- another address --------------------------------------------------------------------


def start_email_change(parts: Parts, member_id: UUID, email: str, password: str, ip: str) -> None:
    """Mail a link to the new address and tell the old one; nothing changes before it is followed.

    Raises EmailMalformed, EmailUnchanged, a 422 for a wrong password, a 429.
    """
    email, member = texts.email(email), parts.ledger.member(member_id)
    parts.desk.limits.spend(LINK_FROM, ip)
    parts.desk.limits.spend(SIGN_IN, f"confirm {member_id}")
    if not parts.desk.credentials.confirm(Kind.MEMBER, member_id, password):
        raise body_fault(("password",), "password_wrong", "This is not your password.")
    if email == member.email:
        raise EmailUnchanged
    _require_mail_to(parts, email)
    with _held():
        owner = parts.ledger.member_by_email(email)
        token = _issue(
            parts, Purpose.CHANGE_EMAIL, member_id, {"member_id": str(member_id), "email": email}
        )
        write = mails.confirm_email if owner in {None, member_id} else mails.address_in_use
        parts.desk.mailbox.put(write(parts.settings, email, member.name, member.locale, token))
        parts.desk.mailbox.put(
            mails.email_change_asked(parts.settings, member.email, member.name, member.locale)
        )


def waiting_email_change(parts: Parts, token: str) -> str:
    """The new address that a link confirms; a 410 for an unusable one."""
    carried = parts.desk.links.peek(Purpose.CHANGE_EMAIL, token)
    return str(carried["email"])


def finish_email_change(parts: Parts, token: str) -> SignedIn:
    """Change the address to the one whose link was followed; other sessions end (AC10)."""
    carried = parts.desk.links.redeem(Purpose.CHANGE_EMAIL, token)
    member_id, email = UUID(carried["member_id"]), str(carried["email"])
    position = parts.ledger.change_email(
        member_id,
        email,
        by=Actor(kind="member", id=member_id),
        cause=_cause(ids.new(), "change e-mail"),
    )
    parts.desk.credentials.set_email(Kind.MEMBER, member_id, email)
    parts.desk.sessions.revoke_all(Kind.MEMBER, member_id)
    return SignedIn(member_id, parts.desk.sessions.open(Kind.MEMBER, member_id), position)


# --- within -----------------------------------------------------------------------------


def _end_links(parts: Parts, member_id: UUID) -> None:
    # Whoever knew the older password may have asked for another address, or for a password.
    for purpose in (Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL):
        parts.desk.links.forget(member_id, purpose=purpose)


def _mail_new_password(parts: Parts, member: Member, write: mails.Writer) -> None:
    # To the address that the account has, not to the one that was typed: two that compare as
    # equal may lead to two mailboxes.
    token = _issue(parts, Purpose.RESET_PASSWORD, member.id, {"member_id": str(member.id)})
    parts.desk.mailbox.put(write(parts.settings, member.email, member.name, member.locale, token))


def _issue(parts: Parts, purpose: Purpose, subject: object, carries: dict[str, Any]) -> str:
    return parts.desk.links.issue(purpose, subject=subject, carries=carries)


def _require_mail_to(parts: Parts, email: str) -> None:
    parts.desk.limits.spend(LINK_TO, texts.comparable_email(email))


def _cause(about: UUID, what: str) -> Cause:
    return Cause(kind="request", id=ids.derived(about, what))


@contextmanager
def _held() -> Iterator[None]:
    begun = time.monotonic()
    try:
        yield
    finally:
        time.sleep(max(0.0, HOLD_SECONDS - (time.monotonic() - begun)))
