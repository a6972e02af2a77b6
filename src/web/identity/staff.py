"""The sign-in of contributors: invited by a mailed link, forgotten when removed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from ledger import ids
from ledger.application import Position
from ledger.errors import ContributorRemoved
from ledger.facts import Actor, Cause
from web.identity.accounts import SignedIn
from web.identity.permissions import Permission, Role
from web.identity.principals import Principal
from web.mails import team as mails
from web.parts import Parts
from web.problems import Problem, body_fault
from web.sessions.links import Purpose
from web.sessions.sessions import Kind


def invite(parts: Parts, contributor_id: UUID) -> None:
    """Mail a contributor the link to a password; an older link ends."""
    contributor = parts.ledger.contributor(contributor_id)
    if contributor.removed_at is not None:
        raise ContributorRemoved(contributor_id=contributor_id)
    token = parts.desk.links.issue(
        Purpose.INVITE_CONTRIBUTOR,
        subject=contributor_id,
        carries={"contributor_id": str(contributor_id)},
    )
    locale = contributor.locale
    parts.desk.mailbox.put(
        mails.invitation(parts.settings, contributor.email, contributor.name, locale, token=token)
    )


def accept_invitation(parts: Parts, token: str, password: str) -> SignedIn:
    """Set the password, end every other session, and sign the contributor in.

    Who signs in with a code still does: a mail alone opens nothing, and they get a 401.
    """
    hashed = parts.desk.passwords.hash(password)
    carried = parts.desk.links.redeem(Purpose.INVITE_CONTRIBUTOR, token)
    contributor_id = UUID(carried["contributor_id"])
    contributor = parts.ledger.contributor(contributor_id)
    if contributor.removed_at is not None:
        raise ContributorRemoved(contributor_id=contributor_id)
    parts.desk.credentials.put(
        Kind.CONTRIBUTOR, contributor_id, contributor.email, password_hash=hashed
    )
    parts.desk.sessions.revoke_all(Kind.CONTRIBUTOR, contributor_id)
    if parts.desk.second_factors.is_on(contributor_id):
        detail = "Your password is set; sign in with it and a code."
        raise Problem(HTTPStatus.UNAUTHORIZED, "code_needed", detail)
    session = parts.desk.sessions.open(Kind.CONTRIBUTOR, contributor_id)
    return SignedIn(contributor_id, session, destination="/panel")


def require_own(principal: Principal, scopes: Collection[Permission]) -> None:
    """Nobody gives a program what they may not do themselves: a 403 that names it."""
    beyond = sorted(scope.value for scope in scopes if scope not in principal.permissions)
    if beyond:
        detail = f"You don't have {', '.join(beyond)} yourself."
        raise body_fault(("scopes",), "scopes_beyond_own", detail, status=403)


def make_token(
    parts: Parts,
    principal: Principal,
    token_id: UUID,
    name: str,
    *,
    role: Role,
    scopes: Collection[Permission],
    expires_at: datetime | None,
) -> str:
    """The text of a program's new token, told this once. Whoever makes it gives no more than they
    have: a 403; a role or scopes that don't fit are a 422.
    """
    require_own(principal, scopes)
    by = principal.actor.id if principal.actor else None
    return parts.desk.tokens.create(
        token_id, name, role=role, scopes=scopes, by=by or ids.SITE, expires_at=expires_at
    )


def end_second_step(parts: Parts, contributor_id: UUID, *, by: Actor, cause: Cause) -> Position:
    """One of the staff lost their telephone: they are signed out everywhere, told by mail, and
    sign in without a code. A 409 where none is asked.

    The fact comes first, and the codes go last: sent again after a crash, it is finished.
    """
    desk = parts.desk
    if not desk.second_factors.is_on(contributor_id):
        detail = "Their sign-in asks for no code."
        raise Problem(HTTPStatus.CONFLICT, "second_step_off", detail)
    position = parts.ledger.end_second_step(contributor_id, by=by, cause=cause)
    one = parts.ledger.contributor(contributor_id)
    mail = mails.second_step_ended(parts.settings, one.email, one.name, one.locale)
    desk.mailbox.put(mail, mail_id=ids.derived(cause.id, "second step ended"))
    desk.sessions.revoke_all(Kind.CONTRIBUTOR, contributor_id)
    desk.second_factors.forget(contributor_id)
    return position


def remove(parts: Parts, contributor_id: UUID, *, by: Actor, cause: Cause) -> Position:
    """Someone is no longer staff; they are signed out everywhere."""
    email = parts.ledger.contributor(contributor_id).email
    position = parts.ledger.remove_contributor(contributor_id, by=by, cause=cause)
    parts.desk.forget(Kind.CONTRIBUTOR, contributor_id, email=email)
    return position
