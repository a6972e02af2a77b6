"""Every refusal at the edge, as an RFC 9457 problem document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ledger.errors import Conflict, Forbidden, LedgerError, NotFound, Refused
from ledger.payments.gateway import Rejected

if TYPE_CHECKING:
    from flask import Response

CONTENT_TYPE = "application/problem+json"
STATUS: dict[type[LedgerError], int] = {
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    Refused: 422,
    Rejected: 422,
}
MAX_POINTER = 200
"""A field's name may come from the sender; no more of it than this goes back."""

# pydantic's own sentence for these quotes a part of what was sent.
PLAIN_SENTENCES = {
    "uuid_parsing": "Input should be a UUID",
    "uuid_type": "Input should be a UUID",
    "extra_forbidden": "There is no such field",
    "missing": "This field is required",
    "datetime_parsing": "Input should be an instant such as 2026-11-01T12:00:00Z",
    "datetime_from_date_parsing": "Input should be an instant such as 2026-11-01T12:00:00Z",
    "date_parsing": "Input should be a date such as 2026-11-01",
    "date_from_datetime_parsing": "Input should be a date such as 2026-11-01",
}


class FieldFault(BaseModel):
    """One field that was refused: named by exactly one of pointer, parameter and header."""

    model_config = ConfigDict(frozen=True)

    pointer: str | None = Field(default=None, description="JSON pointer into the request body")
    parameter: str | None = Field(default=None, description="name in the query")
    header: str | None = Field(default=None, description="name of the header")
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """What went wrong, for a person (title, detail) and for a program (code, errors)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldFault] = []


@dataclass(eq=False)
class Problem(Exception):
    """A refusal of the edge itself. `more` holds further members of the document."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldFault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.detail)


def document(problem: Problem) -> dict[str, Any]:
    """The members of the problem document."""
    errors = [fault.model_dump(exclude_none=True) for fault in problem.errors]
    return {
        "type": f"/api/v1/docs#problem-{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        **({"errors": errors} if errors else {}),
        **problem.more,
    }


def response(problem: Problem) -> Response:
    """The problem as an answer."""
    from flask import Response, json

    answer = Response(json.dumps(document(problem)), problem.status, content_type=CONTENT_TYPE)
    answer.headers.update(problem.headers)
    return answer


def status_of(kind: type[LedgerError]) -> int:
    """The status of the nearest ancestor that has one; a refusal without one is ours to mend."""
    return next((STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS), 500)


def from_ledger(error: LedgerError) -> Problem:
    """A refusal of the books, as the edge says it."""
    kind, detail = type(error), str(error)
    fault = FieldFault(pointer=error.pointer, code=error.code, detail=detail)
    headers = {"Retry-After": "1"} if kind is Conflict else {}
    errors = (fault,) if error.pointer else ()
    return Problem(status_of(kind), error.code, detail, errors, headers)


def from_validation(error: ValidationError, *, place: str) -> Problem:
    """A request that doesn't fit its model; place is `body` or `query`."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    faults = [_fault(each, place=place) for each in details]
    noun = "field" if len(faults) == 1 else "fields"
    return Problem(422, "invalid_request", f"{len(faults)} {noun} of the {place} refused.", faults)


def _fault(error: ErrorDetails, *, place: str) -> FieldFault:
    detail = PLAIN_SENTENCES.get(error["type"], error["msg"])
    if place == "query":
        name = str(error["loc"][0])[:MAX_POINTER] if error["loc"] else ""
        return FieldFault(parameter=name, code=error["type"], detail=detail)
    return FieldFault(pointer=pointer(error["loc"]), code=error["type"], detail=detail)


def pointer(steps: Sequence[str | int]) -> str:
    """An RFC 6901 pointer to these steps."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "".join(f"/{step}" for step in escaped)[:MAX_POINTER]


def header_fault(name: str, code: str, detail: str) -> Problem:
    """A header that is missing or malformed."""
    return Problem(400, code, detail, (FieldFault(header=name, code=code, detail=detail),))


def parameter_fault(name: str, code: str, detail: str) -> Problem:
    """A query parameter that was refused."""
    fault = FieldFault(parameter=name[:MAX_POINTER], code=code, detail=detail)
    return Problem(422, code, detail, (fault,))


def body_fault(steps: Sequence[str | int], code: str, detail: str, *, status: int = 422) -> Problem:
    """A body, or a field of it, that was refused before it met its model."""
    return Problem(
        status, code, detail, (FieldFault(pointer=pointer(steps), code=code, detail=detail),)
    )
