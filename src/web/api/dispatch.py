"""From a declared route to an answer: who asks, what they ask, once, and how fresh."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from ledger import ids
from ledger.errors import LedgerError
from web import problems
from web.api.framework import BASE, Answer, Call, Route
from web.api.idempotency import fingerprint, key_of, once
from web.api.models import Body, Query, Reply
from web.api.reading import (
    read_body,
    read_query,
    require_fit_path,
    require_no_body,
    require_no_query,
)
from web.auth import caller, mark, parts, require
from web.origins import require_same_origin
from web.parts import Freshness, Parts
from web.principals import Principal
from web.problems import Problem, header_fault

POSITION = "Ledger-Position"
LAG = "Ledger-Lag"
AGE = "Ledger-Age"
WRITTEN_POSITION = re.compile(r"0|[1-9][0-9]{0,17}")
WAIT_SECONDS = 2.0

AnyCall = Call[Body | None, Query | None]


def mount(blueprint: Blueprint, route: Route) -> None:
    """Serve a route."""
    view = mark(_view(route), route.permission)
    blueprint.add_url_rule(route.path, route.name.replace(".", "_"), view, methods=[route.method])


def _view(route: Route) -> Callable[..., Response]:
    def view(**path_values: Any) -> Response:
        principal = require(route.permission)
        if caller().by_cookie and not route.is_read:
            require_same_origin(parts(), request)
        require_fit_path(path_values)
        call = _call(route, principal)
        if route.is_read or key_of(request, route) is None:
            return _carry_out(call, path_values)
        return once(
            parts().desk.replays,
            call.command_id,
            fingerprint(request),
            lambda: _carry_out(call, path_values),
        )

    return view


def _call(route: Route, principal: Principal) -> AnyCall:
    query, body = _read_query(route), _read_body(route)
    return Call(
        route=route,
        parts=parts(),
        principal=principal,
        query=query,
        body=body,
        command_id=_command_id(route, principal),
        freshness=_freshness(parts(), is_read=route.is_read),
    )


def _read_query(route: Route) -> Query | None:
    if route.query is not None:
        return read_query(request, route.query)
    require_no_query(request)
    return None


def _read_body(route: Route) -> Body | None:
    if route.body is not None:
        return read_body(request, route.body)
    require_no_body(request)
    return None


def _command_id(route: Route, principal: Principal) -> UUID:
    key = key_of(request, route)
    return ids.command(principal.key, f"{route.method} {route.path}", key) if key else ids.new()


def _freshness(wired: Parts, *, is_read: bool) -> Freshness | None:
    """How fresh the views are; waits for the position that the request names.

    A position that no fact has is not waited for: anybody could name one, and hold a thread.
    """
    asked, views = request.headers.get(POSITION), wired.views
    if asked is None:
        return views.freshness() if is_read else None
    if not WRITTEN_POSITION.fullmatch(asked):
        detail = f"{POSITION} is a position of the ledger: a whole number."
        raise header_fault(POSITION, "position_malformed", detail)
    found = views.freshness()
    if found.position < int(asked) and wired.recorder.position_time(int(asked)) is not None:
        found = views.wait_for(int(asked), wait_seconds=WAIT_SECONDS)
    if found.position < int(asked):
        raise _behind(found, int(asked))
    return found


def _behind(found: Freshness, asked: int) -> Problem:
    return Problem(
        503,
        "view_behind",
        f"The views have read up to position {found.position}, and not yet {asked}.",
        headers={"Retry-After": "1", POSITION: str(found.position)},
        more={"position": found.position, "lag": asked - found.position},
    )


def _carry_out(call: AnyCall, path_values: dict[str, Any]) -> Response:
    try:
        given = call.route.handler(call, **path_values)
    except LedgerError as refused:
        if problems.status_of(type(refused)) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return problems.response(problems.from_ledger(refused))
    except Problem as refused:
        return problems.response(refused)
    answer = given if isinstance(given, Answer) else Answer(reply=given)
    return _response(call, answer)


def _response(call: AnyCall, answer: Answer) -> Response:
    body = _json(answer.reply)
    response = Response(body, answer.status or call.route.success, content_type="application/json")
    if answer.reply is None:
        del response.headers["Content-Type"]
    response.headers.update(answer.headers)
    if answer.position is not None:
        response.headers[POSITION] = str(answer.position)
    elif call.freshness is not None:
        response.headers[POSITION] = str(call.freshness.position)
        response.headers[LAG] = str(call.freshness.lag)
        response.headers[AGE] = str(call.freshness.age_seconds)
    return response


def _json(reply: Reply | None) -> str | None:
    return None if reply is None else reply.model_dump_json()


def blueprint(routes: list[Route]) -> Blueprint:
    """Every route, below /api/v1."""
    api = Blueprint("api", __name__, url_prefix=BASE)
    for route in routes:
        mount(api, route)
    return api
