"""Reads what a page's form or query holds, and makes a form that is sent twice one command."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from flask import g, request
from markupsafe import Markup
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from ledger import ids
from ledger.facts import Actor, Cause
from web.api.framework import BASE
from web.api.models import Query
from web.api.notices_in import NOTICES
from web.api.reading import UNFIT, convert, is_fit, kinds_of
from web.identity.auth import parts, unauthenticated
from web.identity.principals import Principal
from web.origins import require_own_form
from web.problems import FieldFault, Problem, from_validation

Model = TypeVar("Model", bound=Query)
COMMAND_FIELD = "command"
SIGNED_ADDRESSES = "unsubscribing"
"""The pages whose links are signed: mail programs post to them (RFC 8058)."""
OURS = frozenset({COMMAND_FIELD, "csrf_token"})
COMMAND = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True)
class Filled(Generic[Model]):
    """A form as filled in: its value, or what is wrong with it, field by field."""

    given: dict[str, list[str]]
    value: Model | None = None
    faults: dict[str, FieldFault] = field(default_factory=dict)


def read_form(model: type[Model]) -> Filled[Model]:
    """The posted form as its model."""
    return read(model, request.form)


def read_args(model: type[Model]) -> Filled[Model]:
    """The page's query as its model."""
    return read(model, request.args)


def read(model: type[Model], sent: MultiDict[str, str]) -> Filled[Model]:
    """Fields as a browser sends them: one that is left empty is one that is not there."""
    kinds = kinds_of(model)
    given = {name: sent.getlist(name) for name in sent if name not in OURS}
    values: dict[str, object] = {}
    for name, texts in given.items():
        kind, repeats = kinds.get(name, ("string", False))
        converted = [convert(text, kind) for text in texts if text.strip()]
        if converted:
            values[name] = converted if repeats else converted[-1]
    try:
        return Filled(given, model.model_validate_json(json.dumps(values)))
    except ValidationError as refused:
        problem = from_validation(refused, place="query")
        return Filled(given, faults={fault.parameter or "": fault for fault in problem.errors})


def refuse_unfit_text() -> None:
    """Pages, like the API, let no text through that the database can't store."""
    if request.path.startswith((BASE, NOTICES)):
        return  # the one names the field (api/reading.py), the other takes any bytes
    sent = [request.path, *_texts(request.args), *_texts(request.form)]
    if not all(map(is_fit, sent)):
        raise Problem(400, "text_unfit", UNFIT)


def refuse_strange_forms() -> None:
    """Pages take forms from pages of this site alone; what is signed may come from anywhere."""
    signed = request.path.startswith((BASE, NOTICES)) or request.blueprint == SIGNED_ADDRESSES
    if request.method not in {"GET", "HEAD", "OPTIONS"} and not signed:
        require_own_form(parts(), request)


def _texts(sent: MultiDict[str, str]) -> list[str]:
    return [text for pair in sent.items(multi=True) for text in pair]


def command_field() -> Markup:
    """A hidden field with a command of its own: `{{ command_field() }}` in every form."""
    field = f'<input type="hidden" name="{COMMAND_FIELD}" value="{ids.new()}">'
    return Markup(field)  # noqa: S704 -- both are our own


def principal() -> Principal:
    """Who asks for this page: the one that its permission let in."""
    found: Principal = g.principal
    return found


def actor() -> Actor:
    """Who the facts will say did it."""
    found = principal().actor
    if found is None:
        raise unauthenticated("Sign in first.")
    return found


def cause() -> Cause:
    """What the facts will say led to it: this form, however often it is sent."""
    return Cause(kind="request", id=command_id())


def command_id() -> UUID:
    """The command of the posted form."""
    command = request.form.get(COMMAND_FIELD, "")
    if not COMMAND.fullmatch(command):
        raise Problem(400, "form_incomplete", "This form is incomplete; reload it and try again.")
    return ids.command(principal().key, str(request.endpoint), command)
