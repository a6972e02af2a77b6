"""Whether this process lives, and whether it can serve: for people, scripts and balancers."""

from __future__ import annotations

from typing import Any

import psycopg
from flask import Blueprint, Response, jsonify

from ledger.store.refusals import DatabaseUnreachable
from web.identity.auth import parts, requires
from web.identity.permissions import Permission

MOST_BEHIND_SECONDS = 60
"""Views that are further behind than this are not what anybody should read."""


def blueprint() -> Blueprint:
    """`/livez`, `/readyz` and `/healthz`, which is readiness under the name people try first."""
    health = Blueprint("health", __name__)

    @health.get("/livez")
    @requires(Permission.PUBLIC)
    def livez() -> Response:
        return jsonify({"status": "alive"})

    @health.get("/readyz")
    @health.get("/healthz")
    @requires(Permission.PUBLIC)
    def readyz() -> Response:
        return _readiness()

    return health


def _readiness() -> Response:
    try:
        found = parts().views.freshness()
    except (psycopg.Error, DatabaseUnreachable):
        return _said(503, "database_unavailable")
    behind = found.age_seconds > MOST_BEHIND_SECONDS
    return _said(
        503 if behind else 200,
        "views_behind" if behind else "ready",
        position=found.position,
        lag=found.lag,
        age_seconds=found.age_seconds,
    )


def _said(code: int, status: str, **more: Any) -> Response:
    answer = jsonify({"status": status, **more})
    answer.status_code = code
    return answer
