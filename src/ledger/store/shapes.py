"""How one kind of fact is validated when it is read, and which of its fields are sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import SchemaValidator, core_schema

from ledger.errors import LedgerError
from ledger.facts import ERASED, Fact, PersonalMark, personal_fields

SCHEMA = "schema"
"""Where a stored state says its version, if that is not 1."""


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
