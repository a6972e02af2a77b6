"""Forms as Stripe's programs write them: `a[b][0]=x`, or `a[]=x` in a list without numbers."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

Form = dict[str, Any]


def decoded(text: str) -> Form:
    """The nested dictionaries and lists in a form or query; every value is a string."""
    form: Form = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        first, *rest = name.replace("]", "").split("[")
        _put(form, [first, *rest], value)
    listed: Form = _listed(form)
    return listed


def _put(form: Form, path: list[str], value: str) -> None:
    for part in path[:-1]:
        form = form.setdefault(part, {})
    if not path[-1]:
        path = [str(len(form))]
    if path[-1] in form:
        raise ValueError(f"{path} is given twice")
    form[path[-1]] = value


def _listed(form: Any) -> Any:
    """Dictionaries whose keys are 0, 1, 2 are lists."""
    if not isinstance(form, dict):
        return form
    inner = {name: _listed(value) for name, value in form.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner
