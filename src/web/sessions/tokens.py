"""Tokens of programs: shown once, kept as SHA-256, each with one role and its scopes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
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
    SELECT token_id, name, hint, role, scopes, created_by, created_at, expires_at, revoked_at
    FROM web.tokens
    WHERE token_hash = %(token_hash)s AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > %(now)s)
"""
LIST = """
    SELECT token_id, name, hint, role, scopes, created_by, created_at, expires_at, revoked_at
    FROM web.tokens ORDER BY created_at DESC, token_id
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
        token = PREFIX + new_token()
        values = {
            "token_hash": token_hash(token),
            "token_id": token_id,
            "name": name,
            "hint": token[-HINT:],
            "role": role.value,
            "scopes": sorted(scope.value for scope in scopes),
            "created_by": by,
            "now": self._clock.now(),
            "expires_at": expires_at,
        }
        with self._pool.connection() as connection:
            connection.execute(INSERT, values)
        return token

    def find(self, token: str) -> Token | None:
        """The working token of this text."""
        if not token.startswith(PREFIX) or len(token) > MAX_TOKEN:
            return None
        values = {"token_hash": token_hash(token), "now": self._clock.now()}
        with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Token)) as cursor,
        ):
            return cursor.execute(FIND, values).fetchone()

    def all(self) -> list[Token]:
        """Every token ever made, the newest first."""
        with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Token)) as cursor,
        ):
            return cursor.execute(LIST).fetchall()

    def revoke(self, token_id: UUID) -> None:
        """The token works no more; revoking again changes nothing."""
        values = {"token_id": token_id, "now": self._clock.now()}
        with self._pool.connection() as connection:
            if connection.execute(REVOKE, values).rowcount == 0:
                raise NotFound(what="token", id=token_id)


def require_fit(role: Role, scopes: Collection[Permission]) -> None:
    """A token's role is a program's, and its scopes are some of what the role may do."""
    if role not in ROLES:
        raise body_fault(("role",), "role_unfit", f"A program can't be {role.value}.")
    allowed = granted(frozenset({role})) - PERSONAL_ONLY - {Permission.PUBLIC}
    beyond = sorted(scope.value for scope in scopes if scope not in allowed)
    if not scopes:
        raise body_fault(("scopes",), "scopes_unfit", "A token has at least one scope.")
    if beyond:
        detail = f"A program that is {role.value} can't have the scope {', '.join(beyond)}."
        raise body_fault(("scopes",), "scopes_unfit", detail)
