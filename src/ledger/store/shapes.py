"""How one kind of fact is validated when it is read, and which of its fields are sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import SchemaValidator, core_schema

from ledger.currencies import DECIMALS
from ledger.errors import LedgerError
from ledger.facts import ERASED, Fact, PersonalMark, personal_fields
from ledger.money import Money

SCHEMA = "schema"
"""Where a stored state says its version, if that is not 1."""

SEALED = "sealed"
SEALED_MARK = b'{"sealed":"'
"""Stands in every state with something sealed, and in no string: there, quotes are escaped."""

SET_ASIDE = frozenset({"actor", "cause", "originator_topic"})
"""Plain fields that folds seldom read."""


def place(stream_id: UUID, version: int, field: str = "") -> bytes:
    """Where a sealed value belongs: moved to any other place, it does not open."""
    return f"{stream_id}/{version}/{field}".encode()


class PersonalHidden(LedgerError):
    """{topic} hides personal data within its field {field}; mark the whole field as personal."""

    code = "personal_hidden"


class MarkedVersion:
    """Reads states that name the present version of their class, in one pass."""

    def __init__(self, fact_class: type[Fact]) -> None:
        version = core_schema.literal_schema([fact_class.class_version])
        self._validator = _changed(fact_class, {SCHEMA: core_schema.model_field(version)})

    def validate_json(self, document: bytes) -> Any:
        """The fact. Raises ValidationError, also for another version."""
        fact = self._validator.validate_json(document)
        del fact.__dict__[SCHEMA]
        fact.__pydantic_fields_set__.discard(SCHEMA)
        return fact


@cache
def reader(fact_class: type[Fact]) -> SchemaValidator | MarkedVersion:
    """Reads a stored state, with the address spliced in, if it is of the present version."""
    if fact_class.class_version > 1:
        return MarkedVersion(fact_class)
    return whole(fact_class)


def whole(fact_class: type[Fact]) -> SchemaValidator:
    """Reads the fields of a fact."""
    return fact_class.__pydantic_validator__  # type: ignore[return-value]


@cache
def erased(fact_class: type[Fact]) -> SchemaValidator:
    """Reads the fields of a fact whose personal ones say ERASED, whatever their type."""
    fields = _fields(fact_class.__pydantic_core_schema__)
    return _changed(
        fact_class, {name: _erasable(fields[name]) for name in personal_fields(fact_class)}
    )


def slim(fact_class: type[Fact], wanted: frozenset[str], *, by_column: bool) -> SchemaValidator:
    """Reads a stored state as it is, without its address: plain fields and what is wanted besides.

    Of a personal field it gives the seal. `by_column` leaves out `member_id` too. What is not read
    is not looked at. Raises SchemaError where a class can't be read so.
    """
    fields = _fields(fact_class.__pydantic_core_schema__)
    left_out = {"originator_id", "originator_version"} | (SET_ASIDE - wanted)
    left_out |= (sealed_fields(fact_class) - wanted) | ({"member_id"} if by_column else set())
    kept = {name: field for name, field in fields.items() if name not in left_out}
    kept |= {name: _as_sealed(fields[name]) for name in sealed_fields(fact_class) & wanted}
    if fact_class.class_version > 1:
        version = core_schema.literal_schema([fact_class.class_version])
        kept[SCHEMA] = core_schema.model_field(version)
    schema = _with_only(fact_class.__pydantic_core_schema__, kept)
    return SchemaValidator(_with_lean_money(schema), None, False)


def personal_value(fact_class: type[Fact], name: str) -> SchemaValidator:
    """Reads what was sealed. Raises SchemaError where it can't be read alone."""
    return SchemaValidator(_fields(fact_class.__pydantic_core_schema__)[name]["schema"])


@cache
def sealed_fields(fact_class: type[Fact]) -> frozenset[str]:
    """Names of the personal fields. Raises PersonalHidden if a mark would be overlooked."""
    for name, field in fact_class.model_fields.items():
        if any(_marks(field.annotation, seen=set())):
            raise PersonalHidden(topic=fact_class.TOPIC, field=name)
    return frozenset(personal_fields(fact_class))


def _erasable(field: Any) -> Any:
    gone = core_schema.literal_schema([ERASED, None])
    schema = field["schema"]
    has_default = schema["type"] == "default"
    return {**field, "schema": {**schema, "schema": gone} if has_default else gone}


def _as_sealed(field: Any) -> Any:
    schema = field["schema"]
    has_default = schema["type"] == "default"
    inner = schema["schema"] if has_default else schema
    seal: Any = core_schema.typed_dict_schema(
        {SEALED: core_schema.typed_dict_field(core_schema.str_schema())}, extra_behavior="forbid"
    )
    if inner["type"] in {"nullable", "none", "any"}:
        seal = core_schema.nullable_schema(seal)
    return {**field, "schema": {**schema, "schema": seal} if has_default else seal}


def _with_lean_money(schema: Any) -> Any:
    """Checks the currency by a table of its own, which calls nothing back and is as strict."""
    if isinstance(schema, list):
        return [_with_lean_money(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("cls") is Money:
        minor, currency = schema["schema"]["fields"]
        currency = {**currency, "schema": core_schema.literal_schema(list(DECIMALS))}
        inner = {**schema["schema"], "fields": [minor, currency]}
        return {**schema, "schema": inner, "post_init": False}
    return {name: _with_lean_money(part) for name, part in schema.items()}


def _changed(fact_class: type[Fact], changes: dict[str, Any]) -> SchemaValidator:
    schema = _with_fields(fact_class.__pydantic_core_schema__, changes)
    # Without the last argument the class's own validator would be taken, unchanged.
    return SchemaValidator(schema, None, False)


def _fields(schema: Any) -> dict[str, Any]:
    while schema["type"] != "model-fields":
        schema = schema["schema"]
    fields: dict[str, Any] = schema["fields"]
    return fields


def _with_fields(schema: Any, changes: dict[str, Any]) -> Any:
    if schema["type"] == "model-fields":
        return {**schema, "fields": {**schema["fields"], **changes}}
    return {**schema, "schema": _with_fields(schema["schema"], changes)}


def _with_only(schema: Any, fields: dict[str, Any]) -> Any:
    if schema["type"] == "model-fields":
        return {**schema, "fields": fields, "extra_behavior": "ignore"}
    return {**schema, "schema": _with_only(schema["schema"], fields)}


def _marks(annotation: Any, seen: set[Any]) -> Iterator[bool]:
    """Whether each part of a type is marked, however deep."""
    if get_origin(annotation) is Annotated:
        yield any(isinstance(mark, PersonalMark) for mark in annotation.__metadata__)
    for part in get_args(annotation):
        yield from _marks(part, seen)
    if isinstance(annotation, type) and annotation not in seen:
        seen.add(annotation)
        for field in _parts(annotation):
            yield any(isinstance(mark, PersonalMark) for mark in field.metadata)
            yield from _marks(field.annotation, seen)


def _parts(kind: type) -> list[Any]:
    if issubclass(kind, BaseModel):
        return list(kind.model_fields.values())
    if is_dataclass(kind):
        return list(getattr(kind, "__pydantic_fields__", {}).values())
    return []
