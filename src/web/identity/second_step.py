"""The staff's second step: a code after the password, and everything about setting it up.

Pages and endpoints share these. Whoever knows the password alone is handed nothing but a short
wait in which to show a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from web.identity import accounts
from web.identity.accounts import SignedIn
from web.identity.principals import Contributor
from web.parts import Parts
from web.problems import Problem, body_fault
from web.sessions.limits import SECOND_STEP, SIGN_IN
from web.sessions.links import Purpose
from web.sessions.sessions import Kind, Opened

CODE_WRONG = "This code is not good; one is used once only."


@dataclass(frozen=True)
class Waiting:
    """The password was right, and a code is asked; `token` is for that browser alone."""

    token: str


@dataclass(frozen=True)
class Confirmed:
    """A code is asked from now on: the codes on paper, and a session that knows it."""

    codes: list[str]
    session: Opened


@dataclass(frozen=True)
class Enrolment:
    """A secret on its way to a telephone, and shown nowhere else."""

    secret: str
    address: str
    """As authenticator apps read it (`otpauth:`)."""

    @property
    def in_groups(self) -> str:
        """The secret as people type it."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))

    def drawing(self, title: str) -> str:
        """The address as a QR code: an SVG element, drawn here."""
        import segno

        made = segno.make(self.address, error="m", micro=False)
        return made.svg_inline(scale=5, border=4, dark="#000", light="#fff", title=title)


# --- signing in -------------------------------------------------------------------------


def begin_sign_in(parts: Parts, email: str, password: str, ip: str) -> SignedIn | Waiting:
    """A session, or the wait for a code; a 401 that doesn't say what was wrong, or a 429."""
    contributor_id = accounts.known_staff(parts, email, password, ip)
    if not parts.desk.second_factors.is_on(contributor_id):
        return _opened(parts, contributor_id)
    carries = {"contributor_id": str(contributor_id)}
    token = parts.desk.links.issue(Purpose.SECOND_STEP, subject=contributor_id, carries=carries)
    return Waiting(token)


def sign_in_at_once(parts: Parts, email: str, password: str, code: str | None, ip: str) -> SignedIn:
    """The same in one go, for the API: a 401 `code_needed` where a code is asked and not sent."""
    contributor_id = accounts.known_staff(parts, email, password, ip)
    if parts.desk.second_factors.is_on(contributor_id):
        if code is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "code_needed", "Send a code, too.")
        _require_code(parts, contributor_id, code)
    return _opened(parts, contributor_id)


def require_waiting(parts: Parts, token: str) -> None:
    """A 410 unless a code is still waited for."""
    parts.desk.links.peek(Purpose.SECOND_STEP, token)


def finish_sign_in(parts: Parts, token: str, code: str) -> SignedIn:
    """A session for who shows a code; a 410 when they waited too long, a 401, a 429."""
    contributor_id = _waiting_for(parts, token)
    _require_code(parts, contributor_id, code)
    parts.desk.links.redeem(Purpose.SECOND_STEP, token)
    if not parts.team.roles_of(contributor_id):
        raise accounts.refused()
    return _opened(parts, contributor_id)


# --- setting it up ----------------------------------------------------------------------


def begin(parts: Parts, contributor_id: UUID) -> Enrolment:
    """A new secret, in place of one that never was confirmed. A 409 where a code is asked."""
    if parts.desk.second_factors.is_on(contributor_id):
        raise Problem(HTTPStatus.CONFLICT, "second_step_on", "Turn the second step off first.")
    return _enrolment(parts, contributor_id, parts.desk.second_factors.begin(contributor_id))


def waiting(parts: Parts, contributor_id: UUID) -> Enrolment | None:
    """The secret that waits for its first code."""
    secret = parts.desk.second_factors.waiting(contributor_id)
    return None if secret is None else _enrolment(parts, contributor_id, secret)


def confirm(parts: Parts, contributor_id: UUID, password: str, code: str) -> Confirmed:
    """Ask for codes from now on; tells the codes on paper, this once. A 422, a 429.

    Sessions that were opened without a code end: one of them may be somebody else's.
    """
    _require_password(parts, contributor_id, password)
    parts.desk.limits.spend(SECOND_STEP, contributor_id)
    if not parts.desk.second_factors.confirm(contributor_id, code):
        raise body_fault(("code",), "code_wrong", CODE_WRONG)
    codes = parts.desk.second_factors.renew_codes(contributor_id)
    parts.desk.sessions.revoke_all(Kind.CONTRIBUTOR, contributor_id)
    return Confirmed(codes, parts.desk.sessions.open(Kind.CONTRIBUTOR, contributor_id))


def turn_off(parts: Parts, contributor_id: UUID, password: str, code: str) -> None:
    """Ask for no code any more; it takes the password and a code. A 422, a 429."""
    _require_both(parts, contributor_id, password, code)
    parts.desk.second_factors.forget(contributor_id)


def renew_codes(parts: Parts, contributor_id: UUID, password: str, code: str) -> list[str]:
    """Other codes on paper, told this once; it takes the password and a code. A 422, a 429."""
    _require_both(parts, contributor_id, password, code)
    return parts.desk.second_factors.renew_codes(contributor_id)


def change_password(parts: Parts, who: Contributor, current: str, password: str) -> Opened:
    """Another password; every session ends, and every link that was mailed. Answers a new session.

    A 422, a 429.
    """
    desk, contributor_id = parts.desk, who.contributor_id
    _require_password(parts, contributor_id, current, field="current_password")
    desk.credentials.set_password(Kind.CONTRIBUTOR, contributor_id, password)
    desk.links.forget(contributor_id)
    desk.sessions.revoke_all(Kind.CONTRIBUTOR, contributor_id)
    return desk.sessions.open(Kind.CONTRIBUTOR, contributor_id)


# --- within -----------------------------------------------------------------------------


def _opened(parts: Parts, contributor_id: UUID) -> SignedIn:
    session = parts.desk.sessions.open(Kind.CONTRIBUTOR, contributor_id)
    return SignedIn(contributor_id, session, destination="/panel")


def _waiting_for(parts: Parts, token: str) -> UUID:
    return UUID(parts.desk.links.peek(Purpose.SECOND_STEP, token)["contributor_id"])


def _require_code(parts: Parts, contributor_id: UUID, code: str) -> None:
    parts.desk.limits.spend(SECOND_STEP, contributor_id)
    if not parts.desk.second_factors.take(contributor_id, code):
        raise Problem(HTTPStatus.UNAUTHORIZED, "code_wrong", CODE_WRONG)


def _require_both(parts: Parts, contributor_id: UUID, password: str, code: str) -> None:
    _require_password(parts, contributor_id, password)
    parts.desk.limits.spend(SECOND_STEP, contributor_id)
    if not parts.desk.second_factors.take(contributor_id, code):
        raise body_fault(("code",), "code_wrong", CODE_WRONG)


def _require_password(
    parts: Parts, contributor_id: UUID, password: str, *, field: str = "password"
) -> None:
    parts.desk.limits.spend(SIGN_IN, f"confirm {contributor_id}")
    if not parts.desk.credentials.confirm(Kind.CONTRIBUTOR, contributor_id, password):
        raise body_fault((field,), "password_wrong", "This is not your password.")


def _enrolment(parts: Parts, contributor_id: UUID, secret: str) -> Enrolment:
    import pyotp

    email = parts.ledger.contributor(contributor_id).email
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=parts.settings.site_name)
    return Enrolment(secret, address)
