"""Bodies made from the models that endpoints declare: a fit one, and spoilt ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.web.api.endpoints import NOWHERE
from web.api.framework import Route
from web.api.models import Body, Query

MONEY = {"minor": 100, "currency": "EUR"}
FORMATS = {
    "uuid": str(NOWHERE),
    "date-time": "2026-11-22T12:00:00Z",
    "password": "correct horse battery",
}
NAMES: dict[str, Any] = {
    "terms": {"model": "one_time", "amount": MONEY},
    "email": "grace@example.org",
    "discount_code": "WELCOME",
    "currency": "EUR",
}
HALF_A_PAIR = "%ED%A0%80"
HUGE = 10**30
TOO_LARGE = 2**63
"""Fits no column."""


class Spoilt(NamedTuple):
    """A body, or query, with one field that must be refused, and a word on what is wrong."""

    field: str
    value: Any
    what: str


def schema_of(model: type[Body]) -> dict[str, Any]:
    """The model's schema."""
    return model.model_json_schema()


def fit(model: type[Body] | None) -> dict[str, Any]:
    """A body that the model takes."""
    if model is None:
        return {}
    schema = schema_of(model)
    return {
        name: _value(name, field, schema.get("$defs", {}))
        for name, field in schema.get("properties", {}).items()
        if name in schema.get("required", [])
    }


def _value(name: str, field: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "$ref" in field:
        field = definitions[field["$ref"].rpartition("/")[2]]
    known = {**NAMES, **FORMATS}
    if "enum" in field:
        return field["enum"][0]
    if name in known or field.get("format") in known:
        return known.get(name) or known[field["format"]]
    plain = {"boolean": True, "integer": field.get("minimum", 1)}
    if field.get("type") == "array":
        return [_value("", field["items"], definitions)]
    return plain.get(field.get("type", ""), "something") if "properties" not in field else MONEY


def spoilt(model: type[Body]) -> Iterator[Spoilt]:
    """Every field with every value that it can't have."""
    schema = schema_of(model)
    for name, field in schema["properties"].items():
        flat = _flat(field, schema.get("$defs", {}))
        kinds = {option.get("type", "string") for option in flat}
        yield from _wrong_types(name, kinds)
        if "string" in kinds:
            yield Spoilt(name, "a\x00b", "NUL")
            yield Spoilt(name, "\ud800", "half a surrogate pair")
            yield Spoilt(name, "x" * 60_000, "a very long text")
        if "integer" in kinds:
            yield Spoilt(name, TOO_LARGE, "a number beyond any column")
            yield Spoilt(name, -TOO_LARGE, "a number below any column")
            yield Spoilt(name, HUGE, "a huge number")
            yield Spoilt(name, 1.5, "a fraction")
        if any(set(option.get("properties", ())) >= {"minor", "currency"} for option in flat):
            yield from _wrong_money(name)


def _is_texts(option: dict[str, Any]) -> bool:
    """Whether a parameter may be repeated, each time with any text."""
    items = option.get("items", {})
    return items.get("type") == "string" and not {"enum", "format"} & set(items)


def _wrong_types(name: str, kinds: set[str]) -> Iterator[Spoilt]:
    values: dict[str, Any] = {
        "string": "x",
        "integer": 7,
        "boolean": True,
        "array": [[]],
        "object": {"x": 1},
    }
    for kind, value in values.items():
        if kind not in kinds:
            yield Spoilt(name, value, f"{kind} instead of {' or '.join(sorted(kinds))}")


def _wrong_money(name: str) -> Iterator[Spoilt]:
    for what, value in {
        "an unknown currency": {"minor": 1, "currency": "ZZZ"},
        "a currency in small letters": {"minor": 1, "currency": "eur"},
        "a text for an amount": {"minor": "12", "currency": "EUR"},
        "a fraction of a cent": {"minor": 0.5, "currency": "EUR"},
        "a huge amount": {"minor": HUGE, "currency": "EUR"},
        "an amount beyond JSON": {"minor": 2**60, "currency": "EUR"},
        "half of money": {"minor": 1},
        "more than money": {"minor": 1, "currency": "EUR", "cents": 1},
    }.items():
        yield Spoilt(name, value, what)


def _flat(field: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    options = field.get("anyOf", [field])
    return [
        definitions[option["$ref"].rpartition("/")[2]] if "$ref" in option else option
        for option in options
    ]


def spoilt_queries(route: Route) -> Iterator[tuple[str, str]]:
    """Query parameters with texts that they can't have."""
    model: type[Query] | None = route.query
    for name, field in (schema_of(model) if model else {}).get("properties", {}).items():
        flat = _flat(field, schema_of(model).get("$defs", {}) if model else {})
        flat += [option["items"] for option in flat if _is_texts(option)]
        kinds = {option.get("type", "string") for option in flat}
        formats = {option.get("format") for option in flat}
        yield name, "%00"
        yield name, HALF_A_PAIR
        if "string" not in kinds or formats & {"uuid", "date-time"}:
            yield name, "nonsense"
            yield name, "9" * 40
        yield name, "x" * 9_000
