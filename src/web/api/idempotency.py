"""Idempotency-Key: a command that is sent again is answered again, not carried out again."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from flask import Request, Response

from web.api.framework import Route
from web.problems import FieldFault, Problem, header_fault
from web.sessions.replays import Answered, Busy, KeptAnswer, Mine, Replays, Reused

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,200}")
WAIT_SECONDS = 2.0
PAUSE_SECONDS = 0.05
KEPT_HEADERS = ("Ledger-Position", "Location")
UNDECIDED = frozenset({409, 429})
"""Refusals of the moment: sent again, the same command may succeed."""


def key_of(asking: Request, route: Route) -> str | None:
    """The key; a POST without one is refused, and so is anything that isn't one."""
    keys = asking.headers.getlist(HEADER)
    if not keys and route.method != "POST":
        return None
    if not keys:
        detail = "Every POST carries an Idempotency-Key, new for each command."
        raise header_fault(HEADER, "idempotency_key_missing", detail)
    if len(keys) > 1 or not KEY.fullmatch(keys[0]):
        detail = "An Idempotency-Key is one value of 1 to 200 visible ASCII characters."
        raise header_fault(HEADER, "idempotency_key_malformed", detail)
    return keys[0]


def fingerprint(asking: Request) -> str:
    """The same for the same request only: what is asked, and the body to the byte."""
    body = hashlib.sha256(asking.get_data(cache=True)).hexdigest()
    return f"{asking.method} {asking.full_path} {body}"


def once(
    replays: Replays, command_id: UUID, request: str, carry_out: Callable[[], Response]
) -> Response:
    """Carry the command out, unless it was: then answer as the first time.

    A crash between the append and the keeping of its answer is safe: the books know the command
    by its id, and answer with the position of the first append.
    """
    claim = _claim(replays, command_id, request)
    if isinstance(claim, Answered):
        return _again(claim.answer)
    try:
        answer = carry_out()
    except BaseException:
        replays.drop(command_id, claim)
        raise
    if answer.status_code in UNDECIDED or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        replays.drop(command_id, claim)
    else:
        replays.keep(command_id, claim, _kept(answer))
    return answer


def _claim(replays: Replays, command_id: UUID, request: str) -> Mine | Answered:
    """Ours to carry out, or its answer; waits a little for whoever is at it."""
    until = time.monotonic() + WAIT_SECONDS
    while isinstance(claim := replays.take(command_id, request), Busy):
        if time.monotonic() > until:
            detail = "A request with this Idempotency-Key is being carried out; ask again."
            raise Problem(409, "idempotency_key_busy", detail, headers={"Retry-After": "1"})
        time.sleep(PAUSE_SECONDS)
    if isinstance(claim, Reused):
        detail = "This Idempotency-Key was sent with another request; take a new one."
        fault = FieldFault(header=HEADER, code="idempotency_key_reused", detail=detail)
        raise Problem(422, "idempotency_key_reused", detail, (fault,))
    return claim


def _kept(answer: Response) -> KeptAnswer:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    body = answer.get_data(as_text=True)
    return KeptAnswer(
        status=answer.status_code, content_type=answer.content_type, body=body, headers=headers
    )


def _again(kept: KeptAnswer) -> Response:
    answer = Response(kept.body, kept.status, content_type=kept.content_type)
    answer.headers.update(kept.headers)
    answer.headers[REPLAYED] = "true"
    return answer
