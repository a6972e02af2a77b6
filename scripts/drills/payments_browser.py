"""How people reach the drilled site: over HTTP, through the whole application, as browsers do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from ledger.clock import Clock
from web.api.framework import BASE
from web.parts import Parts
from web.sessions.sessions import Kind

COOKIES = {Kind.MEMBER: "session", Kind.CONTRIBUTOR: "team"}
OURS = {"Sec-Fetch-Site": "same-origin"}
SILENT = "payment_company_silent"
"""What is said to somebody whose wish the payment company did not answer."""
REFUSED = frozenset({409, 422, 429})
"""Answers that people live with; any other that is no good one is a fault."""
GOOD = range(200, 300)


@dataclass(frozen=True)
class Said:
    """What the site answered."""

    status: int
    body: dict[str, Any]

    @property
    def is_good(self) -> bool:
        """Whether the wish was carried out."""
        return self.status in GOOD

    @property
    def code(self) -> str:
        """Why it was not."""
        return str(self.body.get("code", self.status))


@dataclass
class Browsers:
    """Everybody's browser, signed in anew whenever a session has ended."""

    app: Flask
    clock: Clock
    _cookies: dict[tuple[Kind, UUID], tuple[str, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client = self.app.test_client(use_cookies=False)

    @property
    def parts(self) -> Parts:
        """The parts of the process that serves now."""
        found: Parts = self.app.extensions["parts"]
        return found

    def serve(self, parts: Parts) -> None:
        """Another process serves from now on."""
        self.app.extensions["parts"] = parts

    def post(
        self, kind: Kind, who: UUID, path: str, body: object | None = None, *, key: UUID
    ) -> Said:
        """Send a command; the same key is the same wish."""
        headers = {**OURS, "Cookie": self._cookie(kind, who), "Idempotency-Key": str(key)}
        given = {} if body is None else {"json": body}
        return _said(self._client.post(BASE + path, headers=headers, **given))

    def deliver(self, company: str, raw: bytes, headers: dict[str, str]) -> Said:
        """What the payment company posts."""
        return _said(self._client.post(f"/notices/{company}", data=raw, headers=headers))

    def _cookie(self, kind: Kind, who: UUID) -> str:
        token, until = self._cookies.get((kind, who), ("", self.clock.now()))
        if until <= self.clock.now():
            opened = self.parts.desk.sessions.open(kind, who)
            token, until = opened.token, opened.expires_at
            self._cookies[kind, who] = token, until
        return f"{COOKIES[kind]}={token}"


def _said(answer: TestResponse) -> Said:
    return Said(answer.status_code, answer.get_json(silent=True) or {})
