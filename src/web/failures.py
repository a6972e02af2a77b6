"""Whatever goes wrong becomes a problem document below /api, and a page elsewhere."""

from __future__ import annotations

import secrets
from http import HTTPStatus

import psycopg
import structlog
from eventsourcing.persistence import PersistenceError
from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from ledger.errors import LedgerError
from ledger.payments.gateway import OutcomeUnknown
from ledger.store.refusals import DatabaseUnreachable
from ledger.traces import trace
from projections.live import ViewNotReady
from projections.positions import ViewNewer
from web import problems
from web.problems import Problem

CODES = {
    400: ("bad_request", "The request is malformed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address doesn't take this method."),
    413: ("body_too_large", "The body is larger than 1 MiB."),
    415: ("unsupported_media_type", "The body is of a kind that isn't read here."),
}


def register(app: Flask) -> None:
    """Answer every failure."""
    app.register_error_handler(Problem, _answer)
    app.register_error_handler(LedgerError, _refusal)
    app.register_error_handler(OutcomeUnknown, silent)
    app.register_error_handler(ViewNotReady, not_readable)
    app.register_error_handler(ViewNewer, not_readable)
    app.register_error_handler(DatabaseUnreachable, _database_away)
    app.register_error_handler(PersistenceError, _database_away)
    app.register_error_handler(CSRFError, lambda _: _answer(_form_expired()))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(psycopg.OperationalError, _database_away)
    app.register_error_handler(Exception, _unexpected)


def _refusal(error: LedgerError) -> Response:
    if problems.status_of(type(error)) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected(error)
    return _answer(problems.from_ledger(error))


def not_readable(error: LedgerError) -> Response:
    """Rows that another version made, or that are not built yet, are not read at all."""
    return _answer(Problem(503, error.code, str(error), headers={"Retry-After": "2"}))


def silent(error: OutcomeUnknown) -> Response:
    """The payment company did not answer: what it was asked is asked again by itself."""
    structlog.get_logger().warning("payment_company_silent", where=trace(error))
    detail = "The payment company doesn't answer just now; please try again in a moment."
    return _answer(Problem(503, "payment_company_silent", detail, headers={"Retry-After": "30"}))


def _answer(problem: Problem) -> Response:
    if request.path.startswith("/api/"):
        return problems.response(problem)
    page = render_template("problem.html", problem=problem, title=_title(problem))
    answer = Response(page, problem.status)
    answer.headers.update(problem.headers)
    return answer


def _title(problem: Problem) -> str:
    return HTTPStatus(problem.status).phrase


def _form_expired() -> Problem:
    return Problem(400, "form_expired", "This form has expired; go back, reload it and try again.")


def _http(error: HTTPException) -> BaseResponse:
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response(request.environ)
    code, detail = CODES.get(error.code, ("refused", HTTPStatus(error.code).phrase))
    headers = {name: value for name, value in error.get_headers() if name in {"Allow"}}
    return _answer(Problem(error.code, code, detail, headers=headers))


def _database_away(error: Exception) -> Response:
    structlog.get_logger().error("database_away", error=type(error).__name__)
    detail = "The database can't be reached just now; please try again."
    return _answer(Problem(503, "database_unavailable", detail, headers={"Retry-After": "2"}))


def _unexpected(error: Exception) -> Response:
    reference = secrets.token_hex(8)
    structlog.get_logger().error(
        "unexpected", reference=reference, path=request.path, where=trace(error)
    )
    detail = f"Something went wrong here. Tell us the reference {reference}."
    return _answer(Problem(500, "internal_error", detail, more={"reference": reference}))
