"""From a declared route to an answer: who asks, what they ask, once, and how fresh."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, stream_with_context

from ledger import ids
from ledger.errors import LedgerError
from projections.moments import MomentFailed
from web import problems
from web.api.framework import BASE, POSITION, WAIT_SECONDS, Answer, Call, Route, behind
from web.api.idempotency import fingerprint, key_of, once
from web.api.models import Body, PastQuery, Query
from web.api.moments import progress
from web.api.reading import (
    read_beside,
    read_body,
    read_query,
    require_fit_path,
    require_no_body,
    require_no_query,
)
from web.identity.auth import caller, mark, parts, require
from web.identity.principals import Person, Principal
from web.origins import require_same_origin
from web.parts import Freshness, Parts
from web.problems import Problem, header_fault
from web.reading.past import Asked, Reading, Scope, StillBuilding

LAG = "Ledger-Lag"
AGE = "Ledger-Age"
OUTDATED = "Ledger-Outdated-Views"
DAMAGED = "Ledger-Damaged-Views"
AS_OF = "Ledger-As-Of"
KNOWN_AT = "Ledger-Known-At"
KNOWN_POSITION = "Ledger-Known-Position"
WRITTEN_POSITION = re.compile(r"0|[1-9][0-9]{0,17}")
LATER = {"Retry-After": "60"}

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
        asked = _moment(route)
        call = _call(route, principal, asked)
        if asked:
            return _carry_out(call, path_values, asked)
        if route.is_read or key_of(request, route) is None:
            return _carry_out(call, path_values)
        return once(
            parts().desk.replays,
            call.command_id,
            fingerprint(request),
            lambda: _carry_out(call, path_values),
        )

    return view


def _moment(route: Route) -> Asked:
    """The moment that is asked for; a route that knows the present alone refuses to be asked."""
    if route.past is None:
        return Asked()
    named = read_beside(request, PastQuery)
    return Asked(named.as_of, named.known_at)


def _call(route: Route, principal: Principal, asked: Asked) -> AnyCall:
    query, body = _read_query(route), _read_body(route)
    freshness = None if asked else _freshness(parts(), is_read=route.is_read)
    return Call(
        route=route,
        parts=parts(),
        reading=Reading(parts().queries),
        principal=principal,
        query=query,
        body=body,
        command_id=_command_id(route, principal),
        freshness=freshness,
    )


def _read_query(route: Route) -> Query | None:
    beside = PastQuery if route.past else None
    if route.query is not None:
        return read_query(request, route.query, beside=beside)
    require_no_query(request, beside=beside)
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
        raise behind(found, int(asked))
    return found


def _carry_out(call: AnyCall, path_values: dict[str, Any], asked: Asked | None = None) -> Response:
    try:
        with _opened(call, path_values, asked) as reading:
            call = replace(call, reading=reading)
            given = call.route.handler(call, **path_values)
    except StillBuilding as building:
        given = _building(building)
    except MomentFailed as failed:
        return problems.response(Problem(503, failed.code, str(failed), headers=LATER))
    except LedgerError as refused:
        if problems.status_of(type(refused)) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return problems.response(problems.from_ledger(refused))
    except Problem as refused:
        return problems.response(refused)
    answer = given if isinstance(given, Answer) else Answer(reply=given)
    return _response(call, answer)


@contextmanager
def _opened(call: AnyCall, path_values: dict[str, Any], asked: Asked | None) -> Iterator[Reading]:
    """Where the handler reads: the present, or the moment that is asked for."""
    scope, past = call.route.past, call.parts.past
    if not asked or scope is None:
        yield call.reading
    elif scope is Scope.BOOKS:
        with past.books(asked) as reading:
            yield reading
    else:
        own_id = call.principal.member_id if isinstance(call.principal, Person) else None
        with past.opened(asked, scope, path_values, own_id) as reading:
            yield reading


def _building(building: StillBuilding) -> Answer:
    here = request.full_path.rstrip("?")
    headers = {"Retry-After": "1", "Location": here}
    return Answer(reply=progress(building.moment), status=202, headers=headers)


def _response(call: AnyCall, answer: Answer) -> Response:
    response = _bare(answer, answer.status or call.route.success)
    response.headers.update(answer.headers)
    if call.past is not None:
        response.headers[AS_OF] = call.past.as_of.isoformat()
        response.headers[KNOWN_POSITION] = str(call.past.position)
        if call.past.known_at is not None:
            response.headers[KNOWN_AT] = call.past.known_at.isoformat()
    if answer.position is not None:
        response.headers[POSITION] = str(answer.position)
    elif call.freshness is not None:
        response.headers[POSITION] = str(call.freshness.position)
        response.headers[LAG] = str(call.freshness.lag)
        response.headers[AGE] = str(call.freshness.age_seconds)
        warned = {OUTDATED: call.freshness.outdated, DAMAGED: call.freshness.damaged}
        response.headers.update({name: ", ".join(which) for name, which in warned.items() if which})
    return response


def _bare(answer: Answer, status: int) -> Response:
    if answer.content is not None:
        pieces = stream_with_context(iter(answer.content.pieces))
        return Response(pieces, status, content_type=answer.content.media_type)
    if answer.reply is None:
        response = Response(None, status)
        del response.headers["Content-Type"]
        return response
    return Response(answer.reply.model_dump_json(), status, content_type="application/json")


def blueprint(routes: list[Route]) -> Blueprint:
    """Every route, below /api/v1."""
    api = Blueprint("api", __name__, url_prefix=BASE)
    for route in routes:
        mount(api, route)
    return api
