"""Tokens of programs: shown once, kept as SHA-256, each with one role and its scopes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from ledger.clock import Clock
from ledger.errors import NotFound
from web.identity.permissions import PERSONAL_ONLY, Permission, Role, granted
from web.identity.seals import new_token, token_hash
from web.problems import body_fault
from web.sessions.pool import Pool

PREFIX = "lgr_"
HINT = 4
MAX_TOKEN = 200
USED_WITHIN = timedelta(minutes=5)
"""As exactly as it is known when a token was last used: a request is no reason to write."""
ROLES = frozenset({Role.ADMINISTRATOR, Role.STORE_MANAGER, Role.AUDITOR, Role.OPERATOR})
"""A program is neither a person nor the owner."""

INSERT = """
    INSERT INTO web.tokens (token_hash, token_id, name, hint, role, scopes,
                            created_by, created_at, expires_at)
    VALUES (%(token_hash)s, %(token_id)s, %(name)s, %(hint)s, %(role)s, %(scopes)s,
            %(created_by)s, %(now)s, %(expires_at)s)
    ON CONFLICT (token_id) DO UPDATE SET token_hash = excluded.token_hash, hint = excluded.hint
"""
FIND = """
    SELECT token_id, name, hint, role, scopes, created_by, created_at, expires_at, revoked_at,
           last_used_at
    FROM web.tokens
    WHERE token_hash = %(token_hash)s AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > %(now)s)
"""
USED = """
    UPDATE web.tokens SET last_used_at = %(now)s
    WHERE token_id = %(token_id)s AND (last_used_at IS NULL OR last_used_at <= %(before)s)
"""
LIST = """
    SELECT token_id, name, hint, role, scopes, created_by, created_at, expires_at, revoked_at,
           last_used_at
    FROM web.tokens
    WHERE %(after)s::uuid IS NULL OR (created_at, token_id) < (
        SELECT created_at, token_id FROM web.tokens WHERE token_id = %(after)s::uuid)
    ORDER BY created_at DESC, token_id DESC LIMIT %(limit)s
"""
LIST_BACK = """
    SELECT token_id, name, hint, role, scopes, created_by, created_at, expires_at, revoked_at,
           last_used_at
    FROM web.tokens
    WHERE (created_at, token_id) > (
        SELECT created_at, token_id FROM web.tokens WHERE token_id = %(before)s::uuid)
    ORDER BY created_at, token_id LIMIT %(limit)s
"""
ONE = """
    SELECT token_id, name, hint, role, scopes, created_by, created_at, expires_at, revoked_at,
           last_used_at
    FROM web.tokens WHERE token_id = %(token_id)s
"""
REVOKE = """
    UPDATE web.tokens SET revoked_at = coalesce(revoked_at, %(now)s) WHERE token_id = %(token_id)s
"""


@dataclass(frozen=True, kw_only=True)
class Token:
    """What is known of a token; never the token."""

    token_id: UUID
    name: str
    hint: str
    """Its last letters, by which its owner tells it from others."""
    role: str
    scopes: list[str]
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To within some minutes; None of one that nobody has used."""

    def works_at(self, now: datetime) -> bool:
        """Whether a program that sends it is let in."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def permissions(self) -> frozenset[Permission]:
        """What it may do: its scopes, as far as its role still allows them."""
        return granted(frozenset({Role(self.role)})) & frozenset(map(Permission, self.scopes))


class Tokens:
    """Makes, finds and revokes the tokens of programs."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def create(
        self,
        token_id: UUID,
        name: str,
        *,
        role: Role,
        scopes: Collection[Permission],
        by: UUID,
        expires_at: datetime | None = None,
    ) -> str:
        """The text of a new token, shown this once.

        Take the command's id for the token's: a request whose answer was lost can then be sent
        again, and the text that nobody saw is replaced.
        """
        require_fit(role, scopes)
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            detail = "A token that has expired already is of no use."
            raise body_fault(("expires_at",), "expires_in_the_past", detail)
        token = PREFIX + new_token()
        values = {
            "token_hash": token_hash(token),
            "token_id": token_id,
            "name": name,
            "hint": token[-HINT:],
            "role": role.value,
            "scopes": sorted(scope.value for scope in scopes),
            "created_by": by,
            "now": now,
            "expires_at": expires_at,
        }
        with self._pool.connection() as connection:
            connection.execute(INSERT, values)
        return token

    def find(self, token: str) -> Token | None:
        """The working token of this text; that it was used is noted."""
        if not token.startswith(PREFIX) or len(token) > MAX_TOKEN:
            return None
        now = self._clock.now()
        with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Token)) as cursor,
        ):
            found = cursor.execute(FIND, {"token_hash": token_hash(token), "now": now}).fetchone()
            before = now - USED_WITHIN
            if found and (found.last_used_at is None or found.last_used_at <= before):
                used = {"token_id": found.token_id, "now": now, "before": before}
                connection.execute(USED, used)
        return found

    def page(self, *, after: UUID | None = None, limit: int = 50) -> list[Token]:
        """The tokens that were ever made, the newest first; those made before another one."""
        with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Token)) as cursor,
        ):
            return cursor.execute(LIST, {"after": after, "limit": limit}).fetchall()

    def page_back(self, *, before: UUID, limit: int = 50) -> list[Token]:
        """The tokens that were made just after another one, the newest first."""
        with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Token)) as cursor,
        ):
            found = cursor.execute(LIST_BACK, {"before": before, "limit": limit}).fetchall()
        return found[::-1]

    def one(self, token_id: UUID) -> Token:
        """What is known of a token; NotFound."""
        with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Token)) as cursor,
        ):
            found = cursor.execute(ONE, {"token_id": token_id}).fetchone()
        if found is None:
            raise NotFound(what="token", id=token_id)
        return found

    def revoke(self, token_id: UUID) -> None:
        """The token works no more; revoking again changes nothing."""
        values = {"token_id": token_id, "now": self._clock.now()}
        with self._pool.connection() as connection:
            if connection.execute(REVOKE, values).rowcount == 0:
                raise NotFound(what="token", id=token_id)


def scopes_of(role: Role) -> frozenset[Permission]:
    """What a program of this role may be allowed."""
    return granted(frozenset({role})) - PERSONAL_ONLY - {Permission.PUBLIC}


def require_fit(role: Role, scopes: Collection[Permission]) -> None:
    """A token's role is a program's, and its scopes are some of what the role may do."""
    if role not in ROLES:
        raise body_fault(("role",), "role_unfit", f"A program can't be {role.value}.")
    allowed = scopes_of(role)
    beyond = sorted(scope.value for scope in scopes if scope not in allowed)
    if not scopes:
        raise body_fault(("scopes",), "scopes_unfit", "A token has at least one scope.")
    if beyond:
        detail = f"A program that is {role.value} can't have the scope {', '.join(beyond)}."
        raise body_fault(("scopes",), "scopes_unfit", detail)
