"""How tests ask: as a program, as a person, as staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from web.identity.permissions import PERSONAL_ONLY, Permission, Role, granted
from web.parts import Parts
from web.sessions.sessions import Kind

SPACE = UUID("00000000-0000-5000-8000-000000000000")
ORDER = UUID("11111111-1111-4111-8111-111111111111")
REFUNDS = f"/api/v1/orders/{ORDER}/refunds"
REFUND: dict[str, Any] = {"amount": {"minor": 500, "currency": "EUR"}, "reason": "moved away"}


def named(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(SPACE, name)


def told(answer: TestResponse) -> Any:
    """The JSON of an answer."""
    assert answer.is_json
    return answer.json


def program(
    parts: Parts, role: Role = Role.ADMINISTRATOR, scopes: set[Permission] | None = None
) -> dict[str, str]:
    """The header of a program with every scope of its role."""
    own = granted(frozenset({role})) - PERSONAL_ONLY - {Permission.PUBLIC}
    token_id = named(f"{role} {sorted(scopes or own)}")
    token = parts.desk.tokens.create(
        token_id, "test", role=role, scopes=own if scopes is None else scopes, by=SPACE
    )
    return {"Authorization": f"Bearer {token}"}


def sign_in(client: FlaskClient, parts: Parts, kind: Kind, account_id: UUID) -> str:
    """Give the client a session's cookie; answers its token."""
    opened = parts.desk.sessions.open(kind, account_id)
    name = {Kind.MEMBER: "session", Kind.CONTRIBUTOR: "team"}[kind]
    client.set_cookie(name, opened.token)
    return opened.token
