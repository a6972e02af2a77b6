"""Reads a request strictly: what reaches a model is whole, unambiguous and fit to be stored."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from flask import Request
from pydantic import ValidationError

from web.api.models import Body, Query
from web.problems import Problem, body_fault, from_validation, parameter_fault

BodyModel = TypeVar("BodyModel", bound=Body)
QueryModel = TypeVar("QueryModel", bound=Query)

MAX_DEPTH = 32
MAX_PARAMETERS = 100
LARGEST_INTEGER = 2**63 - 1
INTEGER_DIGITS = 19
INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
SURROGATE = re.compile("[\ud800-\udfff]")
UNFIT = "Text holds no NUL character and no half of a surrogate pair."
TRUTHS = {"true": True, "false": False}

Step = str | int


class _TooLarge:
    """Stands for a number that no column holds, until its pointer is known."""


class _Repeated(dict[str, Any]):
    """An object that names a field twice: two readers would take two different values."""

    repeated: str = ""


def is_fit(text: str) -> bool:
    """Whether PostgreSQL can store a text: whole Unicode characters, none of them NUL."""
    return "\x00" not in text and SURROGATE.search(text) is None


def read_body(asking: Request, model: type[BodyModel]) -> BodyModel:
    """The body as its model; a Problem that names the field otherwise."""
    _require_json(asking)
    sent = asking.get_data(cache=True)
    _require_sound(_parse(sent))
    try:
        return model.model_validate_json(sent)
    except ValidationError as refused:
        raise from_validation(refused, place="body") from None


def require_no_body(asking: Request) -> None:
    """Refuse a body where none is read, rather than let its sender believe it was."""
    if asking.get_data(cache=True).strip() not in {b"", b"{}"}:
        raise Problem(400, "body_unexpected", "This request takes no body.")


def read_query(
    asking: Request, model: type[QueryModel], *, beside: type[Query] | None = None
) -> QueryModel:
    """The query as its model; unknown and wrongly repeated parameters are refused.

    Parameters of the model `beside` are read by somebody else.
    """
    values = _collect(_parameters(asking, beside), kinds_of(model))
    return _validated(model, values)


def read_beside(asking: Request, model: type[QueryModel]) -> QueryModel:
    """The parameters of a model among others, which are read by somebody else."""
    kinds = kinds_of(model)
    values = _collect([one for one in _parameters(asking) if one[0] in kinds], kinds)
    return _validated(model, values)


def require_no_query(asking: Request, *, beside: type[Query] | None = None) -> None:
    """Refuse parameters where none is read: a misspelt filter would answer everything."""
    for name, _ in _parameters(asking, beside):
        raise _unknown(name)


def _validated(model: type[QueryModel], values: dict[str, Any]) -> QueryModel:
    try:
        return model.model_validate_json(json.dumps(values))
    except ValidationError as refused:
        raise from_validation(refused, place="query") from None


def require_fit_path(path_values: Mapping[str, object]) -> None:
    """Refuse a path that holds what no text of ours does."""
    for name, value in path_values.items():
        if isinstance(value, str) and not is_fit(value):
            raise parameter_fault(name, "text_unfit", UNFIT)


def _require_json(asking: Request) -> None:
    charset = asking.mimetype_params.get("charset", "utf-8").lower()
    if asking.mimetype != "application/json" or charset not in {"utf-8", "utf8"}:
        raise Problem(415, "not_json", "Send the body as application/json, in UTF-8.")
    if asking.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "encoded_body", "Send the body as it is, not compressed.")


def _parse(sent: bytes) -> Any:
    try:
        return json.loads(
            sent.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=lambda _: _TooLarge(),
        )
    except RecursionError:
        raise body_fault((), "too_deep", "The body nests too deeply.", status=400) from None
    except UnicodeDecodeError:
        raise body_fault((), "not_utf8", "The body is not UTF-8.", status=400) from None
    except ValueError:
        raise body_fault((), "malformed_json", "The body is not JSON.", status=400) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    seen: set[str] = set()
    twice = _Repeated(fields)
    twice.repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return twice


def _integer(digits: str) -> int | _TooLarge:
    if len(digits.lstrip("-")) > INTEGER_DIGITS:
        return _TooLarge()
    number = int(digits)
    return number if abs(number) <= LARGEST_INTEGER else _TooLarge()


def _fraction(digits: str) -> float | _TooLarge:
    number = float(digits)
    return number if math.isfinite(number) else _TooLarge()


def _require_sound(body: Any) -> None:
    waiting: list[tuple[tuple[Step, ...], Any]] = [((), body)]
    while waiting:
        steps, value = waiting.pop()
        _require_sound_value(steps, value)
        waiting.extend(((*steps, step), inner) for step, inner in _inside(value))


def _require_sound_value(steps: tuple[Step, ...], value: Any) -> None:
    if len(steps) > MAX_DEPTH:
        raise body_fault(steps[:1], "too_deep", "The body nests too deeply.", status=400)
    if isinstance(value, _TooLarge):
        raise body_fault(steps, "number_too_large", "This number is out of range.")
    if isinstance(value, str) and not is_fit(value):
        raise body_fault(steps, "text_unfit", UNFIT)
    if isinstance(value, dict) and not all(map(is_fit, value)):
        raise body_fault(steps, "text_unfit", UNFIT)
    if isinstance(value, _Repeated):
        raise body_fault((*steps, value.repeated), "repeated", "This field is sent twice.")


def _inside(value: Any) -> Iterator[tuple[Step, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _parameters(asking: Request, beside: type[Query] | None = None) -> list[tuple[str, str]]:
    """Every parameter, but for those of the model `beside`."""
    try:
        text = asking.query_string.decode("ascii")
        found = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        detail = f"The query is UTF-8, percent-encoded, of at most {MAX_PARAMETERS} parameters."
        raise Problem(400, "malformed_query", detail) from None
    for name, value in found:
        if not is_fit(name) or not is_fit(value):
            shown = name if is_fit(name) else ""
            raise parameter_fault(shown, "text_unfit", UNFIT)
    others = kinds_of(beside) if beside else {}
    return [one for one in found if one[0] not in others]


def _collect(
    parameters: list[tuple[str, str]], kinds: Mapping[str, tuple[str, bool]]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in parameters:
        if name not in kinds:
            raise _unknown(name)
        kind, repeats = kinds[name]
        if repeats:
            values.setdefault(name, []).append(convert(text, kind))
        elif name in values:
            raise parameter_fault(name, "repeated", "This parameter is sent twice.")
        else:
            values[name] = convert(text, kind)
    return values


def convert(text: str, kind: str) -> object:
    """A text as its JSON type, where it is one; the model refuses it otherwise."""
    if kind == "integer" and INTEGER.fullmatch(text):
        return int(text)
    return TRUTHS.get(text, text) if kind == "boolean" else text


@cache
def kinds_of(model: type[Query]) -> dict[str, tuple[str, bool]]:
    """Of each parameter: its JSON type, and whether it may be repeated."""
    schema = model.model_json_schema()
    return {name: _kind(field) for name, field in schema.get("properties", {}).items()}


def _kind(field: Mapping[str, Any]) -> tuple[str, bool]:
    options = [field, *field.get("anyOf", [])]
    types = {option.get("type") for option in options}
    if "array" in types:
        items = next(option["items"] for option in options if option.get("type") == "array")
        return _kind(items)[0], True
    return next((kind for kind in ("integer", "boolean") if kind in types), "string"), False


def _unknown(name: str) -> Problem:
    return parameter_fault(name, "unknown_parameter", "There is no such parameter.")
