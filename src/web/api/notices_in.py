"""Where payment companies post their notices: believed or not, kept, and answered at once.

Nothing is worked on here: jobs do that. A stranger's bytes meet the signature before anything
else, and no database; and only a part of the server's threads is ever given to this address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

import psycopg
import structlog
from eventsourcing.persistence import PersistenceError
from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from ledger.payments.gateway import NoticeRejected
from ledger.traces import trace
from web import problems
from web.identity.auth import mark, parts
from web.identity.permissions import Permission
from web.problems import Problem

NOTICES = "/notices/"
LARGEST_BYTES = 512 * 1024
AT_ONCE = 4
"""How many notices a process reads at a time; the rest of its threads serve people."""
LOGGED = frozenset({"notice_rejected", "database_unavailable", "internal_error"})
"""What is logged with its reason where it is found, and not twice: strangers fill no disk."""
SOON, LATER = {"Retry-After": "1"}, {"Retry-After": "10"}


def blueprint() -> Blueprint:
    """`POST /notices/<company>`, exempt from the forms' token: the signature is its proof."""
    notices, turns = Blueprint("notices_in", __name__), BoundedSemaphore(AT_ONCE)

    def posted(company: str) -> Response:
        try:
            with _turn(turns):
                return _received(company)
        except Problem as refused:
            if refused.code not in LOGGED:
                structlog.get_logger().info("notice_refused", code=refused.code)
            return problems.response(refused)

    view = mark(posted, Permission.PUBLIC)
    notices.add_url_rule(f"{NOTICES}<company>", "posted", view, methods=["POST"])
    return notices


@contextmanager
def _turn(turns: BoundedSemaphore) -> Iterator[None]:
    if not turns.acquire(blocking=False):
        raise Problem(503, "busy", "Too many notices at once; please send it again.", headers=SOON)
    try:
        yield
    finally:
        turns.release()


def _received(company: str) -> Response:
    inbox = parts().inbox
    if company != inbox.company:
        raise Problem(404, "not_found", "No such payment company posts here.")
    raw = _raw_body()
    try:
        kept = inbox.receive(raw, dict(request.headers))
    except NoticeRejected as refused:
        structlog.get_logger().warning("notice_rejected", company=company, why=str(refused))
        raise Problem(400, refused.code, "This notice can't be believed.") from None
    except (psycopg.Error, PersistenceError) as away:
        structlog.get_logger().error("database_away", error=type(away).__name__)
        detail = "It can't be kept just now; please send it again."
        raise Problem(503, "database_unavailable", detail, headers=LATER) from None
    except Exception as error:  # noqa: BLE001 -- told without what it holds
        structlog.get_logger().error("notice_failed", where=trace(error))
        raise Problem(500, "internal_error", "Something went wrong; send it again.") from None
    return jsonify({"status": kept})


def _raw_body() -> bytes:
    """The bytes as they came: what is signed. Raises Problem."""
    request.max_content_length = LARGEST_BYTES
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Problem(413, "body_too_large", "A notice has at most 512 KiB.") from None
    except BadRequest:
        raise Problem(400, "bad_request", "The notice broke off.") from None
