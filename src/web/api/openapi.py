"""The OpenAPI 3.1 document, generated from the same declarations that serve the requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.api.framework import BASE, PATH_PARAMETER, Route
from web.api.models import PastQuery, Query
from web.api.moments import MomentProgress
from web.identity.auth import cookie_name
from web.identity.permissions import HOLDERS, Permission
from web.problems import CONTENT_TYPE, ProblemDocument, status_of
from web.reading.past import Scope
from web.sessions.sessions import Kind

Mode = Literal["validation", "serialization"]
Schema = dict[str, Any]
Keys = dict[tuple[type[BaseModel], Mode], Schema]

KINDS: dict[str, Schema] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0},
    "string": {"type": "string"},
}
POSITION_SCHEMA: Schema = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,17})$"}
KEY_SCHEMA: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "pattern": r"^[\x21-\x7e]+$",
}
FRAMEWORK_PROBLEMS = {
    400: "The request is malformed.",
    401: "Nobody we know asks.",
    403: "Whoever asks may not do this.",
    404: "There is no such thing.",
    409: "Somebody else was at it at the same time; ask again.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not application/json.",
    422: "A field was refused, or the ledger's rules refuse this.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "The views are behind the position asked for, or the database is away.",
}
INTEGER: Schema = {"schema": {"type": "integer"}}
INSTANT: Schema = {"schema": {"type": "string", "format": "date-time"}}
PAST_HEADERS: Schema = {
    "Ledger-As-Of": INSTANT,
    "Ledger-Known-At": INSTANT,
    "Ledger-Known-Position": INTEGER,
}


def document(routes: Sequence[Route], *, title: str, version: str, address: str) -> Schema:
    """The whole document."""
    keys, definitions = _schemas(routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        path = PATH_PARAMETER.sub(r"{\g<name>}", BASE + route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, keys)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "license": _license()},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": address}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": _schemes(address)},
    }


def _schemes(address: str) -> Schema:
    secure = address.startswith("https://")
    cookies = {
        kind.value: {"type": "apiKey", "in": "cookie", "name": cookie_name(kind, secure=secure)}
        for kind in Kind
    }
    token = {"type": "http", "scheme": "bearer", "description": "A program's token, lgr_..."}
    return {"token": token, **cookies}


def _license() -> Schema:
    return {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _schemas(routes: Iterable[Route]) -> tuple[Keys, Schema]:
    always: tuple[type[BaseModel], ...] = (ProblemDocument, MomentProgress)
    models: dict[tuple[type[BaseModel], Mode], None] = {
        (model, "serialization"): None for model in always
    }
    for route in routes:
        if route.body is not None:
            models[(route.body, "validation")] = None
        if route.answers is not None:
            models[(route.answers, "serialization")] = None
    found, whole = models_json_schema(list(models), ref_template="#/components/schemas/{model}")
    keys = {(model, mode): schema for (model, mode), schema in found.items()}
    return keys, dict(sorted(whole.get("$defs", {}).items()))  # type: ignore[return-value]


def _operation(route: Route, keys: Keys) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": route.description,
        "parameters": [*_path(route), *_queries(route), *_headers(route)],
        "responses": _responses(route, keys),
        "security": _security(route.permission),
        "x-permission": route.permission.value,
        "x-roles": sorted(role.value for role in HOLDERS[route.permission]),
    }
    if route.body is not None:
        content = {"application/json": {"schema": keys[(route.body, "validation")]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(permission: Permission) -> list[Schema]:
    schemes: list[Schema] = [{"token": []}, *({kind.value: []} for kind in Kind)]
    return [{}, *schemes] if permission is Permission.PUBLIC else schemes


def _path(route: Route) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": KINDS[kind]}
        for name, kind in route.path_parameters
    ]


def _queries(route: Route) -> list[Schema]:
    models = (route.query, PastQuery if route.past else None)
    return [parameter for model in models if model for parameter in _query(model)]


def _query(model: type[Query]) -> list[Schema]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": field.get("description", ""),
            "schema": _inlined(field, definitions),
            "explode": True,
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _inlined(schema: Any, definitions: Schema) -> Any:
    """A schema without references: parameters of a query are flat."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(each, definitions) for name, each in schema.items()}


def _headers(route: Route) -> list[Schema]:
    position = {
        "name": "Ledger-Position",
        "in": "header",
        "description": "Answer no older than this position; waits up to two seconds for it.",
        "schema": POSITION_SCHEMA,
    }
    if route.is_read:
        return [position]
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": route.method == "POST",
        "description": "New for each command; sent again with the same request, it is answered"
        " as the first time.",
        "schema": KEY_SCHEMA,
    }
    return [key, position]


def _responses(route: Route, keys: Keys) -> Schema:
    problem = {CONTENT_TYPE: {"schema": keys[(ProblemDocument, "serialization")]}}
    refused = {
        str(status): {"description": _description(status, route), "content": problem}
        for status in _statuses(route)
    }
    return {str(route.success): _success(route, keys), **_building(route, keys), **refused}


def _building(route: Route, keys: Keys) -> Schema:
    if route.past is not Scope.LISTS:
        return {}
    schema = keys[(MomentProgress, "serialization")]
    headers = {
        "Retry-After": INTEGER,
        "Location": {"schema": {"type": "string", "format": "uri-reference"}},
    }
    told = "The moment is being made; ask again."
    content = {"application/json": {"schema": schema}}
    return {"202": {"description": told, "headers": headers, "content": content}}


def _success(route: Route, keys: Keys) -> Schema:
    headers: Schema = {"Ledger-Position": INTEGER}
    if route.is_read:
        headers |= {"Ledger-Lag": INTEGER, "Ledger-Age": INTEGER}
    if route.past:
        headers |= PAST_HEADERS
    answer: Schema = {"description": route.summary, "headers": headers}
    if route.answers is not None:
        schema = keys[(route.answers, "serialization")]
        answer["content"] = {"application/json": {"schema": schema}}
    if route.media_type is not None:
        answer["content"] = {route.media_type: {"schema": {"type": "string"}}}
    return answer


def _statuses(route: Route) -> list[int]:
    """Which of the framework's refusals this route may answer with, and its own."""
    own = {status_of(refusal) for refusal in route.refusals}
    always = {400, 401, 403, 404, 422, 429, 503}
    writing = set() if route.is_read else {409, 413}
    writing |= {409} if route.past is Scope.LISTS else set()
    reading = {415} if route.body is not None else set()
    return sorted(own | always | writing | reading)


def _description(status: int, route: Route) -> str:
    own = [refusal for refusal in route.refusals if status_of(refusal) == status]
    lines = [f"`{refusal.code}`: {_sentence(refusal)}" for refusal in own]
    return "\n\n".join([FRAMEWORK_PROBLEMS.get(status, "The request is refused."), *lines])


def _sentence(refusal: type[BaseException]) -> str:
    return (refusal.__doc__ or "").strip().splitlines()[0]
